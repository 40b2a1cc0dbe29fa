#include "gr/mariadb/plugin_rows.hh"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "gr/mariadb/table_cells.hh"

namespace gr::mariadb {
namespace {

constexpr char const* channel = "group_replication_applier";  // what MySQL calls it; tools filter by it

constexpr std::array members_list{
    column{"CHANNEL_NAME", 64},   column{"MEMBER_ID", 36},
    column{"MEMBER_HOST", 255},   column{"MEMBER_PORT", 0},
    column{"MEMBER_STATE", 64},   column{"MEMBER_ROLE", 64},
    column{"MEMBER_VERSION", 64}, column{"MEMBER_COMMUNICATION_STACK", 64},
    column{"GROUP_ADDRESS", 300}, column{"APPLIED_POSITION", 0},
    column{"IS_LEADER", 3},       column{"HAS_VOTE", 3},
    column{"ZONE_ID", 0},         column{"SILENT_MS", 0},
    column{"UNLINKED", 1024},
};

constexpr std::array member_stats_list{
    column{"CHANNEL_NAME", 64},
    column{"VIEW_ID", 60},
    column{"MEMBER_ID", 36},
    column{"COUNT_TRANSACTIONS_IN_QUEUE", 0},
    column{"COUNT_TRANSACTIONS_CHECKED", 0},
    column{"COUNT_CONFLICTS_DETECTED", 0},
    column{"COUNT_TRANSACTIONS_ROWS_VALIDATING", 0},
    column{"TRANSACTIONS_COMMITTED_ALL_MEMBERS", 512},
    column{"LAST_CONFLICT_FREE_TRANSACTION", 64},
    column{"COUNT_TRANSACTIONS_REMOTE_IN_APPLIER_QUEUE", 0},
    column{"COUNT_TRANSACTIONS_REMOTE_APPLIED", 0},
    column{"COUNT_TRANSACTIONS_LOCAL_PROPOSED", 0},
    column{"COUNT_TRANSACTIONS_LOCAL_ROLLBACK", 0},
    column{"APPLIED_POSITION", 0},
    column{"COUNTERS_FROM", 16},
    column{"BACKLOG_TO_CERTIFY", 0},
    column{"BACKLOG_TO_APPLY", 0},
    column{"BACKLOG_BYTES", 0},
    column{"BACKLOG_MS", 0},
    column{"BACKLOG_PERCENT", 0},
    column{"APPLIED_PER_SECOND", 0},
    column{"FLOW_CONTROL_COUNTS", 3},
    column{"FLOW_CONTROL_ALLOWS", 0},
};

constexpr std::array communication_list{
    column{"WRITE_CONSENSUS_LEADERS_ACTUAL", 36},
    column{"WRITE_CONSENSUS_SINGLE_LEADER_CAPABLE", 0},
    column{"GROUP_ID", 36},
    column{"VIEW_NUMBER", 0},
    column{"HAVE_QUORUM", 3},
    column{"LAST_ORDERED_POSITION", 0},
    column{"STABLE_POSITION", 0},
    column{"LEADER_CHANGES", 0},
    column{"SLOTS_DECIDED", 0},
    column{"LOG_BYTES", 0},
    column{"RECOVERY", 512},
    column{"PROTOCOL", 0},
    column{"WRITE_CONCURRENCY", 0},
    column{"WAITS_FOR_ZONES", 3},
    column{"MEMBER_FAILURE_SUSPICIONS_COUNT", 2048},
};

constexpr std::array routing_list{
    column{"viable_candidate", 3},
    column{"read_only", 3},
    column{"transactions_behind", 0},
    column{"transactions_to_cert", 0},
};

std::string gtids_up_to(base::uuid const& group, seqno_t seqno) {
  return seqno > 1 ? base::to_string(group) + ":1-" + std::to_string(seqno) : gtid_text(group, seqno);
}
std::string view_id(group_status const& now) {
  return base::to_string(now.group).substr(0, 8) + ":" + std::to_string(now.view_number);
}

table_row stats_of(group_status const& now, member_row const& member) {
  counters const count = member.is_self ? now.count : counters{};
  auto const queued = std::min(count.receive_queue, count.received);
  return {channel,
          view_id(now),
          base::to_string(member.id),
          as_signed(count.send_queue),
          as_signed(count.replicated + count.received),
          as_signed(count.cert_failures),
          as_signed(count.cert_index_rows),
          gtids_up_to(now.group, now.stable),
          member.is_self ? gtid_text(now.group, now.last_ordered) : std::string{},
          as_signed(count.receive_queue),
          as_signed(count.received - queued),
          as_signed(count.replicated),
          as_signed(count.local_cert_failures),
          member.applied,
          std::string(member.is_self ? "SELF" : "HEARTBEAT"),
          member.backlog.to_certify,
          member.backlog.to_apply,
          member.backlog.bytes,
          member.backlog.lag_ms,
          member.backlog.percent,
          member.backlog.applies,
          yes_no(member.backlog.counts),
          member.backlog.allows};
}

// As MySQL 9.2 has it: a JSON object, address of each member to how often this one suspected it.
std::string suspicions_of(group_status const& now) {
  boost::json::object counts;
  for (auto const& member : now.members)
    if (!member.is_self) counts[member.group_address] = member.suspicions;
  return boost::json::serialize(counts);
}

}  // namespace

std::span<column const> members_columns() { return members_list; }
std::span<column const> member_stats_columns() { return member_stats_list; }
std::span<column const> communication_columns() { return communication_list; }
std::span<column const> routing_columns() { return routing_list; }

std::vector<table_row> members_rows(group_status const& now) {
  std::vector<table_row> rows;
  rows.reserve(now.members.size());
  for (auto const& member : now.members)
    rows.push_back({channel, base::to_string(member.id), member.host, std::int64_t{member.port}, member.state,
                    member.role, member.version, member.communication_stack, member.group_address, member.applied,
                    yes_no(member.is_leader), yes_no(member.votes), std::int64_t{member.zone}, member.silent_ms,
                    fmt::format("{}", fmt::join(member.unlinked, ","))});
  return rows;
}

std::vector<table_row> member_stats_rows(group_status const& now) {
  std::vector<table_row> rows;
  rows.reserve(now.members.size());
  for (auto const& member : now.members) rows.push_back(stats_of(now, member));
  return rows;
}

std::vector<table_row> routing_rows(group_status const& now, bool read_only) {
  bool const viable = now.connected && now.have_quorum && now.online;
  return {{yes_no(viable), yes_no(read_only), as_signed(now.count.receive_queue), as_signed(now.count.send_queue)}};
}

std::vector<table_row> communication_rows(group_status const& now) {
  if (!now.connected) return {};
  auto const leader = std::ranges::find_if(now.members, [](member_row const& row) { return row.is_leader; });
  return {{leader == now.members.end() ? std::string{} : base::to_string(leader->id), std::int64_t{1},
           base::to_string(now.group), now.view_number, yes_no(now.have_quorum), now.last_ordered, now.stable,
           as_signed(now.count.leader_changes), as_signed(now.count.slots_decided), as_signed(now.count.log_bytes),
           now.recovery, std::int64_t{now.protocol}, std::int64_t{now.write_concurrency}, yes_no(now.each_zone),
           suspicions_of(now)}};
}

}  // namespace gr::mariadb
