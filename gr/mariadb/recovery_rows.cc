// Rows about joins: those of this member, and those that could be.
#include <algorithm>
#include <array>
#include <utility>

#include "gr/join_facts.hh"
#include "gr/mariadb/plugin_rows.hh"
#include "gr/mariadb/table_cells.hh"

namespace gr::mariadb {
namespace {

constexpr std::array recovery_list{
    column{"JOIN_NUMBER", 0},
    column{"STARTED_AT", 19},  // UTC
    column{"LASTED_MS", 0},
    column{"PHASE", 32},
    column{"METHOD", 32},
    column{"WHY", why_characters},
    column{"DONOR_ID", 36},
    column{"DONOR_NAME", 64},
    column{"TRANSACTIONS_DONE", 0},
    column{"TRANSACTIONS_LEFT", 0},
    column{"BYTES_READ", 0},
    column{"BYTES_LEFT", 0},
    column{"TRANSACTIONS_PER_SECOND", 0},
    column{"ETA_MS", 0},
    column{"ATTEMPTS", 0},
    column{"ATTEMPTS_MAX", 0},
    column{"FULL_COPIES", 0},
    column{"LAST_ERROR", why_characters},
};

constexpr std::array donors_list{
    column{"JOIN_NUMBER", 0},
    column{"DECISION", 0},
    column{"AFTER_MS", 0},
    column{"METHOD", 32},
    column{"METHOD_WHY", why_characters},
    column{"MEMBER_ID", 36},
    column{"MEMBER_NAME", 64},
    column{"MEMBER_STATE", 64},
    column{"LAG", 0},
    column{"LOG_FROM", 0},
    column{"LOG_UP_TO", 0},
    column{"ZONE_ID", 0},
    column{"DONATIONS", 0},
    column{"ASKED_AS", 0},
    column{"IS_DONOR", 3},
    column{"VERDICT", 32},
    column{"REASON", why_characters},
};

constexpr std::array join_plan_list{
    column{"JOINER", 64},
    column{"JOINER_POSITION", why_characters},
    column{"METHOD", 32},
    column{"METHOD_WHY", why_characters},
    column{"TRANSACTIONS_MISSING", 0},
    column{"MEMBER_ID", 36},
    column{"MEMBER_NAME", 64},
    column{"MEMBER_STATE", 64},
    column{"LAG", 0},
    column{"LOG_FROM", 0},
    column{"LOG_UP_TO", 0},
    column{"ZONE_ID", 0},
    column{"DONATIONS", 0},
    column{"ASKED_AS", 0},
    column{"VERDICT", 32},
    column{"REASON", why_characters},
};

table_row recovery_row(join_record const& join) {
  return {as_signed(join.number),
          time_text(join.began_ms),
          join.lasted_ms,
          std::string(to_string(join.phase)),
          join.method,
          fitting(join.why),
          id_text(join.donor),
          join.donor_name,
          join.done,
          join.left,
          join.bytes,
          join.bytes_left,
          join.rate,
          join.eta_ms,
          as_signed(join.attempts),
          as_signed(join.attempts_max),
          std::int64_t{join.copies},
          fitting(join.last_error)};
}

table_row donors_row(join_record const& join, join_decision const& decision, donor_row const& donor) {
  return {as_signed(join.number),
          std::int64_t{decision.number},
          decision.after_ms,
          decision.method,
          fitting(decision.why),
          id_text(donor.id),
          donor.name,
          donor.state,
          as_signed(donor.lag),
          donor.log_from,
          donor.log_up_to,
          std::int64_t{donor.zone},
          std::int64_t{donor.donations},
          std::int64_t{donor.rank},
          yes_no(donor.chosen),
          donor.verdict,
          fitting(donor.why)};
}

std::int64_t last_of(certifier::gtid_set const& set, base::uuid const& history) {
  auto const at = set.intervals().find(history);
  return at == set.intervals().end() ? 0 : at->second.back().last;
}

// Equal chances are an equal rank: which of them comes first is drawn when it is needed.
std::int64_t rank_of(join_facts const& known, recovery::selection const& donors, xcom::member_id const& who) {
  auto const at = std::ranges::find(donors.order, who);
  if (at == donors.order.end()) return 0;
  auto const is_named = [&](xcom::member_id const& each) {
    return std::ranges::find(known.named, each) != known.named.end();
  };
  bool const drawn = known.policy == recovery::donor_policy::random && !is_named(who);
  return 1 + (drawn ? std::ranges::count_if(donors.order, is_named) : at - donors.order.begin());
}

table_row plan_row(join_facts const& known, joiner_plan const& joiner, known_member const& member,
                   recovery::decision const& row) {
  return {joiner.joiner,
          fitting(joiner.position),
          std::string(recovery::to_string(joiner.plan.choice.what)),
          fitting(joiner.plan.choice.why),
          as_signed(joiner.plan.choice.missing.count()),
          id_text(member.as.id.uuid),
          member.name,
          std::string(recovery::to_string(member.as.state)),
          as_signed(row.lag),
          last_of(member.as.purged, known.history),
          last_of(member.as.received, known.history),
          std::int64_t{member.as.zone},
          std::int64_t{member.as.donations},
          rank_of(known, joiner.plan.donors, member.as.id),
          std::string(recovery::to_string(row.verdict)),
          fitting(row.why)};
}

// No member was looked at: it is refused.
table_row plan_row(joiner_plan const& joiner) {
  table_row row{joiner.joiner, fitting(joiner.position), std::string(recovery::to_string(joiner.plan.choice.what)),
                fitting(joiner.plan.choice.why)};
  for (auto const& each : std::span(join_plan_list).subspan(row.size()))
    row.push_back(each.characters_max == 0 ? table_cell(std::int64_t{0}) : table_cell(std::string{}));
  return row;
}

}  // namespace

std::span<column const> recovery_columns() { return recovery_list; }
std::span<column const> donors_columns() { return donors_list; }
std::span<column const> join_plan_columns() { return join_plan_list; }

std::vector<table_row> recovery_rows(group_status const& now) {
  std::vector<table_row> rows;
  if (!now.joins) return rows;
  for (auto const& join : *now.joins) rows.insert(rows.begin(), recovery_row(join));
  return rows;
}

std::vector<table_row> donors_rows(group_status const& now) {
  std::vector<table_row> rows;
  if (!now.joins) return rows;
  for (auto join = now.joins->rbegin(); join != now.joins->rend(); ++join)
    for (auto const& decision : join->decisions)
      for (auto const& donor : decision.donors) rows.push_back(donors_row(*join, decision, donor));
  return rows;
}

std::vector<table_row> join_plan_rows(group_status const& now, std::string const& asked) {
  std::vector<table_row> rows;
  if (!now.for_joiners) return rows;
  auto const& known = *now.for_joiners;
  for (auto const& joiner : plan_joins(known, asked)) {
    if (joiner.plan.donors.rows.empty()) rows.push_back(plan_row(joiner));
    // A row for each member, in their order.
    for (std::size_t at = 0; at < joiner.plan.donors.rows.size(); ++at)
      rows.push_back(plan_row(known, joiner, known.members[at], joiner.plan.donors.rows[at]));
  }
  return rows;
}

}  // namespace gr::mariadb
