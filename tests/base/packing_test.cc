#include "base/packing.hh"

#include <gtest/gtest.h>

#include "base/prng.hh"

namespace base {
namespace {

blob repeated(std::size_t size) { return blob(std::vector<std::uint8_t>(size, 'x')); }

blob noise(std::size_t size, prng& random) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& each : bytes) each = static_cast<std::uint8_t>(random.next());
  return blob(std::move(bytes));
}

TEST(packing, what_was_packed_unpacks_to_the_same) {
  prng random(1);
  for (auto const how : {packing::none, packing::lz4, packing::zstd})
    for (std::size_t const size : {0U, 1U, 2U, 1000U, 100000U}) {
      EXPECT_EQ(*unpack(pack(repeated(size), how), 100000), repeated(size));
      auto const bytes = noise(size, random);
      EXPECT_EQ(*unpack(pack(bytes, how), 100000), bytes);
    }
}

TEST(packing, what_repeats_shrinks_and_noise_stays_as_it_is) {
  prng random(2);
  for (auto const how : {packing::lz4, packing::zstd}) {
    EXPECT_LT(pack(repeated(10000), how).body.size(), 200U);
    EXPECT_EQ(pack(noise(10000, random), how).how, packing::none);
  }
}

// Goal: no damage goes unnoticed. Method: every byte of what was packed, and each thing said of it, changed in turn.
TEST(packing, damage_is_found) {
  for (auto const how : {packing::none, packing::lz4, packing::zstd}) {
    auto const good = pack(repeated(300), how);
    for (std::size_t at = 0; at < good.body.size(); ++at) {
      std::vector<std::uint8_t> bytes(good.body.view().begin(), good.body.view().end());
      bytes[at] ^= 1;
      auto bad = good;
      bad.body = blob(std::move(bytes));
      auto const read = unpack(bad, 1000);
      EXPECT_TRUE(!read || *read == repeated(300)) << at;  // zstd has bits that mean nothing
    }
    auto bad = good;
    bad.hash[3] ^= 1;
    EXPECT_FALSE(unpack(bad, 1000));
    bad = good;
    ++bad.bytes;
    EXPECT_FALSE(unpack(bad, 1000));
    bad.bytes = 1U << 30;
    EXPECT_FALSE(unpack(bad, 1U << 31)) << "nothing is allocated for what so few bytes cannot hold";
    EXPECT_FALSE(unpack(good, 299));
    bad = good;
    bad.how = static_cast<packing>(7);
    EXPECT_FALSE(unpack(bad, 1000));
  }
}

TEST(packing, words) {
  EXPECT_EQ(*parse_packing("ZSTD"), packing::zstd);
  EXPECT_EQ(*parse_packing("LZ4"), packing::lz4);
  EXPECT_EQ(*parse_packing("NONE"), packing::none);
  EXPECT_FALSE(parse_packing("lz4"));
}

}  // namespace
}  // namespace base
