#include "clone/progress.hh"

#include <fmt/format.h>

#include <algorithm>

namespace cloning {
namespace {

constexpr std::uint64_t window_ms = 10'000;
constexpr std::uint64_t line_interval_ms = 30'000;

}  // namespace

std::string bytes_text(std::uint64_t bytes) {
  auto const size = static_cast<double>(bytes);
  if (size >= 1e9) return fmt::format("{:.2f} GB", size / 1e9);
  if (size >= 1e6) return fmt::format("{:.0f} MB", size / 1e6);
  return fmt::format("{:.0f} kB", size / 1e3);
}

void progress::note(std::uint64_t bytes_done, std::uint64_t now_ms) {
  done_ = bytes_done;
  if (!marks_.empty() && marks_.back().at_ms + 100 > now_ms) {
    marks_.back().bytes = bytes_done;
    return;
  }
  marks_.push_back({now_ms, bytes_done});
  while (marks_.size() > 2 && marks_.front().at_ms + window_ms < now_ms) marks_.pop_front();
}

bool progress::is_due(std::uint64_t now_ms) {
  if (now_ms - began_ms_ < next_line_ms_) return false;
  while (now_ms - began_ms_ >= next_line_ms_) next_line_ms_ += std::min(next_line_ms_, line_interval_ms);
  return true;
}

std::uint64_t progress::rate() const {
  if (marks_.size() < 2) return 0;
  auto const [from, to] = std::pair(marks_.front(), marks_.back());
  if (to.at_ms <= from.at_ms || to.bytes < from.bytes) return 0;
  return (to.bytes - from.bytes) * 1000 / (to.at_ms - from.at_ms);
}

std::string progress::line() const {
  auto text = bytes_text(done_);
  if (expected_ > 0)
    text += fmt::format(" of about {} ({}%)", bytes_text(std::max(expected_, done_)),
                        std::min<std::uint64_t>(99, done_ * 100 / expected_));
  text += fmt::format(", {}/s", bytes_text(rate()));
  if (rate() > 0 && expected_ > done_) text += fmt::format(", about {} s left", (expected_ - done_) / rate() + 1);
  return text;
}

}  // namespace cloning
