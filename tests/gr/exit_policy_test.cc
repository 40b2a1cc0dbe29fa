// Goal: a server that dropped out holds its writes, comes back as often as it may and no oftener, acts once when it may not, and
// leaves it to a person who has taken it over. Method: each way through the states by hand; then random events against the
// promises of gr/exit_policy.hh.
#include "gr/exit_policy.hh"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/prng.hh"

namespace {

using gr::exit_action;
using gr::exit_policy;
using phase = gr::exit_policy::phase;
using std::chrono::seconds;

constexpr gr::exit_settings three_times{3, seconds(300), exit_action::offline_mode};
constexpr gr::exit_settings never{0, seconds(300), exit_action::abort_server};

std::string text_of(std::vector<gr::exit_step> const& steps) {
  std::string all;
  for (auto const& each : steps) {
    if (std::holds_alternative<gr::hold_writes>(each)) all += "hold ";
    if (std::holds_alternative<gr::release_writes>(each)) all += "release ";
    if (auto const* const back = std::get_if<gr::come_back>(&each)) all += "back" + std::to_string(back->attempt) + " ";
    if (auto const* const act = std::get_if<gr::act_on_exit>(&each))
      all += "act" + std::to_string(static_cast<int>(act->what)) + "(" + act->why + ") ";
  }
  return all;
}

TEST(exit_policy, comes_back_at_once_and_then_by_the_interval_and_acts_after_the_last) {
  exit_policy policy;
  EXPECT_EQ(text_of(policy.dropped("disk full", true, seconds(10), three_times)), "hold ");
  EXPECT_EQ(policy.due(), seconds(10));
  EXPECT_EQ(text_of(policy.passed(seconds(10), three_times)), "back1 ");
  EXPECT_EQ(policy.due(), std::nullopt);
  EXPECT_EQ(text_of(policy.passed(seconds(1000), three_times)), "") << "it waits for the outcome of the first";
  EXPECT_EQ(text_of(policy.dropped("disk full", true, seconds(1000), three_times)), "");
  EXPECT_EQ(text_of(policy.passed(seconds(1299), three_times)), "");
  EXPECT_EQ(text_of(policy.passed(seconds(1300), three_times)), "back2 ");
  EXPECT_EQ(text_of(policy.dropped("disk full", true, seconds(1301), three_times)), "");
  EXPECT_EQ(text_of(policy.passed(seconds(1601), three_times)), "back3 ");
  EXPECT_EQ(text_of(policy.dropped("still full", true, seconds(1602), three_times)), "act2(still full) ");
  EXPECT_EQ(text_of(policy.passed(seconds(9999), three_times)), "");
  EXPECT_EQ(text_of(policy.dropped("said again", true, seconds(9999), three_times)), "") << "act is said once";
}

TEST(exit_policy, who_is_online_again_may_write_and_has_all_its_attempts) {
  exit_policy policy;
  (void)policy.dropped("disk full", true, seconds(1), three_times);
  (void)policy.passed(seconds(1), three_times);
  EXPECT_EQ(text_of(policy.online()), "release ");
  EXPECT_EQ(text_of(policy.online()), "");
  EXPECT_EQ(policy.describe(seconds(2), three_times), "");
  EXPECT_EQ(text_of(policy.dropped("again", true, seconds(5), three_times)), "hold ");
  EXPECT_EQ(text_of(policy.passed(seconds(5), three_times)), "back1 ");
}

TEST(exit_policy, acts_at_once_where_coming_back_makes_no_sense_or_is_not_wanted) {
  exit_policy diverged;
  EXPECT_EQ(text_of(diverged.dropped("other data", false, seconds(1), three_times)), "hold act2(other data) ");
  exit_policy unwilling;
  EXPECT_EQ(text_of(unwilling.dropped("disk full", true, seconds(1), never)), "hold act1(disk full) ");
  EXPECT_EQ(text_of(unwilling.online()), "release ") << "a person may have joined it";
}

TEST(exit_policy, the_second_reason_may_be_final) {
  exit_policy policy;
  (void)policy.dropped("disk full", true, seconds(1), three_times);
  (void)policy.passed(seconds(1), three_times);
  EXPECT_EQ(text_of(policy.dropped("needs a full copy", false, seconds(2), three_times)), "act2(needs a full copy) ");
}

TEST(exit_policy, who_is_told_twice_waits_once) {
  exit_policy policy;
  (void)policy.dropped("a", true, seconds(1), three_times);
  (void)policy.passed(seconds(1), three_times);
  (void)policy.dropped("a", true, seconds(2), three_times);
  EXPECT_EQ(text_of(policy.dropped("b", true, seconds(200), three_times)), "");
  EXPECT_EQ(policy.due(), seconds(302));
  EXPECT_EQ(policy.describe(seconds(300), three_times), "attempt 2 of 3 to come back in 2 s: b");
}

TEST(exit_policy, settings_count_as_they_are_when_time_has_passed) {
  exit_policy policy;
  (void)policy.dropped("a", true, seconds(1), three_times);
  (void)policy.passed(seconds(1), three_times);
  (void)policy.dropped("a", true, seconds(2), three_times);
  gr::exit_settings const sooner{3, seconds(20), exit_action::read_only};
  EXPECT_EQ(text_of(policy.passed(seconds(10), sooner)), "");
  EXPECT_EQ(policy.due(), seconds(30));
  gr::exit_settings const fewer{1, seconds(20), exit_action::read_only};
  EXPECT_EQ(text_of(policy.passed(seconds(30), fewer)), "act0(a) ");
}

TEST(exit_policy, what_a_person_took_over_is_the_persons) {
  exit_policy policy;
  (void)policy.dropped("a", true, seconds(1), three_times);
  policy.asked();
  EXPECT_EQ(text_of(policy.passed(seconds(999), three_times)), "");
  EXPECT_EQ(text_of(policy.dropped("not taken in", true, seconds(1000), three_times)), "");
  EXPECT_EQ(text_of(policy.online()), "release ");
  (void)policy.dropped("b", true, seconds(2000), three_times);
  (void)policy.passed(seconds(2000), three_times);
  policy.asked();
  EXPECT_EQ(policy.now_in(), phase::trying) << "its own attempt leaves first";
}

TEST(exit_policy, names_are_those_of_the_variable) {
  EXPECT_EQ(gr::exit_action_named("READ_ONLY"), exit_action::read_only);
  EXPECT_EQ(gr::exit_action_named("ABORT_SERVER"), exit_action::abort_server);
  EXPECT_EQ(gr::exit_action_named("OFFLINE_MODE"), exit_action::offline_mode);
  EXPECT_EQ(gr::exit_action_named("read_only"), std::nullopt);
}

// Who carries the steps out, and what he sees.
class twin {
 public:
  explicit twin(std::uint64_t seed) : random_(seed) {}

  void step() {
    now_ += seconds(random_.below(200));
    switch (random_.below(8)) {
      case 0:
      case 1:
      case 2: note(policy_.dropped("x", random_.below(4) != 0, now_, three_times)); break;
      case 3: note(policy_.online()), attempts_ = 0, acted_ = false; break;
      case 4:
      case 5:
      case 6: note(policy_.passed(now_, three_times)); break;
      default:
        if (policy_.now_in() != phase::trying) policy_.asked(), attempts_ = 0, acted_ = false;
    }
    bool const out = policy_.now_in() != phase::in_group && policy_.now_in() != phase::by_hand;
    ASSERT_TRUE(held_ || !out);
    ASSERT_FALSE(held_ && policy_.now_in() == phase::in_group);
    ASSERT_EQ(policy_.due().has_value(), policy_.now_in() == phase::waiting);
    ASSERT_EQ(policy_.describe(now_, three_times).empty(), policy_.now_in() == phase::in_group);
  }

 private:
  void note(std::vector<gr::exit_step> const& steps) {
    for (auto const& each : steps) {
      if (std::holds_alternative<gr::hold_writes>(each)) { ASSERT_FALSE(std::exchange(held_, true)); }
      if (std::holds_alternative<gr::release_writes>(each)) { ASSERT_TRUE(std::exchange(held_, false)); }
      if (std::holds_alternative<gr::act_on_exit>(each)) { ASSERT_FALSE(std::exchange(acted_, true)); }
      if (!std::holds_alternative<gr::come_back>(each)) continue;
      ASSERT_LE(++attempts_, three_times.tries);
      ASSERT_TRUE(attempts_ == 1 || now_ - last_ >= three_times.interval);
      ASSERT_FALSE(acted_);
      last_ = now_;
    }
  }

  base::prng random_;
  exit_policy policy_;
  std::chrono::milliseconds now_{0};
  std::chrono::milliseconds last_{0};
  std::uint64_t attempts_ = 0;
  bool held_ = false;
  bool acted_ = false;
};

TEST(exit_policy, random_events_never_break_its_promises) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    twin one(seed);
    for (int step = 0; step < 300; ++step) {
      one.step();
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
