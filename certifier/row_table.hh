// Row hash -> the first writer of that row: the memory of the certification index.
// Owner:  one certification. Not safe for concurrent use.
// Always: (1) a slot with code 0 is free; (2) no shard is more than half full; (3) a row sits in its shard at or
//         after its home slot with no free slot between.
// Why not one boost::unordered_flat_map: it grows by rehashing everything, a pause of seconds at ten million rows. Here
// each of 4096 shards grows alone, so a call moves a few thousand rows at worst; and a slot can be prefetched, which is
// what makes lookups in memory far larger than the cache overlap (bench/certification_bench.cc has the numbers).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "certifier/write_set.hh"

namespace certifier {

// One who wrote a row. Rows have one writer nearly always, held in the table itself; others are chained from it.
struct writer {
  std::int64_t seqno = 0;
  std::uint32_t next = 0;  // in writer_pool, 0 for none
  std::uint32_t code = 0;  // who and how, never 0; see certification.cc
};

class row_table {
 public:
  row_table();

  // Null when there is none. Valid until the next insert or erase.
  [[nodiscard]] writer const* find(row_hash hash) const;
  // The row's writer; code is 0 when the row is new, and the caller must set it.
  writer& find_or_insert(row_hash hash);
  // ensure: the row is there.
  void erase(row_hash hash);
  // Starts loading what find(hash) will read.
  void prefetch(row_hash hash) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return slots_ * sizeof(slot) + shards_.size() * sizeof(shard); }

 private:
  static std::uint64_t mixed(row_hash hash) { return hash * 0x9e3779b97f4a7c15ULL; }

  struct slot {
    row_hash hash = 0;
    writer first;
  };
  struct shard {
    std::unique_ptr<slot[]> slots;
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;

    // Any capacity will do, not only powers of two: growing by half keeps shards at least a third full.
    [[nodiscard]] std::size_t home_of(row_hash hash) const {
      return static_cast<std::size_t>(((mixed(hash) >> 20U) & 0xffffffffU) * capacity >> 32U);
    }
    [[nodiscard]] std::size_t after(std::size_t at) const { return at + 1 == capacity ? 0 : at + 1; }
    [[nodiscard]] std::size_t distance(std::size_t from, std::size_t to) const {
      return to >= from ? to - from : to + capacity - from;
    }
    // Where `hash` is, or the free slot where it would go. Needs capacity.
    [[nodiscard]] std::size_t place_of(row_hash hash) const;
  };

  [[nodiscard]] shard& shard_of(row_hash hash) { return shards_[mixed(hash) >> shard_shift]; }
  [[nodiscard]] shard const& shard_of(row_hash hash) const { return shards_[mixed(hash) >> shard_shift]; }
  void resize(shard& one, std::size_t capacity);

  static constexpr std::size_t shard_count = 4096;
  static constexpr unsigned shard_shift = 52;  // 64 - log2(shard_count)
  static constexpr std::size_t capacity_min = 8;

  std::vector<shard> shards_;
  std::size_t size_ = 0;
  std::size_t slots_ = 0;
};

inline std::size_t row_table::shard::place_of(row_hash hash) const {
  std::size_t at = home_of(hash);
  while (slots[at].first.code != 0 && slots[at].hash != hash) at = after(at);
  return at;
}

inline writer const* row_table::find(row_hash hash) const {
  auto const& home = shard_of(hash);
  if (!home.slots) return nullptr;
  auto const& found = home.slots[home.place_of(hash)];
  return found.first.code == 0 ? nullptr : &found.first;
}

inline void row_table::prefetch(row_hash hash) const {
  auto const& home = shard_of(hash);
  if (!home.slots) return;
  auto const* const first = reinterpret_cast<char const*>(&home.slots[home.home_of(hash)]);
  __builtin_prefetch(first);
  __builtin_prefetch(first + 64);  // a probe rarely goes beyond the second line
  // gcc 12 takes a function that only prefetches for one without effects and drops calls to it. This keeps them.
  asm volatile("");
}

// The writers of rows that have more than one, chained by index. Grows a block at a time; nothing moves.
class writer_pool {
 public:
  writer& operator[](std::uint32_t index) { return (*blocks_[index / block_size])[index % block_size]; }
  writer const& operator[](std::uint32_t index) const { return (*blocks_[index / block_size])[index % block_size]; }

  std::uint32_t take();
  void give_back(std::uint32_t index);
  [[nodiscard]] std::size_t bytes() const { return blocks_.size() * sizeof(block); }

 private:
  static constexpr std::uint32_t block_size = 1024;
  using block = std::array<writer, block_size>;

  std::vector<std::unique_ptr<block>> blocks_;
  std::uint32_t free_ = 0;       // chained by next
  std::uint32_t untouched_ = 1;  // the first index never taken; 0 means none
};

// Rows in the order in which they are to be looked at for forgetting.
class forget_queue {
 public:
  struct entry {
    row_hash hash = 0;
    std::int64_t look_when = 0;  // once everything up to here may be forgotten; ascending
  };

  void push(entry one);
  void pop();  // ensure: not empty
  [[nodiscard]] bool empty() const { return head_ == tail_; }
  [[nodiscard]] std::size_t size() const { return tail_ - head_; }
  // The entry `ahead` behind the head; ahead < size().
  [[nodiscard]] entry const& peek(std::size_t ahead) const {
    std::size_t const at = head_ + ahead;
    return (*blocks_[at / block_size])[at % block_size];
  }
  [[nodiscard]] std::size_t bytes() const { return (blocks_.size() + (spare_ ? 1 : 0)) * sizeof(block); }

 private:
  static constexpr std::size_t block_size = 4096;
  using block = std::array<entry, block_size>;

  std::deque<std::unique_ptr<block>> blocks_;
  std::unique_ptr<block> spare_;  // the last one emptied, so that a steady state allocates nothing
  std::size_t head_ = 0;          // counted from the start of the first block
  std::size_t tail_ = 0;
};

}  // namespace certifier
