#include "gr/held_history.hh"

#include <algorithm>
#include <optional>

#include "base/crc32c.hh"
#include "gr/history.hh"

namespace gr {
namespace {

constexpr std::uint64_t nothing = 1;
constexpr std::uint64_t messages = 2;
constexpr std::uint64_t a_site = 3;

// One multiplication: what follows waits for it.
std::uint64_t mix(std::uint64_t sum, std::uint64_t next) {
  sum = (sum ^ next) * 0x9e3779b97f4a7c15U;
  return sum ^ sum >> 32;
}

std::uint64_t number_at(base::uuid const& id, std::size_t offset) {
  std::uint64_t number = 0;
  for (std::size_t byte = 0; byte < 8; ++byte) number |= std::uint64_t{id.bytes[offset + byte]} << (8 * byte);
  return number;
}

std::uint64_t mix(std::uint64_t sum, xcom::member_id const& who) {
  constexpr std::uint64_t odd = 0xbf58476d1ce4e5b9U;  // so that halves of two ids do not cancel out
  return mix(mix(sum, number_at(who.uuid, 0)), number_at(who.uuid, 8) ^ who.incarnation * odd);
}

std::uint64_t mix(std::uint64_t sum, base::blob const& bytes) {
  return mix(sum, std::uint64_t{bytes.size()} << 32 ^ base::crc32c(0, bytes.view()));
}

struct extend {
  std::uint64_t sum;

  std::uint64_t operator()(xcom::no_op const&) const { return mix(sum, nothing); }
  std::uint64_t operator()(xcom::batch const& all) const {
    std::uint64_t now = mix(sum, messages);
    for (auto const& each : all.messages) now = mix(mix(mix(now, each.origin), each.seq.value()), each.payload);
    return now;
  }
  // Who is in it: programs of different age write the rest of a site in different ways.
  std::uint64_t operator()(xcom::site_change const& change) const {
    std::uint64_t now = mix(mix(sum, a_site), change.next.version);
    for (auto const& each : change.next.members) now = mix(mix(now, each.id), each.boot);
    return now;
  }
};

// As the log's own notes and checkpoints say.
struct known_slot {
  std::uint64_t digest = 0;  // after it
  seqno_t before = -1;       // the position before it, or one after that
};

// What was purged up to the slot may have left a checkpoint there, or the note of the next one.
base::result<std::optional<known_slot>> look_up(xcom::agreed_log& log, xcom::slot_no slot) {
  auto const note = note_of(log, slot);
  if (!note) return note.error();
  if (note->has_value()) return std::optional(known_slot{(*note)->digest, (*note)->before.seqno});
  for (auto const& each : log.checkpoints())
    if (each.slot == slot && is_beginning(each))
      return std::optional(known_slot{state_of(each).digest, state_of(each).seqno});
  auto const next = note_of(log, slot.next());
  if (!next) return next.error();
  if (!next->has_value()) return std::optional<known_slot>{};
  return std::optional(known_slot{(*next)->before.digest, (*next)->before.seqno});
}

// With which slot the data's position is complete. Nothing: the log does not reach back so far.
base::result<std::optional<landmark>> completing(xcom::agreed_log& log, xcom::slot_no last, seqno_t position) {
  auto const there = first_to_reach(log, last, position);
  if (!there) return there.error();
  auto const& above = there->first;
  if (above && above->before.seqno == position) return std::optional(landmark{there->below, above->before.digest});
  auto const note = note_of(log, there->below);
  if (!note) return note.error();
  return note->has_value() ? std::optional(landmark{there->below, (*note)->digest}) : std::nullopt;
}

}  // namespace

std::uint64_t extended(std::uint64_t digest, xcom::slot_no slot, xcom::value const& what) {
  return std::visit(extend{mix(digest, slot.value())}, what);
}

base::result<held_history> what_log_holds(xcom::agreed_log& log, base::uuid const& name, start_position const& data) {
  auto const last = log.last_noted();
  if (!last) return last.error();
  if (!last->has_value() || data.seqno < 0) return held_history{};
  auto const note = base::decode<slot_note>((*last)->note);
  if (!note || note->before.history != data.group) return held_history{};
  auto const newest = completing(log, (*last)->slot, data.seqno);
  if (!newest) return newest.error();
  if (!newest->has_value()) return held_history{};
  return what_log_holds(log, name, **newest);
}

base::result<held_history> what_log_holds(xcom::agreed_log& log, base::uuid const& name, landmark const& newest) {
  held_history held{name, {newest}};
  for (std::uint64_t back = 1; back < newest.slot.value() && held.marks.size() < landmarks_max; back *= 2) {
    xcom::slot_no const slot(newest.slot.value() - back);
    auto const note = note_of(log, slot);
    if (!note) return note.error();
    if (!note->has_value()) break;
    held.marks.push_back({slot, (*note)->digest});
  }
  return held;
}

base::result<comparison> compare(xcom::agreed_log& log, base::uuid const& name, held_history const& other) {
  comparison found;
  if (other.log != name) return found;
  for (std::size_t at = 0; at < std::min(other.marks.size(), landmarks_max); ++at) {
    auto const own = look_up(log, other.marks[at].slot);
    if (!own) return own.error();
    if (!own->has_value()) break;
    bool const equal = (*own)->digest == other.marks[at].digest;
    if (at == 0) found.held = equal ? likeness::same : likeness::other;
    if (equal) {
      found.agree_up_to = (*own)->before;
      break;
    }
  }
  return found;
}

}  // namespace gr
