#include "tools/wsrep_sst_clone/settings.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string_view>

#include "gr/transfer_settings.hh"
#include "tools/wsrep_sst_clone/child.hh"

namespace sst {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;
using pairs = std::map<std::string, std::string>;

constexpr std::array server_groups{"mysqld"sv,   "server"sv,         "mysqld-10.11"sv,  "mariadb"sv, "mariadb-10.11"sv,
                                   "mariadbd"sv, "mariadbd-10.11"sv, "client-server"sv, "galera"sv};

// "--name=value" with any mixture of dashes and underscores; the last one wins.
void take_option(pairs& into, std::string_view word) {
  if (!word.starts_with("--")) return;
  word.remove_prefix(2);
  if (word.starts_with("loose-") || word.starts_with("loose_")) word.remove_prefix(6);
  auto const equals = word.find('=');
  std::string name(word.substr(0, equals));
  std::ranges::replace(name, '_', '-');
  into[name] = equals == word.npos ? "" : std::string(word.substr(equals + 1));
}

template <class Groups> base::result<pairs> read_groups(arguments const& given, Groups const& groups) {
  std::vector<std::string> command{"my_print_defaults"};
  for (auto const& each : given.defaults()) command.push_back(each);
  for (auto const& each : groups) command.emplace_back(each);
  auto const text = output_of(command);
  if (!text) return text.error();
  pairs found;
  std::istringstream lines(text->text);
  for (std::string line; std::getline(lines, line);) take_option(found, line);
  return found;
}

std::string value_of(pairs const& from, std::string const& name) {
  auto const at = from.find(name);
  return at == from.end() ? std::string{} : at->second;
}

// ---- the group's ----

base::result<gr::transfer_settings> take_groups_file(arguments const& given, gr::option_store& into) {
  auto const path = given.data_dir + "/" + std::string(gr::transfer_settings_name);
  std::ifstream file(path);
  if (!file) return gr::transfer_settings{};  // another provider: the defaults hold, and [sst]
  std::string const text{std::istreambuf_iterator<char>(file), {}};
  auto found = gr::parse_transfer_settings(text, into);
  if (!found) return base::fail(path + ": " + found.error().text);
  return found;
}

// [sst] clone-streams is group_replication_clone_streams, ssl-mode is group_replication_ssl_mode; rlimit is what the server's
// own scripts call a donor's rate.
std::string option_of_section(std::string const& name) {
  std::string option = name == "rlimit" ? "clone-max-rate" : name;
  bool const ours = option.starts_with("clone-") || option.starts_with("ssl-") || option == "tls-ciphersuites";
  std::ranges::replace(option, '-', '_');
  return ours ? "group_replication_" + option : std::string{};
}

base::result<void> take_section(pairs const& section, gr::option_store& into) {
  for (auto const& [name, value] : section) {
    auto const option = option_of_section(name);
    if (option.empty()) continue;
    if (auto const set = into.set(option, value, gr::option_store::moment::before_start); !set)
      return base::fail("[sst] " + set.error().text);
  }
  return {};
}

base::result<void> apply(gr::option_store const& options, settings& into) {
  auto const packing = base::parse_packing(options.text("group_replication_clone_compression"));
  auto const keep = runtime::parse_keep_old(options.text("group_replication_clone_keep_old"));
  if (!packing) return packing.error();
  if (!keep) return keep.error();
  into.packing = *packing;
  into.keep_old = *keep;
  into.streams = static_cast<std::uint32_t>(options.number("group_replication_clone_streams"));
  into.bytes_per_second_max = static_cast<std::uint64_t>(options.number("group_replication_clone_max_rate"));
  into.trial_start = options.flag("group_replication_clone_trial_start");
  into.backlog_max = static_cast<std::uint64_t>(options.number("group_replication_clone_backlog_max"));
  into.reconnect_seconds = static_cast<unsigned>(options.number("group_replication_clone_reconnect_timeout") / 1000);
  auto const tls = runtime::tls_context::load(runtime::tls_settings_of(options, into.own_host));
  if (!tls) return tls.error();
  into.tls = *tls;
  return {};
}

// ---- the server's ----

bool is_inside(fs::path const& inner, fs::path const& outer) {
  auto const path = fs::weakly_canonical(outer / inner);
  auto const root = fs::weakly_canonical(outer);
  return path == root;
}

base::result<void> check_places(pairs const& server, std::string const& data_dir) {
  for (auto const* const name :
       {"innodb-data-home-dir", "innodb-log-group-home-dir", "innodb-undo-directory", "aria-log-dir-path"}) {
    auto const value = value_of(server, name);
    if (value.empty() || is_inside(value, data_dir)) continue;
    return base::fail(fmt::format(
        "{} = {} is not the data directory {}: a clone can replace only what lies at the top of that; use another "
        "wsrep_sst_method, or move it",
        name, value, data_dir));
  }
  auto const files = value_of(server, "innodb-data-file-path");
  if (files.find('/') == files.npos) return {};
  return base::fail("innodb-data-file-path = " + files +
                    " names a file outside the data directory's top: a clone cannot replace it");
}

// Tables may be encrypted with keys that a plugin knows.
std::vector<std::string> encryption_of(pairs const& server) {
  std::vector<std::string> options;
  for (auto const& [name, value] : server) {
    bool const loads = name.starts_with("plugin-load") && value.find("key_management") != value.npos;
    bool const tells = name == "plugin-dir" || name.starts_with("file-key-") || name.starts_with("hashicorp-key-") ||
                       name.starts_with("aws-key-");
    if (loads || tells) options.push_back(fmt::format("--{}={}", name, value));
  }
  return options;
}

void take_server(pairs const& server, settings& into) {
  into.encryption = encryption_of(server);
  auto const files = value_of(server, "innodb-data-file-path");
  if (auto const first = files.substr(0, files.find(':')); !first.empty()) into.anchor = first;
  into.memory = value_of(server, "innodb-buffer-pool-size");
}

std::vector<std::string> words_of(std::string const& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

}  // namespace

base::result<settings> read_settings(arguments const& given) {
  auto server = read_groups(given, server_groups);
  if (!server) return server.error();
  for (auto const& each : given.server_arguments) take_option(*server, each);
  if (auto good = check_places(*server, given.data_dir); !good) return good.error();
  auto const section = read_groups(given, std::array{"sst"sv});
  if (!section) return section.error();
  settings made;
  gr::option_store options;
  auto const group = take_groups_file(given, options);
  if (!group) return group.error();
  made.own_host = group->own_host;
  if (auto taken = take_section(*section, options); !taken) return taken.error();
  if (auto applied = apply(options, made); !applied) return applied.error();
  take_server(*server, made);
  if (auto const memory = value_of(*section, "use-memory"); !memory.empty()) made.memory = memory;
  made.backup_arguments = words_of(value_of(*section, "inno-backup-opts"));
  made.prepare_arguments = words_of(value_of(*section, "inno-apply-opts"));
  return made;
}

}  // namespace sst
