// Goal: a vote is given only by who can answer for it, and never taken away from those who need it. Method: hand-made logs and
// sites.
#include "gr/giving_up_place.hh"

#include <gtest/gtest.h>

#include <vector>

namespace {

xcom::member_id id(std::uint64_t number) { return {base::make_uuid(7, number), 100}; }

xcom::site_member entry(std::uint64_t number, xcom::member_role role = xcom::member_role::voter) {
  xcom::site_member made;
  made.id = id(number);
  made.address = "127.0.0.1:" + std::to_string(number);
  made.role = role;
  return made;
}

xcom::site site_of(std::vector<xcom::site_member> members) { return {3, std::move(members)}; }

// Member 1's log after a crash.
xcom::recovered_log whole_log(xcom::site at) {
  xcom::recovered_log log;
  log.empty = false;
  log.last = {base::make_uuid(3, 4), id(1), 1};
  log.decided = xcom::slot_no(20);
  log.at = std::move(at);
  return log;
}

// A group of two, one killed: without the killed one's vote the other can never take anybody in again.
TEST(giving_up_place, a_voter_among_others_has_a_vote_they_may_need) {
  EXPECT_TRUE(gr::others_may_need_the_vote(whole_log(site_of({entry(1), entry(2)}))));
}

// It was killed between asking for its vote and hearing that it has one; with two, nothing is decided without it from then on.
TEST(giving_up_place, who_was_about_to_get_a_vote_may_have_it) {
  EXPECT_TRUE(gr::others_may_need_the_vote(whole_log(site_of({entry(1, xcom::member_role::joining), entry(2)}))));
  EXPECT_FALSE(gr::others_may_need_the_vote(whole_log(site_of({entry(1, xcom::member_role::non_voting), entry(2)}))));
}

// Killed right after it had acknowledged the site without it, when that word got lost, no other may know that this is decided.
TEST(giving_up_place, who_was_let_go_comes_back_to_say_so) {
  EXPECT_TRUE(gr::others_may_need_the_vote(whole_log(site_of({entry(2), entry(3)}))));
}

TEST(giving_up_place, a_vote_that_is_nobodys_is_not_given) {
  EXPECT_FALSE(gr::others_may_need_the_vote(whole_log(site_of({entry(1)})))) << "nobody needs it";
  EXPECT_FALSE(gr::others_may_need_the_vote(whole_log(site_of({entry(1, xcom::member_role::non_voting), entry(2)}))))
      << "it never asked for one";
  EXPECT_FALSE(gr::others_may_need_the_vote({}));
}

xcom::peer heard(std::uint64_t delivered) {
  xcom::peer made;
  made.spoke = true;
  made.last.delivered = xcom::slot_no(delivered);
  return made;
}

TEST(giving_up_place, it_is_given_up_once_the_others_can_go_on) {
  auto const pair = site_of({entry(1), entry(2)});
  EXPECT_TRUE(gr::may_give_up_place(pair, id(1), {{id(2), heard(30)}}));
  EXPECT_FALSE(gr::may_give_up_place(pair, id(1), {})) << "the other was not heard";
  EXPECT_FALSE(gr::may_give_up_place(pair, id(1), {{id(2), heard(0)}})) << "the other lost its data's position too";
}

// Its group may be gone for good, and another have taken its place.
TEST(giving_up_place, who_was_let_go_stays_while_somebody_of_its_site_is_there) {
  auto const without = site_of({entry(2), entry(3)});
  xcom::peer silent;
  silent.spoke = false;
  EXPECT_TRUE(gr::nobody_needs_the_vote(without, id(1), {{id(2), silent}, {id(3), silent}}));
  EXPECT_FALSE(gr::nobody_needs_the_vote(without, id(1), {{id(2), silent}, {id(3), heard(30)}}));
  EXPECT_FALSE(gr::nobody_needs_the_vote(site_of({entry(1), entry(2)}), id(1), {})) << "it has a vote";
}

TEST(giving_up_place, it_is_kept_while_leaving_would_stop_those_who_stay) {
  auto const three = site_of({entry(1), entry(2), entry(3)});
  auto silent = heard(30);
  silent.suspected = true;
  EXPECT_FALSE(gr::may_give_up_place(three, id(1), {{id(2), heard(30)}, {id(3), silent}}));
  EXPECT_TRUE(gr::may_give_up_place(three, id(1), {{id(2), heard(30)}, {id(3), heard(0)}}));
  auto const with_joiner = site_of({entry(1), entry(2), entry(3, xcom::member_role::joining)});
  EXPECT_TRUE(gr::may_give_up_place(with_joiner, id(1), {{id(2), heard(30)}})) << "a joiner has no vote yet";
}

}  // namespace
