#include "base/strong.hh"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>
#include <unordered_set>

namespace {

using apples = base::strong<std::uint32_t, struct apples_tag>;
using pears = base::strong<std::uint32_t, struct pears_tag>;

template <class Left, class Right>
concept comparable = requires(Left left, Right right) { left == right; };

TEST(strong, ids_of_different_kinds_do_not_mix) {
  EXPECT_FALSE((std::is_convertible_v<apples, pears>));
  EXPECT_FALSE((std::is_convertible_v<apples, std::uint32_t>));
  EXPECT_FALSE((std::is_convertible_v<std::uint32_t, apples>));
  EXPECT_FALSE((comparable<apples, pears>));
  EXPECT_TRUE((comparable<apples, apples>));
}

TEST(strong, orders_and_steps_as_its_number_does) {
  EXPECT_LT(apples(3), apples(4));
  EXPECT_EQ(apples(3).next(), apples(4));
  EXPECT_EQ(apples(3).plus(7), apples(10));
  EXPECT_EQ(apples().value(), 0U);
}

TEST(strong, nothing_is_before_the_smallest) {
  EXPECT_EQ(apples(3).previous(), apples(2));
  EXPECT_EQ(apples(0).previous(), apples(0));
}

TEST(strong, can_be_hashed) {
  std::unordered_set<apples> const basket{apples(1), apples(2), apples(1)};
  EXPECT_EQ(basket.size(), 2U);
}

}  // namespace
