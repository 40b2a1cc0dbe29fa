// The one source of chance: seeded by the caller, the same sequence on every machine and compiler.
// Source: Blackman, Vigna, "Scrambled Linear Pseudorandom Number Generators" (xoshiro256**); splitmix64 for seeding.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <utility>

#include "base/ensure.hh"

namespace base {

class prng {
 public:
  explicit prng(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix(seed);
  }

  std::uint64_t next() {
    std::uint64_t const answer = std::rotl(state_[1] * 5, 7) * 9;
    std::uint64_t const shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return answer;
  }

  // Uniform in [0, bound). bound > 0. Multiplication with rejection (Lemire 2019): no modulo bias.
  std::uint64_t below(std::uint64_t bound) {
    ensure(bound > 0);
    __extension__ using wide = unsigned __int128;
    std::uint64_t const floor = (0 - bound) % bound;
    for (;;) {
      wide const product = static_cast<wide>(next()) * bound;
      if (static_cast<std::uint64_t>(product) >= floor) return static_cast<std::uint64_t>(product >> 64);
    }
  }

  // Uniform in [low, high], both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    ensure(low <= high);
    return high - low == ~std::uint64_t{0} ? next() : low + below(high - low + 1);
  }

  // True `parts` times out of `whole` on average.
  bool chance(std::uint64_t parts, std::uint64_t whole) { return below(whole) < parts; }

  template <class Sequence> void shuffle(Sequence& items) {
    for (std::size_t left = items.size(); left > 1; --left) std::swap(items[left - 1], items[below(left)]);
  }

 private:
  static std::uint64_t splitmix(std::uint64_t& seed) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
  }

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace base
