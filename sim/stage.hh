// Where a scenario is played: the servers, their clients, and the things that can be done to them.
// Owner:  one telling of one scenario; one thread.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "sim/scenario.hh"
#include "sim/server.hh"
#include "sim/world.hh"

namespace sim {

class stage {
 public:
  stage(scenario const& what, std::uint64_t seed, std::FILE* trace_to);

  // ---- what a line does ----
  void start(std::vector<whom> const& which);
  void force(std::vector<whom> const& which);  // these go on without the others
  void each(std::vector<whom> const& which, std::function<void(server&)> const& what);
  void links(std::vector<whom> const& from, std::vector<whom> const& to, bool both_ways,
             std::function<void(std::string const& from, std::string const& to)> const& what);
  void heal();
  void set_load(std::vector<whom> const& which, bool on);
  // The position that comes so many after the last one cannot be applied on these.
  void spoil(std::uint64_t ahead, std::vector<std::string> const& servers);
  void set_loss(std::uint64_t percent);
  void pass(micros time) { world_.clock.run_until(world_.clock.now().plus(time.value())); }
  // What counts from here on: progress since an expectation began, and what was acknowledged when something was done last.
  void begin_expectation() { acknowledged_before_ = world_.count.acknowledged; }
  void begin_command() { must_hold_ = world_.watch.acknowledged_up_to(); }

  // ---- what a line asks ----
  [[nodiscard]] std::vector<server*> find(std::vector<whom> const& which) const;
  [[nodiscard]] bool all_of(std::vector<whom> const& which, std::function<bool(server const&)> const& holds) const;
  [[nodiscard]] bool sites_have(std::uint64_t members) const;  // as every ONLINE server sees it
  [[nodiscard]] bool same_data() const;
  [[nodiscard]] bool nothing_lost() const;
  [[nodiscard]] std::uint64_t acknowledged_since() const { return world_.count.acknowledged - acknowledged_before_; }
  [[nodiscard]] bool progressed() const { return world_.count.acknowledged > acknowledged_before_; }
  [[nodiscard]] statistics const& count() const { return world_.count; }
  [[nodiscard]] micros now() const { return world_.clock.now(); }
  void report(story_report& to) const;
  [[nodiscard]] std::string dump() const;
  network& net() { return world_.net; }

 private:
  [[nodiscard]] bool is_donor(server const& which) const;
  struct clients {
    bool wanted = false;
    bool there = false;  // the next one is on its way
  };
  void work(server& which, clients& its);

  world world_;
  std::vector<std::unique_ptr<server>> servers_;
  std::vector<clients> clients_;  // of each server; never resized
  bool founded_ = false;
  std::uint64_t acknowledged_before_ = 0;
  gr::seqno_t must_hold_ = 0;
};

}  // namespace sim
