#include "base/crc32c.hh"

#include <gtest/gtest.h>

#include <numeric>
#include <string_view>
#include <vector>

#include "base/prng.hh"

namespace {

using base::crc32c;
using base::crc32c_portable;
using bytes = std::vector<std::uint8_t>;

// RFC 3720, appendix B.4.
TEST(crc32c, matches_the_published_vectors) {
  bytes ascending(32);
  std::iota(ascending.begin(), ascending.end(), std::uint8_t{0});
  bytes const descending(ascending.rbegin(), ascending.rend());
  std::string_view const digits = "123456789";
  for (auto const crc : {crc32c, crc32c_portable}) {
    EXPECT_EQ(crc(0, {}), 0U);
    EXPECT_EQ(crc(0, bytes(32, 0)), 0x8a9136aaU);
    EXPECT_EQ(crc(0, bytes(32, 0xff)), 0x62a8ab43U);
    EXPECT_EQ(crc(0, ascending), 0x46dd794eU);
    EXPECT_EQ(crc(0, descending), 0x113fdb5cU);
    EXPECT_EQ(crc(0, bytes(digits.begin(), digits.end())), 0xe3069283U);
  }
}

// All lengths around those where another way of computing it begins, at all alignments.
TEST(crc32c, is_the_same_whichever_way_a_length_takes) {
  bytes all(3000);
  base::prng random(7);
  for (auto& each : all) each = static_cast<std::uint8_t>(random.next());
  for (std::size_t length = 0; length < 1600; ++length) {
    auto const view = std::span<std::uint8_t const>(all).subspan(length % 67, length);
    auto const begin = static_cast<std::uint32_t>(random.next());
    ASSERT_EQ(crc32c(begin, view), crc32c_portable(begin, view)) << length;
  }
}

TEST(crc32c, is_the_same_with_and_without_the_instruction_and_in_pieces) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    base::prng random(seed);
    bytes all(random.below(random.chance(1, 2) ? 300 : 20000));
    for (auto& each : all) each = static_cast<std::uint8_t>(random.next());
    std::span<std::uint8_t const> const view = all;
    auto const cut = random.between(0, all.size());
    auto const begin = static_cast<std::uint32_t>(random.next());
    ASSERT_EQ(crc32c(begin, view), crc32c_portable(begin, view)) << "seed " << seed;
    ASSERT_EQ(crc32c(crc32c(begin, view.first(cut)), view.subspan(cut)), crc32c(begin, view)) << "seed " << seed;
  }
}

}  // namespace
