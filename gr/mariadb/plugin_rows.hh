// What the tables contain: columns, and rows made of a snapshot. Values only; how a server takes them is elsewhere.
// Always: every row has one cell per column, of that column's kind.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

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

std::vector<table_row> members_rows(group_status const& now);
// Counters are this member's own. Of the others only positions are known: their counters read 0, and COUNTERS_FROM says HEARTBEAT.
std::vector<table_row> member_stats_rows(group_status const& now);
std::vector<table_row> communication_rows(group_status const& now);

}  // namespace gr::mariadb
