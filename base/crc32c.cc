#include "base/crc32c.hh"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
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

// ---- folding ----
//
// V. Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ" (Intel, 2009), 512 bits wide. A word of
// bytes is a polynomial with its first bit as the highest power; what stands D bits ahead of other bytes is worth x^D times
// itself there, so it is multiplied by that, modulo the CRC's polynomial, and added to them. The length shrinks, the CRC stays.

// x^n modulo the polynomial, bit 31 being x^0.
constexpr std::uint32_t power_of_x(unsigned n) {
  std::uint32_t power = 1U << 31;
  for (; n > 0; --n) power = (power >> 1) ^ ((power & 1U) != 0 ? 0x82f63b78U : 0U);
  return power;
}

// What 64 bits are multiplied by to be carried over `bits` more. The product of two reflected words comes out as one power
// too much.
constexpr long long carry_over(unsigned bits) {
  std::uint64_t const word = std::uint64_t{power_of_x(bits - 1)} << 32;
  return static_cast<long long>(word);
}

// Four words side by side: a multiplication takes longer than it keeps its unit busy.
constexpr std::size_t fold_bytes = 256;
constexpr std::size_t worth_folding = 2 * fold_bytes;

#define FOLDING __attribute__((target("avx512f,vpclmulqdq,sse4.2")))

// Of each 128 bits of `word` both halves, the first being 64 bits further ahead.
template <unsigned Bits> FOLDING inline __m512i folded(__m512i word, __m512i onto) {
  constexpr long long first_half = carry_over(Bits + 64);
  constexpr long long second_half = carry_over(Bits);
  __m512i const by = _mm512_set_epi64(second_half, first_half, second_half, first_half, second_half, first_half,
                                      second_half, first_half);
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(word, by, 0x00), _mm512_clmulepi64_epi128(word, by, 0x11),
                                   onto, 0x96);
}

FOLDING std::uint32_t crc32c_folding(std::uint32_t crc, std::span<std::uint8_t const> bytes) {
  std::uint8_t const* at = bytes.data();
  std::size_t left = bytes.size() - fold_bytes;
  // What came before is added to the first bits, as it is when bytes are taken one by one.
  auto const before = _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(~crc)));
  __m512i a = _mm512_xor_si512(_mm512_loadu_si512(at), before);
  __m512i b = _mm512_loadu_si512(at + 64);
  __m512i c = _mm512_loadu_si512(at + 128);
  __m512i d = _mm512_loadu_si512(at + 192);
  for (at += fold_bytes; left >= fold_bytes; at += fold_bytes, left -= fold_bytes) {
    a = folded<fold_bytes * 8>(a, _mm512_loadu_si512(at));
    b = folded<fold_bytes * 8>(b, _mm512_loadu_si512(at + 64));
    c = folded<fold_bytes * 8>(c, _mm512_loadu_si512(at + 128));
    d = folded<fold_bytes * 8>(d, _mm512_loadu_si512(at + 192));
  }
  d = folded<512>(folded<512>(folded<512>(a, b), c), d);
  alignas(64) std::array<std::uint8_t, 64> last;
  _mm512_store_si512(last.data(), d);
  return crc32c_sse42(crc32c_sse42(~0U, last), {at, left});
}
#undef FOLDING
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
  static bool const folds =
      has_instruction && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0;
  if (folds && bytes.size() >= worth_folding) return crc32c_folding(crc, bytes);
  if (has_instruction) return crc32c_sse42(crc, bytes);
#endif
  return crc32c_portable(crc, bytes);
}

}  // namespace base
