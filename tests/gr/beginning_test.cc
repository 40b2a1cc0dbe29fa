// Goal: who a member is when its process starts follows from what it finds, and from nothing else. Method: hand-made logs.
#include "gr/beginning.hh"

#include <gtest/gtest.h>

#include <vector>

#include "gr/history.hh"

namespace {

base::uuid const history = base::make_uuid(9, 9);
xcom::member_id const self{base::make_uuid(1, 1), 5};
xcom::member_id const other{base::make_uuid(2, 2), 5};

// A log decided to slot 20, whose only checkpoint stands at position 10.
struct found_log {
  xcom::recovered_log log;
  std::vector<xcom::checkpoint> checkpoints{
      {xcom::slot_no(8), {}, {}, base::encode(gr::replicated_state{history, 10, 10, 1})}};
  std::optional<gr::start_position> data = gr::start_position{history, 15};
  bool same_host_boot = true;
  gr::durability durable = gr::durability::os;
  gr::judged verdicts{xcom::slot_no(20), 15, 15};
  std::string address = "a:1";

  found_log() {
    log.empty = false;
    log.last = {base::make_uuid(3, 3), self, 2};
    log.decided = xcom::slot_no(20);
    log.at = {4, {{self, "a:1"}, {other, "b:1"}}};
  }
  [[nodiscard]] gr::beginning choose(bool bootstrap = false) const {
    return gr::choose_beginning({log, checkpoints, verdicts, data, address, bootstrap, same_host_boot, durable}).how;
  }
};

TEST(beginning, a_whole_log_that_fits_the_data_on_the_same_host_boot_is_the_same_member) {
  EXPECT_EQ(found_log().choose(), gr::beginning::come_back);
  EXPECT_EQ(found_log().choose(true), gr::beginning::go_on_alone);
}

TEST(beginning, what_a_restart_of_the_host_may_have_taken_is_not_answered_for) {
  found_log found;
  found.same_host_boot = false;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
  found.durable = gr::durability::disk;
  EXPECT_EQ(found.choose(), gr::beginning::come_back) << "it was on the disk before it was said";
}

TEST(beginning, a_log_with_a_part_gone_is_given_up_unless_that_part_was_never_spoken_of) {
  found_log found;
  found.log.whole = false;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
  found.durable = gr::durability::disk;
  EXPECT_EQ(found.choose(), gr::beginning::come_back);
}

TEST(beginning, a_voter_without_data_comes_back_for_its_vote) {
  found_log found;
  found.data.reset();
  EXPECT_EQ(found.choose(), gr::beginning::come_back_to_leave);
  found.same_host_boot = false;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
}

// Power failed in the middle of a write: the tail is torn, all it had said before is there, and so is its vote.
TEST(beginning, a_vote_is_given_from_a_log_with_a_part_gone_that_was_never_spoken_of) {
  found_log found;
  found.data.reset();
  found.log.whole = false;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
  found.durable = gr::durability::disk;
  EXPECT_EQ(found.choose(), gr::beginning::come_back_to_leave);
}

TEST(beginning, data_beyond_the_verdicts_in_the_log_is_not_brought_there_by_it) {
  found_log found;
  found.verdicts = {xcom::slot_no(19), 14, 14};
  EXPECT_EQ(found.choose(true), gr::beginning::found_group);
  found.durable = gr::durability::disk;
  EXPECT_EQ(found.choose(), gr::beginning::come_back) << "the group has what it is about, and it is judged again";
  EXPECT_EQ(found.choose(true), gr::beginning::found_group) << "alone there is nobody to learn it from";
  found.durable = gr::durability::os;
  found.same_host_boot = false;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
}

// Killed before it had delivered to where its copy stands: its data is ahead of its verdicts, and nothing is lost.
TEST(beginning, who_was_killed_behind_its_copy_is_the_voter_it_was) {
  found_log found;
  found.data = gr::start_position{history, 40};
  found.checkpoints.front().app = base::encode(gr::replicated_state{history, 10, 9, 1});
  found.verdicts = {xcom::slot_no(19), 14, 14, gr::known_bound{13, 9}};
  ASSERT_EQ(found.choose(), gr::beginning::come_back_to_leave) << "nobody said that 10 is enough for 40";
  found.checkpoints.front() = gr::with_bound_told(found.checkpoints.front(), {40, 10});
  EXPECT_EQ(found.choose(), gr::beginning::come_back);
  auto const start = gr::own_beginning(found.checkpoints, found.verdicts, 40);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->judged, gr::no_slot_is_after) << "the others have the verdicts it has not";
  found.verdicts = {xcom::slot_no(20), 45, 45};
  EXPECT_EQ(gr::own_beginning(found.checkpoints, found.verdicts, 42)->judged, xcom::slot_no(20));
  found.durable = gr::durability::memory;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
}

// The last slot changed the site: whether that was a view, and took position 16, its note alone does not say.
TEST(beginning, a_log_that_was_purged_up_to_a_last_view_still_fits) {
  found_log found;
  found.data = gr::start_position{history, 16};
  found.verdicts = {xcom::slot_no(20), 15, 16};
  found.checkpoints = {{xcom::slot_no(20), {}, {}, base::encode(gr::replicated_state{history, 16, 16, 2})}};
  EXPECT_EQ(found.choose(), gr::beginning::come_back);
}

TEST(beginning, who_keeps_nothing_is_somebody_new_after_each_restart) {
  found_log found;
  found.durable = gr::durability::memory;
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
  found.data.reset();
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join) << "it has no vote to give";
  found.data = gr::start_position{history, 15};
  EXPECT_EQ(found.choose(true), gr::beginning::go_on_alone) << "a human answers for it";
  found.verdicts = {xcom::slot_no(19), 14, 14};
  auto const behind = gr::choose_beginning({found.log, found.checkpoints, found.verdicts, found.data, found.address,
                                            false, found.same_host_boot, found.durable});
  EXPECT_EQ(behind.how, gr::beginning::ask_to_join);
  EXPECT_NE(behind.why.find("MEMORY"), std::string::npos) << "that its log lacks something is no news: " << behind.why;
}

TEST(beginning, a_durability_is_called_by_its_name) {
  for (auto const each : {gr::durability::memory, gr::durability::os, gr::durability::disk})
    EXPECT_EQ(gr::durability_named(gr::to_string(each)), each);
  EXPECT_FALSE(gr::durability_named("PAPER"));
}

TEST(beginning, a_copied_data_directory_does_not_speak_for_the_member_it_was_copied_from) {
  found_log found;
  found.address = "c:1";
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join);
  found.data.reset();
  EXPECT_EQ(found.choose(), gr::beginning::ask_to_join) << "not even to give its place up";
}

TEST(beginning, an_arbiter_comes_back_by_its_log_alone) {
  found_log found;
  auto const choose = [&] {
    return gr::choose_arbiters_beginning(found.log, found.address, found.same_host_boot, found.durable).how;
  };
  EXPECT_EQ(choose(), gr::beginning::come_back);
  found.address = "c:1";
  EXPECT_EQ(choose(), gr::beginning::ask_to_join);
  found.address = "a:1";
  found.same_host_boot = false;
  EXPECT_EQ(choose(), gr::beginning::ask_to_join);
  found.durable = gr::durability::disk;
  EXPECT_EQ(choose(), gr::beginning::come_back);
  found.log.at.members.erase(found.log.at.members.begin());
  EXPECT_EQ(choose(), gr::beginning::ask_to_join) << "the group went on without it";
}

TEST(beginning, who_had_left_or_never_was_asks_to_join) {
  found_log left;
  left.log.at.members.erase(left.log.at.members.begin());
  EXPECT_EQ(left.choose(), gr::beginning::ask_to_join);
  found_log fresh;
  fresh.log = {};
  EXPECT_EQ(fresh.choose(), gr::beginning::ask_to_join);
  EXPECT_EQ(fresh.choose(true), gr::beginning::found_group);
}

}  // namespace
