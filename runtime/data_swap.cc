#include "runtime/data_swap.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <vector>

#include "clone/residents.hh"
#include "clone/swap.hh"

namespace runtime {
namespace {

namespace fs = std::filesystem;
using cloning::room;

// Not in the work directory, which goes when it is empty: to the server any directory is a database.
constexpr char lock_name[] = "group_replication.clone_lock";
constexpr auto lock_poll = std::chrono::milliseconds(20);
constexpr std::string_view guard_text =
    "The data of this server is being replaced by a clone, and neither the old nor the new data is whole here.\n"
    "Start the server with group_replication.so loaded, and the exchange goes on.\n";

base::error failed_to(std::string const& what, std::string const& path, std::error_code const& why) {
  return base::fail("cannot " + what + " " + path + ": " + why.message());
}
std::error_code last_error() { return {errno, std::generic_category()}; }

base::result<void> sync_path(std::string const& path, int flags) {
  int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  if (fd < 0) return failed_to("open", path, last_error());
  bool const done = ::fsync(fd) == 0;
  auto const why = last_error();
  ::close(fd);
  if (!done) return failed_to("sync", path, why);
  return {};
}

base::result<void> rename_to(std::string const& from, std::string const& to) {
  std::error_code wrong;
  fs::rename(from, to, wrong);
  if (wrong) return failed_to("rename to " + to + " the file", from, wrong);
  return {};
}

base::result<void> write_whole(std::string const& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) return failed_to("write", path, last_error());
  return sync_path(path, 0);
}

base::result<void> make_directory(std::string const& path) {
  std::error_code wrong;
  fs::create_directory(path, wrong);
  if (wrong) return failed_to("make", path, wrong);
  return {};
}

base::result<void> remove_tree(std::string const& path) {
  std::error_code wrong;
  fs::remove_all(path, wrong);
  if (wrong) return failed_to("remove", path, wrong);
  return {};
}

// ---- the steps ----

class directory_swap final : public cloning::swap_files {
 public:
  directory_swap(clone_directories const& in, std::string const& aside, step_listener const& listen)
      : in_(in), aside_(in.work + "/" + aside), listen_(listen) {}

  bool holds(room where, std::string const& name) override {
    std::error_code ignored;
    return fs::symlink_status(path(where, name), ignored).type() != fs::file_type::not_found;
  }
  base::result<void> move(room from, room to, std::string const& name) override {
    tell(to == room::aside ? "move_out" : moved_in_ == 0 ? "move_in" : "move_in_more");
    if (to == room::data) ++moved_in_;
    return rename_to(path(from, name), path(to, name));
  }
  base::result<void> link_aside(std::string const& name) override {
    tell("link");
    if (::link(path(room::data, name).c_str(), path(room::aside, name).c_str()) == 0) return {};
    return failed_to("link", path(room::data, name), last_error());
  }
  base::result<void> guard(std::string const& name) override {
    tell("guard");
    auto const made = in_.work + "/guard";
    if (auto done = write_whole(made, guard_text); !done) return done;
    return rename_to(made, path(room::data, name));
  }
  base::result<void> sync() override {
    for (auto const& each : {in_.data, aside_, in_.fresh, in_.work})
      if (auto done = sync_path(each, O_DIRECTORY); !done) return done;
    return {};
  }

 private:
  [[nodiscard]] std::string path(room where, std::string const& name) const {
    return (where == room::data ? in_.data : where == room::aside ? aside_ : in_.fresh) + "/" + name;
  }
  void tell(std::string_view step) const {
    if (listen_) listen_(step);
  }
  clone_directories const& in_;
  std::string aside_;
  step_listener const& listen_;
  std::size_t moved_in_ = 0;
};

std::vector<std::string> names_in(std::string const& directory) {
  std::vector<std::string> names;
  std::error_code wrong;
  for (auto const& each : fs::directory_iterator(directory, wrong)) names.push_back(each.path().filename().string());
  std::ranges::sort(names);
  return names;
}

bool stays(std::string const& directory, std::string const& name) {
  std::error_code wrong;
  auto const kind = fs::status(directory + "/" + name, wrong).type();
  if (kind == fs::file_type::directory) return cloning::directory_stays(name, names_in(directory + "/" + name));
  return kind != fs::file_type::regular || cloning::file_stays(name);
}

// What a killed swap had moved out before it was killed for good is in `aside` already; the plan is of what is there now.
cloning::swap_journal plan_swap(clone_directories const& in, std::string const& anchor) {
  cloning::swap_journal plan;
  std::error_code ignored;
  plan.anchor = anchor;
  plan.anchor_leaves = fs::exists(in.data + "/" + anchor, ignored);
  plan.aside = fs::path(fs::exists(in.old, ignored) ? in.discarded : in.old).filename().string();
  for (auto const& name : names_in(in.fresh))
    if (name != anchor && !cloning::is_of_the_backup(name)) plan.in.push_back(name);
  for (auto const& name : names_in(in.data)) {
    bool const comes = std::ranges::binary_search(plan.in, name);
    if (name != anchor && (comes || !stays(in.data, name))) plan.out.push_back(name);
  }
  return plan;
}

base::result<void> write_journal(clone_directories const& in, cloning::swap_journal const& plan) {
  auto const made = in.journal + ".tmp";
  if (auto done = write_whole(made, cloning::journal_bytes(plan).text()); !done) return done;
  if (auto done = rename_to(made, in.journal); !done) return done;
  return sync_path(in.work, O_DIRECTORY);
}

base::result<void> carry_out(clone_directories const& in, cloning::swap_journal const& plan,
                             step_listener const& listen) {
  if (auto made = make_directory(in.work + "/" + plan.aside); !made) return made;
  directory_swap files(in, plan.aside, listen);
  if (auto done = cloning::carry_out(plan, files); !done) return done;
  if (listen) listen("swapped");
  if (::unlink(in.journal.c_str()) != 0) return failed_to("remove", in.journal, last_error());
  if (auto done = sync_path(in.work, O_DIRECTORY); !done) return done;
  for (auto const& each : {in.fresh, in.discarded})
    if (auto done = remove_tree(each); !done) return done;
  // No anchor, no data: an empty directory was filled.
  return plan.anchor_leaves || plan.aside != "old" ? base::result<void>{} : remove_tree(in.old);
}

base::result<cloning::swap_journal> read_journal(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return failed_to("read", path, last_error());
  auto plan = cloning::parse_journal(base::blob::copy_of(text));
  if (!plan) return base::fail(path + " cannot be used: " + plan.error().text);
  return plan;
}

std::string time_text() {
  auto const now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts)};
}

}  // namespace

clone_directories::clone_directories(std::string data_dir) : data(std::move(data_dir)) {
  while (data.size() > 1 && data.ends_with('/')) data.pop_back();
  if (data.empty()) data = ".";
  work = data + "/" + std::string(cloning::work_directory);
  fresh = work + "/new";
  old = work + "/old";
  discarded = work + "/discarded";
  journal = work + "/journal";
}

base::result<clone_lock> clone_lock::take(std::string const& data_dir, std::chrono::milliseconds patience) {
  clone_directories const in(data_dir);
  auto const path = in.data + "/" + lock_name;
  int const fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0660);
  if (fd < 0) return failed_to("open", path, last_error());
  clone_lock made(fd);
  auto const until = std::chrono::steady_clock::now() + patience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= until)
      return base::fail(in.data + " is in use by another transfer program of this server");
    std::this_thread::sleep_for(lock_poll);
  }
  return made;
}

clone_lock::~clone_lock() {
  if (fd_ >= 0) ::close(fd_);
}

base::result<keep_old> parse_keep_old(std::string_view word) {
  if (word == "NEVER") return keep_old::never;
  if (word == "UNTIL_ONLINE") return keep_old::until_online;
  if (word == "ALWAYS") return keep_old::always;
  return base::fail("'" + std::string(word) + "' is none of NEVER, UNTIL_ONLINE, ALWAYS");
}

base::result<void> sync_tree(std::string const& directory) {
  std::error_code wrong;
  for (auto const& each : fs::recursive_directory_iterator(directory, wrong)) {
    auto const kind = each.symlink_status().type();
    if (kind != fs::file_type::regular && kind != fs::file_type::directory) continue;
    auto const flags = kind == fs::file_type::directory ? O_DIRECTORY : 0;
    if (auto done = sync_path(each.path().string(), flags); !done) return done;
  }
  if (wrong) return failed_to("read", directory, wrong);
  return sync_path(directory, O_DIRECTORY);
}

base::result<void> swap_data(std::string const& data_dir, std::string const& anchor, step_listener const& listen) {
  clone_directories const in(data_dir);
  if (auto done = remove_tree(in.discarded); !done) return done;
  auto const plan = plan_swap(in, anchor);
  if (auto done = write_journal(in, plan); !done) return done;
  if (listen) listen("journal");
  return carry_out(in, plan, listen);
}

bool is_half_swapped(std::string const& data_dir) {
  std::error_code ignored;
  return fs::exists(clone_directories(data_dir).journal, ignored);
}

base::result<bool> finish_swap(std::string const& data_dir) {
  if (!is_half_swapped(data_dir)) return false;
  clone_directories const in(data_dir);
  auto const plan = read_journal(in.journal);
  if (!plan) return plan.error();
  if (auto done = carry_out(in, *plan, {}); !done) return done.error();
  return true;
}

base::result<bool> settle_old_data(std::string const& data_dir, keep_old how) {
  clone_directories const in(data_dir);
  std::error_code ignored;
  if (!fs::exists(in.work, ignored) || fs::exists(in.journal, ignored)) return false;
  for (auto const& each : {in.fresh, in.discarded})
    if (auto done = remove_tree(each); !done) return done.error();
  bool const was_there = fs::exists(in.old, ignored);
  auto const done = how != keep_old::always ? remove_tree(in.old)
                    : was_there             ? rename_to(in.old, in.work + "/kept." + time_text())
                                            : base::result<void>{};
  if (!done) return done.error();
  fs::remove(in.work, ignored);  // when nothing else is in it
  return was_there;
}

}  // namespace runtime
