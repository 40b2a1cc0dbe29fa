#include "clone/throttle.hh"

#include <algorithm>

namespace cloning {
namespace {

constexpr std::uint64_t second_us = 1'000'000;

}  // namespace

std::uint64_t throttle::delay_for(std::uint64_t bytes, std::uint64_t now_us) {
  if (rate_ == 0) return 0;
  auto const wait = paid_until_us_ > now_us ? paid_until_us_ - now_us : 0;
  auto const takes = static_cast<double>(bytes) * static_cast<double>(second_us) / static_cast<double>(rate_);
  paid_until_us_ = std::max(paid_until_us_, now_us) + static_cast<std::uint64_t>(takes);
  return wait;
}

}  // namespace cloning
