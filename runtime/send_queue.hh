// What waits to be sent to one peer: three lanes, bounded in bytes.
//
//   urgent   heartbeats, votes, acknowledgements, requests: small, always next
//   ordered  accepts, forwards, the application's words: what commits wait for; first in, first out among themselves
//   bulk     history for somebody who catches up: only while the others leave room, but never nothing
//
// Owner:  an outgoing link. No input or output of its own.
// Always: (1) bytes() is the sum of the frames that were pushed and not taken; (2) a big message is in pieces of
//         xcom::chunk_bytes, so nothing urgent waits for more than one taking; (3) nothing is dropped without the caller knowing.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "xcom/frame.hh"

namespace runtime {

enum class lane : std::uint8_t { urgent, ordered, bulk };

inline constexpr std::size_t urgent_message_bytes_max = 64U << 10;
inline constexpr std::size_t urgent_bytes_max = 16U << 20;

lane lane_of(xcom::wire_message const& what, std::size_t encoded_bytes);

class send_queue {
 public:
  explicit send_queue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: dropped, because the lane is full (or the message larger than any message may be). A message of any size is
  // taken when nothing else waits. Only the newest heartbeat is kept.
  [[nodiscard]] bool push(xcom::wire_message const& what, std::uint16_t protocol);
  // The next frames to write: everything urgent, then about bytes_wanted of the others.
  base::chain take(std::size_t bytes_wanted);
  // Empties it; returns how many messages that were.
  std::size_t clear();
  [[nodiscard]] bool empty() const { return urgent_.empty() && ordered_.empty() && bulk_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return urgent_bytes_ + other_bytes_; }

 private:
  struct urgent_frame {
    base::chain frame;
    bool is_heartbeat = false;
  };
  // One whole frame, or the frames still to be cut.
  struct waiting {
    base::chain frame;
    std::optional<xcom::chunked_message> pieces;
    [[nodiscard]] std::size_t bytes() const { return pieces ? pieces->left() : frame.size(); }
  };
  bool push_urgent(xcom::encoded_message encoded, bool is_heartbeat);
  std::size_t take_one(std::deque<waiting>& from, base::chain& into);

  std::size_t bytes_max_;
  std::deque<urgent_frame> urgent_;
  std::deque<waiting> ordered_;
  std::deque<waiting> bulk_;
  std::size_t urgent_bytes_ = 0;
  std::size_t other_bytes_ = 0;
  std::uint32_t messages_cut_ = 0;
};

}  // namespace runtime
