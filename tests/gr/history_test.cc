// Goal: delivery begins where the certifier's index can be made complete, or nowhere. Method: hand-made checkpoints.
#include "gr/history.hh"

#include <gtest/gtest.h>

#include "tests/xcom/memory_files.hh"

namespace {

base::uuid const history = base::make_uuid(1, 2);

xcom::checkpoint at(std::uint64_t slot, gr::seqno_t seqno, gr::seqno_t forgotten) {
  return {xcom::slot_no(slot), {}, {}, base::encode(gr::replicated_state{history, seqno, forgotten, 1})};
}

TEST(history, begins_at_the_last_checkpoint_below_the_bound_in_force_at_the_position) {
  std::vector<xcom::checkpoint> const log{at(0, 0, 0), at(10, 100, 50), at(20, 200, 120), at(30, 300, 210)};
  EXPECT_EQ(gr::beginning_for(log, 350)->slot, xcom::slot_no(20));  // bound 210: the checkpoint at 200 lies below it
  EXPECT_EQ(gr::beginning_for(log, 250)->slot, xcom::slot_no(10));  // bound 120
  EXPECT_EQ(gr::beginning_for(log, 150)->slot, xcom::slot_no(0));   // bound 50
  EXPECT_EQ(gr::beginning_for(log, 0)->slot, xcom::slot_no(0));
}

TEST(history, a_position_before_the_log_has_no_beginning) {
  std::vector<xcom::checkpoint> const log{at(10, 100, 50), at(20, 200, 120)};
  EXPECT_FALSE(gr::beginning_for(log, 99));
  EXPECT_FALSE(gr::beginning_for(log, 150)) << "the bound at 150 is 50 or more, and no checkpoint lies at or below 50";
  EXPECT_EQ(gr::beginning_for(log, 200)->slot, xcom::slot_no(10));
  EXPECT_EQ(gr::first_available(log), 200);
}

// A copy was begun at 150, when the bound was 110, and the checkpoints between went while it was sent.
TEST(history, a_bound_that_is_remembered_stands_in_for_the_checkpoint_that_said_so) {
  std::vector<xcom::checkpoint> const log{at(10, 100, 50), at(30, 300, 250)};
  gr::known_bound const at_the_copy{150, 110};
  EXPECT_FALSE(gr::beginning_for(log, 160));
  EXPECT_EQ(gr::beginning_for(log, 160, at_the_copy)->slot, xcom::slot_no(10));
  EXPECT_FALSE(gr::beginning_for(log, 149, at_the_copy)) << "the bound was lower before";
  EXPECT_EQ(gr::beginning_for(log, 320, gr::known_bound{310, 260})->slot, xcom::slot_no(10));
  EXPECT_EQ(gr::first_available(log), 300);
  EXPECT_EQ(gr::first_available(log, at_the_copy), 150);
  EXPECT_EQ(gr::first_available(log, gr::known_bound{150, 90}), 300) << "nothing to begin at";
}

TEST(history, where_a_member_was_taken_in_is_no_beginning) {
  xcom::checkpoint const taken_in{xcom::slot_no(15), {}, {}, {}};
  std::vector<xcom::checkpoint> const log{taken_in, at(20, 200, 120), at(30, 300, 250)};
  EXPECT_EQ(gr::beginning_for(log, 300)->slot, xcom::slot_no(20));
  EXPECT_EQ(gr::history_of(log), history);
  EXPECT_TRUE(gr::history_of(std::vector{taken_in}).is_nil());
  EXPECT_EQ(gr::first_available(std::vector{taken_in}), -1);
}

TEST(history, what_is_said_to_be_available_can_be_begun) {
  std::vector<xcom::checkpoint> log;
  for (gr::seqno_t step = 0; step < 40; ++step)
    log.push_back(at(static_cast<std::uint64_t>(step) + 5, 1000 + step * 10, 940 + step * 9));
  gr::seqno_t const first = gr::first_available(log);
  ASSERT_GT(first, 0);
  for (gr::seqno_t position = 900; position < 1500; ++position)
    EXPECT_EQ(gr::beginning_for(log, position).has_value(), position >= first) << position;
}

// After a power failure the database may have on the disk what the log had not.
TEST(history, data_that_stands_beyond_the_last_verdict_is_found_out) {
  auto files = std::make_shared<xcom::testing::memory_files>();
  xcom::agreed_log log({}, files);
  ASSERT_TRUE(log.open());
  ASSERT_TRUE(log.begin({history, {base::make_uuid(3, 3), 1}, 1}, false));
  EXPECT_EQ(gr::judged_up_to(log, -1)->at_most, -1);
  ASSERT_TRUE(log.store(at(0, 7, 7)));
  EXPECT_EQ(gr::judged_up_to(log, -1)->at_least, 7);

  auto const write = base::encode(gr::ordered_message(gr::write_set_message{}));
  auto const marker = base::encode(gr::ordered_message(gr::marker_message{}));
  xcom::batch two_writes;
  for (auto const& payload : {write, marker, write})
    two_writes.messages.push_back({{base::make_uuid(3, 3), 1}, xcom::first_of_boot(1), payload});
  auto const note = [](gr::seqno_t before) { return base::encode(gr::slot_note{{history, before, 7, 1}, {}}); };
  ASSERT_TRUE(log.learned({xcom::slot_no(1), std::make_shared<xcom::value const>(two_writes), note(7)}));
  EXPECT_EQ(gr::judged_up_to(log, -1)->at_least, 9);
  ASSERT_TRUE(log.learned({xcom::slot_no(2), std::make_shared<xcom::value const>(xcom::site_change{}), note(9)}));
  EXPECT_EQ(gr::judged_up_to(log, -1)->at_least, 9);
  EXPECT_EQ(gr::judged_up_to(log, -1)->at_most, 10) << "it may have been a view";
  ASSERT_TRUE(log.learned({xcom::slot_no(3), std::make_shared<xcom::value const>(two_writes), {}}));
  EXPECT_EQ(gr::judged_up_to(log, -1)->slot, xcom::slot_no(2)) << "decided, and not judged yet";
}

// It was told to begin at 20, since at 35 the bound was known to be 25. Its only checkpoint does not say so, its notes do.
TEST(history, a_member_that_was_killed_after_its_copy_finds_its_beginning_again) {
  auto files = std::make_shared<xcom::testing::memory_files>();
  xcom::agreed_log log({}, files);
  ASSERT_TRUE(log.open());
  ASSERT_TRUE(log.begin({history, {base::make_uuid(3, 3), 1}, 1}, false));
  ASSERT_TRUE(log.store(at(4, 20, 10)));
  auto const write = base::encode(gr::ordered_message(gr::write_set_message{}));
  for (std::uint64_t step = 0; step < 20; ++step) {
    xcom::batch one;
    one.messages.push_back({{base::make_uuid(3, 3), 1}, xcom::first_of_boot(1), write});
    gr::seqno_t const before = 20 + static_cast<gr::seqno_t>(step);
    auto const note = base::encode(gr::slot_note{{history, before, before - 10, 1}, {}});
    ASSERT_TRUE(log.learned({xcom::slot_no(5 + step), std::make_shared<xcom::value const>(one), note}));
  }
  for (gr::seqno_t data = 20; data < 40; ++data) {
    auto const found = gr::judged_up_to(log, data);
    ASSERT_TRUE(found && found->bound) << data;
    EXPECT_EQ(found->bound->position, std::min<gr::seqno_t>(data, 39));
    EXPECT_EQ(found->bound->bound, std::min<gr::seqno_t>(data, 39) - 10);
    EXPECT_FALSE(gr::beginning_for(log.checkpoints(), data)) << data;
    EXPECT_EQ(gr::beginning_for(log.checkpoints(), data, found->bound).has_value(), data >= 30) << data;
  }
  EXPECT_FALSE(gr::judged_up_to(log, 19)->bound);
}

// Killed before it had delivered to where its copy stands, its own notes do not say the bound there; what it was told does.
TEST(history, what_the_donor_of_a_copy_knew_is_remembered_with_the_checkpoint) {
  auto const agreed = at(4, 20, 10);
  std::vector const log{gr::with_bound_told(agreed, {35, 20})};
  EXPECT_EQ(gr::state_of(log.front()), gr::state_of(agreed));
  EXPECT_EQ(gr::roles_of(log.front()), gr::roles_of(agreed));
  EXPECT_EQ(gr::as_agreed(log.front()).app, agreed.app) << "nobody else is sent it";
  EXPECT_FALSE(gr::beginning_for(log, 34));
  EXPECT_TRUE(gr::beginning_for(log, 35));
  EXPECT_TRUE(gr::beginning_for(log, 50));
  EXPECT_EQ(gr::first_available(std::vector{agreed}), -1);
  EXPECT_EQ(gr::first_available(log), 35) << "it can be a donor at once to whoever is not behind its copy";
  EXPECT_TRUE(gr::copied_at(log, 35));
  EXPECT_FALSE(gr::copied_at(log, 36));
  EXPECT_FALSE(gr::copied_at(std::vector{agreed}, -1));
}

}  // namespace
