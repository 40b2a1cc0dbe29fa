// The donor's chunk map: what of the snapshot was read and is not known to be in the joiner's stream yet. A backup cannot be
// read twice, so this is as far back as a lost connection can be made good.
//
// Owner:  one thread at a time.
// Always: (1) every chunk from written() to read() is held here, and is either waiting or on exactly one lane;
//         (2) at most `chunks_max` are held, of bytes_held() bytes; (3) the lowest that waits is taken first.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "base/blob.hh"

namespace cloning {

class send_window {
 public:
  using lane = std::uint32_t;
  explicit send_window(std::size_t chunks_max) : chunks_max_(chunks_max) {}

  [[nodiscard]] bool has_room() const { return held_.size() < chunks_max_; }
  // More from now on. ensure: not less.
  void widen(std::size_t chunks_max);
  // ensure: has_room. The answer is its number.
  std::uint64_t add(base::blob bytes);
  // The lowest chunk that waits, which is on `who` from now on. O(chunks held).
  std::optional<std::pair<std::uint64_t, base::blob>> take(lane who);
  // All below `next` need not be kept. Errors (false): it claims what was never read, or less than before.
  bool note_written(std::uint64_t next);
  // What was on it waits again: whether it arrived nobody knows.
  void lane_lost(lane who);

  [[nodiscard]] std::uint64_t written() const { return first_; }
  [[nodiscard]] std::uint64_t read() const { return first_ + held_.size(); }
  [[nodiscard]] bool is_empty() const { return held_.empty(); }
  [[nodiscard]] std::uint64_t bytes_held() const { return bytes_held_; }

 private:
  struct entry {
    base::blob bytes;
    std::optional<lane> on;
  };
  std::size_t chunks_max_;
  std::uint64_t first_ = 0;
  std::uint64_t bytes_held_ = 0;
  std::deque<entry> held_;
};

}  // namespace cloning
