#include "gr/mariadb/prompt_redo_log.hh"

#include <string>
#include <thread>

#include "gr/mariadb/local_sql.hh"

namespace gr::mariadb {
namespace {

constexpr char const* ask = "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit";
constexpr char const* write_with_commits = "SET GLOBAL innodb_flush_log_at_trx_commit = 2";
constexpr char const* write_once_a_second = "SET GLOBAL innodb_flush_log_at_trx_commit = 0";

// The threads that pause and resume belong to sessions of their own, which a second one would disturb.
bool set_where_it_is(std::string const& expected, std::string const& statement) {
  bool done = false;
  std::thread([&] {
    sql_thread const held;
    auto const rows = run_sql(ask);
    done = rows && !rows->empty() && rows->front().front() == expected && run_sql(statement);
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
