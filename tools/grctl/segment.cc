#include "tools/grctl/segment.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "certifier/write_set.hh"
#include "gr/mariadb/row_events.hh"
#include "gr/messages.hh"
#include "gr/packed_rows.hh"

namespace grctl {
namespace {

using xcom::record_kind;

std::string text(xcom::member_id const& id) { return fmt::format("{}/{}", base::to_string(id.uuid), id.incarnation); }
std::string text(xcom::ballot const& of) {
  return of.round == 0 ? "none" : fmt::format("{} of {}", of.round, xcom::to_string(of.proposer));
}
std::string text(xcom::origin_seq seq) {
  return fmt::format("{}.{}", seq.value() >> xcom::origin_count_bits,
                     seq.value() & ((1ULL << xcom::origin_count_bits) - 1));
}
char const* text(xcom::member_role role) {
  constexpr std::array<char const*, 4> names{"voter", "arbiter", "non-voting", "joining"};
  auto const at = static_cast<std::size_t>(role);
  return at < names.size() ? names[at] : "unknown role";
}

std::string text(xcom::site const& at) {
  std::string all = fmt::format("site {} {{", at.version);
  for (auto const& each : at.members)
    all += fmt::format("{}{} {} {} boot {}", all.ends_with('{') ? "" : ", ", text(each.id), each.address,
                       text(each.role), each.boot);
  return all + "}";
}

// ---- what gr put into a message and beside a slot; bytes of another origin are only counted ----
std::string text(gr::write_set_message const& what) {
  auto const keys = certifier::write_set::decode(what.keys);
  std::string tables;
  if (auto const rows = gr::rows_of(what.data, what.packed()))
    for (auto const& each : gr::mariadb::tables_in(*rows))
      tables += fmt::format("{}{}.{}", tables.empty() ? " in " : ", ", each.schema, each.table);
  return fmt::format("write set of trx {}, flags {:#x}, saw {}, {} keys, {} bytes{}{}", what.source.trx, what.flags,
                     what.last_seen, keys ? std::to_string(keys->size()) : "malformed", what.data.size(),
                     what.packed() ? " packed" : "", tables);
}
std::string text(gr::stable_message const& what) { return fmt::format("stable up to {}", what.up_to); }
std::string text(gr::state_request_message const& what) {
  return fmt::format("{} asks {} for a copy", xcom::to_string(what.joiner), xcom::to_string(what.donor));
}
std::string text(gr::marker_message const&) { return "marker"; }
std::string text(gr::apply_report_message const& what) {
  if (what.outcome == gr::was_applied) return fmt::format("transaction {} was applied", what.seqno);
  return fmt::format("transaction {} could not be applied ({:016x}): {}", what.seqno, what.outcome, what.what);
}
std::string text(gr::role_message const& what) {
  return fmt::format("epoch {}: {}", what.epoch,
                     gr::describe(what.what, [](xcom::member_id const& who) { return xcom::to_string(who); }));
}

std::string payload_text(base::blob const& payload) {
  auto const decoded = base::decode<gr::ordered_message>(payload);
  if (!decoded) return fmt::format("{} bytes", payload.size());
  return std::visit([](auto const& each) { return text(each); }, *decoded);
}

std::string note_text(base::blob const& note) {
  if (note.empty()) return "";
  auto const decoded = base::decode<gr::slot_note>(note);
  if (!decoded) return fmt::format("; note of {} bytes", note.size());
  std::string all = fmt::format("; from seqno {}", decoded->before.seqno + 1);
  for (auto const each : decoded->failed)
    all += fmt::format("{}{}", all.find("failed") == all.npos ? ", failed: #" : " #", each);
  return all;
}

std::string text(xcom::value const& what) {
  if (auto const* change = std::get_if<xcom::site_change>(&what)) return text(change->next);
  auto const* held = std::get_if<xcom::batch>(&what);
  if (held == nullptr) return "no-op";
  std::string all = fmt::format("{} message{}", held->messages.size(), held->messages.size() == 1 ? "" : "s");
  for (auto const& each : held->messages)
    all += fmt::format(" [{} {}: {}]", xcom::to_string(each.origin), text(each.seq), payload_text(each.payload));
  return all;
}

// Nothing where every member writes and nobody has said anything else.
std::string roles_text(gr::group_roles const& roles) {
  if (roles == gr::group_roles{}) return "";
  return fmt::format(", epoch {} {}{}", roles.epoch, gr::to_string(roles.mode),
                     roles.has_primary() ? " " + xcom::to_string(roles.primary) : std::string{});
}

// ---- records ----
std::string text(xcom::log_opening const& head) {
  constexpr std::array<char const*, 3> how{"goes on", "forgets what was undecided", "forgets everything before"};
  auto const at = static_cast<std::size_t>(head.how);
  return fmt::format(
      "opening   segment {}, {}, group {}, member {}, boot {}, promised {}, decided {}, since slot {}: {}",
      head.segment, at < how.size() ? how[at] : "unknown beginning", base::to_string(head.identity.group),
      text(head.identity.self), head.identity.boot, text(head.promised), head.decided.value(), head.site_since.value(),
      text(head.at));
}
std::string text(xcom::accepted_slot const& slot) {
  return fmt::format("accepted  {} in {}: {}", slot.slot.value(), text(slot.accepted_in), text(*slot.what));
}
std::string text(xcom::decided_slot const& slot) {
  return fmt::format("learned   {}: {}{}", slot.slot.value(), text(*slot.what), note_text(slot.note));
}
std::string text(xcom::slot_note const& note) {
  return fmt::format("note      {}{}", note.slot.value(), note_text(note.note));
}
std::string text(xcom::checkpoint const& at) {
  auto const state = gr::decode_state(at.app);
  std::string const position = state ? fmt::format("{}:{}{}", base::to_string(state->positions.history),
                                                   state->positions.seqno, roles_text(state->roles))
                                     : fmt::format("{} bytes of state", at.app.size());
  return fmt::format("checkpoint {}, {}, {} origins, {}", at.slot.value(), position, at.delivered.size(), text(at.at));
}

template <class Body> base::result<line> line_of(base::blob const& body) {
  auto const decoded = base::decode<Body>(body);
  if (!decoded) return decoded.error();
  return line{text(*decoded)};
}
base::result<line> promise_line(base::blob const& body) {
  auto const to = base::decode<xcom::ballot>(body);
  if (!to) return to.error();
  return line{"promise   " + text(*to)};
}
base::result<line> decided_line(base::blob const& body) {
  auto const up_to = base::decode<xcom::slot_no>(body);
  if (!up_to) return up_to.error();
  return line{fmt::format("decided   up to {}", up_to->value())};
}

std::string head_trouble(xcom::segment_head state, base::blob const& bytes) {
  if (state == xcom::segment_head::newer)
    return fmt::format("written by a newer version: log format {}, this tool knows {}",
                       bytes.data()[xcom::log_magic_bytes - 1], xcom::log_format_version);
  return state == xcom::segment_head::torn ? "the file ends inside its head"
                                           : "not a group replication log: it does not begin with \"quorlog\"";
}

}  // namespace

base::result<line> describe(xcom::raw_record const& record) {
  switch (record.kind) {
    case record_kind::opening: return line_of<xcom::log_opening>(record.body);
    case record_kind::accepted: return line_of<xcom::accepted_slot>(record.body);
    case record_kind::learned: return line_of<xcom::decided_slot>(record.body);
    case record_kind::note: return line_of<xcom::slot_note>(record.body);
    case record_kind::checkpoint: return line_of<xcom::checkpoint>(record.body);
    case record_kind::promise: return promise_line(record.body);
    case record_kind::decided: return decided_line(record.body);
  }
  return base::fail(fmt::format("a record of unknown kind {}", static_cast<unsigned>(record.kind)));
}

segment_report read_segment(base::blob const& bytes, record_call const& call) {
  segment_report report;
  report.bytes = bytes.size();
  auto const broken = [&](std::uint64_t at, std::string what, bool torn) {
    report.first_damage = {at, std::move(what), torn};
    return report;
  };
  if (auto const head = xcom::check_magic(bytes); head != xcom::segment_head::good)
    return broken(0, head_trouble(head, bytes), head == xcom::segment_head::torn);
  for (std::size_t at = xcom::log_magic_bytes; at < bytes.size();) {
    auto const record = xcom::record_at(bytes, at);
    if (!record) {
      bool const torn = xcom::is_torn_append(bytes, at);
      return broken(at, torn ? "the last record is not whole" : "the checksum of a record does not match", torn);
    }
    bool const first = at == xcom::log_magic_bytes;
    if (first != (record->kind == record_kind::opening))
      return broken(at, first ? "the first record does not open a segment" : "an opening in the middle", false);
    auto const described = describe(*record);
    if (!described) return broken(at, described.error().text, false);
    if (first) report.number = base::decode<xcom::log_opening>(record->body)->segment;
    ++report.records;
    call(at, described->text);
    at = record->next;
  }
  return report;
}

}  // namespace grctl
