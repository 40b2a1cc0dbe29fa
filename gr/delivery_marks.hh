// When and at how many bytes each position of the group was delivered here, as finely as looking now and then tells.
// From it one member can say how far another is behind in bytes and in time, knowing only that one's position.
//
// Owner:  flow_control. Not safe for concurrent use.
// Always: (1) marks ascend in position, bytes and time; (2) there are at most marks_max of them.
#pragma once

#include <deque>

#include "base/ticks.hh"
#include "gr/ports.hh"

namespace gr {

class delivery_marks {
 public:
  static constexpr std::size_t marks_max = 4096;

  // This position was delivered, and brought so many bytes to apply. One at or below the last begins everything anew: the log
  // is read again from an earlier place.
  void add(seqno_t position, std::size_t bytes);
  // So late is it now: what was added since the last time belongs to this tick.
  void tick(base::tick_count now);
  // Nobody asks for positions below this one any more.
  void forget_below(seqno_t position);

  [[nodiscard]] seqno_t head() const { return head_.position; }
  // Delivered up to and with this position, since the beginning. Between two marks as if all were equally big; beyond the head
  // as if they were as big as those known on average; before the first mark as at it. Cost: O(log marks).
  [[nodiscard]] double bytes_up_to(seqno_t position) const;
  // When this position was here at the latest.
  [[nodiscard]] base::tick_count delivered_at(seqno_t position) const;
  // The last position that was here by then; the first one known when that was later.
  [[nodiscard]] seqno_t position_at(base::tick_count when) const;

 private:
  struct mark {
    seqno_t position = -1;
    double bytes = 0;
    base::tick_count when{};
  };
  [[nodiscard]] std::deque<mark>::const_iterator first_with(seqno_t position) const;
  void thin_out();

  mark head_;
  std::deque<mark> marks_;
};

}  // namespace gr
