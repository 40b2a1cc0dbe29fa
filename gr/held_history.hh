// Whether a member's data is the group's: a running digest of the agreed history, and what two logs say of it.
//
// Two members of one group may give different transactions the same position only after a human forced a minority to go on
// (docs/decisions/0009): what the lost majority decided, and the minority had not heard of, is then no part of the group any
// more, while the lost members' data holds it. Positions do not show that. The digest does: it is in every checkpoint and
// note, equal digests at a slot mean equal slots up to there.
#pragma once

#include <cstdint>

#include "gr/messages.hh"
#include "gr/options.hh"
#include "xcom/agreed_log.hh"

namespace gr {

// The digest after a slot, from the one before it. A guard against mistakes and forked histories, not against forgery.
// Shape: `what` as it is delivered, without the messages that were delivered before.
// Cost:  for each message a few ns and the CRC of its payload, about 0.1 ns a byte.
[[nodiscard]] std::uint64_t extended(std::uint64_t digest, xcom::slot_no slot, xcom::value const& what);

// More are not looked at: enough for any log, since their distances double.
inline constexpr std::size_t landmarks_max = 66;

// What `log`, called `name`, says of data that stands at `data`: nothing when it does not reach back to it, or is of another
// history. Where the log ends before the data, as after a failure of the host, it says how far it goes.
// Cost: O(log slots) reads. Errors: the log's.
base::result<held_history> what_log_holds(xcom::agreed_log& log, base::uuid const& name, start_position const& data);

// The same for data that stands with a slot whose digest is known: where a running member stopped delivering.
base::result<held_history> what_log_holds(xcom::agreed_log& log, base::uuid const& name, landmark const& newest);

struct comparison {
  likeness held = likeness::unknown;
  seqno_t agree_up_to = -1;  // as in history_answer
};
// What somebody else holds beside what `log`, called `name`, holds. Cost: O(marks) reads. Errors: the log's.
base::result<comparison> compare(xcom::agreed_log& log, base::uuid const& name, held_history const& other);

}  // namespace gr
