// Many seeds, several at a time. Each simulation has one thread to itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/cluster.hh"

namespace sim {

struct swarm_options {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  member_range servers;
  unsigned jobs = 2;
  std::uint64_t failures_max = 1;  // stop after so many
};

struct swarm_report {
  std::uint64_t seeds = 0;
  std::vector<run_report> failed;  // by seed
  statistics count;
  std::uint64_t simulated_micros = 0;
  std::uint64_t slots = 0;
  std::uint64_t messages = 0;
  std::uint64_t site_changes = 0;
};

// `each_done` is called after every seed, by one thread at a time.
swarm_report run_swarm(swarm_options const& options, std::function<void(swarm_report const&)> const& each_done);

// The one line that repeats a seed.
std::string repeat_line(std::uint64_t seed, member_range servers);

}  // namespace sim
