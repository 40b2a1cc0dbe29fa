// What a seed decides before anything runs: how many servers, how small their limits, what their world is like.
// Limits are shrunk at random, because rare paths live at the edges (a cache of a few slots, segments of a few records).
#pragma once

#include <cstdint>
#include <string>

#include "base/prng.hh"
#include "gr/beginning.hh"
#include "gr/exit_policy.hh"
#include "gr/member.hh"
#include "sim/network.hh"
#include "sim/scheduler.hh"
#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace sim {

using gr::durability;

struct fault_rates {  // weights; 0: never in this run
  std::uint32_t crash = 0, crash_in_write = 0, crash_all = 0, power = 0, disk_full = 0;
  std::uint32_t partition = 0, one_way = 0, clog = 0, slow_link = 0, pause = 0;
  std::uint32_t slow_applier = 0, leave = 0, bad_links = 0, wipe = 0, half_heard = 0, late_words = 0,
                unheard_successor = 0, rules = 0, hand_over = 0, damage = 0, roles = 0, spoil = 0;
};

struct limits {
  std::size_t servers = 3;
  std::size_t initial = 3;    // how many start at once; the others come later
  std::uint32_t zones = 1;    // servers stand in them by turns
  bool old_programs = false;  // some servers run one that speaks only the lowest protocol, until they start again
  xcom::node_config node;     // self and boot are filled in by each server
  xcom::log_config log;
  durability durable = durability::os;
  link_quality links;
  std::uint32_t encode_ppm = 0;

  std::uint64_t rows = 64;
  std::size_t keys_max = 4;
  std::size_t payload_max = 200;
  std::size_t payload_huge = 0;          // now and then; 0: never
  std::uint64_t pack_from = 0;           // bytes of rows from which on they are packed; 0: never
  micros think_time = milliseconds(20);  // between two submissions of a server, on average
  std::size_t in_flight_max = 50;
  gr::member_config member;              // who and where it is, and what it holds, is filled in by each server
  std::uint64_t majority_ticks = 0;      // commits wait so long for a majority to come back; 0: for ever
  micros copy_time = milliseconds(500);  // of all data, on average
  micros apply_time = micros(200);

  gr::exit_settings exits;  // of every server, in a story

  gr::primary_mode mode = gr::primary_mode::multi;  // of the group that is founded
  gr::election_mode elects = gr::election_mode::weight_only;

  micros chaos = seconds(20);
  micros fault_every = milliseconds(500);
  micros trouble_every = micros(0);  // with the disk of one server, of a kind that lets it come back; 0: never
  fault_rates faults;

  [[nodiscard]] std::string describe() const;
};

struct member_range {
  std::size_t least = 3;
  std::size_t most = 9;
};

limits choose_limits(base::prng& random, member_range servers);
// In half of the runs a group that has a primary, or changes its mind about it. By dice of its own.
void choose_roles(base::prng random, limits& to);
// What one server of a run does that drops out of its group.
gr::exit_settings choose_exits(base::prng& random);
// In a third of the runs servers drop out that may come back.
micros choose_troubles(base::prng& random);

}  // namespace sim
