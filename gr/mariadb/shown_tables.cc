#include "gr/mariadb/shown_tables.hh"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <string>

#include <fmt/format.h>

#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"

namespace gr::mariadb {
namespace {

template <auto Rows> std::vector<table_row> of_group() {
  auto const held = current_group();
  return held ? Rows(held->status()) : std::vector<table_row>{};
}

std::vector<table_row> plan_as_asked(group_status const& now) {
  return join_plan_rows(now, shared_state::instance().options()->text("group_replication_join_plan_position"));
}

std::vector<table_row> own_configuration() { return configuration_rows(*shared_state::instance().options()); }

std::vector<table_row> own_conflicts() { return conflicts_rows(shared_state::instance().conflicts().all()); }

std::vector<table_row> own_routing() {
  auto const* const read_only = server_variable<bool const>("opt_readonly");
  return routing_rows(shared_state::instance().status(), read_only != nullptr && *read_only);
}

constexpr std::string_view name_prefix = "REPLICATION_GROUP_";

constexpr std::array<shown_table, shown_table_count> list{{
    {"REPLICATION_GROUP_MEMBERS", "Members of the group", members_columns, of_group<members_rows>},
    {"REPLICATION_GROUP_MEMBER_STATS", "Queues, conflicts and positions of the members", member_stats_columns,
     of_group<member_stats_rows>},
    {"REPLICATION_GROUP_COMMUNICATION_INFORMATION", "The group's ordered log", communication_columns,
     of_group<communication_rows>},
    {"REPLICATION_GROUP_CONFIGURATION", "The settings in force", configuration_columns, own_configuration},
    {"REPLICATION_GROUP_CONFLICTS", "The last transactions that did not pass, and why", conflicts_columns,
     own_conflicts},
    {"REPLICATION_GROUP_RECOVERY", "How this member joins, and its last joins", recovery_columns,
     of_group<recovery_rows>},
    {"REPLICATION_GROUP_DONORS", "Every member looked at as a donor in these joins", donors_columns,
     of_group<donors_rows>},
    {"REPLICATION_GROUP_JOIN_PLAN", "What would happen if a member joined now", join_plan_columns,
     of_group<plan_as_asked>},
    {"REPLICATION_GROUP_MEMBER_ACTIONS", "What a member does when it becomes the primary", member_actions_columns,
     of_group<member_actions_rows>},
    {"REPLICATION_GROUP_CONFIGURATION_VERSION", "How often the member actions were changed",
     configuration_version_columns, of_group<configuration_version_rows>},
}};

constexpr shown_table routing{"REPLICATION_GROUP_ROUTING", "Whether queries may be sent here", routing_columns,
                              own_routing};

struct character {
  std::uint32_t point = 0;
  std::size_t bytes = 0;  // 0: no character begins here
};

character first_of(std::string_view utf8) {
  auto const first = static_cast<std::uint8_t>(utf8.front());
  std::size_t const bytes = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes == 0 || bytes > utf8.size()) return {};
  if (bytes == 1) return {first, 1};
  std::uint32_t point = first & (0xffU >> (bytes + 1));
  for (char const each : utf8.substr(1, bytes - 1)) {
    if ((static_cast<std::uint8_t>(each) & 0xc0U) != 0x80) return {};
    point = point << 6 | (static_cast<std::uint8_t>(each) & 0x3fU);
  }
  return {point, bytes};
}

// Whatever character set the reader takes the text for, it says the same.
std::string in_ascii(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  while (!utf8.empty()) {
    auto const next = first_of(utf8);
    if (next.bytes == 0)
      out += '?';
    else if (next.bytes == 1)
      out += utf8.front();
    else if (next.point > 0xffff)
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((next.point - 0x10000) >> 10), 0xdc00 + (next.point & 0x3ff));
    else
      out += fmt::format("\\u{:04x}", next.point);
    utf8.remove_prefix(std::max<std::size_t>(1, next.bytes));
  }
  return out;
}

// Views: MySQL's names in sys; a proxy's name for the row it asks for.
std::string view_of(shown_table const& table) {
  std::string name(table.name);
  if (table.name == routing.name) name = "gr_member_routing_candidate_status";
  std::ranges::transform(name, name.begin(), [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
  return name;
}

std::string create_view(shown_table const& table) {
  std::string columns;
  for (auto const& each : table.columns()) {
    auto const type =
        each.characters_max == 0 ? std::string("BIGINT") : fmt::format("VARCHAR({})", each.characters_max);
    columns += fmt::format("{}\n      {} {} PATH '$.{}'", columns.empty() ? "" : ",", each.name, type, each.name);
  }
  return fmt::format(
      "-- {}\nCREATE OR REPLACE SQL SECURITY INVOKER VIEW sys.{} AS\n  SELECT shown.* FROM\n"
      "    JSON_TABLE(CONVERT(group_replication_rows('{}') USING utf8mb4), '$[*]' COLUMNS ({})) AS shown;\n\n",
      table.description, view_of(table), table.name, columns);
}

}  // namespace

std::span<shown_table const, shown_table_count> shown_tables() { return list; }

shown_table const* find_shown_table(std::string_view name) {
  std::string wanted(name);
  std::ranges::transform(wanted, wanted.begin(),
                         [](unsigned char each) { return static_cast<char>(std::toupper(each)); });
  if (!wanted.starts_with(name_prefix)) wanted.insert(0, name_prefix);
  if (wanted == routing.name) return &routing;
  auto const found = std::ranges::find(list, std::string_view(wanted),
                                       [](shown_table const& each) { return std::string_view(each.name); });
  return found == list.end() ? nullptr : &*found;
}

std::string rows_as_json(shown_table const& table) {
  boost::json::array all;
  auto const columns = table.columns();
  for (auto const& row : table.rows()) {
    boost::json::object each;
    for (std::size_t at = 0; at < row.size(); ++at)
      std::visit([&](auto const& cell) { each[columns[at].name] = cell; }, row[at]);
    all.push_back(std::move(each));
  }
  return in_ascii(boost::json::serialize(all));
}

std::string views_script() {
  std::string text =
      "-- Made by: grctl views. For a client, on one member: the others follow.\n\n"
      "CREATE FUNCTION IF NOT EXISTS group_replication_rows RETURNS STRING SONAME 'group_replication.so';\n\n";
  for (auto const& each : list) text += create_view(each);
  return text + create_view(routing);
}

}  // namespace gr::mariadb
