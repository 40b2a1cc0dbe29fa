// Bytes per second, kept over any second: who sends more waits for it, and what was not used within a second is lost.
// Owner: one thread at a time. Time is handed in, in microseconds of any clock that does not go back.
#pragma once

#include <cstdint>

namespace cloning {

class throttle {
 public:
  // 0: no limit.
  explicit throttle(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  // Takes note of `bytes` that are about to be sent. The answer is how long to wait first, in microseconds.
  std::uint64_t delay_for(std::uint64_t bytes, std::uint64_t now_us);

 private:
  std::uint64_t rate_;
  std::uint64_t paid_until_us_ = 0;  // when all that was sent so far is within the rate
};

}  // namespace cloning
