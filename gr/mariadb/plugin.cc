// The plugin face: what the server finds when it loads the file from its plugin directory. One daemon plugin carries the
// variables and the status; the tables are plugins beside it. The one thread that starts here runs statements (role_keeper.hh).
// Always: works without the provider (nothing to show), before it and after it.

#include <mysql/plugin.h>

#include <iterator>
#include <string>
#include <string_view>

#include "gr/mariadb/clone_care.hh"
#include "gr/mariadb/configured_options.hh"
#include "gr/mariadb/plugin_status.hh"
#include "gr/mariadb/plugin_tables.hh"
#include "gr/mariadb/plugin_variables.hh"
#include "gr/mariadb/plugin_version.hh"
#include "gr/mariadb/role_keeper.hh"
#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"
#include "gr/mariadb/shown_tables.hh"

namespace gr::mariadb {
namespace {

constexpr char const* author = "Quorate";

// The server compares this with its own version. The daemon uses nothing that differs between versions, and the tables
// check for themselves, so it is the running server's; the headers' where there is none.
int interface_version() {
  int const running = version_number(running_server_version());
  return (running != 0 ? running : MYSQL_VERSION_ID) << 8;
}

st_mysql_daemon daemon_info{interface_version()};
st_mysql_information_schema table_info{interface_version()};

// The server runs our provider, and this image of the library is not it: plugin_dir holds another file. Two images share
// nothing, so everything here would stay empty without a word.
void warn_of_second_image() {
  auto const* name = server_variable<char const*>("wsrep_provider_name");
  auto const* path = server_variable<char const*>("wsrep_provider");
  bool const provider_is_ours = name != nullptr && *name != nullptr && std::string_view(*name) == "Quorate";
  if (!provider_is_ours || shared_state::instance().provider_is_loaded()) return;
  log_warning(std::string("plugin_dir and wsrep_provider name two copies of this library, so the plugin's "
                          "tables and variables show nothing of the group. Make plugin_dir hold a link to ") +
              (path != nullptr && *path != nullptr ? *path : "the provider's file"));
}

int init(void*) {
  warn_of_second_image();
  // --wsrep-recover loads no provider, and InnoDB is about to open the data. The server is in its data directory.
  if (!finish_interrupted_clone(".")) return 1;
  if (auto const loaded = load_configured_options(); !loaded) {
    log_error(loaded.error().text);
    return 1;
  }
  connect_system_variables();
  role_keeper::instance().start();
  return 0;
}

int deinit(void*) {
  role_keeper::instance().stop();
  disconnect_system_variables();
  return 0;
}

st_maria_plugin daemon() {
  return {MYSQL_DAEMON_PLUGIN,
          &daemon_info,
          "group_replication",
          author,
          "Group replication: variables and status",
          PLUGIN_LICENSE_GPL,
          init,
          deinit,
          plugin_version,
          status_variables(),
          system_variables(),
          library_version,
          MariaDB_PLUGIN_MATURITY_EXPERIMENTAL};
}

st_maria_plugin table(std::size_t which) {
  auto const& shown = shown_tables()[which];
  return {MYSQL_INFORMATION_SCHEMA_PLUGIN,
          &table_info,
          shown.name,
          author,
          shown.description,
          PLUGIN_LICENSE_GPL,
          init_of_table(which),
          nullptr,
          plugin_version,
          nullptr,
          nullptr,
          library_version,
          MariaDB_PLUGIN_MATURITY_EXPERIMENTAL};
}

}  // namespace
}  // namespace gr::mariadb

extern "C" {
// The names and types are the server's.
__attribute__((visibility("default"))) extern int _maria_plugin_interface_version_;
int _maria_plugin_interface_version_ = MARIA_PLUGIN_INTERFACE_VERSION;
__attribute__((visibility("default"))) extern int _maria_sizeof_struct_st_plugin_;
int _maria_sizeof_struct_st_plugin_ = sizeof(st_maria_plugin);
__attribute__((visibility("default"))) extern st_maria_plugin _maria_plugin_declarations_[];
st_maria_plugin _maria_plugin_declarations_[] = {
    gr::mariadb::daemon(), gr::mariadb::table(0), gr::mariadb::table(1), gr::mariadb::table(2),
    gr::mariadb::table(3), gr::mariadb::table(4), gr::mariadb::table(5), gr::mariadb::table(6),
    gr::mariadb::table(7), gr::mariadb::table(8), gr::mariadb::table(9), {},
};
static_assert(std::size(_maria_plugin_declarations_) == gr::mariadb::shown_table_count + 2);
}
