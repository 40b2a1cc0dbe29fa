// Which member becomes the primary, judged by facts. A function of values: who calls it names the winner in the log, and what
// the log says counts, so facts that are stale cost a better choice and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "certifier/gtid_set.hh"
#include "gr/roles.hh"
#include "xcom/types.hh"

namespace gr {

struct primary_candidate {  // ONLINE, with a vote, and heard
  xcom::member_id id;
  std::uint32_t weight = 50;
  std::string server_version;
  certifier::gtid_set executed;
  std::uint64_t backlog = 0;  // transactions it has still to apply
};

// So few transactions are applied before anybody notices: they decide nothing.
inline constexpr std::uint64_t backlog_of_no_matter = 100;

// The lowest server version first (a primary's transactions have to be applied by all), as MySQL does it; then, by `how`,
//   WEIGHT_ONLY   the highest weight
//   GTID_FIRST    who has executed most, the highest weight
//   WEIGHT_FIRST  the highest weight, who has executed most
// then the shortest backlog, then the lowest uuid. "Most" is the number of GTIDs: a set that contains another is before it,
// and any two sets have an order, also those of which neither contains the other. Nothing: there is no candidate.
std::optional<xcom::member_id> elect_primary(std::span<primary_candidate const> candidates, election_mode how);

}  // namespace gr
