// How long nothing is delivered when a member dies or stands still.
#pragma once

#include <string>

#include "bench/messages/member.hh"

namespace bench {

// The table, on standard output: a new group for each row.
void measure_gaps(member_config const& config);

}  // namespace bench
