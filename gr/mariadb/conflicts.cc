#include "gr/mariadb/conflicts.hh"

#include <fmt/format.h>

#include "gr/mariadb/row_events.hh"
#include "gr/packed_rows.hh"

namespace gr::mariadb {
namespace {

char const* reason_of(refusal_reason why) {
  switch (why) {
    case refusal_reason::conflict: return "CERTIFICATION";
    case refusal_reason::too_old: return "TOO_OLD";
    case refusal_reason::unreadable: break;
  }
  return "UNREADABLE";
}

char const* name_of(certifier::key_kind kind) {
  switch (kind) {
    case certifier::key_kind::shared: return "SHARED";
    case certifier::key_kind::reference: return "REFERENCE";
    case certifier::key_kind::update: return "UPDATE";
    case certifier::key_kind::exclusive: break;
  }
  return "EXCLUSIVE";
}

// On the thread that all that is agreed on goes through: unpacking more than this would hold that up. More is rarely refused, and its
// tables are then not named.
constexpr std::size_t unpacked_bytes_max = 4U << 20;

std::string tables_of(refused_write_set const& what) {
  if (what.packed && rows_bytes(what.data, true) > unpacked_bytes_max) return {};
  auto const rows = rows_of(what.data, what.packed);
  auto tables = rows ? tables_in(*rows) : std::vector<table_name>{};
  if (what.why == refusal_reason::conflict)
    if (auto const keys = certifier::write_set::decode(what.keys)) tables = tables_of_key(tables, *keys, what.row);
  std::string names;
  for (auto const& each : tables) names += fmt::format("{}{}.{}", names.empty() ? "" : ",", each.schema, each.table);
  return names;
}

}  // namespace

void conflict_list::add(refused_write_set const& what, std::int64_t now_ms) {
  conflict_row row;
  row.at_ms = now_ms;
  row.reason = reason_of(what.why);
  row.tables = tables_of(what);
  row.history = what.history;
  row.refused = what.seqno;
  row.refused_node = what.source.node;
  row.winner = what.winner;
  row.winner_node = what.winner_node;
  if (what.why == refusal_reason::conflict) {
    row.row = what.row;
    row.kind = name_of(what.wanted);
    row.winner_kind = name_of(what.held);
  }
  keep(std::move(row));
}

void conflict_list::add_aborted(base::uuid const& history, base::uuid const& self, seqno_t by, std::int64_t now_ms) {
  conflict_row row;
  row.at_ms = now_ms;
  row.reason = "LOCK";
  row.history = history;
  row.refused_node = self;
  row.winner = by;
  keep(std::move(row));
}

void conflict_list::keep(conflict_row row) {
  std::lock_guard const hold(mutex_);
  row.number = ++count_;
  rows_.push_back(std::make_shared<conflict_row const>(std::move(row)));
  if (rows_.size() > conflicts_kept_max) rows_.erase(rows_.begin());
}

conflict_list::rows conflict_list::all() const {
  std::lock_guard const hold(mutex_);
  return rows_;
}

}  // namespace gr::mariadb
