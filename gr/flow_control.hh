// How fast this member's clients may write, so that no member that counts falls further behind than it may.
//
// Every member says in its heartbeats how far it has certified and applied. From that alone each member works out, for itself and
// every few ticks, what the whole group may order a second, and takes its part. There is nothing to be asked for and nothing to be
// released: what a lost heartbeat would have said, the next one says.
//
//   backlog / bound     0 ............ 1/2 ............ 3/4 ............ 1 and more
//   the group orders    all it likes       what the slow member applies     the floor (min_quota)
//                                          less hold_percent
//
// Owner:  gr::member. A function of what it is told; sees no clock, no network.
// Always: (1) a member that is silent, desynced, an arbiter or without a vote for good slows nobody;
//         (2) no limit is below the floor; (3) limits change continuously with the backlog, there are no steps in time.
// Source: the variables are MySQL's (docs/flow-control.md says what each does here).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ticks.hh"
#include "gr/delivery_marks.hh"
#include "gr/flow_budget.hh"
#include "gr/ports.hh"
#include "xcom/types.hh"

namespace gr {

enum class flow_mode : std::uint8_t {
  disabled,  // neither slows its own clients nor asks others to slow theirs
  quota,     // the slowest member counts
  majority,  // as many may be slow as are not a majority
};

struct flow_settings {
  flow_mode mode = flow_mode::quota;
  // Bounds of a member's backlog. Those in transactions and bytes are never less than what it applies in a second.
  std::uint64_t certifier_threshold = 25000;  // transactions ordered and not certified there
  std::uint64_t applier_threshold = 25000;    // transactions certified and not applied
  std::uint64_t applier_bytes = 32U << 20;    // of both; 0: any number
  std::uint64_t lag_ticks = 6000;             // both in time; 0: any time
  // Bounds of what the group orders in a period, in transactions. 0: a twentieth of the lower threshold; only ONLINE members
  // count; no cap.
  std::uint64_t min_quota = 0;
  std::uint64_t min_recovery_quota = 0;
  std::uint64_t max_quota = 0;
  unsigned member_quota_percent = 0;  // this member's part; 0: an equal one among those that write, and what they leave
  std::uint64_t period_ticks = 100;   // also what rates are measured over
  unsigned hold_percent = 10;         // left free where the backlog is at three quarters of its bound
  unsigned release_percent = 50;      // growth in a period once nobody is slow, for two of them; 0: no limit at once
  std::uint64_t quarantine_ticks = 0;  // at or beyond a bound for so long: hopeless; 0: never
};

// A member that may count, as it said last.
struct flow_member {
  xcom::member_id id;
  seqno_t certified = -1;
  seqno_t applied = -1;
  bool online = false;  // else RECOVERING
  bool votes = true;
};
struct flow_look {
  base::tick_count now;
  std::optional<xcom::member_id> self;  // while this member is ONLINE
  std::vector<flow_member> members;     // self among them
  std::size_t voters = 0;               // of the site
  std::size_t arbiters = 0;             // heard, and not in `members`
};

struct flow_row {  // what is known of one of them
  xcom::member_id id;
  std::uint64_t to_certify = 0;
  std::uint64_t to_apply = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lag_ticks = 0;    // until all of it is applied, or since the oldest of it was delivered: what is longer
  std::optional<double> applies;  // a second; nothing: not known yet
  double pressure = 0;            // its backlog as a part of its bound; the worst of all bounds
  flow_allowance allows;          // the whole group, for its sake
  bool counts = false;
};

class flow_control {
 public:
  explicit flow_control(flow_settings with) : with_(with) {}

  void set(flow_settings const& with) { with_ = with; }
  [[nodiscard]] flow_settings const& settings() const { return with_; }

  // Delivered here. Views and what failed bring no bytes.
  void ordered(xcom::member_id const& origin, seqno_t position, std::size_t bytes);
  // Cost: O(members log marks), every few ticks; nothing in between.
  void look(flow_look const& at);

  [[nodiscard]] flow_allowance const& own() const { return own_; }
  [[nodiscard]] flow_allowance const& group() const { return group_; }
  [[nodiscard]] std::vector<flow_row> const& rows() const { return rows_; }
  [[nodiscard]] flow_row const* row_of(xcom::member_id const& who) const;
  // Whose backlog the limit is for; null: there is none, or its cause is gone.
  [[nodiscard]] flow_row const* slowest() const;
  [[nodiscard]] double group_rate() const { return transactions_.used; }  // transactions ordered a second
  // This member has been at or beyond a bound for quarantine_ticks, and enough others go on without it.
  [[nodiscard]] bool is_hopeless() const { return hopeless_; }

 private:
  struct sample {
    base::tick_count when;
    double applied = 0;
    double bytes = 0;
  };
  struct writer {
    double now = 0, now_bytes = 0;       // since the last roll
    double transactions = 0, bytes = 0;  // a second, before it
  };
  struct speed {  // a second
    double transactions = 0, bytes = 0;
  };
  void measure(flow_member const& which, flow_look const& at);
  void note_progress(flow_member const& which, base::tick_count now);
  // Over about so many ticks up to now; nothing while less than half as many were seen.
  [[nodiscard]] std::optional<speed> speed_of(xcom::member_id const& who, std::uint64_t ticks) const;
  [[nodiscard]] std::uint64_t lag_of(flow_row const& row, std::uint64_t age) const;
  [[nodiscard]] std::uint64_t long_ticks() const;
  void limit(flow_member const& which, flow_row& row) const;
  [[nodiscard]] double floor(std::uint64_t quota) const;
  [[nodiscard]] flow_allowance strictest_that_counts(flow_look const& at) const;
  struct stream {  // transactions, or bytes
    double quota = no_flow_limit;
    double used = 0;  // a second, by the whole group
    std::optional<base::tick_count> released_since{};
  };
  void settle(flow_allowance const& wanted, base::tick_count before);
  void follow(stream& of, double wanted, double seconds) const;
  void roll_writers(base::tick_count now);
  void take_own_part(std::optional<xcom::member_id> const& self);
  void judge(flow_look const& at);
  [[nodiscard]] double period_seconds() const { return static_cast<double>(with_.period_ticks) / ticks_per_second; }

  flow_settings with_;
  delivery_marks marks_;
  std::map<xcom::member_id, std::deque<sample>> progress_;
  std::map<xcom::member_id, writer> writers_;
  base::tick_count rolled_;
  base::tick_count looked_;
  std::vector<flow_row> rows_;
  std::optional<xcom::member_id> slowest_;
  stream transactions_;
  stream bytes_;
  flow_allowance group_;
  flow_allowance own_;
  std::optional<base::tick_count> over_since_;
  bool hopeless_ = false;
};

}  // namespace gr
