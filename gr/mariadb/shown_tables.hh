// The tables by their names, as information_schema and the function group_replication_rows() show them.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "gr/mariadb/plugin_rows.hh"

namespace gr::mariadb {

struct shown_table {
  char const* name;
  char const* description;
  std::span<column const> (*columns)();
  // As of now. Takes no lock that anybody holds while he waits for something.
  std::vector<table_row> (*rows)();
};

inline constexpr std::size_t shown_table_count = 10;
// All are tables of information_schema.
std::span<shown_table const, shown_table_count> shown_tables();

// "MEMBERS" or "REPLICATION_GROUP_MEMBERS", any case; also those that are no table of information_schema: ROUTING. Null: unknown.
shown_table const* find_shown_table(std::string_view name);

// The rows as a JSON array of objects, in ASCII.
std::string rows_as_json(shown_table const& table);

// A script for a client: the function, and a view over it in sys for each table, with MySQL's names where MySQL has them.
std::string views_script();

}  // namespace gr::mariadb
