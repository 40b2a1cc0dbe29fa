// Where clients' threads wait for their turn while flow control slows writers.
//
// Threads: any. While nothing is limited nobody takes the lock.
// Always:  (1) whoever came first goes first; (2) nobody waits longer than it said, and nobody once the gate is open;
//          (3) a wait depends on nothing but time: it takes nothing and holds nothing that an applier could need.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>

#include "base/ticks.hh"
#include "gr/flow_budget.hh"
#include "gr/ports.hh"

namespace runtime {

class writers_gate {
 public:
  // (blocks, at most `longest`) Until a transaction of so many bytes may be handed in. `hurries`: this one must not wait at all;
  // asked once it stands in the queue, so whoever changes the answer and then calls hurry() is not missed.
  void pass(std::uint64_t trx, std::size_t bytes, std::chrono::milliseconds longest,
            std::function<bool()> const& hurries);
  // Whoever waits as this one goes on at once.
  void hurry(std::uint64_t trx);

  // The strand, every tick: so much a second from now on.
  void allow(gr::flow_allowance const& now_on, base::tick_count now);
  // No limit, and nobody waits; until the next allow().
  void open();

  [[nodiscard]] gr::throttle_counters count() const;

 private:
  using clock = std::chrono::steady_clock;
  struct waiter {
    std::uint64_t trx = 0;
    std::size_t bytes = 0;
    bool goes = false;
    std::condition_variable called{};
  };
  void let_go_on(std::list<waiter*>::iterator which);

  mutable std::mutex mutex_;
  gr::flow_budget budget_;
  std::list<waiter*> queue_;
  gr::throttle_counters count_;
  clock::time_point held_since_{};  // somebody waits since then
  std::atomic<bool> limited_{false};
};

}  // namespace runtime
