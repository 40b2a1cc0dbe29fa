#include "base/prng.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace {

using base::prng;

// The published algorithms, written out a second time: splitmix64 fills the state, xoshiro256** draws from it.
struct twin {
  std::uint64_t s[4];

  explicit twin(std::uint64_t x) {
    for (auto& each : s) {
      std::uint64_t z = (x += 0x9e3779b97f4a7c15);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      each = z ^ (z >> 31);
    }
  }
  static std::uint64_t rotl(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::uint64_t next() {
    std::uint64_t const result = rotl(s[1] * 5, 7) * 9;
    std::uint64_t const t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
  }
};

TEST(prng, draws_the_published_sequence) {
  EXPECT_EQ(prng(0).next(), 0x99ec5f36cb75f2b4U);  // splitmix64 of 0, then xoshiro256**
  for (std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{42}, UINT64_MAX}) {
    prng random(seed);
    twin published(seed);
    for (int draw = 0; draw < 1000; ++draw) ASSERT_EQ(random.next(), published.next()) << "seed " << seed;
  }
}

TEST(prng, stays_within_its_bounds_and_reaches_them) {
  prng random(1);
  std::vector<int> seen(7);
  for (int draw = 0; draw < 7000; ++draw) ++seen[random.below(7)];
  for (auto const count : seen) EXPECT_NEAR(count, 1000, 200);
  for (int draw = 0; draw < 1000; ++draw) {
    auto const value = random.between(5, 6);
    EXPECT_TRUE(value == 5 || value == 6);
  }
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_EQ(random.between(9, 9), 9U);
  EXPECT_GE(random.between(UINT64_MAX - 1, UINT64_MAX), UINT64_MAX - 1);
  random.between(0, UINT64_MAX);
}

TEST(prng, chance_is_as_likely_as_it_says) {
  prng random(2);
  int hits = 0;
  for (int draw = 0; draw < 10'000; ++draw) hits += random.chance(1, 4) ? 1 : 0;
  EXPECT_NEAR(hits, 2500, 200);
  EXPECT_FALSE(random.chance(0, 3));
  EXPECT_TRUE(random.chance(3, 3));
}

TEST(prng, shuffling_keeps_every_item) {
  prng random(3);
  std::vector<int> items(100);
  std::iota(items.begin(), items.end(), 0);
  auto shuffled = items;
  random.shuffle(shuffled);
  EXPECT_NE(shuffled, items);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, items);
}

}  // namespace
