// InnoDB's redo log in its files when a backup asks for it, and not up to a second later.
//
// With innodb_flush_log_at_trx_commit = 0 InnoDB writes its log once a second, and FLUSH ENGINE LOGS does nothing. mariadb-backup
// waits for the log's end twice while commits are held back, so a donor's clients would wait for up to two of these seconds.
// Here the variable is 2 for as long as nothing can commit anyway.
#pragma once

#include <mutex>

namespace gr::mariadb {

class prompt_redo_log {
 public:
  // Ends with end(). Nothing changes where the variable is not 0, or the server does not let us ask. Cost: one statement,
  // executed by the server itself on a thread of its own.
  void begin();
  // As it was, unless somebody has set it meanwhile.
  void end();

 private:
  std::mutex mutex_;
  bool changed_ = false;
};

}  // namespace gr::mariadb
