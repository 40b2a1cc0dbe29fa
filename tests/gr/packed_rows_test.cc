// Goal: what is packed comes out as it went in, small things are left alone, and bytes that nobody packed are said to be so.
// Method: write sets made by hand, packed and unpacked; then every cut and every flipped byte of one.
#include "gr/packed_rows.hh"

#include <gtest/gtest.h>

#include "gr/messages.hh"

namespace {

gr::write_set_message with_rows(std::string const& rows) {
  gr::write_set_message made;
  made.flags = gr::flag_start | gr::flag_end;
  made.data = base::blob::copy_of(rows);
  return made;
}

TEST(packed_rows, what_is_larger_than_the_threshold_is_packed_and_comes_back_the_same) {
  std::string const rows(5000, 'r');
  auto what = with_rows(rows);
  gr::pack_rows(what, 4999);
  ASSERT_TRUE(what.packed());
  EXPECT_LT(what.data.size(), 100U);
  EXPECT_EQ(gr::rows_bytes(what.data, true), rows.size());
  auto const back = gr::rows_of(what.data, true);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->text(), rows);
}

TEST(packed_rows, at_the_threshold_without_one_and_where_nothing_is_won_rows_stay_as_they_are) {
  auto at_it = with_rows(std::string(5000, 'r'));
  gr::pack_rows(at_it, 5000);
  EXPECT_FALSE(at_it.packed());
  gr::pack_rows(at_it, 0);
  EXPECT_FALSE(at_it.packed());
  auto dense = with_rows("x");
  gr::pack_rows(dense, 1);
  EXPECT_FALSE(dense.packed());
  auto short_of_a_gain = with_rows("ab");
  gr::pack_rows(short_of_a_gain, 1);
  EXPECT_FALSE(short_of_a_gain.packed());
  EXPECT_EQ(gr::rows_of(short_of_a_gain.data, false)->text(), "ab");
  EXPECT_EQ(gr::rows_bytes(short_of_a_gain.data, false), 2U);
  EXPECT_EQ(gr::rows_bytes(base::blob::copy_of("nonsense"), true), 8U);
}

TEST(packed_rows, damage_is_found) {
  auto what = with_rows(std::string(300, 'r') + std::string(300, 's'));
  gr::pack_rows(what, 100);
  ASSERT_TRUE(what.packed());
  auto const whole = std::string(what.data.text());
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(gr::rows_of(base::blob::copy_of(whole.substr(0, length)), true).has_value()) << length;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    auto const rows = gr::rows_of(base::blob::copy_of(damaged), true);
    EXPECT_TRUE(!rows || rows->text() == std::string(300, 'r') + std::string(300, 's')) << at;
  }
}

}  // namespace
