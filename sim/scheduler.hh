// The simulated clock and everything that is going to happen: a queue of closures ordered by time, then by when they
// were asked for. Nothing in a simulation waits or reads another clock.
// Owner:  one simulation; one thread.
// Always: now() never goes back; two runs that ask for the same things in the same order do them in the same order.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/strong.hh"

namespace sim {

// Since the beginning of the simulation, or between two moments of it.
using micros = base::strong<std::uint64_t, struct micros_tag>;

constexpr micros milliseconds(std::uint64_t count) { return micros(count * 1000); }
constexpr micros seconds(std::uint64_t count) { return micros(count * 1'000'000); }

class scheduler {
 public:
  using task = std::function<void()>;

  [[nodiscard]] micros now() const { return now_; }
  [[nodiscard]] std::size_t waiting() const { return heap_.size(); }
  [[nodiscard]] std::uint64_t done() const { return asked_ - heap_.size(); }

  // Runs `what` at `when`, or now if that is past.
  void at(micros when, task what);
  void after(micros delay, task what) { at(now_.plus(delay.value()), std::move(what)); }

  // Runs the next task and moves the clock to it. False: nothing is waiting.
  bool run_one();
  // Runs everything due up to and including `until`, then stands there.
  void run_until(micros until);

 private:
  struct entry {
    micros when;
    std::uint64_t order;
    task what;
  };
  static bool later(entry const& left, entry const& right);

  micros now_;
  std::uint64_t asked_ = 0;
  std::vector<entry> heap_;  // the earliest in front
};

}  // namespace sim
