// Ranges of decided slots on their way here: several at a time, from several members, taken in the order of the slots. A
// member that is slow or gone costs the range it was asked for, and not what others send meanwhile.
//
// Owner:  node. Not safe for concurrent use.
// Always: (1) the ranges follow each other without a gap, and none is empty;
//         (2) an answer is held until all before it was taken, and nothing that is held is above what was covered;
//         (3) no range is added behind `ranges_max` others, so that at most twice as many answers are held.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "base/ticks.hh"
#include "xcom/types.hh"

namespace xcom {

struct slot_range {
  slot_no from;
  slot_no up_to;
  std::optional<member_id> asked;  // whom last; nothing: nobody yet, or who was has nothing to give
  base::tick_count sent;           // when, or when it last answered anything
  std::uint32_t repeats = 0;
  std::optional<member_id> damaged_by;  // whose answer did not check
  std::optional<member_id> brought_by;  // the answer is here
  std::vector<decided_slot> slots;
};

class range_window {
 public:
  // `slots`: in a range, until answers have shown how many fit into one.
  explicit range_window(std::uint64_t slots = 256) : slots_(slots) {}

  // All below `next` came, one way or another: nothing of it is waited for.
  void pass(slot_no next);
  // And wanted is what follows up to `last`: in so many ranges, or one for all of it. O(ranges).
  void cover(slot_no next, slot_no last, std::size_t ranges_max);
  void clear() {
    ranges_.clear();
    in_vain_.clear();
  }

  // What `by` sent when it was asked from `from` on: the slots that follow each other from there, of about `bytes_max` bytes if it
  // had as many. Less than the range leaves its rest to be asked for. False: it was not asked for, is here, or brings nothing.
  bool answer(slot_no from, member_id const& by, std::vector<decided_slot> slots, std::size_t bytes_max);
  // The range `from` was asked for with, while it is not answered.
  [[nodiscard]] slot_range* waiting(slot_no from);
  // Whoever answers is at it: what else it was asked for is due later.
  void note_progress(member_id const& who, base::tick_count now);
  [[nodiscard]] bool is_ready() const { return !ranges_.empty() && ranges_.front().brought_by; }
  // The first range, once it is here.
  std::optional<slot_range> take();

  // It was asked and brought nothing, or nothing that checks: the last to be asked until it does.
  void note_in_vain(member_id const& who) { in_vain_.insert(who); }
  [[nodiscard]] bool was_in_vain(member_id const& who) const { return in_vain_.contains(who); }

  [[nodiscard]] std::deque<slot_range>& ranges() { return ranges_; }
  [[nodiscard]] std::size_t asked_of(member_id const& who) const;

 private:
  std::deque<slot_range>::iterator find_waiting(slot_no from);

  std::deque<slot_range> ranges_;
  std::set<member_id> in_vain_;
  std::uint64_t slots_;  // in the next range: so many as to fill one answer, as it looks
};

}  // namespace xcom
