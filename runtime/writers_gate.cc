#include "runtime/writers_gate.hh"

#include <algorithm>

namespace runtime {
namespace {

std::uint64_t nanoseconds(std::chrono::steady_clock::duration what) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(what).count());
}

}  // namespace

void writers_gate::pass(std::uint64_t trx, std::size_t bytes, std::chrono::milliseconds longest,
                        std::function<bool()> const& hurries) {
  if (!limited_.load(std::memory_order_acquire)) return;
  std::unique_lock lock(mutex_);
  if (!limited_ || hurries()) return;
  if (queue_.empty() && budget_.may_pass()) return budget_.spend(bytes);
  waiter self{trx, bytes};
  if (queue_.empty()) held_since_ = clock::now();
  auto const place = queue_.insert(queue_.end(), &self);
  auto const began = clock::now();
  ++count_.waits;
  count_.last = std::chrono::system_clock::now();
  count_.waiting = queue_.size();
  bool const called = !hurries() && self.called.wait_for(lock, longest, [&] { return self.goes; });
  if (!called) {  // it goes all the same, and is paid for
    if (!self.goes) let_go_on(place);
    budget_.spend(bytes);
  }
  count_.waited_ns += nanoseconds(clock::now() - began);
}

void writers_gate::let_go_on(std::list<waiter*>::iterator which) {
  (*which)->goes = true;
  (*which)->called.notify_one();
  queue_.erase(which);
  count_.waiting = queue_.size();
  if (queue_.empty()) count_.held_ns += nanoseconds(clock::now() - held_since_);
}

void writers_gate::hurry(std::uint64_t trx) {
  if (!limited_.load(std::memory_order_acquire)) return;
  std::lock_guard const lock(mutex_);
  auto const at = std::find_if(queue_.begin(), queue_.end(), [&](auto const* each) { return each->trx == trx; });
  if (at != queue_.end()) let_go_on(at);
}

void writers_gate::allow(gr::flow_allowance const& now_on, base::tick_count now) {
  if (!now_on.is_limited() && !limited_) return;
  std::lock_guard const lock(mutex_);
  budget_.allow(now_on, now);
  limited_ = now_on.is_limited();
  while (!queue_.empty() && budget_.may_pass()) {
    budget_.spend(queue_.front()->bytes);
    let_go_on(queue_.begin());
  }
}

void writers_gate::open() {
  std::lock_guard const lock(mutex_);
  limited_ = false;
  budget_ = {};
  while (!queue_.empty()) let_go_on(queue_.begin());
}

gr::throttle_counters writers_gate::count() const {
  std::lock_guard const lock(mutex_);
  auto now = count_;
  if (!queue_.empty()) now.held_ns += nanoseconds(clock::now() - held_since_);
  return now;
}

}  // namespace runtime
