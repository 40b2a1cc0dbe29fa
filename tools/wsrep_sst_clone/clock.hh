// The clock that does not go back, as numbers: what is below this program takes time as such.
#pragma once

#include <chrono>
#include <cstdint>

namespace sst {

inline std::uint64_t now_us() {
  auto const since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}
inline std::uint64_t now_ms() { return now_us() / 1000; }

}  // namespace sst
