#include "certifier/row_table.hh"

#include <gtest/gtest.h>

#include <deque>
#include <unordered_map>

#include "base/prng.hh"

namespace {

using certifier::forget_queue;
using certifier::row_hash;
using certifier::row_table;
using certifier::writer_pool;

// Hashes whose mixed form shares its upper bits, so that one shard takes them all, three to a home.
row_hash crowded(std::uint64_t number) {
  std::uint64_t inverse = 1;  // of the mixing multiplier, by Newton's iteration
  for (int round = 0; round < 6; ++round) inverse *= 2 - 0x9e3779b97f4a7c15ULL * inverse;
  return ((number / 3) << 41U | number % 3) * inverse;
}

void run_against_map(std::uint64_t seed, bool crowd) {
  base::prng random(seed);
  row_table table;
  std::unordered_map<row_hash, std::int64_t> twin;
  auto const names = random.between(1, 2000);
  for (std::int64_t step = 1; step < 3000; ++step) {
    auto const number = random.below(names);
    row_hash const hash = crowd ? crowded(number) : number;
    bool const growing = step / 700 % 2 == 0;
    if (random.chance(growing ? 3 : 1, 4)) {
      auto& row = table.find_or_insert(hash);
      ASSERT_EQ(row.code != 0, twin.contains(hash));
      row.code = 1;
      row.seqno = twin[hash] = step;
    } else if (twin.erase(hash) != 0) {
      table.erase(hash);
    }
    ASSERT_EQ(table.size(), twin.size());
  }
  for (std::uint64_t number = 0; number < names; ++number) {
    row_hash const hash = crowd ? crowded(number) : number;
    auto const* const found = table.find(hash);
    ASSERT_EQ(found != nullptr, twin.contains(hash)) << "seed " << seed;
    if (found != nullptr) { ASSERT_EQ(found->seqno, twin[hash]); }
  }
}

TEST(row_table, holds_what_a_map_holds) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) run_against_map(seed, false);
}

TEST(row_table, holds_what_a_map_holds_when_hashes_collide) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) run_against_map(seed, true);
}

TEST(row_table, gives_memory_back_when_rows_go) {
  row_table table;
  auto const empty = table.bytes();
  for (row_hash hash = 0; hash < 100'000; ++hash) table.find_or_insert(hash).code = 1;
  auto const full = table.bytes();
  for (row_hash hash = 0; hash < 100'000; ++hash) table.erase(hash);
  EXPECT_EQ(table.size(), 0U);
  EXPECT_LT((table.bytes() - empty) * 4, full - empty);
}

TEST(writer_pool, takes_what_was_given_back_before_growing) {
  writer_pool pool;
  auto const first = pool.take();
  auto const second = pool.take();
  EXPECT_NE(first, 0U);
  EXPECT_NE(first, second);
  pool.give_back(first);
  EXPECT_EQ(pool.take(), first);
  auto const bytes = pool.bytes();
  for (int round = 0; round < 10'000; ++round) pool.give_back(pool.take());
  EXPECT_EQ(pool.bytes(), bytes);
}

TEST(forget_queue, is_a_queue) {
  base::prng random(7);
  forget_queue queue;
  std::deque<row_hash> twin;
  for (int step = 0; step < 100'000; ++step) {
    if (random.chance(step < 50'000 ? 3 : 1, 4)) {
      twin.push_back(random.next());
      queue.push({twin.back(), step});
    } else if (!twin.empty()) {
      ASSERT_EQ(queue.peek(0).hash, twin.front());
      ASSERT_EQ(queue.peek(twin.size() - 1).hash, twin.back());
      twin.pop_front();
      queue.pop();
    }
    ASSERT_EQ(queue.size(), twin.size());
  }
}

}  // namespace
