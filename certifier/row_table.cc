#include "certifier/row_table.hh"

#include <algorithm>
#include <utility>

#include "base/ensure.hh"

namespace certifier {

row_table::row_table() : shards_(shard_count) {}

writer& row_table::find_or_insert(row_hash hash) {
  auto& home = shard_of(hash);
  if (home.slots) {
    auto& found = home.slots[home.place_of(hash)];
    if (found.first.code != 0) return found.first;
  }
  if ((home.used + 1) * std::size_t{2} > home.capacity) resize(home, home.capacity + home.capacity / 2);
  auto& made = home.slots[home.place_of(hash)];
  made = {hash, {}};
  ++home.used;
  ++size_;
  return made.first;
}

// Closes the gap by moving back what probing would otherwise no longer reach, so there are no tombstones to clean up.
void row_table::erase(row_hash hash) {
  auto& home = shard_of(hash);
  ensure(home.slots != nullptr);
  std::size_t gap = home.place_of(hash);
  ensure(home.slots[gap].first.code != 0);
  for (std::size_t at = home.after(gap); home.slots[at].first.code != 0; at = home.after(at)) {
    if (home.distance(home.home_of(home.slots[at].hash), at) < home.distance(gap, at)) continue;
    home.slots[gap] = home.slots[at];
    gap = at;
  }
  home.slots[gap] = {};
  --home.used;
  --size_;
  if (home.capacity > capacity_min && home.used * std::size_t{8} < home.capacity) resize(home, home.capacity / 3);
}

void row_table::resize(shard& one, std::size_t capacity) {
  capacity = std::max(capacity, capacity_min);
  shard resized{std::make_unique<slot[]>(capacity), static_cast<std::uint32_t>(capacity), one.used};
  for (std::size_t at = 0; at < one.capacity; ++at)
    if (one.slots[at].first.code != 0) resized.slots[resized.place_of(one.slots[at].hash)] = one.slots[at];
  slots_ = slots_ - one.capacity + capacity;
  one = std::move(resized);
}

std::uint32_t writer_pool::take() {
  if (free_ != 0) return std::exchange(free_, (*this)[free_].next);
  if (untouched_ / block_size >= blocks_.size()) blocks_.push_back(std::make_unique<block>());
  return untouched_++;
}

void writer_pool::give_back(std::uint32_t index) {
  (*this)[index] = {.seqno = 0, .next = free_, .code = 0};
  free_ = index;
}

void forget_queue::push(entry one) {
  if (tail_ == blocks_.size() * block_size) blocks_.push_back(spare_ ? std::move(spare_) : std::make_unique<block>());
  (*blocks_[tail_ / block_size])[tail_ % block_size] = one;
  ++tail_;
}

void forget_queue::pop() {
  ensure(!empty());
  if (++head_ < block_size) return;
  spare_ = std::move(blocks_.front());
  blocks_.pop_front();
  head_ -= block_size;
  tail_ -= block_size;
}

}  // namespace certifier
