// Goal: the dry answer to a join is what the planner would do, for every position somebody may ask about.
#include "gr/join_facts.hh"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

base::uuid const history = base::make_uuid(9, 9);

certifier::gtid_set up_to(gr::seqno_t position) {
  certifier::gtid_set made;
  if (position > 0) made.add(history, {1, position});
  return made;
}

gr::known_member known(std::uint64_t number, gr::seqno_t applied, gr::seqno_t log_from) {
  gr::known_member made;
  made.name = "n" + std::to_string(number);
  made.as.id = {base::make_uuid(number << 32, number), number};
  made.as.state = recovery::member_state::online;
  made.as.executed = made.as.received = up_to(applied);
  made.as.purged = up_to(log_from);
  return made;
}

gr::join_facts group() {
  gr::join_facts facts;
  facts.history = history;
  facts.ordered = 1000;
  facts.members = {known(1, 1000, 0), known(2, 900, 500), known(3, 1000, 800)};
  return facts;
}

gr::joiner_plan plan_of(gr::join_facts const& facts, std::string const& joiner, std::string const& asked = "") {
  auto const plans = gr::plan_joins(facts, asked);
  auto const at = std::ranges::find(plans, joiner, &gr::joiner_plan::joiner);
  return at == plans.end() ? gr::joiner_plan{} : *at;
}

TEST(join_facts, an_empty_server_is_copied_and_a_member_reads_the_log) {
  EXPECT_EQ(plan_of(group(), "new member").plan.choice.what, recovery::method::clone);
  auto const back = plan_of(group(), "n2");
  EXPECT_EQ(back.plan.choice.what, recovery::method::log_transfer);
  EXPECT_EQ(back.plan.choice.missing.count(), 100U);
  ASSERT_EQ(back.plan.donors.order.size(), 2U) << "nobody is its own donor";
}

TEST(join_facts, a_position_finds_the_logs_that_reach_back_to_it) {
  auto const at = [](char const* position) {
    return plan_of(group(), "new member at join_plan_position", position).plan;
  };
  EXPECT_EQ(at("499").donors.order.size(), 1U);
  EXPECT_EQ(at("500").donors.order.size(), 2U);
  EXPECT_EQ(at("799").donors.order.size(), 2U);
  EXPECT_EQ(at("800").donors.order.size(), 3U);
  EXPECT_EQ(at("0").choice.what, recovery::method::clone) << "no data";
  EXPECT_EQ(at((base::to_string(history) + ":1-900").c_str()).choice.missing.count(), 100U);
}

TEST(join_facts, thresholds_are_those_that_are_set) {
  auto facts = group();
  facts.clone_threshold = 100;
  facts.donor_threshold = 100;
  auto const plan = plan_of(facts, "new member at join_plan_position", "900").plan;
  EXPECT_EQ(plan.choice.what, recovery::method::clone);
  EXPECT_EQ(plan.donors.order.size(), 2U);
  EXPECT_EQ(plan.donors.rows[1].verdict, recovery::donor_verdict::lagging);
}

TEST(join_facts, what_the_group_does_not_have_is_refused_and_named) {
  auto const other = base::make_uuid(8, 8);
  for (std::string const& position : {std::string("1005"), base::to_string(other) + ":7"}) {
    auto const plan = plan_of(group(), "new member at join_plan_position", position).plan;
    EXPECT_EQ(plan.choice.what, recovery::method::leave);
    auto const errant = position == "1005" ? base::to_string(history) + ":1001-1005" : position;
    EXPECT_EQ(plan.errant.text(), errant);
    EXPECT_NE(plan.choice.why.find(errant), std::string::npos) << plan.choice.why;
    EXPECT_TRUE(plan.donors.rows.empty());
  }
}

TEST(join_facts, positions_are_parsed_or_refused) {
  for (char const* bad : {"-1", "12a", "x:1", "99999999999999999999"})
    EXPECT_FALSE(gr::parse_join_position(bad, history)) << bad;
  EXPECT_EQ(gr::parse_join_position("7", history)->count(), 7U);
}

}  // namespace
