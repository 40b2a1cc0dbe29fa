// What all servers of one simulation share.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sim/limits.hh"
#include "sim/network.hh"
#include "sim/oracle.hh"
#include "sim/scheduler.hh"

namespace sim {

class server;

struct statistics {
  std::uint64_t steps = 0, submitted = 0, acknowledged = 0, conflicts = 0, unknown = 0, reads = 0, everywhere = 0;
  std::uint64_t crashes = 0, power_failures = 0, pauses = 0, hold_ups = 0, disks_full = 0, restarts = 0;
  std::uint64_t partitions = 0, one_way_cuts = 0, clogs = 0, slow_links = 0, bad_links = 0, slow_appliers = 0;
  std::uint64_t joins = 0, leaves = 0, expulsions = 0, clones = 0, kept_logs = 0, histories_lost = 0,
                leader_changes = 0, wipes = 0, gave_up = 0, diverged = 0, splits = 0, half_heard = 0, late_words = 0,
                unheard_successors = 0;
  std::uint64_t served = 0, purges = 0, rules_asked = 0, hand_overs = 0, unreadable = 0, damages = 0,
                ranges_damaged = 0, exchanges_finished = 0, held_back = 0, stepped_aside = 0, roles_asked = 0,
                spoiled = 0, failures = 0, given_up = 0, quarantined = 0, attempts_to_return = 0, came_back = 0,
                acted_on_exit = 0, disks_in_trouble = 0;
  void add(statistics const& more);
  [[nodiscard]] std::string describe() const;
};

struct spoiled_position {  // cannot be applied on these servers, wherever it does not come from
  std::set<std::string> servers;
  std::uint64_t error = 0;
};

struct world {
  limits with;
  base::prng random;
  std::FILE* trace_to = nullptr;
  scheduler clock;
  network net;
  oracle watch;
  statistics count;
  std::vector<server*> servers;
  std::map<gr::seqno_t, spoiled_position> spoiled;
  std::set<gr::seqno_t> mended;  // where nobody could help, somebody has put the rows right by hand

  world(limits chosen, base::prng seeded)
      : with(std::move(chosen)), random(seeded), net(clock, base::prng(random.next()), with.encode_ppm) {}

  [[nodiscard]] bool traces() const { return trace_to != nullptr; }
  void trace(std::string const& who, std::string const& line) const;
};

}  // namespace sim
