// Goal: a member is warned once and leaves in time, and the last one stays. Method: sights by hand; the real call on a directory
// that is there and one that is not.
#include "runtime/disk_watch.hh"

#include <gtest/gtest.h>

#include <optional>

namespace {

using runtime::disk_watch;
using verdict = disk_watch::verdict;

constexpr std::uint64_t mib = 1U << 20U;

disk_watch::sight follower(std::uint64_t free, bool others = true) { return {free, 100 * mib, false, others}; }
disk_watch::sight leader(std::uint64_t free, bool others = true) { return {free, 100 * mib, true, others}; }

TEST(disk_watch, warns_once_until_there_is_enough_again) {
  disk_watch watch;
  EXPECT_EQ(watch.look(follower(200 * mib)), std::nullopt);
  EXPECT_EQ(watch.look(follower(200 * mib - 1)), verdict::getting_low);
  EXPECT_EQ(watch.look(follower(150 * mib)), std::nullopt);
  EXPECT_EQ(watch.look(follower(900 * mib)), std::nullopt);
  EXPECT_EQ(watch.look(follower(100 * mib)), verdict::getting_low);
}

TEST(disk_watch, leaves_below_the_limit_and_who_leads_one_look_later) {
  disk_watch one;
  EXPECT_EQ(one.look(follower(100 * mib - 1)), verdict::too_low);
  disk_watch two;
  EXPECT_EQ(two.look(leader(100 * mib - 1)), verdict::getting_low);
  EXPECT_EQ(two.look(leader(100 * mib - 1)), verdict::too_low);
  disk_watch three;
  EXPECT_EQ(three.look(leader(100 * mib - 1)), verdict::getting_low);
  EXPECT_EQ(three.look(leader(100 * mib)), std::nullopt);
  EXPECT_EQ(three.look(leader(100 * mib - 1)), std::nullopt) << "two looks in a row, and it has been said";
}

TEST(disk_watch, the_last_one_stays_and_says_so) {
  disk_watch watch;
  EXPECT_EQ(watch.look(follower(0, false)), verdict::getting_low);
  EXPECT_EQ(watch.look(follower(0, false)), std::nullopt);
  EXPECT_EQ(watch.look(follower(0, true)), verdict::too_low);
}

TEST(disk_watch, without_a_limit_nothing_is_too_low) {
  EXPECT_EQ(disk_watch::judge(0, 0), verdict::enough);
  EXPECT_EQ(disk_watch::judge(0, 1), verdict::too_low);
  EXPECT_EQ(disk_watch::judge(UINT64_MAX, UINT64_MAX), verdict::getting_low);
}

TEST(disk_watch, asks_the_system) {
  EXPECT_GT(runtime::free_bytes("/").value(), 0U);
  auto const nowhere = runtime::free_bytes("/nowhere/at/all");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_NE(nowhere.error().text.find("/nowhere/at/all"), std::string::npos);
}

}  // namespace
