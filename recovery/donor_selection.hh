// Whom a joiner may copy from, and whom it asks first. Functions of values: no state, no clock, chance is handed in.
// Always: every member that was looked at leaves a row that says what became of it and why; `order` holds exactly the
//         members whose row says `kept`.
// Source: docs of group_replication_donor_threshold; the balanced policy is ours.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/prng.hh"
#include "certifier/gtid_set.hh"
#include "xcom/types.hh"

namespace recovery {

using certifier::gtid_set;
using xcom::member_id;

enum class member_state : std::uint8_t { online, recovering, unreachable, offline, error };
std::string_view to_string(member_state state);

// A member of the group as it was last heard of: in the view, or in a heartbeat since.
struct candidate {
  member_id id;
  member_state state = member_state::offline;
  gtid_set executed;     // applied
  gtid_set received;     // held in its log but not applied yet; may overlap `executed`
  gtid_set purged;       // what its log no longer holds
  bool arbiter = false;  // votes but keeps no data
  bool votes = true;     // one without a vote follows the group and is nobody's source
  bool primary = false;
  bool compatible = true;  // its version can feed a log to ours
  bool cloneable = true;   // its version and platform allow a full copy
  std::uint32_t zone = 0;
  std::uint32_t donations = 0;  // transfers it serves now
  // Whether its sets count, and something can be had from it when it is ONLINE.
  [[nodiscard]] bool is_source() const { return !arbiter && votes; }
};

// The purged set of a log whose first entry is `first_available` (1: nothing was purged).
gtid_set purged_before(base::uuid const& group, std::int64_t first_available);

enum class transfer_kind : std::uint8_t { log, clone };
enum class donor_policy : std::uint8_t {
  random,    // every kept donor is equally likely
  balanced,  // fewest donations, then not the primary, then my zone, then the smallest lag, then the smallest id
};

inline constexpr std::uint64_t donor_threshold_max = INT64_MAX;

struct selection_request {
  transfer_kind kind = transfer_kind::log;
  member_id self;
  std::uint32_t zone = 0;
  gtid_set missing;  // what the log transfer must bring; unused for a clone
  std::uint64_t donor_threshold = donor_threshold_max;
  donor_policy policy = donor_policy::random;
  std::vector<member_id> named;  // by an operator: asked first, in this order, however far behind they are
};

enum class donor_verdict : std::uint8_t {
  kept,     // in the order
  lagging,  // misses donor_threshold or more of what the candidates hold together
  is_self,
  not_online,
  is_arbiter,
  no_vote,
  incompatible,
  log_purged,     // log transfer: its log no longer holds all that is missing
  not_cloneable,  // clone only
};
std::string_view to_string(donor_verdict verdict);

struct decision {  // a row for people: information_schema, the log, scenario files
  member_id candidate;
  std::uint64_t lag = 0;  // |union of the candidates' executed - its executed|; 0 where it was never a candidate
  donor_verdict verdict = donor_verdict::kept;
  std::string why;
  friend bool operator==(decision const&, decision const&) = default;
};

struct selection {
  std::vector<member_id> order;  // best first; empty: nobody can serve
  std::vector<decision> rows;    // one per member given, in the order given
};

// Candidates are the members that can serve this kind of transfer. With U the union of their executed sets, those with
// |U - executed| < donor_threshold are kept; when none is, all candidates are. The joiner's own set plays no part.
// The counting is over all uuids; a threshold of 1 keeps whoever holds everything. Who is named and can serve is kept as
// well, and comes first.
// Cost: O(members * intervals). Draws from `random` only with policy random.
selection select_donors(std::span<candidate const> members, selection_request const& request, base::prng& random);

// Whether `member` could serve at all, lag aside; `kept` if so.
donor_verdict may_serve(candidate const& member, selection_request const& request);

}  // namespace recovery
