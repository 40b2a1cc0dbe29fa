#include "tools/wsrep_sst_clone/trial.hh"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "tools/wsrep_sst_clone/child.hh"
#include "tools/wsrep_sst_clone/clock.hh"
#include "tools/wsrep_sst_clone/say.hh"

namespace sst {
namespace {

namespace fs = std::filesystem;

// That of the server this is for: another of the same name may lie on the PATH.
std::string server_program(int parent) {
  std::error_code none;
  auto const path = parent > 1 ? fs::read_symlink(fmt::format("/proc/{}/exe", parent), none).string() : std::string();
  bool const is_server = path.ends_with("/mariadbd") || path.ends_with("/mysqld");
  return is_server && ::access(path.c_str(), X_OK) == 0 ? path : "mariadbd";
}

std::vector<std::string> command_for(arguments const& given, settings const& how, std::string const& directory) {
  // How the donor's InnoDB was made stands in a file that came with the copy.
  std::string const made = directory + "/backup-my.cnf";
  std::vector<std::string> command{server_program(given.parent),
                                   fs::exists(made) ? "--defaults-file=" + made : "--no-defaults"};
  command.insert(
      command.end(),
      {"--bootstrap", "--innodb-read-only", "--innodb-buffer-pool-size=32M", "--innodb-buffer-pool-load-at-startup=OFF",
       "--innodb-buffer-pool-dump-at-shutdown=OFF", "--skip-log-bin", "--skip-slave-start", "--datadir=" + directory,
       "--tmpdir=" + directory, "--innodb-undo-directory=" + directory});
  command.insert(command.end(), how.encryption.begin(), how.encryption.end());
  if (::geteuid() == 0) command.emplace_back("--user=root");
  return command;
}

// What it says of itself. For reading only InnoDB starts with much that it would refuse otherwise, so each error counts. By the
// child's listening thread, and read when that has ended.
struct verdict {
  std::string error;  // the first
  bool holds_prepared = false;

  void hear(std::string_view line) {
    // Said once InnoDB is up, and by a server outside the group a reason not to go on.
    if (line.find("prepared transactions!") != line.npos) holds_prepared = true;
    if (error.empty() && !holds_prepared && line.find("[ERROR]") != line.npos) error = line;
  }
};

}  // namespace

base::result<void> start_on_trial(arguments const& given, settings const& how, std::string const& directory) {
  auto const began_ms = now_ms();
  verdict found;
  auto const command = command_for(given, how, directory);
  auto started = child::start(command, child::pipe_kind::input, {}, [&](std::string_view line) { found.hear(line); });
  if (!started) return started.error();
  constexpr std::string_view question = "SELECT COUNT(*) FROM mysql.innodb_table_stats;\n";
  (void)!::write((*started)->pipe(), question.data(), question.size());
  (*started)->close_pipe();
  int const status = (*started)->wait();
  if (found.error.empty() && status != 0 && !found.holds_prepared)
    found.error = fmt::format("it ended with {}: {}", status, (*started)->last_words());
  if (!found.error.empty())
    return base::fail(
        fmt::format("a server does not start with the copy (tried {}: {}). With "
                    "group_replication_clone_trial_start = OFF it is taken untried",
                    command.front(), found.error));
  say(fmt::format("started on trial in {:.1f} s{}", static_cast<double>(now_ms() - began_ms) / 1000,
                  found.holds_prepared ? ", with prepared transactions for the group to decide" : ""));
  return {};
}

}  // namespace sst
