// How far a clone is, how fast, and how long it will still take: one line for the error log.
// Owner: one thread at a time. Time is handed in, in milliseconds.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

namespace cloning {

class progress {
 public:
  // `expected`: bytes in all, as estimated; 0: not known.
  progress(std::uint64_t expected, std::uint64_t now_ms) : expected_(expected), began_ms_(now_ms) {}

  void note(std::uint64_t bytes_done, std::uint64_t now_ms);
  // True when a line is due: after 1, 2, 4, ... seconds, from 30 on every 30.
  bool is_due(std::uint64_t now_ms);

  // Bytes per second over the last 10 seconds.
  [[nodiscard]] std::uint64_t rate() const;
  // "412 MB of about 1.1 GB (37%), 96 MB/s, about 7 s left"
  [[nodiscard]] std::string line() const;

 private:
  struct mark {
    std::uint64_t at_ms;
    std::uint64_t bytes;
  };
  std::uint64_t expected_;
  std::uint64_t began_ms_;
  std::uint64_t next_line_ms_ = 1000;  // after the beginning
  std::uint64_t done_ = 0;
  std::deque<mark> marks_;
};

// "1.1 GB"
std::string bytes_text(std::uint64_t bytes);

}  // namespace cloning
