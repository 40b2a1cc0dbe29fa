// What one member's clients may hand in for ordering: a stream of so much a second, spent transaction by transaction.
// Owner:  whoever lets them in (runtime/writers_gate.hh, the simulator). Not safe for concurrent use.
// Always: (1) never more than a twentieth of a second's worth is saved up, so that what was not used does not come as a burst;
//         (2) never more than a second's worth is owed, so that one huge transaction does not stop those behind it for long.
#pragma once

#include <cstddef>
#include <limits>

#include "base/ticks.hh"

namespace gr {

inline constexpr double no_flow_limit = std::numeric_limits<double>::infinity();
inline constexpr double ticks_per_second = 1000.0 / base::tick_milliseconds;

struct flow_allowance {  // a second; no_flow_limit: as much as they like
  double transactions = no_flow_limit;
  double bytes = no_flow_limit;
  [[nodiscard]] bool is_limited() const { return transactions != no_flow_limit || bytes != no_flow_limit; }
  friend bool operator==(flow_allowance const&, flow_allowance const&) = default;
};

class flow_budget {
 public:
  // From now on; what time has brought since the last call comes at the rate that was.
  void allow(flow_allowance const& now_on, base::tick_count now);
  [[nodiscard]] bool may_pass() const { return transactions_.left > 0 && bytes_.left > 0; }
  void spend(std::size_t bytes);
  [[nodiscard]] bool is_limited() const { return rate_.is_limited(); }

 private:
  struct purse {
    double left = 1;
    void fill(double rate, double next_rate, double seconds);
    void spend(double rate, double amount);
  };
  flow_allowance rate_;
  base::tick_count filled_;
  purse transactions_;
  purse bytes_;
};

}  // namespace gr
