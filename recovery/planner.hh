// Brings a joiner level with its group: decides how and from whom, moves on when a donor fails, gives up in the end.
// Events in, actions out; the driver connects, copies and tells the time.
// Owner:  the group strand. Not safe for concurrent use.
// Always: (1) at most one transfer or clone runs, and it is stopped before another starts, unless its end was an event;
//         (2) no attempt begins once retry_count of them were made; only a new planner starts the count anew;
//         (3) after declare_online or leave nothing follows, whatever comes in.
// Source: MySQL Group Replication's donor loop; the progress deadline and live positions are ours.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/prng.hh"
#include "base/ticks.hh"
#include "recovery/donor_selection.hh"
#include "recovery/method.hh"

namespace recovery {

using base::tick_count;

enum class complete_at : std::uint8_t {
  certified,  // ONLINE as soon as everything missing was received
  applied,    // ONLINE when it was applied, too
};

struct planner_config {
  member_id self;
  std::uint32_t zone = 0;
  std::uint64_t donor_threshold = donor_threshold_max;
  std::uint64_t clone_threshold = clone_threshold_max;
  donor_policy policy = donor_policy::random;
  std::vector<member_id> named;  // donors an operator named: first, in this order
  complete_at online_when = complete_at::applied;
  std::uint64_t retry_count = 10;  // donors tried since recovery began; an attempt that finds no donor counts too
  std::uint64_t reconnect_interval_ticks = 60'000 / base::tick_milliseconds;  // pause once every donor failed
  std::uint64_t progress_deadline_ticks =
      30'000 / base::tick_milliseconds;  // a donor that brings nothing for so long fails
  bool can_clone = true;
  bool has_data = true;
  unsigned clones_done = 0;  // clones that led to this start of the server
};

// ---- events: what happened ----
struct recovery_began {  // first, once
  tick_count now;
  gtid_set executed;               // own; after the own log was applied
  gtid_set received;               // own
  std::vector<candidate> members;  // all of the view; this member's row is ignored
};
struct view_installed {  // all members of the new view. Donors that failed before are candidates again
  std::vector<candidate> members;
};
struct positions_heard {  // the same members, newer positions and states
  std::vector<candidate> members;
};
struct own_progress {  // own sets have grown; told before the end of the transfer that brought it
  gtid_set executed;
  gtid_set received;
  bool sated = false;           // this member takes nothing in until it has applied more: the donor is not waited for
  std::uint64_t read_upto = 0;  // place in the log. It moves, and the sets do not, over what this member has and reads
                                // again for its certification index, over conflicts and views
};
struct transfer_ended {  // the log transfer from `donor` is over. `error` empty: the donor sent all that was asked
  member_id donor;
  std::string error;
  gtid_set purged =
      {};  // with an error: what its log does not hold, by its own answer. Believed more than its heartbeats
};
struct clone_ended {
  member_id donor;
  std::string error;  // empty: the copy is in place and the server restarts with it
  // With an error: nothing but another copy helps, since own data is gone.
  bool only_a_copy_helps = false;
};
struct clone_prepared {};  // the server was told to wait for a copy: from here on it takes nothing else
struct clone_donor_busy {  // it copies itself to another joiner first, and says so; nothing failed
  member_id donor;
};
struct clone_refused {  // this server cannot take a copy after all; nothing was touched
  std::string why;
};
struct config_changed {  // a variable was set; counts for the next decision
  planner_config config;
};
struct ticked {
  tick_count now;  // never runs backwards
};
using event = std::variant<recovery_began, view_installed, positions_heard, own_progress, transfer_ended, clone_ended,
                           clone_prepared, clone_donor_busy, clone_refused, config_changed, ticked>;

// ---- actions: what to do, in this order ----
struct start_log_transfer {
  member_id donor;
  gtid_set missing;
};
struct stop_log_transfer {  // what was received stays; no transfer_ended is awaited
  member_id donor;
};
struct start_clone {
  member_id donor;
};
struct stop_clone {
  member_id donor;
};
struct report_decision {  // for people; the rows explain the start_ action that follows, if one does
  method what = method::leave;
  std::string why;
  std::vector<decision> rows;
  std::vector<member_id> order = {};     // who would be asked after whom
  std::optional<member_id> chosen = {};  // who is asked now: the first of them that has not failed
};
struct declare_online {};
struct leave {
  std::string why;
};
using action = std::variant<start_log_transfer, stop_log_transfer, start_clone, stop_clone, report_decision,
                            declare_online, leave>;

class planner {
 public:
  planner(planner_config config, base::prng random);

  // Takes one event and appends what the driver has to do, in order. Never waits or throws. O(members * intervals).
  // Events about a transfer that no longer runs are ignored: it may have ended while it was being stopped.
  void step(event const& in, std::vector<action>& out);

  [[nodiscard]] bool finished() const { return std::holds_alternative<done>(state_); }
  [[nodiscard]] bool is_transferring() const { return std::holds_alternative<transferring>(state_); }
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }
  // Donors asked for a log or a copy, an attempt that found none included.
  [[nodiscard]] std::uint64_t donors_asked() const { return attempts_ + clones_asked_for_; }
  struct donor_failure {
    member_id donor;
    std::string why;
  };
  [[nodiscard]] std::optional<donor_failure> const& last_failed() const { return last_failed_; }
  [[nodiscard]] std::uint64_t failures() const { return failures_; }  // of donors, so far
  [[nodiscard]] bool pauses() const { return std::holds_alternative<pausing>(state_); }
  [[nodiscard]] bool waits() const { return std::holds_alternative<waiting>(state_); }
  [[nodiscard]] std::string describe() const;  // one line

 private:
  struct idle {};   // before recovery_began
  struct waiting {  // for a RECOVERING member to come ONLINE, or a silent one to speak
    std::string why;
  };
  struct pausing {  // every donor failed
    tick_count until;
  };
  struct transferring {
    member_id donor;
    gtid_set missing;
    std::uint64_t
        left;  // |missing - own|. That it shrinks is progress, not that own grows: by the group's new ones it does, too
    tick_count deadline;
  };
  struct cloning {
    member_id donor;
  };
  struct restarting {  // the copy is in place; the next process goes on
    member_id donor;
  };
  struct applying {  // all was received
    gtid_set until;
  };
  struct done {
    std::string how;
  };
  using actions = std::vector<action>;

  void on(recovery_began const& in, actions& out);
  void on(view_installed const& in, actions& out);
  void on(positions_heard const& in, actions& out);
  void on(own_progress const& in, actions& out);
  void on(transfer_ended const& in, actions& out);
  void on(clone_ended const& in, actions& out);
  void on(clone_prepared const& in, actions& out);
  void on(clone_donor_busy const& in, actions& out);
  void on(clone_refused const& in, actions& out);
  void on(config_changed const& in, actions& out);
  void on(ticked const& in, actions& out);

  void decide(actions& out);
  void begin_log_transfer(method_choice const& choice, actions& out);
  void begin_clone(method_choice const& choice, actions& out);
  void ask_for_clone(member_id const& donor, std::string why, selection found, actions& out);
  void wait(method_choice const& choice, actions& out);
  void pause_or_leave(std::string const& why, actions& out);
  void take_members(std::vector<candidate> const& members);
  void drop_lost_donor(actions& out);
  void stop_current(actions& out);
  void donor_failed(member_id const& donor, std::string const& why, actions& out);
  void all_received(actions& out);
  void check_applied(actions& out);
  void finish(actions& out);
  void give_up(std::string why, actions& out);

  [[nodiscard]] gtid_set own() const;
  [[nodiscard]] bool alone() const;
  [[nodiscard]] bool somebody_is_silent() const;
  [[nodiscard]] member_id const* current_donor() const;
  [[nodiscard]] std::string lost_reason(member_id const& donor) const;  // empty: it can go on serving
  [[nodiscard]] selection select(transfer_kind kind, gtid_set const& missing);
  [[nodiscard]] static member_id const* first_untried(selection const& from, std::set<member_id> const& tried);
  [[nodiscard]] std::string because_of_failures() const;

  planner_config config_;
  base::prng random_;
  std::variant<idle, waiting, pausing, transferring, cloning, restarting, applying, done> state_;
  tick_count now_;
  gtid_set executed_;
  gtid_set received_;
  std::uint64_t read_upto_ = 0;  // as told last
  gtid_set target_;              // all that must be here before ONLINE, as of the last decision
  std::vector<candidate> members_;
  std::map<member_id, gtid_set> answered_purged_;  // until it comes ONLINE again
  std::set<member_id> failed_;                     // log donors, since recovery began or the last pause or view
  // One pass only: each try may cost hours, and a view may change every minute. Who comes ONLINE again is tried again.
  std::set<member_id> failed_to_clone_;
  std::uint64_t attempts_ = 0;
  std::string clone_ruled_out_;      // why; empty: a clone is possible
  bool every_clone_failed_ = false;  // that is why: until somebody else comes ONLINE
  std::string failure_;              // the last one
  std::optional<donor_failure> last_failed_;
  std::uint64_t failures_ = 0;
  std::uint64_t clones_asked_for_ = 0;
  bool only_a_copy_helps_ = false;  // the server was prepared for one, or one ended half-way
};

}  // namespace recovery
