#include "runtime/chores.hh"

#include <utility>

namespace runtime {

chores::~chores() {
  {
    std::lock_guard const lock(mutex_);
    ending_ = true;
  }
  to_do_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void chores::add(std::function<base::result<void>()> what) {
  {
    std::lock_guard const lock(mutex_);
    waiting_.push_back(std::move(what));
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  to_do_.notify_one();
}

void chores::wait_for_fewer_than(std::size_t count) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return waiting_.size() < count; });
}

std::optional<base::error> chores::failed() {
  std::lock_guard const lock(mutex_);
  return failed_;
}

void chores::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    to_do_.wait(lock, [this] { return !waiting_.empty() || ending_; });
    if (waiting_.empty()) return;
    auto const what = std::move(waiting_.front());
    lock.unlock();
    auto const outcome = what();
    lock.lock();
    waiting_.pop_front();
    if (!outcome && !failed_) failed_ = outcome.error();
    done_.notify_all();
  }
}

}  // namespace runtime
