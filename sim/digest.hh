// Short names for long contents, so that the checkers compare numbers.
#pragma once

#include <cstdint>

#include "xcom/types.hh"

namespace sim {

constexpr std::uint64_t mix(std::uint64_t seed, std::uint64_t more) {
  std::uint64_t mixed = (seed ^ more) + 0x9e3779b97f4a7c15U + (seed << 6);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

std::uint64_t digest(base::blob const& bytes);
std::uint64_t digest(xcom::value const& what);

}  // namespace sim
