// Goal: bytes and times of positions are told back as they came in, whatever was thinned out.
// Method: against a plain map of every position.
#include "gr/delivery_marks.hh"

#include <gtest/gtest.h>

#include <map>

#include "base/prng.hh"

namespace {

TEST(delivery_marks, tell_bytes_and_times_as_a_plain_map_does) {
  base::prng random(7);
  gr::delivery_marks marks;
  struct known {
    double bytes;
    std::uint64_t when;
  };
  std::map<gr::seqno_t, known> all;
  gr::seqno_t position = 100;
  double bytes = 0;
  for (std::uint64_t now = 1; now <= 20'000; ++now) {
    for (auto left = random.below(4); left > 0; --left) {
      auto const size = random.between(90, 110);
      marks.add(++position, size);
      all[position] = {bytes += static_cast<double>(size), now};
    }
    marks.tick(base::tick_count(now));
  }
  EXPECT_EQ(marks.head(), position);
  for (auto const& [at, is] : all) {
    bool const recent = is.when > 20'000 - 400;
    EXPECT_NEAR(marks.bytes_up_to(position) - marks.bytes_up_to(at), bytes - is.bytes, recent ? 60 : 1500) << at;
    EXPECT_NEAR(static_cast<double>(marks.delivered_at(at).value()), static_cast<double>(is.when), recent ? 1 : 250);
    if (recent) { EXPECT_GE(marks.position_at(base::tick_count(is.when)), at); }
  }
}

TEST(delivery_marks, beyond_what_is_known_they_guess_and_below_it_they_do_not) {
  gr::delivery_marks marks;
  for (gr::seqno_t at = 1; at <= 100; ++at) {
    marks.add(at, 10);
    marks.tick(base::tick_count(static_cast<std::uint64_t>(at)));
  }
  EXPECT_DOUBLE_EQ(marks.bytes_up_to(150) - marks.bytes_up_to(100), 500);
  marks.forget_below(50);
  EXPECT_DOUBLE_EQ(marks.bytes_up_to(1), marks.bytes_up_to(50));
  EXPECT_DOUBLE_EQ(marks.bytes_up_to(100) - marks.bytes_up_to(60), 400);
  EXPECT_EQ(marks.position_at(base::tick_count(1)), 50);
}

TEST(delivery_marks, a_log_read_again_begins_anew) {
  gr::delivery_marks marks;
  marks.add(10, 5);
  marks.tick(base::tick_count(1));
  marks.add(3, 7);
  marks.tick(base::tick_count(2));
  EXPECT_EQ(marks.head(), 3);
  EXPECT_DOUBLE_EQ(marks.bytes_up_to(3), 7);
}

TEST(delivery_marks, empty_ones_know_nothing) {
  gr::delivery_marks const marks;
  EXPECT_EQ(marks.head(), -1);
  EXPECT_DOUBLE_EQ(marks.bytes_up_to(5), 0);
  EXPECT_EQ(marks.position_at(base::tick_count(9)), -1);
}

}  // namespace
