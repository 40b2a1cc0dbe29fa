// How long ordering took since the last reset. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace gr::mariadb {

class latency {
 public:
  void add(std::chrono::nanoseconds taken);
  void reset();
  // "min/avg/max/standard deviation/count", in seconds, as Galera's tools read it.
  [[nodiscard]] std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::uint64_t count_ = 0;
  double least_ = 0, most_ = 0, sum_ = 0, sum_of_squares_ = 0;
};

}  // namespace gr::mariadb
