// Goal: whatever members answer, and in whatever order, slots leave a window once each and in order, and it stays small.
// Method: a window driven by hand, and one against members that answer late, short, wrongly or never, by seed.
#include "xcom/range_window.hh"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/prng.hh"

namespace xcom {
namespace {

member_id id(std::uint64_t number) { return {base::make_uuid(number, number), 1}; }

std::vector<decided_slot> slots(std::uint64_t from, std::uint64_t up_to) {
  std::vector<decided_slot> made;
  for (; from <= up_to; ++from) made.push_back({slot_no(from), std::make_shared<value const>(no_op{}), {}});
  return made;
}

void ask_all(range_window& window) {
  for (auto& each : window.ranges())
    if (!each.asked) each.asked = id(1);
}

TEST(range_window, the_second_range_waits_for_the_first) {
  range_window window(10);
  window.cover(slot_no(1), slot_no(1000), 2);
  ASSERT_EQ(window.ranges().size(), 2U);
  EXPECT_EQ(window.ranges()[1].from, slot_no(11));
  ask_all(window);
  EXPECT_TRUE(window.answer(slot_no(11), id(2), slots(11, 20), 100));
  EXPECT_FALSE(window.take());
  EXPECT_TRUE(window.answer(slot_no(1), id(1), slots(1, 10), 100));
  EXPECT_EQ(window.take()->slots.size(), 10U);
  EXPECT_EQ(window.take()->brought_by, id(2));
  EXPECT_FALSE(window.take());
}

TEST(range_window, what_an_answer_leaves_out_is_asked_for) {
  range_window window(10);
  window.cover(slot_no(1), slot_no(1000), 2);
  ask_all(window);
  EXPECT_TRUE(window.answer(slot_no(1), id(1), slots(1, 4), 100));
  ASSERT_EQ(window.ranges().size(), 3U);
  EXPECT_EQ(window.ranges()[1].from, slot_no(5));
  EXPECT_EQ(window.ranges()[1].up_to, slot_no(10));
  EXPECT_FALSE(window.ranges()[1].asked);
}

TEST(range_window, what_was_not_asked_for_is_of_no_use) {
  range_window window(10);
  window.cover(slot_no(1), slot_no(1000), 2);
  EXPECT_FALSE(window.answer(slot_no(1), id(1), slots(1, 10), 100)) << "nobody was asked";
  ask_all(window);
  EXPECT_FALSE(window.answer(slot_no(1), id(1), slots(2, 10), 100)) << "another beginning";
  EXPECT_FALSE(window.answer(slot_no(3), id(1), slots(3, 10), 100)) << "another range";
  EXPECT_TRUE(window.answer(slot_no(1), id(1), slots(1, 30), 100));
  EXPECT_EQ(window.take()->slots.size(), 10U) << "no more than was asked for";
}

TEST(range_window, what_came_another_way_is_passed) {
  range_window window(10);
  window.cover(slot_no(1), slot_no(1000), 3);
  ask_all(window);
  EXPECT_TRUE(window.answer(slot_no(11), id(1), slots(11, 20), 100));
  window.pass(slot_no(14));
  ASSERT_TRUE(window.is_ready());
  EXPECT_EQ(window.take()->up_to, slot_no(20));
  window.pass(slot_no(15));
  EXPECT_TRUE(window.ranges().empty()) << "16 to 20 were not to be believed: all begins anew";
}

TEST(range_window, a_group_that_goes_on_is_not_asked_for_each_slot) {
  range_window window(10);
  window.cover(slot_no(1), slot_no(5), 4);
  window.cover(slot_no(1), slot_no(7), 4);
  EXPECT_EQ(window.ranges().size(), 1U);
  window.cover(slot_no(1), slot_no(15), 4);
  EXPECT_EQ(window.ranges().size(), 2U);
}

// One life of a window: answers come in any order, cut short, empty, late, or for what nobody asked.
void let_it_run(std::uint64_t seed) {
  base::prng random(seed);
  range_window window(1 + random.below(64));
  constexpr std::uint64_t last = 2000;
  constexpr std::size_t ranges_max = 4;
  std::uint64_t next = 1;
  for (int step = 0; next <= last; ++step) {
    ASSERT_LT(step, 100000) << "seed " << seed;
    if (random.chance(1, 20)) window.pass(slot_no(next = std::min(last + 1, next + random.below(40))));
    window.cover(slot_no(next), slot_no(last), ranges_max);
    auto& ranges = window.ranges();
    auto const held = std::ranges::count_if(ranges, [](auto const& each) { return each.brought_by.has_value(); });
    ASSERT_LE(held, 2 * static_cast<std::ptrdiff_t>(ranges_max)) << "seed " << seed;
    for (std::size_t at = 0; at + 1 < ranges.size(); ++at)
      ASSERT_EQ(ranges[at].up_to.next(), ranges[at + 1].from) << "seed " << seed;
    for (std::size_t at = 0; at < std::min(ranges.size(), ranges_max); ++at)
      if (!ranges[at].asked) ranges[at].asked = id(1 + random.below(3));
    if (ranges.empty()) continue;
    auto const& which = ranges[random.below(ranges.size())];
    auto const from = which.from.value() + (random.chance(1, 10) ? 1 : 0);
    auto const wanted = which.up_to.value() - which.from.value() + 1;
    auto const up_to = from + random.below(wanted + 3);
    (void)window.answer(slot_no(from), id(1), slots(from, up_to), 1 + random.below(2000));
    while (auto const range = window.take())
      for (auto const& each : range->slots) {
        if (each.slot.value() < next) continue;
        ASSERT_EQ(each.slot.value(), next) << "seed " << seed;
        ++next;
      }
  }
}

TEST(range_window, slots_leave_once_and_in_order_whatever_is_answered) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) let_it_run(seed);
}

}  // namespace
}  // namespace xcom
