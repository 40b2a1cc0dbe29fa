// Goal: what cannot be applied gets one verdict, the same everywhere, whoever speaks first, late, twice, or leaves. Method: hand-made
// words.
#include "gr/apply_votes.hh"

#include <gtest/gtest.h>

#include <vector>

#include "base/codec.hh"

namespace {

xcom::member_id const one{base::make_uuid(1, 1), 5};
xcom::member_id const two{base::make_uuid(2, 2), 5};
xcom::member_id const three{base::make_uuid(3, 3), 5};
xcom::member_id const four{base::make_uuid(4, 4), 5};
std::vector const all{one, two, three};
auto const missing = gr::outcome_of("Can't find record in 't'");
auto const doubled = gr::outcome_of("Duplicate entry '7'");

TEST(apply_votes, the_minority_that_failed_is_told_that_the_others_applied_it) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, all));
  ASSERT_NE(votes.find(7), nullptr);
  EXPECT_FALSE(votes.say({one, gr::was_applied}, 7, all));
  auto const verdict = votes.say({three, gr::was_applied}, 7, all);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->outcome, gr::was_applied);
  EXPECT_EQ(verdict->agree, 2U);
  EXPECT_EQ(verdict->of.said_by(two.uuid), missing);
  EXPECT_TRUE(votes.open().empty());
}

TEST(apply_votes, who_failed_alike_and_is_more_is_right) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, all));
  EXPECT_FALSE(votes.say({three, missing}, 7, all)) << "what the last one says is wanted too";
  auto const verdict = votes.say({one, gr::was_applied}, 7, all);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->outcome, missing);
}

TEST(apply_votes, half_against_half_keeps_what_the_client_was_told) {
  std::vector const both{one, two};
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, both));
  EXPECT_EQ(votes.say({one, gr::was_applied}, 7, both)->outcome, gr::was_applied);
}

// The only copy of the data must neither go on without the transaction nor be thrown away.
TEST(apply_votes, what_only_one_could_not_apply_and_nobody_did_stays_open) {
  std::vector const alone{one};
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({one, missing}, 7, alone));
  ASSERT_NE(votes.find(7), nullptr);
  EXPECT_TRUE(votes.find(7)->is_stuck());
  EXPECT_EQ(votes.say({one, gr::was_applied}, 7, alone)->outcome, gr::was_applied) << "tried again, with more luck";
  EXPECT_FALSE(votes.say({two, missing}, 8, {}));
  EXPECT_EQ(votes.find(8), nullptr) << "nobody votes";
  std::vector const both{one, two};
  EXPECT_FALSE(votes.say({one, missing}, 9, both));
  EXPECT_FALSE(votes.find(9)->is_stuck());
  EXPECT_FALSE(votes.say({two, doubled}, 9, both));
  EXPECT_TRUE(votes.find(9)->is_stuck());
  EXPECT_EQ(votes.say({two, missing}, 9, both)->outcome, missing);
}

TEST(apply_votes, two_failures_of_different_kinds_are_not_alike) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, all));
  EXPECT_FALSE(votes.say({three, doubled}, 7, all));
  EXPECT_EQ(votes.say({one, gr::was_applied}, 7, all)->outcome, gr::was_applied) << "one word each";
  EXPECT_NE(missing, doubled);
  EXPECT_NE(gr::outcome_of(""), gr::was_applied);
}

TEST(apply_votes, who_leaves_is_not_waited_for) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, all));
  EXPECT_FALSE(votes.say({three, missing}, 9, all));
  EXPECT_FALSE(votes.say({one, gr::was_applied}, 7, all));
  EXPECT_TRUE(votes.keep_only(std::vector{one, two, three, four}).empty()) << "nor does anybody vote who came later";
  auto const verdicts = votes.keep_only(std::vector{one, two});
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_EQ(verdicts[0].of.seqno, 7);
  EXPECT_EQ(verdicts[0].outcome, gr::was_applied);
  EXPECT_EQ(votes.open().size(), 1U);
  EXPECT_TRUE(votes.keep_only({}).empty());
  EXPECT_TRUE(votes.open().empty()) << "where nobody is left to say there is no verdict";
  EXPECT_FALSE(votes.is_closed(9));
}

TEST(apply_votes, the_last_word_counts_until_there_is_a_verdict) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, all));
  EXPECT_FALSE(votes.say({{two.uuid, 6}, gr::was_applied}, 7, all)) << "restarted, it has tried again";
  EXPECT_EQ(votes.find(7)->words.size(), 1U);
  EXPECT_FALSE(votes.say({two, gr::was_applied}, 7, all));
  EXPECT_FALSE(votes.say({one, gr::was_applied}, 7, all));
  ASSERT_TRUE(votes.say({three, gr::was_applied}, 7, all));
  EXPECT_FALSE(votes.say({two, missing}, 7, all)) << "behind the verdict";
  EXPECT_TRUE(votes.open().empty());
}

TEST(apply_votes, who_recovers_opens_a_vote_and_has_no_part_in_it) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({four, missing}, 7, all));
  for (auto const& each : {one, two}) EXPECT_FALSE(votes.say({each, gr::was_applied}, 7, all));
  auto const verdict = votes.say({three, gr::was_applied}, 7, all);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->agree, 3U);
  EXPECT_EQ(verdict->of.said_by(four.uuid), missing) << "it is known who has the data without it";
}

TEST(apply_votes, a_word_of_success_opens_nothing) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({one, gr::was_applied}, 7, all));
  EXPECT_EQ(votes, gr::apply_votes{});
}

TEST(apply_votes, a_checkpoint_holds_what_is_open_and_what_is_not_to_be_opened_again) {
  gr::apply_votes votes;
  EXPECT_FALSE(votes.say({two, missing}, 7, all));
  EXPECT_TRUE(votes.say({one, missing}, 9, std::vector{two}) || votes.say({two, gr::was_applied}, 9, std::vector{two}));
  auto const read = base::decode<gr::apply_votes>(base::encode(votes));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, votes);
}

}  // namespace
