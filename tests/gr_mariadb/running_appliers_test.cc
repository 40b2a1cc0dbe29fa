// Goal: whoever waits is held by positions below his, and by no other. Method: one waiting thread, released step by step.
#include "gr/mariadb/running_appliers.hh"

#include <gtest/gtest.h>

#include <future>
#include <optional>

using namespace std::chrono_literals;

namespace gr::mariadb {
namespace {

TEST(running_appliers, waits_for_those_below_only) {
  running_appliers appliers;
  std::optional<running_appliers::scope> five, six, eight;
  five.emplace(appliers, 5);
  six.emplace(appliers, 6);
  eight.emplace(appliers, 8);
  running_appliers::scope const own(appliers, 7);
  auto const waiting = std::async(std::launch::async, [&] { appliers.wait_none_below(7); });
  five.reset();
  EXPECT_EQ(waiting.wait_for(20ms), std::future_status::timeout);
  six.reset();
  EXPECT_EQ(waiting.wait_for(10s), std::future_status::ready);
}

TEST(running_appliers, does_not_wait_when_nothing_runs_below) {
  running_appliers appliers;
  running_appliers::scope const nine(appliers, 9);
  appliers.wait_none_below(9);
}

}  // namespace
}  // namespace gr::mariadb
