// What a server does that is out of its group and was not asked to leave it.
//
//   IN_GROUP --dropped--> WAITING --time--> TRYING --online--> IN_GROUP
//      |                     ^                 |
//      |                     +-----dropped-----+
//      +--dropped, and coming back makes no sense, or was tried often enough--> ENDED --online--> IN_GROUP
//      any --a person leaves or joins--> BY_HAND --online--> IN_GROUP
//
// The group itself takes back whoever it went on without (runtime: join_again); of that nothing is seen here. What is, is a
// member that gave up: its log could not be written, no donor was left, the group refused it, its data is another's.
//
// Owner:  whoever can carry steps out on the server. Sees no clock: `now` is since any fixed moment.
// Always: (1) from dropped() until online() writes are held; (2) no more than `tries` attempts follow each other without an
//         online() between; the first one at once, each other one `interval` after the last;
//         (3) act is said once, after the last attempt; (4) after asked() nothing is done that the person did not ask for.
// Source: MySQL's group_replication_autorejoin_tries and group_replication_exit_state_action.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gr {

enum class exit_action : std::uint8_t {
  read_only,     // nothing more than that writes are held
  abort_server,  // the server shuts down
  offline_mode,  // clients are sent away
};
// As group_replication_exit_state_action is written; nothing: no such action.
std::optional<exit_action> exit_action_named(std::string_view name);

struct exit_settings {
  std::uint64_t tries = 3;
  std::chrono::milliseconds interval{300'000};
  exit_action action = exit_action::read_only;
};

// ---- what to do, in this order ----
struct hold_writes {};  // until release_writes
struct come_back {      // ask the group to take this server in; answered by online() or dropped()
  std::uint64_t attempt = 0;
};
struct act_on_exit {
  exit_action what = exit_action::read_only;
  std::string why;
};
struct release_writes {};
using exit_step = std::variant<hold_writes, come_back, act_on_exit, release_writes>;

class exit_policy {
 public:
  using moment = std::chrono::milliseconds;
  enum class phase : std::uint8_t { in_group, waiting, trying, ended, by_hand };

  // `may_return`: nothing speaks against it but what went wrong, and that may be over by then.
  [[nodiscard]] std::vector<exit_step> dropped(std::string const& why, bool may_return, moment now,
                                               exit_settings const& set);
  [[nodiscard]] std::vector<exit_step> online();
  // The server leaves or is joined, and not by a step of this machine: a person wants it.
  void asked();
  [[nodiscard]] std::vector<exit_step> passed(moment now, exit_settings const& set);

  // When passed() has something to do; nothing: not before something else happens.
  [[nodiscard]] std::optional<moment> due() const;
  [[nodiscard]] phase now_in() const { return phase_; }
  [[nodiscard]] bool holds_writes() const { return holds_; }
  // One line for a person; empty while in the group.
  [[nodiscard]] std::string describe(moment now, exit_settings const& set) const;

 private:
  void check() const;

  phase phase_ = phase::in_group;
  bool holds_ = false;
  std::uint64_t attempts_ = 0;  // since it was ONLINE last
  moment due_{0};               // waiting
  std::string why_;
};

}  // namespace gr
