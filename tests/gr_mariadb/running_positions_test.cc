// Goal: whoever waits is held by positions below his, and by no other. Method: one waiting thread, released step by step.
#include "gr/mariadb/running_positions.hh"

#include <gtest/gtest.h>

#include <future>
#include <optional>

using namespace std::chrono_literals;

namespace gr::mariadb {
namespace {

TEST(running_positions, waits_for_those_below_only) {
  running_positions appliers;
  std::optional<running_positions::scope> five, six, eight;
  five.emplace(appliers, 5);
  six.emplace(appliers, 6);
  eight.emplace(appliers, 8);
  running_positions::scope const own(appliers, 7);
  auto const waiting = std::async(std::launch::async, [&] { appliers.wait_none_below(7); });
  five.reset();
  EXPECT_EQ(waiting.wait_for(20ms), std::future_status::timeout);
  six.reset();
  EXPECT_EQ(waiting.wait_for(10s), std::future_status::ready);
}

TEST(running_positions, does_not_wait_when_nothing_runs_below) {
  running_positions appliers;
  running_positions::scope const nine(appliers, 9);
  appliers.wait_none_below(9);
}

TEST(running_positions, gives_up_at_the_deadline) {
  running_positions running;
  running.begin(3);
  EXPECT_TRUE(running.wait_none_below(3, running_positions::clock::now()));
  EXPECT_FALSE(running.wait_none_below(4, running_positions::clock::now() + 5ms));
  running.end(3);
  running.end(3);
  EXPECT_TRUE(running.wait_none_below(4, running_positions::clock::now()));
}

}  // namespace
}  // namespace gr::mariadb
