#include "runtime/log_keeping.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <vector>

#include "runtime/files.hh"

namespace runtime {
namespace {

std::string host_boot() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

// Called so that state transfer scripts leave them alone.
std::string file_in(std::string const& data_dir) { return data_dir + "/group_replication.host.log"; }
std::string held_file_in(std::string const& data_dir) { return data_dir + "/group_replication.held.log"; }

constexpr std::string_view segment_prefix = "group_replication.";
constexpr std::string_view old_segment_prefix = "group_replication.before.";
constexpr std::string_view diverged_segment_prefix = "group_replication.diverged.";

std::filesystem::path renamed(std::filesystem::path const& from, std::string_view prefix, std::string_view to) {
  return from.parent_path() / (std::string(to) + from.filename().string().substr(prefix.size()));
}

base::result<void> write_synced(std::string const& path, std::string_view text) {
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  bool const good =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  int const why = errno;
  if (file >= 0) ::close(file);
  if (good) return {};
  return base::fail("cannot write " + path + ": " + std::generic_category().message(why));
}

std::vector<std::filesystem::path> files_called(std::string const& data_dir, std::string_view prefix) {
  std::vector<std::filesystem::path> found;
  std::error_code failed;
  for (auto const& each : std::filesystem::directory_iterator(data_dir, failed))
    if (each.path().filename().string().starts_with(prefix)) found.push_back(each.path());
  return found;
}

}  // namespace

log_keeping read_log_keeping(std::string const& data_dir) {
  std::ifstream in(file_in(data_dir));
  std::string boot;
  std::string durable;
  std::getline(in, boot);
  std::getline(in, durable);
  auto const kept = gr::durability_named(durable);
  if (!in || !kept) return {};
  return {!boot.empty() && boot == host_boot(), *kept};
}

base::result<void> write_log_keeping(std::string const& data_dir, gr::durability durable) {
  return write_synced(file_in(data_dir), host_boot() + "\n" + gr::to_string(durable) + "\n");
}

base::result<void> set_aside(std::string const& data_dir, gr::held_history const& held) {
  auto const bytes = base::encode(held);
  return write_synced(held_file_in(data_dir), bytes.text());
}

// A second name for each segment costs nothing, and the log may remove the first. Its numbers never come again.
base::result<void> keep_segments(std::string const& data_dir) {
  directory_files files({data_dir});
  for (auto const segment : files.list()) {
    std::filesystem::path const path(files.name(segment));
    std::error_code failed;
    std::filesystem::create_hard_link(path, renamed(path, segment_prefix, old_segment_prefix), failed);
    if (failed && failed != std::errc::file_exists)
      return base::fail("cannot keep " + path.string() + " under a second name: " + failed.message());
  }
  return {};
}

std::optional<gr::held_history> read_set_aside(std::string const& data_dir) {
  std::ifstream in(held_file_in(data_dir), std::ios::binary);
  std::string const bytes(std::istreambuf_iterator<char>(in), {});
  auto const held = base::decode<gr::held_history>(base::blob::copy_of(bytes));
  return held ? std::optional(*held) : std::nullopt;
}

base::result<gr::written_tables> tables_set_aside(std::string const& data_dir, gr::seqno_t above, gr::seqno_t up_to,
                                                  gr::name_tables_of const& names) {
  files_config config{.directory = data_dir};
  config.name_head = old_segment_prefix;
  xcom::agreed_log log({}, std::make_shared<directory_files>(config));
  if (auto const opened = log.open(); !opened) return opened.error();
  return gr::tables_written(log, above, up_to, names);
}

void forget_set_aside(std::string const& data_dir, old_segments what) {
  std::error_code failed;  // what stays is found, and judged, once more
  for (auto const& each : files_called(data_dir, old_segment_prefix))
    if (what == old_segments::remove)
      std::filesystem::remove(each, failed);
    else
      std::filesystem::rename(each, renamed(each, old_segment_prefix, diverged_segment_prefix), failed);
  std::filesystem::remove(held_file_in(data_dir), failed);
}

}  // namespace runtime
