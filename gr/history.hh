// Where in the log to begin, for data that stands at a given position. Functions of values.
// A member whose data stands at S needs every row written after the certifier's bound in force at S, so it must begin at a
// checkpoint at or below that bound, and from there to S it only learns, applying nothing.
#pragma once

#include <optional>
#include <span>

#include "gr/messages.hh"
#include "xcom/agreed_log.hh"

namespace gr {

// The checkpoint to begin from for data at `position`; nothing when the log does not reach back far enough.
// Shape: checkpoints ascending by slot, as agreed_log::checkpoints() gives them. Cost: O(checkpoints).
std::optional<xcom::checkpoint> beginning_for(std::span<xcom::checkpoint const> checkpoints, seqno_t position,
                                              std::optional<known_bound> const& known = std::nullopt);

// The newest one somebody can begin at whose position is at or below this.
std::optional<xcom::checkpoint> newest_at_or_below(std::span<xcom::checkpoint const> checkpoints, seqno_t position);

// The lowest position beginning_for() can serve; -1 when none.
seqno_t first_available(std::span<xcom::checkpoint const> checkpoints,
                        std::optional<known_bound> const& known = std::nullopt);

// A checkpoint without the application's part says only where a member was taken in; nobody can begin there, since the
// slots behind it may have come without notes.
[[nodiscard]] bool is_beginning(xcom::checkpoint const& at);

// The history the log belongs to; nil when no checkpoint says.
base::uuid history_of(std::span<xcom::checkpoint const> checkpoints);

// How far the log has verdicts, so that data up to there can be delivered from this log alone. Data can stand further after
// the host failed, when the database had its commits on the disk and the log had not the notes they rest on.
struct judged {
  xcom::slot_no slot;     // the last one with a note
  seqno_t at_least = -1;  // the position after it; -1: there is none
  seqno_t at_most = -1;   // one more when it changed the site: that may have been a view, which takes a position
  std::optional<known_bound> bound;  // of those in force at or below the data's position, the newest a note tells
};
// `data`: the position of the server's data, -1 when it has none. Cost: O(log slots) reads. Errors: the log's.
base::result<judged> judged_up_to(xcom::agreed_log& log, seqno_t data);

// Where a position is reached first: before the slot of this note every position was lower, as far as notes tell.
struct reached {
  xcom::slot_no below;             // the slot before it, or the last one
  std::optional<slot_note> first;  // its note; nothing: it is not reached
};
// Positions and bounds only grow along the notes, and what was purged lies below them. `last`: the last slot with a note.
// Cost: O(log slots) reads. Errors: the log's.
base::result<reached> first_to_reach(xcom::agreed_log& log, xcom::slot_no last, seqno_t position);

// How a slot was judged: nothing when it was not delivered here, or its note is gone. Cost and errors: the log's noted().
base::result<std::optional<slot_note>> note_of(xcom::agreed_log& log, xcom::slot_no slot);

// The application's part of a checkpoint. Bytes of another make give a state with a nil history.
replicated_state state_of(xcom::checkpoint const& at);
group_roles roles_of(xcom::checkpoint const& at);
apply_votes votes_of(xcom::checkpoint const& at);

// The checkpoint with what its donor knew, and with what every member knows of it.
[[nodiscard]] xcom::checkpoint with_bound_told(xcom::checkpoint at, known_bound const& told);
[[nodiscard]] xcom::checkpoint as_agreed(xcom::checkpoint at);

// Where a donor had delivery begin for data that stood at this position.
std::optional<xcom::checkpoint> copied_at(std::span<xcom::checkpoint const> checkpoints, seqno_t position);

}  // namespace gr
