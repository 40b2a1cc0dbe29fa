#include "gr/mariadb/pause_gate.hh"

#include <algorithm>

namespace gr::mariadb {

void pause_gate::open(seqno_t last) {
  std::lock_guard const hold(mutex_);
  closed_ = false;
  highest_ = last;
  if (paused_ != 0) hold_ = last;
}

bool pause_gate::enter() {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [this] { return paused_ == 0 || closed_; });
  return !closed_;
}

bool pause_gate::let_through(seqno_t seqno) {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [this, seqno] { return !is_held(seqno) || closed_; });
  if (is_held(seqno)) return false;
  highest_ = std::max(highest_, seqno);
  return true;
}

bool pause_gate::admit(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  if (is_held(seqno)) return false;
  highest_ = std::max(highest_, seqno);
  return true;
}

bool pause_gate::holds(seqno_t seqno) const {
  std::lock_guard const hold(mutex_);
  return is_held(seqno);
}

seqno_t pause_gate::pause() {
  std::lock_guard const hold(mutex_);
  if (paused_++ == 0) hold_ = highest_;
  return hold_;
}

void pause_gate::resume() {
  std::lock_guard const hold(mutex_);
  if (paused_ != 0 && --paused_ == 0) changed_.notify_all();
}

bool pause_gate::close() {
  std::lock_guard const hold(mutex_);
  closed_ = true;
  changed_.notify_all();
  return paused_ != 0;
}

seqno_t pause_gate::highest() const {
  std::lock_guard const hold(mutex_);
  return highest_;
}

}  // namespace gr::mariadb
