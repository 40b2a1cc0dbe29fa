// The dry answer to "what would happen if a member that stands here joined now?": the same functions that decide when one
// does, and nothing else happens. A function of values.
#pragma once

#include <span>
#include <vector>

#include "recovery/donor_selection.hh"
#include "recovery/method.hh"

namespace recovery {

struct join_question {
  member_id self;  // who joins: it is nobody's donor. Nobody's id: a new server
  gtid_set own;    // what it would come with; empty: no data at all
  gtid_set group;  // all the group has ordered, as far as the one who answers knows
  std::uint32_t zone = 0;
  std::uint64_t clone_threshold = clone_threshold_max;
  std::uint64_t donor_threshold = donor_threshold_max;
  donor_policy policy = donor_policy::random;
  std::vector<member_id> named;
};

struct join_plan {
  method_choice choice;
  gtid_set errant;  // of `own` and not of the group: with any, the member is refused and the rest is empty
  selection donors;
};

// Cost: O(members * intervals). With policy random the order is one of those that are equally likely.
join_plan plan_join(std::span<candidate const> members, join_question const& question);

// What a member holds and its group does not. It must not take part with them: the same positions are others there.
gtid_set errant_in(gtid_set const& own, gtid_set const& group);

// One sentence that names them, for whoever has to save them.
std::string describe_errant(gtid_set const& errant);

}  // namespace recovery
