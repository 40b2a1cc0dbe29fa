#include "gr/mariadb/prompt_redo_log.hh"

#include <mysql/service_sql.h>

#include <string_view>
#include <thread>

#include "gr/mariadb/server_symbols.hh"

namespace gr::mariadb {
namespace {

constexpr std::string_view ask = "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit";
constexpr std::string_view write_with_commits = "SET GLOBAL innodb_flush_log_at_trx_commit = 2";
constexpr std::string_view write_once_a_second = "SET GLOBAL innodb_flush_log_at_trx_commit = 0";

// A connection to the server this code runs in, without account.
class own_session {
 public:
  explicit own_session(sql_service_st& service) : sql_(service), session_(sql_.mysql_init_func(nullptr)) {
    is_open_ = session_ != nullptr && sql_.mysql_real_connect_local_func(session_) != nullptr;
  }
  ~own_session() {
    if (session_ != nullptr) sql_.mysql_close_func(session_);
  }
  own_session(own_session const&) = delete;
  own_session& operator=(own_session const&) = delete;

  bool run(std::string_view statement) {
    return is_open_ && sql_.mysql_real_query_func(session_, statement.data(), statement.size()) == 0;
  }
  // The first column of the first row; empty: there is none.
  std::string value(std::string_view statement) {
    auto* const rows = run(statement) ? sql_.mysql_store_result_func(session_) : nullptr;
    if (rows == nullptr) return {};
    auto* const row = sql_.mysql_fetch_row_func(rows);
    std::string found = row == nullptr || row[0] == nullptr ? "" : row[0];
    sql_.mysql_free_result_func(rows);
    return found;
  }

 private:
  sql_service_st& sql_;
  MYSQL* session_;
  bool is_open_ = false;
};

// The threads that pause and resume belong to sessions of their own, which a second one would disturb.
bool set_where_it_is(std::string_view expected, std::string_view statement) {
  auto* const service = server_variable<sql_service_st>("sql_service_handler");
  auto* const begin = server_function<char()>("my_thread_init");
  auto* const end = server_function<void()>("my_thread_end");
  if (service == nullptr || begin == nullptr || end == nullptr) return false;
  bool done = false;
  std::thread([&] {
    (void)begin();
    {
      own_session session(*service);
      done = session.value(ask) == expected && session.run(statement);
    }
    end();
  }).join();
  return done;
}

}  // namespace

void prompt_redo_log::begin() {
  std::lock_guard const hold(mutex_);
  if (!changed_) changed_ = set_where_it_is("0", write_with_commits);
}

void prompt_redo_log::end() {
  std::lock_guard const hold(mutex_);
  if (changed_) (void)set_where_it_is("2", write_once_a_second);
  changed_ = false;
}

}  // namespace gr::mariadb
