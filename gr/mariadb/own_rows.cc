// Rows about this server alone: its settings, and the conflicts it saw.
#include <array>

#include <fmt/format.h>

#include "gr/mariadb/plugin_rows.hh"
#include "gr/mariadb/table_cells.hh"

namespace gr::mariadb {
namespace {

constexpr std::array configuration_list{
    column{"NAME", 64},
    column{"VALUE", why_characters},
    column{"DEFAULT_VALUE", why_characters},
    column{"ALLOWED", why_characters},
    column{"IS_SET", 3},
    column{"TAKES_EFFECT", 16},
    column{"SCOPE", 16},
    column{"ALIASES", 64},
    column{"DESCRIPTION", why_characters},
};

constexpr std::array conflicts_list{
    column{"CONFLICT_NUMBER", 0},
    column{"SEEN_AT", 19},  // UTC
    column{"REASON", 16},
    column{"TABLES", why_characters},
    column{"KEY_KIND", 16},
    column{"WINNER_KEY_KIND", 16},
    column{"KEY_HASH", 16},
    column{"REFUSED_GTID", 64},
    column{"REFUSED_MEMBER_ID", 36},
    column{"WINNER_GTID", 64},
    column{"WINNER_MEMBER_ID", 36},
};

table_row configuration_row(option_spec const& spec, option_store const& options) {
  return {std::string(spec.name),
          fitting(options.text(spec.name)),
          fitting(default_text(spec)),
          fitting(allowed_range(spec)),
          yes_no(options.is_set(spec.name)),
          std::string(effect_text(spec)),
          std::string(to_string(spec.scope)),
          std::string(spec.aliases),
          fitting(std::string(spec.description))};
}

table_row conflicts_row(conflict_row const& row) {
  return {as_signed(row.number),
          time_text(row.at_ms),
          row.reason,
          fitting(row.tables),
          row.kind,
          row.winner_kind,
          row.kind.empty() ? std::string{} : fmt::format("{:016x}", row.row),
          gtid_text(row.history, row.refused),
          id_text(row.refused_node),
          gtid_text(row.history, row.winner),
          id_text(row.winner_node)};
}

}  // namespace

std::span<column const> configuration_columns() { return configuration_list; }
std::span<column const> conflicts_columns() { return conflicts_list; }

std::vector<table_row> configuration_rows(option_store const& options) {
  std::vector<table_row> rows;
  for (auto const& spec : option_table())
    if (!spec.ignored) rows.push_back(configuration_row(spec, options));
  return rows;
}

std::vector<table_row> conflicts_rows(conflict_list::rows const& all) {
  std::vector<table_row> rows;
  for (auto each = all.rbegin(); each != all.rend(); ++each) rows.push_back(conflicts_row(**each));
  return rows;
}

}  // namespace gr::mariadb
