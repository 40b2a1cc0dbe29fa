// Statements on the server this library runs in, by the server's own service for plugins: no user, every privilege, and
// outside the group (wsrep_on and sql_log_bin are OFF), so nothing said here is replicated.
//
// Owner:  one thread, its own, that holds an sql_thread. Never a callback of the server's, and nobody may wait for it who
//         holds anything of the server's (wsrep-provider pitfalls: the server would wait for itself).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hh"

namespace gr::mariadb {

using sql_row = std::vector<std::string>;  // NULL is empty

// Around everything a thread does here.
class sql_thread {
 public:
  sql_thread();
  ~sql_thread();
  sql_thread(sql_thread const&) = delete;
  sql_thread& operator=(sql_thread const&) = delete;
};

// One connection for one statement. Errors: there is no server or none that is up, or the server's own, with its number.
base::result<std::vector<sql_row>> run_sql(std::string const& statement);

// As a literal in a statement.
std::string quoted(std::string const& text);

// The server is up: statements can be run. Before that some fail and some wait.
bool server_takes_statements();

}  // namespace gr::mariadb
