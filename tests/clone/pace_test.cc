#include <gtest/gtest.h>

#include "base/prng.hh"
#include "clone/brake.hh"
#include "clone/progress.hh"
#include "clone/throttle.hh"

namespace cloning {
namespace {

// Goal: over any stretch of time no more is sent than the rate allows, one piece apart; and when there is always more to
// send, not noticeably less.
TEST(throttle, the_rate_is_kept_and_used) {
  base::prng random(31);
  constexpr std::uint64_t rate = 1'000'000;
  throttle limit(rate);
  std::uint64_t now_us = 5'000'000;
  auto const began_us = now_us;
  std::uint64_t sent = 0;
  std::uint64_t largest = 0;
  for (int each = 0; each < 2000; ++each) {
    std::uint64_t const bytes = 1 + random.below(100'000);
    now_us += limit.delay_for(bytes, now_us);
    EXPECT_LE(sent, (now_us - began_us) + largest);
    sent += bytes;
    largest = std::max(largest, bytes);
  }
  EXPECT_GE(sent, (now_us - began_us) * 99 / 100);
}

TEST(throttle, silence_earns_nothing) {
  throttle limit(1000);
  EXPECT_EQ(limit.delay_for(1000, 0), 0U);
  EXPECT_EQ(limit.delay_for(1000, 60'000'000), 0U);
  EXPECT_EQ(limit.delay_for(1000, 60'000'000), 1'000'000U);
}

TEST(throttle, none_means_none) {
  throttle limit(0);
  for (int each = 0; each < 100; ++each) EXPECT_EQ(limit.delay_for(1U << 30, 0), 0U);
}

TEST(brake, holds_above_its_limit_and_then_until_half_of_it_is_left) {
  brake limit(100);
  EXPECT_FALSE(limit.holds(100));
  EXPECT_TRUE(limit.holds(101));
  EXPECT_TRUE(limit.holds(51));
  EXPECT_FALSE(limit.holds(50));
  EXPECT_FALSE(limit.holds(100)) << "half as much is no reason to begin again";
  EXPECT_TRUE(limit.holds(~std::uint64_t{0}));
}

TEST(brake, none_never_holds) {
  brake limit(0);
  EXPECT_FALSE(limit.holds(~std::uint64_t{0}));
}

TEST(progress, it_says_how_far_how_fast_and_how_long) {
  progress at(1'000'000'000, 0);
  for (std::uint64_t second = 0; second <= 4; ++second) at.note(second * 100'000'000, second * 1000);
  EXPECT_EQ(at.rate(), 100'000'000U);
  EXPECT_EQ(at.line(), "400 MB of about 1.00 GB (40%), 100 MB/s, about 7 s left");
}

TEST(progress, it_claims_no_end_before_the_end) {
  progress at(1'000'000, 0);
  at.note(0, 0);
  at.note(3'000'000, 1000);
  EXPECT_EQ(at.line(), "3 MB of about 3 MB (99%), 3 MB/s");
  progress unknown(0, 0);
  EXPECT_EQ(unknown.line(), "0 kB, 0 kB/s");
}

TEST(progress, lines_become_rarer) {
  progress at(0, 0);
  int lines = 0;
  for (std::uint64_t now_ms = 0; now_ms <= 120'000; now_ms += 100) lines += at.is_due(now_ms) ? 1 : 0;
  EXPECT_EQ(lines, 8);  // after 1, 2, 4, 8, 16, 32, 62, 92 seconds
}

}  // namespace
}  // namespace cloning
