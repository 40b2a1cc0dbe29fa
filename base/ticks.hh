// Time as the machines see it: a count handed in by whoever drives them. Nothing below runtime reads a clock.
#pragma once

#include "base/strong.hh"

namespace base {

// One tick is `tick_milliseconds` in a server; in the simulator it is whatever the scenario says.
using tick_count = strong<std::uint64_t, struct tick_count_tag>;

inline constexpr std::uint64_t tick_milliseconds = 10;

}  // namespace base
