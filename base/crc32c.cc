#include "base/crc32c.hh"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace base {
namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[byte] = crc;
  }
  return table;
}

constexpr auto table = make_table();

#if defined(__x86_64__)
// The instruction can begin every cycle and takes three, so three runs of bytes side by side go three times as fast as one.
// What came before a run is carried over its length by a table: that is linear, so each byte of the state has its own part.
using carry_table = std::array<std::array<std::uint32_t, 256>, 4>;

template <std::size_t Bytes> constexpr carry_table make_carry() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < of_bit.size(); ++bit) {
    std::uint32_t state = 1U << bit;
    for (std::size_t byte = 0; byte < Bytes; ++byte) state = (state >> 8) ^ table[state & 0xffU];
    of_bit[bit] = state;
  }
  carry_table carry{};
  for (std::size_t part = 0; part < carry.size(); ++part)
    for (std::size_t byte = 0; byte < 256; ++byte)
      for (std::size_t bit = 0; bit < 8; ++bit)
        if ((byte >> bit & 1U) != 0) carry[part][byte] ^= of_bit[part * 8 + bit];
  return carry;
}

std::uint64_t carried(carry_table const& by, std::uint64_t state) {
  return by[0][state & 0xffU] ^ by[1][state >> 8 & 0xffU] ^ by[2][state >> 16 & 0xffU] ^ by[3][state >> 24 & 0xffU];
}

std::uint64_t word_at(std::uint8_t const* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// As many times three runs as there are.
template <std::size_t Run>
__attribute__((target("sse4.2"))) void by_threes(std::uint64_t& state, std::uint8_t const*& at, std::size_t& left) {
  static constexpr carry_table carry = make_carry<Run>();
  for (; left >= 3 * Run; left -= 3 * Run, at += 3 * Run) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t each = 0; each < Run; each += 8) {
      state = _mm_crc32_u64(state, word_at(at + each));
      second = _mm_crc32_u64(second, word_at(at + Run + each));
      third = _mm_crc32_u64(third, word_at(at + 2 * Run + each));
    }
    state = carried(carry, carried(carry, state) ^ second) ^ third;
  }
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::uint32_t crc, std::span<std::uint8_t const> bytes) {
  std::uint64_t state = ~crc;
  std::uint8_t const* at = bytes.data();
  std::size_t left = bytes.size();
  by_threes<2048>(state, at, left);
  by_threes<128>(state, at, left);
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto narrow = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, *at);
  return ~narrow;
}
#endif

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t crc, std::span<std::uint8_t const> bytes) {
  crc = ~crc;
  for (auto const byte : bytes) crc = (crc >> 8) ^ table[(crc ^ byte) & 0xffU];
  return ~crc;
}

std::uint32_t crc32c(std::uint32_t crc, std::span<std::uint8_t const> bytes) {
#if defined(__x86_64__)
  static bool const has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_sse42(crc, bytes);
#endif
  return crc32c_portable(crc, bytes);
}

}  // namespace base
