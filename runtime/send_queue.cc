#include "runtime/send_queue.hh"

#include <algorithm>
#include <iterator>

namespace runtime {

namespace {

void move_pieces(base::chain&& from, base::chain& into) {
  std::move(from.pieces.begin(), from.pieces.end(), std::back_inserter(into.pieces));
}

}  // namespace

lane lane_of(xcom::wire_message const& what, std::size_t encoded_bytes) {
  if (std::holds_alternative<xcom::fetched>(what) || std::holds_alternative<xcom::welcome>(what)) return lane::bulk;
  if (std::holds_alternative<xcom::accept>(what) || std::holds_alternative<xcom::forward>(what) ||
      std::holds_alternative<xcom::direct>(what)) {
    return lane::ordered;
  }
  return encoded_bytes <= urgent_message_bytes_max ? lane::urgent : lane::ordered;
}

bool send_queue::push(xcom::wire_message const& what, std::uint16_t protocol) {
  auto encoded = xcom::encode_message(what, protocol);
  std::size_t const size = encoded.bytes.size();
  if (size > xcom::message_bytes_max) return false;
  lane const chosen = lane_of(what, size);
  if (chosen == lane::urgent) return push_urgent(std::move(encoded), std::holds_alternative<xcom::heartbeat>(what));
  if (other_bytes_ > 0 && other_bytes_ + size > bytes_max_) return false;
  waiting added;
  if (size <= xcom::chunk_bytes) {
    added.frame = xcom::data_frame(std::move(encoded));
  } else {
    added.pieces.emplace(++messages_cut_, std::move(encoded));
  }
  other_bytes_ += added.bytes();
  (chosen == lane::ordered ? ordered_ : bulk_).push_back(std::move(added));
  return true;
}

bool send_queue::push_urgent(xcom::encoded_message encoded, bool is_heartbeat) {
  base::chain frame = xcom::data_frame(std::move(encoded));
  std::size_t const size = frame.size();
  if (is_heartbeat) {
    auto const older =
        std::find_if(urgent_.begin(), urgent_.end(), [](urgent_frame const& each) { return each.is_heartbeat; });
    if (older != urgent_.end()) {
      urgent_bytes_ -= older->frame.size();
      urgent_.erase(older);
    }
  }
  if (urgent_bytes_ + size > urgent_bytes_max) return false;
  urgent_bytes_ += size;
  urgent_.push_back({std::move(frame), is_heartbeat});
  return true;
}

base::chain send_queue::take(std::size_t bytes_wanted) {
  base::chain taken;
  for (auto& each : urgent_) move_pieces(std::move(each.frame), taken);
  urgent_.clear();
  urgent_bytes_ = 0;
  std::size_t bytes = 0;
  while (!ordered_.empty() && bytes < bytes_wanted) bytes += take_one(ordered_, taken);
  if (!bulk_.empty()) bytes += take_one(bulk_, taken);
  while (!bulk_.empty() && bytes < bytes_wanted) bytes += take_one(bulk_, taken);
  return taken;
}

std::size_t send_queue::take_one(std::deque<waiting>& from, base::chain& into) {
  auto& first = from.front();
  std::size_t const before = first.bytes();
  if (first.pieces) {
    move_pieces(first.pieces->next(), into);
  } else {
    move_pieces(std::move(first.frame), into);
    first.frame.pieces.clear();
  }
  std::size_t const moved = before - first.bytes();
  other_bytes_ -= moved;
  if (first.bytes() == 0) from.pop_front();
  return moved;
}

std::size_t send_queue::clear() {
  std::size_t const messages = urgent_.size() + ordered_.size() + bulk_.size();
  urgent_.clear();
  ordered_.clear();
  bulk_.clear();
  urgent_bytes_ = 0;
  other_bytes_ = 0;
  return messages;
}

}  // namespace runtime
