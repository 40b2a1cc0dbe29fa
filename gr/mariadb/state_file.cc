#include "gr/mariadb/state_file.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace gr::mariadb {
namespace {

constexpr char state_name[] = "grastate.dat";
constexpr char view_name[] = "gvwstate.dat";
constexpr std::string_view diverged_mark = "# diverged:";

std::string path_of(std::string const& data_dir, char const* name) {
  return (std::filesystem::path(data_dir.empty() ? "." : data_dir) / name).string();
}

base::error system_error(std::string const& what) { return base::fail(what + ": " + std::strerror(errno)); }

base::result<void> write_all(int fd, std::string const& path, std::string_view text) {
  while (!text.empty()) {
    auto const done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_error("cannot write " + path);
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  if (::fsync(fd) != 0) return system_error("cannot sync " + path);
  return {};
}

// The rename itself must survive a crash too.
void sync_directory(std::string const& data_dir) {
  int const fd = ::open(data_dir.empty() ? "." : data_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)::fsync(fd);
  ::close(fd);
}

base::result<void> replace(std::string const& data_dir, char const* name, std::string const& text) {
  auto const path = path_of(data_dir, name);
  auto const aside = path + ".tmp";
  int const fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
  if (fd < 0) return system_error("cannot create " + aside);
  auto written = write_all(fd, aside, text);
  ::close(fd);
  if (!written) return written;
  if (std::rename(aside.c_str(), path.c_str()) != 0) return system_error("cannot rename " + aside);
  sync_directory(data_dir);
  return {};
}

std::string_view trimmed(std::string_view text) {
  auto const first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// One "name: value" line into the state. The answer says what is wrong with it, if anything.
std::string take_line(saved_state& state, std::string_view line) {
  auto const colon = line.find(':');
  if (colon == std::string_view::npos) return "no ':'";
  auto const name = trimmed(line.substr(0, colon));
  auto const value = trimmed(line.substr(colon + 1));
  if (name == "uuid") {
    auto const id = base::parse_uuid(value);
    if (!id) return id.error().text;
    state.group = *id;
  } else if (name == "seqno") {
    auto const [end, bad] = std::from_chars(value.data(), value.data() + value.size(), state.seqno);
    if (bad != std::errc{} || end != value.data() + value.size() || state.seqno < -1) return "seqno is not -1 or more";
  } else if (name == "safe_to_bootstrap") {
    if (value != "0" && value != "1") return "safe_to_bootstrap is neither 0 nor 1";
    state.safe_to_bootstrap = value == "1";
  }
  return {};  // "version" and lines of a later version
}

}  // namespace

base::result<std::optional<saved_state>> read_state_file(std::string const& data_dir) {
  auto const path = path_of(data_dir, state_name);
  std::ifstream in(path);
  if (!in) return std::optional<saved_state>{};
  saved_state state;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.starts_with(diverged_mark)) state.diverged = true;
    auto const text = trimmed(line);
    if (text.empty() || text.starts_with('#')) continue;
    if (auto const wrong = take_line(state, text); !wrong.empty())
      return base::fail(std::string(path).append(" line ").append(std::to_string(number)).append(": ").append(wrong));
  }
  if (state.group.is_nil()) state.seqno = -1;
  return std::optional(state);
}

base::result<void> write_state_file(std::string const& data_dir, saved_state const& state) {
  std::string text = "# GALERA saved state\n";
  text += "version: 2.1\n";
  text += "uuid:    " + base::to_string(state.group) + "\n";
  text += "seqno:   " + std::to_string(state.seqno) + "\n";
  text += std::string("safe_to_bootstrap: ") + (state.safe_to_bootstrap ? "1" : "0") + "\n";
  if (state.diverged)
    text += std::string(diverged_mark) + " the data here is no longer the group's; a full copy is needed\n";
  return replace(data_dir, state_name, text);
}

base::result<void> write_view_file(std::string const& data_dir, view const& now, bool bootstrap) {
  if (now.my_index < 0 || static_cast<std::size_t>(now.my_index) >= now.members.size()) return {};
  std::string text =
      "my_uuid: " + base::to_string(now.members[static_cast<std::size_t>(now.my_index)].id) + "\n#vwbeg\n";
  text += "view_id: 3 " + base::to_string(now.members.front().id) + " " + std::to_string(now.number) + "\n";
  text += std::string("bootstrap: ") + (bootstrap ? "1" : "0") + "\n";
  for (auto const& each : now.members) text += "member: " + base::to_string(each.id) + " 0\n";
  text += "#vwend\n";
  return replace(data_dir, view_name, text);
}

void remove_view_file(std::string const& data_dir) { (void)std::remove(path_of(data_dir, view_name).c_str()); }

}  // namespace gr::mariadb
