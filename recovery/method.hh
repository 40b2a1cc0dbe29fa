// How a joiner catches up: by pieces of the log, by a full copy, by waiting, or not at all. One function of values.
// Source: the arithmetic and the order of the clone decision in MySQL Group Replication, with two repairs: members without
//         data never count as donors, and a clone is followed by a log transfer whatever the gap has grown to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "recovery/donor_selection.hh"

namespace recovery {

inline constexpr std::uint64_t clone_threshold_max = INT64_MAX;
// Clones in a row that a purged log may force. More means that logs are purged faster than a copy takes.
inline constexpr unsigned clones_in_a_row_max = 3;

enum class method : std::uint8_t { log_transfer, clone, wait, leave };
std::string_view to_string(method what);

struct method_request {
  member_id self;
  gtid_set own;  // executed and received here
  std::uint64_t clone_threshold = clone_threshold_max;
  bool can_clone = true;     // this server is able to take a copy now
  bool has_data = true;      // false: a fresh server; the log alone does not make it one of the group
  unsigned clones_done = 0;  // clones that led to this start
};

struct method_choice {
  method what = method::leave;
  gtid_set missing;  // the union over the other ONLINE members of executed and received, minus `own`
  std::string why;
};

// Considers, in this order:
//   0. the joiner holds no data at all and somebody can be cloned from   -> clone
//   1. |missing| >= clone_threshold and somebody can be cloned from      -> clone (not right after a clone)
//   2. no ONLINE member's log holds all that is missing, but a clone can -> clone (clones_in_a_row_max times)
//   3. an ONLINE member's log holds it                                   -> log_transfer
//   4. a RECOVERING member's log holds it                                -> wait for it to come ONLINE
//   5. otherwise                                                         -> leave
// A server that cannot take a copy skips 1 and 2.
method_choice choose_method(std::span<candidate const> members, method_request const& request);

}  // namespace recovery
