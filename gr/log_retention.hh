// What of the agreed log is kept for its age, and for members that are away and may come back.
//
// Owner:  the driver of a member, which tells it now and then how far the log is and who is there. Nothing of this is on disk:
//         age counts from when this process first saw a slot decided, and who left before it started is not known.
// Always: an answer only ever says less than what may go by size alone; group_replication_log_retention_size is the cap.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "base/ticks.hh"
#include "gr/history.hh"
#include "gr/messages.hh"
#include "xcom/node.hh"

namespace gr {

// Who was in the group that lately is waited for. Long enough for a weekend.
inline constexpr std::uint64_t absent_remembered_ticks = 7ULL * 24 * 3600 * 1000 / base::tick_milliseconds;
inline constexpr std::uint64_t age_step_ticks = 10ULL * 1000 / base::tick_milliseconds;

// A member with data, as it was seen last. `applied`: where its data stood.
struct seen_member {
  base::uuid who;
  seqno_t applied = -1;
};
[[nodiscard]] std::vector<seen_member> members_with_data(xcom::node const& node);

class log_retention {
 public:
  // To be called about once a second. Cost: O(members).
  void look(base::tick_count now, xcom::slot_no decided, std::span<seen_member const> there);
  // Slots up to here are older than `age` ticks, and nobody known to be away would read them. Slot 0: none are.
  [[nodiscard]] xcom::slot_no aged(base::tick_count now, std::uint64_t age,
                                   std::span<xcom::checkpoint const> checkpoints) const;

 private:
  struct mark {
    base::tick_count when;
    xcom::slot_no decided;
  };
  struct known {
    seqno_t applied = -1;
    base::tick_count seen;
  };
  std::deque<mark> marks_;  // ascending, at least age_step_ticks apart
  std::map<base::uuid, known> known_;
};

}  // namespace gr
