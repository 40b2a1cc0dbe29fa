// What a member knows of the group that a joiner's choice would rest on, and the choices that follow: for whoever wants to know
// what would happen if somebody joined now. Values; taken as a snapshot, worked out by whoever asks.
#pragma once

#include <string>
#include <vector>

#include "base/result.hh"
#include "gr/ports.hh"
#include "recovery/join_plan.hh"

namespace gr {

struct known_member {
  recovery::candidate as;
  std::string name;
};

struct join_facts {
  base::uuid history;
  seqno_t ordered = -1;  // by the group, as far as this member knows
  std::vector<known_member> members;
  // As set on the member that answers: a joiner goes by its own.
  std::uint64_t donor_threshold = recovery::donor_threshold_max;
  std::uint64_t clone_threshold = recovery::clone_threshold_max;
  recovery::donor_policy policy = recovery::donor_policy::balanced;
  std::vector<xcom::member_id> named;
};

struct joiner_plan {
  std::string
      joiner;  // "new member", "new member at join_plan_position", or the name of a member: as it stands now, restarted without its log
  std::string position;  // its GTID set; empty: no data
  recovery::join_plan plan;
};

// One plan for an empty server, one for each member with data, and one for `asked` unless that is empty.
// Cost: O(members^2). ensure: `asked` parses.
std::vector<joiner_plan> plan_joins(join_facts const& known, std::string const& asked);

// "" (none), a position ("1234": everything up to there) or a GTID set ("uuid:1-1234"). Errors: what is expected.
base::result<certifier::gtid_set> parse_join_position(std::string const& text, base::uuid const& history);

}  // namespace gr
