#include "gr/mariadb/running_positions.hh"

#include <algorithm>

namespace gr::mariadb {

void running_positions::begin(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  running_.insert(seqno);
}

void running_positions::end(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  if (auto const at = running_.find(seqno); at != running_.end()) running_.erase(at);
  if (waiting_ != 0) changed_.notify_all();
}

seqno_t running_positions::visible(seqno_t left) const {
  std::lock_guard const hold(mutex_);
  return running_.empty() ? left : std::min(left, *running_.begin() - 1);
}

bool running_positions::wait_none_below(seqno_t seqno, clock::time_point until) {
  std::unique_lock hold(mutex_);
  auto const done = [&] { return running_.empty() || *running_.begin() >= seqno; };
  ++waiting_;
  bool in_time = true;
  if (until == clock::time_point::max())
    changed_.wait(hold, done);
  else
    in_time = changed_.wait_until(hold, until, done);
  --waiting_;
  return in_time;
}

}  // namespace gr::mariadb
