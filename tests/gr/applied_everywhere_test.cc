#include "gr/applied_everywhere.hh"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

xcom::member_id id(unsigned number) { return {base::make_uuid(number, number), 1}; }
std::vector<xcom::member_id> const both{id(2), id(3)};

TEST(applied_everywhere, a_commit_waits_for_the_slowest) {
  applied_everywhere one;
  one.wait(1, 10);
  one.wait(2, 12);
  one.heard(id(2), 12);
  EXPECT_THAT(one.served(both), IsEmpty()) << "3 has said nothing yet";
  one.heard(id(3), 11);
  EXPECT_THAT(one.served(both), ElementsAre(1));
  one.heard(id(3), 12);
  EXPECT_THAT(one.served(both), ElementsAre(2));
  EXPECT_FALSE(one.anybody_waits());
}

TEST(applied_everywhere, who_is_no_member_any_more_is_not_waited_for) {
  applied_everywhere one;
  one.wait(1, 10);
  one.heard(id(2), 10);
  EXPECT_THAT(one.served(std::vector{id(2)}), ElementsAre(1));
}

TEST(applied_everywhere, alone_nobody_waits) {
  applied_everywhere one;
  one.wait(1, 10);
  EXPECT_THAT(one.served({}), ElementsAre(1));
}

TEST(applied_everywhere, a_late_word_does_not_take_back_a_newer_one) {
  applied_everywhere one;
  one.wait(1, 10);
  one.heard(id(2), 10);
  one.heard(id(2), 4);
  EXPECT_THAT(one.served(std::vector{id(2)}), ElementsAre(1));
}

TEST(applied_everywhere, one_that_gave_up_is_not_answered) {
  applied_everywhere one;
  one.wait(1, 10);
  one.stop(1);
  EXPECT_THAT(one.served({}), IsEmpty());
}

TEST(applied_everywhere, an_origin_is_told_when_something_it_waits_for_is_applied) {
  applied_everywhere one;
  one.owe(id(2), 10);
  one.owe(id(2), 14);
  one.owe(id(3), 20);
  EXPECT_THAT(one.due(9), IsEmpty());
  EXPECT_THAT(one.due(12), ElementsAre(id(2)));
  EXPECT_THAT(one.due(13), IsEmpty()) << "told once";
  EXPECT_THAT(one.due(20), ElementsAre(id(2), id(3)));
  EXPECT_FALSE(one.owes());
}

TEST(applied_everywhere, nothing_is_owed_to_one_that_left) {
  applied_everywhere one;
  one.owe(id(2), 10);
  xcom::site_member left;
  left.id = id(3);
  one.keep_only({1, {left}, {}});
  EXPECT_FALSE(one.owes());
}

}  // namespace
}  // namespace gr
