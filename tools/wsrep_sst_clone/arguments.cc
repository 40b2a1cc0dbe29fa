#include "tools/wsrep_sst_clone/arguments.hh"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace sst {
namespace {

void take_credentials(arguments& into) {
  auto const* const given = std::getenv("WSREP_SST_OPT_AUTH");
  if (given == nullptr) return;
  std::string_view const both(given);
  auto const colon = both.find(':');
  if (into.user.empty()) into.user = both.substr(0, colon);
  if (into.password.empty() && colon != both.npos) into.password = both.substr(colon + 1);
}

void describe(CLI::App& app, arguments& into, std::string& role) {
  app.allow_extras();
  app.add_option("--role", role, "donor or joiner")->required();
  app.add_option("--address", into.address)->required();
  app.add_option("--datadir", into.data_dir)->required();
  app.add_option("--defaults-file", into.defaults_file);
  app.add_option("--defaults-extra-file", into.defaults_extra_file);
  app.add_option("--defaults-group-suffix", into.defaults_group_suffix);
  app.add_option("--socket", into.socket);
  app.add_option("--user", into.user);
  app.add_option("--password", into.password);
  app.add_option("--gtid", into.position);
  app.add_option("--gtid-domain-id", into.domain);
  app.add_option("--binlog,--log-bin", into.binlog);
  app.add_option("--binlog-index,--log-bin-index", into.binlog_index);
  app.add_option("--parent", into.parent);
  app.add_flag("--bypass", into.bypass);
}

}  // namespace

std::vector<std::string> arguments::defaults() const {
  std::vector<std::string> words;
  if (!defaults_file.empty()) words.push_back("--defaults-file=" + defaults_file);
  if (!defaults_extra_file.empty()) words.push_back("--defaults-extra-file=" + defaults_extra_file);
  if (!defaults_group_suffix.empty()) words.push_back("--defaults-group-suffix=" + defaults_group_suffix);
  return words;
}

base::result<arguments> parse_arguments(int count, char const* const* words) {
  arguments made;
  std::string role;
  CLI::App app{
      "Quorate's state transfer program, run by the server for wsrep_sst_method = clone: copies a whole server, and "
      "leaves the joiner with its old data or the new, whatever dies meanwhile"};
  describe(app, made, role);
  // Everything behind that word is the server's own command line, with names that are ours as well.
  auto const* const end = words + count;
  auto const* const rest = std::find(words, end, std::string_view("--mysqld-args"));
  if (rest != end) made.server_arguments.assign(rest + 1, end);
  std::vector<std::string> own(words + 1, rest);
  std::ranges::reverse(own);  // as CLI11 wants it
  try {
    app.parse(own);
  } catch (CLI::ParseError const& wrong) {
    if (wrong.get_exit_code() == 0) std::exit(app.exit(wrong));  // --help
    return base::fail(wrong.what());
  }
  if (role != "donor" && role != "joiner") return base::fail("--role is '" + role + "', neither donor nor joiner");
  made.role = role == "donor" ? arguments::role_kind::donor : arguments::role_kind::joiner;
  while (made.data_dir.size() > 1 && made.data_dir.ends_with('/')) made.data_dir.pop_back();
  take_credentials(made);
  return made;
}

}  // namespace sst
