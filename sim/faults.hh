// What goes wrong, when, and for how long: chosen by the seed, within what the group's promises allow.
// Owner:  one simulation.
// Always: (1) every fault ends, at the latest when the world is healed; (2) no fault takes from the group what it never
//         promised to survive (with durability OS: the memory of a majority).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/server.hh"
#include "sim/world.hh"

namespace sim {

class faults {
 public:
  // `troubles`: dice of their own for what lets servers drop out of the group.
  faults(world& shared, std::vector<std::unique_ptr<server>>& servers, base::prng troubles);

  void begin(micros until);
  void heal();  // ends all of them; everybody runs

 private:
  struct kind {
    std::uint32_t weight;
    void (faults::*strike)();
  };

  void next();
  void crash();
  void crash_in_write();
  void crash_all();
  void power();
  void disk_full();
  void partition();
  void one_way();
  void clog();
  void slow_link();
  void pause();
  void slow_applier();
  void leave();
  void bad_links();
  void wipe();
  void half_heard();
  void late_words();
  void unheard_successor();
  void rules();
  void hand_over();
  void damage();
  void spoil();
  void roles();

  void next_trouble();
  void trouble();

  void restart_later(server& which);
  void later(std::function<void()> end);  // when the fault is over
  server& any_server();
  server* any_running();
  std::pair<server*, server*> any_link();
  server* leader();  // one of them, should there be two
  std::vector<server*> some_others(server const& than, std::size_t count);
  [[nodiscard]] micros suspicion() const;  // so long a silence means something
  void silence(server& which);
  void watch_for_successor(std::vector<server*> const& deaf, std::vector<server*> const& others, micros until);
  void set_links(std::vector<server*> const& from, std::vector<server*> const& to,
                 void (network::*what)(std::string const&, std::string const&));
  [[nodiscard]] bool may_forget(server const& which) const;
  [[nodiscard]] bool may_forget(server const& which, xcom::site const& site) const;
  [[nodiscard]] bool site_may_change() const;
  [[nodiscard]] bool may_leave(server const& which) const;
  void between_sides(std::vector<bool> const& side, void (network::*what)(std::string const&, std::string const&));

  world& world_;
  std::vector<std::unique_ptr<server>>& servers_;
  base::prng random_;
  base::prng troubles_;
  micros until_;
  std::vector<kind> kinds_;
  std::uint64_t weights_ = 0;
};

}  // namespace sim
