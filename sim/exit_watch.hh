// Watches one server from outside while it is out of its group (gr/exit_policy.hh); throws check_failed.
//
// Owner:  the simulated machine; outlives its processes.
// Always: (1) from dropped to online no write of its clients is taken, nor passes; (2) no more attempts follow each other than it may
//         make, and none begins while it is in the group; (3) it acts once, and does nothing by itself after that.
#pragma once

#include <cstdint>
#include <string>

namespace sim {

class exit_watch {
 public:
  void dropped() { out_ = true; }
  void tries_again(std::string const& who, std::uint64_t may);
  void acts(std::string const& who);
  void takes_write(std::string const& who) const;
  // True: it had dropped out, and came back by itself.
  bool online();
  void process_ended() { *this = {}; }

 private:
  bool out_ = false;
  bool acted_ = false;
  std::uint64_t attempts_ = 0;
};

}  // namespace sim
