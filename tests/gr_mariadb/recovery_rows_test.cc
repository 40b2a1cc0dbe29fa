// Goal: the tables about joins and backlogs have a cell for each column, of its kind, and say what the snapshot says.
#include <gtest/gtest.h>

#include <algorithm>

#include "gr/join_facts.hh"
#include "gr/mariadb/plugin_rows.hh"

namespace gr::mariadb {
namespace {

void expect_shape(std::vector<table_row> const& rows, std::span<column const> columns) {
  for (auto const& row : rows) {
    ASSERT_EQ(row.size(), columns.size());
    for (std::size_t at = 0; at < row.size(); ++at)
      EXPECT_EQ(std::holds_alternative<std::string>(row[at]), columns[at].characters_max > 0) << columns[at].name;
  }
}

table_cell cell(table_row const& row, std::span<column const> columns, std::string_view name) {
  auto const at = std::ranges::find(columns, name, [](column const& each) { return std::string_view(each.name); });
  return at == columns.end() ? table_cell{} : row.at(static_cast<std::size_t>(at - columns.begin()));
}

group_status two_joins() {
  join_record first;
  first.number = 7;
  first.began_ms = 1'700'000'000'123;
  first.phase = join_phase::failed;
  first.last_error = std::string(2'000, 'x');
  join_record second;
  second.number = 8;
  second.phase = join_phase::fetching;
  second.left = 12;
  second.decisions.push_back({1, 30, "incremental", "12 transactions missing", {{}, {}}});
  second.decisions.back().donors[1].chosen = true;
  group_status now;
  now.joins = std::make_shared<std::vector<join_record> const>(std::vector{first, second});
  return now;
}

TEST(recovery_rows, joins_come_newest_first) {
  auto const rows = recovery_rows(two_joins());
  expect_shape(rows, recovery_columns());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(cell(rows[0], recovery_columns(), "JOIN_NUMBER"), table_cell(std::int64_t{8}));
  EXPECT_EQ(cell(rows[0], recovery_columns(), "PHASE"), table_cell(std::string("INCREMENTAL")));
  EXPECT_EQ(cell(rows[1], recovery_columns(), "STARTED_AT"), table_cell(std::string("2023-11-14 22:13:20")));
  EXPECT_EQ(std::get<std::string>(cell(rows[1], recovery_columns(), "LAST_ERROR")).size(), 512U);
}

TEST(recovery_rows, every_candidate_of_every_decision_is_a_row) {
  auto const rows = donors_rows(two_joins());
  expect_shape(rows, donors_columns());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(cell(rows[1], donors_columns(), "IS_DONOR"), table_cell(std::string("YES")));
}

TEST(recovery_rows, nothing_is_known_without_a_group) {
  EXPECT_TRUE(recovery_rows({}).empty());
  EXPECT_TRUE(donors_rows({}).empty());
  EXPECT_TRUE(join_plan_rows({}, "").empty());
}

TEST(recovery_rows, a_plan_has_a_row_for_each_joiner_and_member) {
  join_facts facts;
  facts.history = base::make_uuid(9, 9);
  facts.ordered = 100;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    known_member who;
    who.name = "n" + std::to_string(number);
    who.as.id = {base::make_uuid(number << 32, number), number};
    who.as.state = recovery::member_state::online;
    who.as.executed.add(facts.history, {1, 100});
    who.as.received = who.as.executed;
    facts.members.push_back(who);
  }
  for (auto const policy : {recovery::donor_policy::random, recovery::donor_policy::balanced}) {
    facts.policy = policy;
    facts.named = {facts.members[1].as.id};
    group_status now;
    now.for_joiners = std::make_shared<join_facts const>(facts);
    auto const columns = join_plan_columns();
    auto const rows = join_plan_rows(now, "105");
    expect_shape(rows, columns);
    ASSERT_EQ(rows.size(), 4U * 3U + 1U) << "an empty server, three members, and one that is refused";
    EXPECT_EQ(cell(rows[1], columns, "ASKED_AS"), table_cell(std::int64_t{1})) << "named";
    bool const drawn = policy == recovery::donor_policy::random;
    EXPECT_EQ(cell(rows[0], columns, "ASKED_AS"), table_cell(std::int64_t{2}));
    EXPECT_EQ(cell(rows[2], columns, "ASKED_AS"), table_cell(std::int64_t{drawn ? 2 : 3}));
    EXPECT_EQ(cell(rows.back(), columns, "METHOD"), table_cell(std::string("leave")));
  }
}

TEST(member_stats_rows, have_a_cell_for_each_column_also_while_nothing_is_known_of_a_backlog) {
  group_status now;
  now.members.resize(2);
  now.members[1].backlog = {1, 2, 3, 4, 5, 66, 7, true};
  auto const columns = member_stats_columns();
  auto const rows = member_stats_rows(now);
  expect_shape(rows, columns);
  EXPECT_EQ(cell(rows[0], columns, "BACKLOG_TO_APPLY"), table_cell(std::int64_t{-1}));
  EXPECT_EQ(cell(rows[1], columns, "BACKLOG_TO_APPLY"), table_cell(std::int64_t{2}));
  EXPECT_EQ(cell(rows[1], columns, "BACKLOG_PERCENT"), table_cell(std::int64_t{66}));
  EXPECT_EQ(cell(rows[1], columns, "FLOW_CONTROL_COUNTS"), table_cell(std::string("YES")));
}

}  // namespace
}  // namespace gr::mariadb
