#include "gr/mariadb/latency.hh"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace gr::mariadb {

void latency::add(std::chrono::nanoseconds taken) {
  double const seconds = std::chrono::duration<double>(taken).count();
  std::lock_guard const hold(mutex_);
  least_ = count_ == 0 ? seconds : std::min(least_, seconds);
  most_ = std::max(most_, seconds);
  sum_ += seconds;
  sum_of_squares_ += seconds * seconds;
  ++count_;
}

void latency::reset() {
  std::lock_guard const hold(mutex_);
  count_ = 0;
  least_ = most_ = sum_ = sum_of_squares_ = 0;
}

std::string latency::text() const {
  std::lock_guard const hold(mutex_);
  double const n = count_ == 0 ? 1 : static_cast<double>(count_);
  double const mean = sum_ / n;
  double const deviation = std::sqrt(std::max(0.0, sum_of_squares_ / n - mean * mean));
  return fmt::format("{:.6g}/{:.6g}/{:.6g}/{:.6g}/{}", least_, mean, most_, deviation, count_);
}

}  // namespace gr::mariadb
