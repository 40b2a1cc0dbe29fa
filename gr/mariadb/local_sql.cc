#include "gr/mariadb/local_sql.hh"

#include <mysql.h>
#include <mysql/service_sql.h>

#include "gr/mariadb/server_symbols.hh"

namespace gr::mariadb {
namespace {

using thread_call = char();

sql_service_st const* service() {
  static auto const* const found = server_variable<sql_service_st const>("sql_service_handler");
  return found;
}

void call_if_there(char const* name) {
  if (auto* const found = server_function<thread_call>(name); found != nullptr) (void)found();
}

struct closer {
  void operator()(MYSQL* connection) const { service()->mysql_close_func(connection); }
};
using connection = std::unique_ptr<MYSQL, closer>;

base::result<std::vector<sql_row>> rows_of(MYSQL* from) {
  std::vector<sql_row> rows;
  auto* const held = service()->mysql_store_result_func(from);
  if (held == nullptr) return rows;
  auto const fields = service()->mysql_num_fields_func(held);
  while (auto* const row = service()->mysql_fetch_row_func(held)) {
    auto& to = rows.emplace_back();
    for (unsigned at = 0; at < fields; ++at) to.emplace_back(row[at] == nullptr ? "" : row[at]);
  }
  service()->mysql_free_result_func(held);
  return rows;
}

}  // namespace

sql_thread::sql_thread() { call_if_there("my_thread_init"); }
sql_thread::~sql_thread() { call_if_there("my_thread_end"); }

std::string quoted(std::string const& text) {
  std::string all = "'";
  for (char const each : text) all += each == '\'' || each == '\\' ? std::string{'\\', each} : std::string{each};
  return all + "'";
}

bool server_takes_statements() {
  auto const* const started = server_variable<int const volatile>("mysqld_server_started");
  return service() != nullptr && started != nullptr && *started != 0;
}

base::result<std::vector<sql_row>> run_sql(std::string const& statement) {
  if (!server_takes_statements()) return base::fail("the server takes no statements yet");
  connection const held(service()->mysql_init_func(nullptr));
  if (!held || service()->mysql_real_connect_local_func(held.get()) == nullptr)
    return base::fail("the server gives this library no connection");
  auto const failed = service()->mysql_real_query_func(held.get(), statement.data(), statement.size());
  if (failed != 0)
    return base::fail("error " + std::to_string(service()->mysql_errno_func(held.get())) + ": " +
                      service()->mysql_error_func(held.get()));
  return rows_of(held.get());
}

}  // namespace gr::mariadb
