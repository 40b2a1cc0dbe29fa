#include "gr/mariadb/running_appliers.hh"

namespace gr::mariadb {

void running_appliers::begin(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  running_.insert(seqno);
}

void running_appliers::end(seqno_t seqno) {
  std::lock_guard const hold(mutex_);
  running_.erase(running_.find(seqno));
  if (waiting_ != 0) changed_.notify_all();
}

void running_appliers::wait_none_below(seqno_t seqno) {
  std::unique_lock hold(mutex_);
  ++waiting_;
  changed_.wait(hold, [&] { return running_.empty() || *running_.begin() >= seqno; });
  --waiting_;
}

}  // namespace gr::mariadb
