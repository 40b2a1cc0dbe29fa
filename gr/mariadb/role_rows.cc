// Rows of the tables of member actions.
#include <array>

#include "gr/mariadb/plugin_rows.hh"
#include "gr/mariadb/table_cells.hh"
#include "gr/roles.hh"

namespace gr::mariadb {
namespace {

constexpr std::array member_actions_list{
    column{"name", 255}, column{"event", 64},   column{"enabled", 0},
    column{"type", 64},  column{"priority", 0}, column{"error_handling", 64},
};
constexpr std::array configuration_version_list{column{"name", 255}, column{"version", 0}};

}  // namespace

std::span<column const> member_actions_columns() { return member_actions_list; }
std::span<column const> configuration_version_columns() { return configuration_version_list; }

std::vector<table_row> member_actions_rows(group_status const& now) {
  if (!now.connected) return {};
  std::vector<table_row> rows;
  for (auto const& each : member_action_names) {
    bool const lifts = each.kind == member_action_kind::lift_read_only;
    bool const enabled = lifts ? now.roles.lift_read_only : now.roles.start_channels;
    rows.push_back({std::string(each.name), std::string(after_primary_election), std::int64_t{enabled ? 1 : 0},
                    std::string("INTERNAL"), std::int64_t{lifts ? 1 : 10}, std::string(lifts ? "IGNORE" : "CRITICAL")});
  }
  return rows;
}

std::vector<table_row> configuration_version_rows(group_status const& now) {
  if (!now.connected) return {};
  return {{std::string("replication_group_member_actions"), as_signed(now.roles.actions_version)}};
}

}  // namespace gr::mariadb
