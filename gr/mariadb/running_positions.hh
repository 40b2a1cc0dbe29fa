// Which positions the server's threads are at now. Leaving the commit order is not the end of a transaction: with a binary log
// the server leaves it first, shows the rows and lets go of the tables' locks afterwards. DDL let in between would find them
// held by a thread it may not abort; a causal read would not see the rows.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "gr/ports.hh"

namespace gr::mariadb {

class running_positions {
 public:
  using clock = std::chrono::steady_clock;

  void begin(seqno_t seqno);
  void end(seqno_t seqno);  // nothing happens to one that has not begun
  // From here to the end of its life `seqno` is running.
  class scope {
   public:
    scope(running_positions& owner, seqno_t seqno) : owner_(owner), seqno_(seqno) { owner_.begin(seqno_); }
    ~scope() { owner_.end(seqno_); }
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;

   private:
    running_positions& owner_;
    seqno_t const seqno_;
  };

  // What is visible when everything up to `left` has left the commit order: less, where one of these is still running.
  [[nodiscard]] seqno_t visible(seqno_t left) const;
  // Waits until nothing below `seqno` is running. Those positions have begun: they have left the commit order.
  void wait_none_below(seqno_t seqno) { (void)wait_none_below(seqno, clock::time_point::max()); }
  // False when `until` comes first.
  bool wait_none_below(seqno_t seqno, clock::time_point until);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::multiset<seqno_t> running_;
  unsigned waiting_ = 0;
};

}  // namespace gr::mariadb
