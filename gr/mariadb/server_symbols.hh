// What the running server exports, looked up by name: nothing here is linked, so the library also loads into programs
// that are no server (tests, tools), where every lookup answers null.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace gr::mariadb {

// Null: not exported.
template <class Function> Function* server_function(char const* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}
template <class Value> Value* server_variable(char const* name) {
  return static_cast<Value*>(::dlsym(RTLD_DEFAULT, name));
}

// The session that this thread works for; null: none.
void* current_thd();

// "10.11.19-MariaDB-..."; empty when the process is not a server.
std::string running_server_version();
// 101119 for "10.11.19-MariaDB"; 0 for what is no version.
int version_number(std::string_view version);

// Gives the server's own GTIDs (wsrep_gtid_mode) the domain of its configuration, unless they have one. The server gets it from
// --wsrep_start_position, at bootstrap and with a full copy; one that comes back by itself has none of these and would log
// the group's transactions in domain 0. Before the server's engines start.
void set_gtid_domain();

// Into the server's error log. Any thread.
void log_error(std::string const& line);
void log_warning(std::string const& line);
// The error of the statement that this thread executes.
void raise_sql_error(unsigned code, std::string const& text);
// A warning beside its answer.
void raise_sql_warning(std::string const& text);

}  // namespace gr::mariadb
