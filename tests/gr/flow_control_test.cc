// Goal: writers are slowed as much as the slowest member that counts needs, smoothly, and never for one that does not count.
// Method: a group in a loop: each tick writers hand in what they are allowed, members apply what they can, and heartbeats say so
// ten ticks later. What the control is told is only what a real one hears.
#include "gr/flow_control.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>

#include "base/prng.hh"

namespace {

using gr::flow_mode;
using gr::flow_settings;

constexpr std::size_t transaction_bytes = 1000;

xcom::member_id member(std::uint64_t number) { return {base::make_uuid(number, number), 1}; }

struct applier {
  double speed = 1e9;  // transactions a second
  double applied = 0;
  bool online = true;
  bool heard = true;
  gr::flow_member told;  // by its last heartbeat
};

// The writer is the first member; `demand` transactions a second come, more than that never.
struct group_in_a_loop {
  gr::flow_control control;
  gr::flow_budget budget;
  std::vector<applier> members;
  double demand = 2000;
  std::size_t bytes_each = transaction_bytes;
  std::uint64_t now = 1000;
  gr::seqno_t ordered = 0;
  double wanting = 0;        // handed in by clients, and not let pass yet
  std::uint64_t passed = 0;  // since somebody set it to 0
  std::uint64_t stall = 0;   // ticks since anybody passed
  std::uint64_t stall_longest = 0;
  double backlog_most = 0;
  bool heartbeats = true;

  explicit group_in_a_loop(flow_settings const& with, std::size_t count = 3) : control(with), members(count) {
    for (std::size_t at = 0; at < count; ++at) members[at].told.id = member(at + 1);
    tell();
  }

  void tell() {
    for (auto& each : members) {
      if (!each.heard) continue;
      each.told.certified = ordered;
      each.told.applied = static_cast<gr::seqno_t>(each.applied);
      each.told.online = each.online;
    }
  }

  void write() {
    wanting = std::min(wanting + demand / gr::ticks_per_second, 50.0);
    budget.allow(control.own(), base::tick_count(now));
    ++stall;
    for (; wanting >= 1 && budget.may_pass(); --wanting) {
      budget.spend(bytes_each);
      control.ordered(member(1), ++ordered, bytes_each);
      ++passed;
      stall = 0;
    }
    stall_longest = std::max(stall_longest, wanting >= 1 ? stall : 0);
  }

  void apply() {
    for (auto& each : members) {
      if (!each.heard) continue;
      each.applied = std::min(static_cast<double>(ordered), each.applied + each.speed / gr::ticks_per_second);
      backlog_most = std::max(backlog_most, static_cast<double>(ordered) - each.applied);
    }
  }

  gr::flow_look look() const {
    gr::flow_look seen;
    seen.now = base::tick_count(now);
    seen.self = member(1);
    for (auto const& each : members) {
      if (!each.heard) continue;
      seen.members.push_back(each.told);
      ++seen.voters;
    }
    seen.members.front().certified = ordered;
    seen.members.front().applied = static_cast<gr::seqno_t>(members.front().applied);
    return seen;
  }

  void run(double seconds, std::function<void()> const& each_tick = {}) {
    for (auto left = static_cast<int>(seconds * gr::ticks_per_second); left > 0; --left) {
      ++now;
      write();
      apply();
      if (heartbeats && now % 10 == 0) tell();
      control.look(look());
      if (each_tick) each_tick();
    }
  }
  // Transactions a second in so many seconds from now.
  double rate_in(double seconds) {
    passed = 0;
    run(seconds);
    return static_cast<double>(passed) / seconds;
  }
};

flow_settings bounded(std::uint64_t transactions) {
  flow_settings with;
  with.applier_threshold = with.certifier_threshold = transactions;
  return with;
}

TEST(flow_control, nobody_is_slowed_while_all_keep_up) {
  group_in_a_loop group(bounded(1000));
  EXPECT_NEAR(group.rate_in(20), group.demand, 20);
  EXPECT_FALSE(group.control.group().is_limited());
  EXPECT_EQ(group.control.slowest(), nullptr);
}

TEST(flow_control, the_group_goes_at_the_speed_of_its_slowest_and_the_backlog_stays_within_its_bound) {
  for (double const part : {0.5, 0.2, 0.1}) {
    group_in_a_loop group(bounded(2000));
    group.members[2].speed = group.demand * part;
    group.run(20);
    EXPECT_NEAR(group.rate_in(20), group.demand * part, group.demand * part * 0.1) << part;
    EXPECT_LT(group.backlog_most, 2000) << part;
    EXPECT_LE(group.stall_longest, 10U) << "a tenth of a second without a single transaction, at " << part;
    ASSERT_NE(group.control.slowest(), nullptr);
    EXPECT_EQ(group.control.slowest()->id, member(3));
    EXPECT_NEAR(*group.control.slowest()->applies, group.demand * part, group.demand * part * 0.2);
  }
}

// Galera's users bring limits of a hundred and less along. At a thousand a second a heartbeat's worth is more than that.
TEST(flow_control, a_tiny_bound_slows_nobody_who_is_well) {
  group_in_a_loop group(bounded(16));
  for (auto& each : group.members) each.speed = 2500;
  EXPECT_NEAR(group.rate_in(20), group.demand, 40);
  group.members[2].speed = 0;
  group.run(5);
  EXPECT_LT(group.rate_in(5), 5) << "a bound it is all the same";
}

TEST(flow_control, a_bound_in_bytes_holds_where_transactions_are_few_and_big) {
  auto with = bounded(25000);
  with.applier_bytes = 8U << 20;
  group_in_a_loop group(with);
  group.demand = 200;
  group.bytes_each = 100'000;
  group.members[1].speed = 40;
  group.run(30);
  EXPECT_LT(group.backlog_most * 100'000, 8U << 20);
  EXPECT_NEAR(group.rate_in(20), 40, 6);
}

TEST(flow_control, a_bound_in_time_holds_where_there_is_room_in_transactions) {
  auto with = bounded(1'000'000);
  with.applier_bytes = 0;
  with.lag_ticks = 500;
  with.min_quota = 10;
  group_in_a_loop group(with);
  group.members[2].speed = 500;
  std::uint64_t longest = 0;
  group.run(60, [&] { longest = std::max(longest, group.control.row_of(member(3))->lag_ticks); });
  EXPECT_LT(longest, 500U);
  EXPECT_NEAR(group.rate_in(20), 500, 60);
}

TEST(flow_control, a_member_that_applies_nothing_holds_the_group_to_the_floor_and_not_below) {
  auto with = bounded(1000);
  with.min_quota = 100;
  group_in_a_loop group(with);
  group.members[2].speed = 0;
  group.run(10);
  EXPECT_NEAR(group.rate_in(20), 100, 10);
  EXPECT_LE(group.stall_longest, 3U);
}

TEST(flow_control, writers_are_released_as_soon_as_the_member_has_caught_up) {
  auto with = bounded(2000);
  with.min_quota = 50;
  group_in_a_loop group(with);
  group.members[2].speed = 0;
  group.run(60);
  EXPECT_LT(group.rate_in(1), 100);
  group.members[2].speed = 10'000;
  group.run(3);
  EXPECT_NEAR(group.rate_in(2), group.demand, group.demand * 0.1);
  EXPECT_FALSE(group.control.group().is_limited());
}

// S04: there is no word to be lost. Heartbeats that do not come leave the limit as it is until the sender is suspected.
TEST(flow_control, lost_words_of_the_release_are_made_up_by_the_next_one) {
  group_in_a_loop group(bounded(1000));
  group.members[2].speed = 200;
  group.run(20);
  group.members[2].speed = 1e9;
  group.heartbeats = false;
  group.run(0.8);
  EXPECT_TRUE(group.control.group().is_limited()) << "nobody has said that it is over";
  group.heartbeats = true;
  group.run(3);
  EXPECT_NEAR(group.rate_in(1), group.demand, group.demand * 0.1);
}

TEST(flow_control, a_silent_member_slows_nobody) {
  auto with = bounded(1000);
  with.min_quota = 10;
  group_in_a_loop group(with);
  group.members[2].speed = 0;
  group.run(20);
  EXPECT_LT(group.rate_in(1), 100);
  group.members[2].heard = false;
  group.run(3);
  EXPECT_NEAR(group.rate_in(2), group.demand, group.demand * 0.1);
}

TEST(flow_control, majority_waits_for_a_majority_only) {
  auto with = bounded(1000);
  with.mode = flow_mode::majority;
  group_in_a_loop group(with);
  group.members[2].speed = 100;
  group.run(20);
  EXPECT_NEAR(group.rate_in(5), group.demand, group.demand * 0.05) << "one of three is slow";
  group.members[1].speed = 300;
  group.run(20);
  EXPECT_NEAR(group.rate_in(20), 300, 40) << "two of three are: the faster of them counts";
}

TEST(flow_control, disabled_slows_nobody) {
  auto with = bounded(100);
  with.mode = flow_mode::disabled;
  group_in_a_loop group(with);
  group.members[2].speed = 1;
  group.run(10);
  EXPECT_NEAR(group.rate_in(5), group.demand, group.demand * 0.05);
}

TEST(flow_control, a_recovering_member_counts_only_with_min_recovery_quota) {
  auto with = bounded(1000);
  group_in_a_loop free(with);
  free.members[2].speed = 100;
  free.members[2].online = false;
  free.run(20);
  EXPECT_NEAR(free.rate_in(5), free.demand, free.demand * 0.05);
  with.min_recovery_quota = 600;
  group_in_a_loop held(with);
  held.members[2].speed = 100;
  held.members[2].online = false;
  held.run(20);
  EXPECT_NEAR(held.rate_in(10), 600, 60);
}

TEST(flow_control, max_quota_holds_though_nobody_is_slow) {
  auto with = bounded(25000);
  with.max_quota = 300;
  with.period_ticks = 200;
  group_in_a_loop group(with);
  group.run(5);
  EXPECT_NEAR(group.rate_in(20), 150, 10) << "300 in two seconds";
}

TEST(flow_control, member_quota_percent_is_this_members_part) {
  auto with = bounded(25000);
  with.max_quota = 1000;
  with.member_quota_percent = 20;
  group_in_a_loop group(with);
  group.run(5);
  EXPECT_NEAR(group.rate_in(10), 200, 10);
}

TEST(flow_control, two_writers_share_and_one_takes_what_the_other_leaves) {
  auto with = bounded(25000);
  with.max_quota = 1000;
  group_in_a_loop group(with);
  double other = 0;
  double each_tick = 0;
  auto const also_write = [&] {
    for (other += each_tick; other >= 1; --other) group.control.ordered(member(2), ++group.ordered, 1);
  };
  each_tick = 8;  // 800 a second
  group.run(5, also_write);
  EXPECT_NEAR(group.control.own().transactions, 500, 1);
  each_tick = 1;
  group.run(5, also_write);
  EXPECT_NEAR(group.control.own().transactions, 900, 10);
}

TEST(flow_control, hold_and_release_percent_are_heard) {
  auto slow_for = [](unsigned hold) {
    auto with = bounded(2000);
    with.hold_percent = hold;
    group_in_a_loop group(with);
    group.members[2].speed = 200;
    group.run(40);
    return static_cast<double>(group.ordered) - group.members[2].applied;
  };
  EXPECT_GT(slow_for(0), slow_for(50) + 50) << "the more is held back, the smaller the backlog";
  auto with = bounded(1000);
  with.release_percent = 0;
  group_in_a_loop at_once(with);
  at_once.members[2].speed = 100;
  at_once.run(20);
  at_once.members[2].applied = static_cast<double>(at_once.ordered);
  at_once.members[2].speed = 1e9;
  at_once.run(0.2);
  EXPECT_FALSE(at_once.control.group().is_limited());
}

TEST(flow_control, only_a_hopeless_member_that_can_be_spared_steps_aside) {
  auto with = bounded(100);
  with.quarantine_ticks = 500;
  for (bool const others_keep_up : {true, false}) {
    group_in_a_loop group(with);
    group.members[0].speed = 1;
    if (!others_keep_up) group.members[2].speed = 1;
    bool early = false;
    group.run(4, [&] { early = early || group.control.is_hopeless(); });
    EXPECT_FALSE(early) << "not before its time";
    group.run(10);
    EXPECT_EQ(group.control.is_hopeless(), others_keep_up);
  }
  group_in_a_loop two(with, 2);
  two.members[0].speed = 1;
  two.run(20);
  EXPECT_FALSE(two.control.is_hopeless()) << "the other one would be alone";
}

// Property: whatever the speeds do, the backlog of a member that applies faster than the floor stays near its bound, and
// writers are never still for longer than the floor means.
TEST(flow_control, random_speeds_never_break_the_bound) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    base::prng random(seed);
    auto const bound = random.between(500, 5000);
    auto with = bounded(bound);
    with.min_quota = 20;
    with.hold_percent = static_cast<unsigned>(random.below(60));
    with.release_percent = static_cast<unsigned>(random.below(200));
    group_in_a_loop group(with, random.between(2, 7));
    group.demand = static_cast<double>(random.between(100, 4000));
    for (int change = 0; change < 20; ++change) {
      for (auto& each : group.members) each.speed = static_cast<double>(random.between(25, 5000));
      group.run(static_cast<double>(random.between(1, 8)));
    }
    // What passes between two heartbeats is not known yet.
    EXPECT_LT(group.backlog_most, std::max(static_cast<double>(bound), group.demand) + group.demand / 3)
        << "seed " << seed;
    EXPECT_LE(group.stall_longest, 12U) << "seed " << seed;
  }
}

}  // namespace
