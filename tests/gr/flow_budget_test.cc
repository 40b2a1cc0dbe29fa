// Goal: a budget lets exactly its rate pass, without bursts after a pause and without long waits behind one huge transaction.
// Method: ticks by hand.
#include "gr/flow_budget.hh"

#include <gtest/gtest.h>

namespace {

using gr::flow_allowance;
using gr::flow_budget;

struct counted {
  flow_budget budget;
  std::uint64_t now = 1;
  int pass(flow_allowance const& rate, int ticks, std::size_t bytes = 1) {
    int passed = 0;
    for (; ticks > 0; --ticks) {
      budget.allow(rate, base::tick_count(++now));
      for (; budget.may_pass() && passed < 1'000'000; ++passed) {
        if (!budget.is_limited()) return passed;
        budget.spend(bytes);
      }
    }
    return passed;
  }
};

TEST(flow_budget, lets_pass_what_the_rate_says) {
  for (double const rate : {0.5, 1.0, 7.0, 100.0, 2500.0}) {
    counted on;
    EXPECT_NEAR(on.pass({rate, gr::no_flow_limit}, 2000), rate * 20, 2 + rate / 50) << rate;
  }
}

TEST(flow_budget, without_a_limit_everything_passes) {
  flow_budget budget;
  budget.allow({}, base::tick_count(5));
  for (int each = 0; each < 1000; ++each) {
    ASSERT_TRUE(budget.may_pass());
    budget.spend(1U << 30);
  }
}

TEST(flow_budget, saves_up_no_more_than_a_twentieth_of_a_second) {
  counted on;
  on.budget.allow({1000, gr::no_flow_limit}, base::tick_count(1));
  on.now = 100'000;
  EXPECT_LE(on.pass({1000, gr::no_flow_limit}, 1), 51);
}

TEST(flow_budget, owes_no_more_than_a_second) {
  counted on;
  flow_allowance const rate{gr::no_flow_limit, 1000};
  on.pass(rate, 1, 50'000'000);
  EXPECT_FALSE(on.budget.may_pass());
  EXPECT_GE(on.pass(rate, 110), 1) << "after a second the next one goes";
}

TEST(flow_budget, a_limit_that_goes_leaves_no_debt) {
  counted on;
  on.pass({1, gr::no_flow_limit}, 10);
  on.budget.allow({}, base::tick_count(++on.now));
  EXPECT_TRUE(on.budget.may_pass());
  on.budget.allow({1, gr::no_flow_limit}, base::tick_count(++on.now));
  EXPECT_TRUE(on.budget.may_pass());
}

}  // namespace
