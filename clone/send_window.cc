#include "clone/send_window.hh"

#include <algorithm>

#include "base/ensure.hh"

namespace cloning {

void send_window::widen(std::size_t chunks_max) {
  ensure(chunks_max >= chunks_max_);
  chunks_max_ = chunks_max;
}

std::uint64_t send_window::add(base::blob bytes) {
  ensure(has_room());
  bytes_held_ += bytes.size();
  held_.push_back({std::move(bytes), {}});
  return read() - 1;
}

std::optional<std::pair<std::uint64_t, base::blob>> send_window::take(lane who) {
  auto const waiting = std::ranges::find_if(held_, [](entry const& each) { return !each.on; });
  if (waiting == held_.end()) return std::nullopt;
  waiting->on = who;
  return std::pair(first_ + static_cast<std::uint64_t>(waiting - held_.begin()), waiting->bytes);
}

bool send_window::note_written(std::uint64_t next) {
  if (next > read()) return false;
  for (; first_ < next; ++first_) {
    bytes_held_ -= held_.front().bytes.size();
    held_.pop_front();
  }
  return true;
}

void send_window::lane_lost(lane who) {
  for (auto& each : held_)
    if (each.on == who) each.on.reset();
}

}  // namespace cloning
