// What time and absent members keep of the log, apart from its size. Method: hand-made checkpoints and a clock of ticks.
#include "gr/log_retention.hh"

#include <gtest/gtest.h>

namespace {

constexpr std::uint64_t minute = 60ULL * 1000 / base::tick_milliseconds;
base::uuid const history = base::make_uuid(9, 9);
base::uuid const other = base::make_uuid(2, 2);

base::tick_count at_minute(std::uint64_t count) { return base::tick_count(1 + count * minute); }

// A checkpoint every 10 slots; a slot is a position.
std::vector<xcom::checkpoint> checkpoints_up_to(std::uint64_t slot) {
  std::vector<xcom::checkpoint> all;
  for (std::uint64_t each = 10; each <= slot; each += 10) {
    auto const position = static_cast<gr::seqno_t>(each);
    all.push_back({xcom::slot_no(each), {}, {}, base::encode(gr::replicated_state{history, position, position, 1})});
  }
  return all;
}

struct log_retention_test : ::testing::Test {
  // A minute for each 10 slots.
  void pass(std::uint64_t minutes, std::vector<gr::seen_member> const& there = {}) {
    for (; minutes > 0; --minutes) {
      ++now;
      log.look(at_minute(now), xcom::slot_no(now * 10), there);
    }
  }
  [[nodiscard]] std::uint64_t aged(std::uint64_t minutes) const {
    return log.aged(at_minute(now), minutes * minute, checkpoints_up_to(now * 10)).value();
  }
  gr::log_retention log;
  std::uint64_t now = 0;
};

TEST_F(log_retention_test, slots_age) {
  pass(30);
  EXPECT_EQ(aged(60), 0U);
  EXPECT_EQ(aged(10), 200U);
  pass(60);
  EXPECT_EQ(aged(60), 300U);
}

TEST_F(log_retention_test, what_was_there_before_this_process_is_as_old_as_the_process) {
  log.look(base::tick_count(1), xcom::slot_no(500), {});
  EXPECT_EQ(log.aged(at_minute(59), 60 * minute, checkpoints_up_to(600)).value(), 0U);
  EXPECT_EQ(log.aged(at_minute(60), 60 * minute, checkpoints_up_to(600)).value(), 500U);
}

TEST_F(log_retention_test, who_is_away_keeps_what_it_lacks) {
  pass(10, {{other, 95}});
  pass(190);
  EXPECT_EQ(aged(60), 90U) << "its data stands at 95, and the checkpoint before that is where it begins";
  pass(1, {{other, 2005}});
  EXPECT_EQ(aged(60), 1410U) << "it is back, and level";
}

TEST_F(log_retention_test, nobody_is_waited_for_for_ever) {
  pass(1, {{other, 5}});
  now += gr::absent_remembered_ticks / minute + 1;
  log.look(at_minute(now), xcom::slot_no(now * 10), {});
  EXPECT_EQ(aged(60), 10U);
}

}  // namespace
