// Which positions the server's threads are applying now. Leaving the commit order is not the end of an apply: with a binary log
// the server leaves it first and lets go of the tables' locks afterwards. DDL that came in between would find them held by a
// thread it may not abort.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>

#include "gr/ports.hh"

namespace gr::mariadb {

class running_appliers {
 public:
  // From here to the end of its life `seqno` is being applied.
  class scope {
   public:
    scope(running_appliers& owner, seqno_t seqno) : owner_(owner), seqno_(seqno) { owner_.begin(seqno_); }
    ~scope() { owner_.end(seqno_); }
    scope(scope const&) = delete;
    scope& operator=(scope const&) = delete;

   private:
    running_appliers& owner_;
    seqno_t const seqno_;
  };

  // Waits until nothing below `seqno` is being applied. Those positions have begun: they have left the commit order.
  void wait_none_below(seqno_t seqno);

 private:
  void begin(seqno_t seqno);
  void end(seqno_t seqno);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multiset<seqno_t> running_;
  unsigned waiting_ = 0;
};

}  // namespace gr::mariadb
