// What the tables contain: columns, and rows made of a snapshot. Values only; how a server takes them is elsewhere.
// Always: every row has one cell per column, of that column's kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "gr/mariadb/conflicts.hh"
#include "gr/options.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

struct column {
  char const* name;
  unsigned characters_max;  // 0: a 64-bit integer
};
using table_cell = std::variant<std::string, std::int64_t>;
using table_row = std::vector<table_cell>;

std::span<column const> members_columns();
std::span<column const> member_stats_columns();
std::span<column const> communication_columns();
std::span<column const> recovery_columns();
std::span<column const> donors_columns();
std::span<column const> join_plan_columns();
std::span<column const> configuration_columns();
std::span<column const> conflicts_columns();
std::span<column const> routing_columns();
std::span<column const> member_actions_columns();
std::span<column const> configuration_version_columns();

std::vector<table_row> members_rows(group_status const& now);
// Counters are this member's own. Of the others only positions are known: their counters read 0, and COUNTERS_FROM says HEARTBEAT.
std::vector<table_row> member_stats_rows(group_status const& now);
std::vector<table_row> communication_rows(group_status const& now);
// The joins of this member, newest first; what is not known of one reads -1.
std::vector<table_row> recovery_rows(group_status const& now);
// Every member that was looked at in every decision of these joins.
std::vector<table_row> donors_rows(group_status const& now);
// What would happen to a joiner now: to an empty server, to each member, and to one at `asked` (gr/join_facts.hh).
std::vector<table_row> join_plan_rows(group_status const& now, std::string const& asked);
// Of the whole group, with MySQL's names.
std::vector<table_row> member_actions_rows(group_status const& now);
std::vector<table_row> configuration_version_rows(group_status const& now);

// Every option that has an effect.
std::vector<table_row> configuration_rows(option_store const& options);
// Newest first.
std::vector<table_row> conflicts_rows(conflict_list::rows const& all);
// One row, also without a group: what a proxy asks before it sends queries here.
std::vector<table_row> routing_rows(group_status const& now, bool read_only);

}  // namespace gr::mariadb
