// How many messages a second, and how long each takes: a row of the table for each case, a new group for each row.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bench/messages/group.hh"

namespace bench {

struct plan {
  member_config config;
  std::string sender;  // "leader", "follower", "all"
  std::size_t payload_bytes;
  std::size_t outstanding;  // of each sender
};

// The table, on standard output. `seconds`: of each case, without warming up.
void measure_throughput(std::vector<plan> const& all, double seconds);

}  // namespace bench
