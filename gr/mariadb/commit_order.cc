#include "gr/mariadb/commit_order.hh"

#include "base/ensure.hh"

namespace gr::mariadb {

void commit_order::reset(seqno_t last) {
  std::lock_guard const hold(mutex_);
  skipped_.clear();
  interrupted_.clear();
  entered_ = last;
  last_left_.store(last, std::memory_order_release);
}

commit_order::entry commit_order::enter(seqno_t seqno) {
  std::unique_lock hold(mutex_);
  auto& mine = slot_of(seqno);
  for (;;) {
    if (interrupted_.erase(seqno) != 0) return entry::interrupted;
    if (may_enter(seqno)) break;
    ensure(seqno > last_left_.load(std::memory_order_relaxed));
    ++mine.entering;
    mine.enter.wait(hold);
    --mine.entering;
  }
  entered_ = seqno;
  return entry::entered;
}

void commit_order::leave(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  ensure(entered_ == seqno);
  ensure(last_left_.load(std::memory_order_relaxed) == seqno - 1);
  advance(seqno);
}

void commit_order::skip(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  auto const last = last_left_.load(std::memory_order_relaxed);
  if (seqno <= last) return;
  skipped_.insert(seqno);
  if (frozen_ == 0 && seqno == last + 1 && entered_ <= last) advance(last);
}

void commit_order::give_up(seqno_t seqno) {
  {
    std::lock_guard const hold(mutex_);
    if (seqno <= last_left_.load(std::memory_order_relaxed)) return;
    if (entered_ == seqno) return advance(seqno);
  }
  skip(seqno);
}

// `seqno` leaves, and with it those behind it that nobody will enter.
void commit_order::advance(seqno_t seqno) {
  auto const before = last_left_.load(std::memory_order_relaxed);
  while (!skipped_.empty() && *skipped_.begin() == seqno + 1) {
    skipped_.erase(skipped_.begin());
    ++seqno;
  }
  if (entered_ < seqno) entered_ = seqno;
  last_left_.store(seqno, std::memory_order_release);
  for (auto gone = before + 1; gone <= seqno; ++gone)
    if (auto& its = slot_of(gone); its.waiting != 0) its.left.notify_all();
  wake_next();
  if (frozen_ != 0) emptied_.notify_all();
}

void commit_order::wake_next() {
  auto& next = slot_of(last_left_.load(std::memory_order_relaxed) + 1);
  if (next.entering != 0) next.enter.notify_all();
}

bool commit_order::interrupt(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  if (entered_ >= seqno) return false;
  interrupted_.insert(seqno);
  if (auto& its = slot_of(seqno); its.entering != 0) its.enter.notify_all();
  return true;
}

void commit_order::clear_interrupt(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  interrupted_.erase(seqno);
}

bool commit_order::wait_left(seqno_t seqno, clock::time_point until) {
  if (last_left() >= seqno) return true;
  std::unique_lock hold(mutex_);
  auto& its = slot_of(seqno);
  bool in_time = true;
  ++its.waiting;
  while (in_time && last_left_.load(std::memory_order_relaxed) < seqno) {
    // Not every library adds a duration to time_point::max() without overflow, so "for ever" has a call of its own.
    if (until == clock::time_point::max())
      its.left.wait(hold);
    else
      in_time = its.left.wait_until(hold, until) == std::cv_status::no_timeout;
  }
  --its.waiting;
  return last_left_.load(std::memory_order_relaxed) >= seqno;
}

seqno_t commit_order::freeze() {
  std::unique_lock hold(mutex_);
  ++frozen_;
  emptied_.wait(hold, [this] { return entered_ <= last_left_.load(std::memory_order_relaxed); });
  return last_left_.load(std::memory_order_relaxed);
}

void commit_order::thaw() {
  std::lock_guard const hold(mutex_);
  ensure(frozen_ > 0);
  if (--frozen_ != 0) return;
  advance(last_left_.load(std::memory_order_relaxed));  // what was skipped meanwhile
}

}  // namespace gr::mariadb
