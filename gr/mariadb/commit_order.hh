// The gate through which every position passes, one after the other: enter(n) returns once n-1 has left.
// Owner:  the provider; any thread.
// Always: (1) positions leave in order, without a hole; (2) at most one is between enter and leave; (3) an interrupt is
//         consumed by the enter it hits, and never hits one that has entered.
// Cost:   leave() wakes the next in line and whoever waits for exactly this position, and nobody else.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>

#include "gr/ports.hh"

namespace gr::mariadb {

class commit_order {
 public:
  using clock = std::chrono::steady_clock;
  enum class entry : std::uint8_t { entered, interrupted };

  // Everything up to `last` counts as left. Only while nobody is inside or waiting.
  void reset(seqno_t last);

  // Waits for seqno-1 to have left. interrupted: brute force came first; the position still has to be entered again.
  entry enter(seqno_t seqno);
  // Opens the gate for the next. ensure: seqno has entered.
  void leave(seqno_t seqno);
  // The position is used up by nobody here: it leaves as soon as it is its turn. Does not wait.
  void skip(seqno_t seqno);
  // Whoever had this position will not go on with it: leave, skip or nothing, by where it stands.
  void give_up(seqno_t seqno);
  // Makes a waiting or future enter(seqno) come back interrupted. False, and nothing done, when it has entered already.
  bool interrupt(seqno_t seqno);
  void clear_interrupt(seqno_t seqno);

  // Waits until everything up to seqno has left.
  void wait_left(seqno_t seqno) { (void)wait_left(seqno, clock::time_point::max()); }
  // False when `until` comes first.
  bool wait_left(seqno_t seqno, clock::time_point until);

  // Lets nobody in until thaw(), and waits for who is inside. The answer is the position that stays the last meanwhile.
  seqno_t freeze();
  void thaw();

  [[nodiscard]] seqno_t last_left() const { return last_left_.load(std::memory_order_acquire); }

 private:
  // Positions are spread over slots; two waiters share one only when they are 256 positions apart.
  struct slot {
    std::condition_variable enter;
    std::condition_variable left;
    unsigned entering = 0;
    unsigned waiting = 0;
  };
  static constexpr std::size_t slot_count = 256;
  slot& slot_of(seqno_t seqno) { return slots_[static_cast<std::size_t>(seqno) % slot_count]; }

  bool may_enter(seqno_t seqno) const {
    return frozen_ == 0 && last_left_.load(std::memory_order_relaxed) == seqno - 1;
  }
  void advance(seqno_t seqno);
  void wake_next();

  std::mutex mutex_;
  std::array<slot, slot_count> slots_;
  std::condition_variable emptied_;  // for freeze()
  std::atomic<seqno_t> last_left_{-1};
  seqno_t entered_ = -1;  // the highest that has entered; greater than last_left_ while somebody is inside
  unsigned frozen_ = 0;
  std::set<seqno_t> skipped_;  // not their turn yet
  std::set<seqno_t> interrupted_;
};

}  // namespace gr::mariadb
