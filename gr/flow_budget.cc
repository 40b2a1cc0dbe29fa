#include "gr/flow_budget.hh"

#include <algorithm>

namespace gr {
namespace {

constexpr double saved_seconds = 0.05;

// A transaction counts whole also where the rate is less than one a second.
double owed_most(double rate) { return std::max(1.0, rate); }

}  // namespace

// At least one can be saved, or a rate below one in a twentieth of a second would never let anybody pass.
void flow_budget::purse::fill(double rate, double next_rate, double seconds) {
  if (next_rate == no_flow_limit) {
    left = 1;
    return;
  }
  double const most = std::max(1.0, next_rate * saved_seconds);
  double const brought = rate == no_flow_limit ? 0 : rate * seconds;
  left = std::clamp(left + brought, -owed_most(next_rate), most);
}

void flow_budget::purse::spend(double rate, double amount) {
  if (rate != no_flow_limit) left = std::max(left - amount, -owed_most(rate));
}

void flow_budget::allow(flow_allowance const& now_on, base::tick_count now) {
  double const seconds = static_cast<double>(now.value() - std::min(filled_, now).value()) / ticks_per_second;
  transactions_.fill(rate_.transactions, now_on.transactions, seconds);
  bytes_.fill(rate_.bytes, now_on.bytes, seconds);
  rate_ = now_on;
  filled_ = now;
}

void flow_budget::spend(std::size_t bytes) {
  transactions_.spend(rate_.transactions, 1);
  bytes_.spend(rate_.bytes, static_cast<double>(bytes));
}

}  // namespace gr
