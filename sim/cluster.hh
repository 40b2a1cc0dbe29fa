// One seed: a whole group, a time of chaos, a healing, and the demand that it goes on after it.
// Owner:  whoever runs it; one thread. Everything that happens is a function of the seed and the member range.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "sim/faults.hh"
#include "sim/server.hh"
#include "sim/world.hh"

namespace sim {

struct run_options {
  std::uint64_t seed = 1;
  member_range servers;
  std::FILE* trace_to = nullptr;
};

struct run_report {
  std::uint64_t seed = 0;
  std::string failure;  // empty: none
  std::string dump;     // the state of every server, when it failed
  std::string setting;  // the limits the seed chose
  statistics count;
  network_counters net;
  micros simulated;
  std::uint64_t slots = 0;
  std::uint64_t messages = 0;
  std::uint64_t site_changes = 0;
  std::uint64_t history = 0;  // digest of all that was delivered: equal for equal seeds
};

class cluster {
 public:
  explicit cluster(run_options const& options);

  run_report run();

 private:
  void start_servers();
  void work(server& which);
  void chaos();
  void demand_progress();
  void demand(std::string const& what, micros within, bool (cluster::*holds)() const);
  [[nodiscard]] bool all_online() const;
  [[nodiscard]] bool all_equal() const;
  [[nodiscard]] bool none_slowed() const;
  [[nodiscard]] bool right_ones_write() const;
  [[nodiscard]] run_report report() const;
  [[nodiscard]] std::string dump() const;

  run_options options_;
  world world_;
  std::vector<std::unique_ptr<server>> servers_;
  std::unique_ptr<faults> faults_;
  bool working_ = true;
  bool healed_ = false;
};

// Runs one seed, never throws.
run_report run_seed(run_options const& options);

}  // namespace sim
