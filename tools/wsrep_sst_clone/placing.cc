#include "tools/wsrep_sst_clone/placing.hh"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clone/progress.hh"
#include "gr/mariadb/state_file.hh"
#include "tools/wsrep_sst_clone/child.hh"
#include "tools/wsrep_sst_clone/clock.hh"
#include "tools/wsrep_sst_clone/say.hh"
#include "tools/wsrep_sst_clone/trial.hh"

namespace sst {
namespace {

namespace fs = std::filesystem;
using done = base::result<void>;

std::string read_text(std::string const& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

done check_snapshot(std::string const& directory, std::string const& anchor) {
  if (read_text(directory + "/xtrabackup_checkpoints").find("full-backuped") == std::string::npos)
    return base::fail("what was received is no full backup: xtrabackup_checkpoints does not say so");
  std::error_code wrong;
  if (!fs::is_regular_file(directory + "/" + anchor, wrong))
    return base::fail("what was received has no " + anchor + ": innodb_data_file_path differs between the members");
  for (auto const& each : fs::recursive_directory_iterator(directory, wrong))
    if (each.path().extension() == ".isl")
      return base::fail("the table of " + each.path().filename().string() +
                        " has its file outside the data directory (DATA DIRECTORY), which a clone cannot replace");
  return {};
}

// The donor's binary log may be ahead of the tables; a server without one begins a new one at the tables' position.
void drop_binary_logs(std::string const& directory) {
  std::ifstream list(directory + "/xtrabackup_binlog_info");
  std::error_code ignored;
  for (std::string line; std::getline(list, line);)
    if (auto const name = line.substr(0, line.find('\t')); !name.empty() && name.find('/') == std::string::npos)
      fs::remove(fs::path(directory) / name, ignored);
}

done prepare(arguments const& given, settings const& how, std::string const& directory) {
  auto const began_ms = now_ms();
  std::vector<std::string> command{"mariadb-backup"};
  for (auto const& each : given.defaults()) command.push_back(each);
  command.insert(command.end(), {"--prepare", "--target-dir=" + directory, "--datadir=" + directory});
  if (!how.memory.empty()) command.push_back("--use-memory=" + how.memory);
  command.insert(command.end(), how.prepare_arguments.begin(), how.prepare_arguments.end());
  auto started = child::start(command, child::pipe_kind::none);
  if (!started) return started.error();
  reach("preparing", given.parent);
  if (int const status = (*started)->wait(); status != 0)
    return base::fail(fmt::format("mariadb-backup --prepare ended with {}: {}", status, (*started)->last_words()));
  say(fmt::format("prepared in {:.1f} s", static_cast<double>(now_ms() - began_ms) / 1000));
  return {};
}

// Found in the tables themselves: commits went on after the donation had begun.
base::result<copy_position> position_of(std::string const& directory) {
  auto text = read_text(directory + "/xtrabackup_galera_info");
  if (text.empty()) text = read_text(directory + "/mariadb_backup_galera_info");
  text = text.substr(0, text.find_first_of(" \n"));
  if (text.find(':') == text.npos)
    return base::fail("the copy does not say at which position of the group it stands: is its donor a member?");
  return copy_position{text};
}

// Who is killed between the swap and the first start with the new data is at their position, not at the old one's.
done write_state(std::string const& directory, std::string const& position) {
  auto const colon = position.find(':');
  auto const id = base::parse_uuid(position.substr(0, colon));
  if (!id) return id.error();
  gr::mariadb::saved_state state;
  state.group = *id;
  auto const* const end = position.data() + position.size();
  if (std::from_chars(position.data() + colon + 1, end, state.seqno).ptr != end)
    return base::fail("the copy's position is '" + position + "', which is none");
  return gr::mariadb::write_state_file(directory, state);
}

base::result<copy_position> make_ready(arguments const& given, settings const& how, std::string const& directory) {
  if (auto good = check_snapshot(directory, how.anchor); !good) return good.error();
  drop_binary_logs(directory);
  if (auto good = prepare(given, how, directory); !good) return good.error();
  reach("prepared", given.parent);
  if (how.trial_start)
    if (auto good = start_on_trial(given, how, directory); !good) return good.error();
  auto position = position_of(directory);
  if (!position) return position;
  if (auto good = write_state(directory, position->text); !good) return good.error();
  auto const began_ms = now_ms();
  if (auto good = runtime::sync_tree(directory); !good) return good.error();
  say(fmt::format("on disk after {:.1f} s", static_cast<double>(now_ms() - began_ms) / 1000));
  reach("synced", given.parent);
  return position;
}

}  // namespace

base::result<copy_position> place_data(arguments const& given, settings const& how,
                                       runtime::clone_directories const& places) {
  auto position = make_ready(given, how, places.fresh);
  if (!position) {
    std::error_code ignored;
    fs::remove_all(places.fresh, ignored);
    return base::fail(position.error().text + ". The old data was not touched");
  }
  auto const swapped =
      runtime::swap_data(given.data_dir, how.anchor, [&](std::string_view step) { reach(step, given.parent); });
  if (!swapped)
    return base::fail("the new data is not in its place yet, the next start goes on: " + swapped.error().text);
  if (how.keep_old == runtime::keep_old::never)
    if (auto const settled = runtime::settle_old_data(given.data_dir, how.keep_old); !settled)
      warn("the old data is left: " + settled.error().text);
  reach("placed", given.parent);
  say("the new data is in its place, at " + position->text);
  return position;
}

}  // namespace sst
