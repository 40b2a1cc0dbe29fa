#include "runtime/late_files.hh"

#include <chrono>
#include <iterator>
#include <utility>

namespace runtime {
namespace {

// What comes within this time is written together: the thread is not woken for each append, and the file not written in
// pieces of a hundred bytes.
constexpr std::chrono::milliseconds gathering{10};
constexpr std::size_t write_bytes = 1U << 20;

}  // namespace

late_files::late_files(std::shared_ptr<xcom::segment_files> below, std::size_t bytes_max)
    : below_(std::move(below)), bytes_max_(bytes_max), thread_([this] { run(); }) {}

late_files::~late_files() {
  {
    std::lock_guard const lock(mutex_);
    ending_ = true;
  }
  to_do_.notify_one();
  thread_.join();
}

// ---- the caller's side ----

std::vector<std::uint64_t> late_files::list() {
  (void)drain();  // whoever asks for a file that should be there hears why it is not
  std::lock_guard const lock(below_mutex_);
  return below_->list();
}

base::result<base::blob> late_files::read_all(std::uint64_t segment) {
  if (auto written = drain(); !written) return written.error();
  std::lock_guard const lock(below_mutex_);
  return below_->read_all(segment);
}

base::result<base::blob> late_files::read(std::uint64_t segment, std::uint64_t offset, std::size_t length) {
  {
    std::unique_lock lock(mutex_);
    auto const is_written = [&] {
      auto const known = segments_.find(segment);
      if (known == segments_.end() || known->second.waiting == 0) return true;
      return known->second.cuts_waiting == 0 && known->second.written >= offset + length;
    };
    wait_until(lock, is_written);
    if (!is_written()) return *failed_;
  }
  std::lock_guard const lock(below_mutex_);
  return below_->read(segment, offset, length);
}

base::result<void> late_files::append(std::uint64_t segment, base::chain const& bytes) {
  return hand_over({change::kind::append, segment, bytes, 0, bytes.size()});
}

base::result<void> late_files::truncate(std::uint64_t segment, std::uint64_t length) {
  return hand_over({change::kind::truncate, segment, {}, length, 0});
}

base::result<void> late_files::remove(std::uint64_t segment) {
  return hand_over({change::kind::remove, segment, {}, 0, 0});
}

base::result<void> late_files::sync(std::uint64_t segment) {
  return hand_over({change::kind::sync, segment, {}, 0, 0});
}

base::result<void> late_files::hand_over(change what) {
  std::unique_lock lock(mutex_);
  wait_until(lock, [&] { return queued_bytes_ == 0 || queued_bytes_ + what.counted <= bytes_max_; });
  if (failed_) return *failed_;
  queued_bytes_ += what.counted;
  auto& state = segments_[what.segment];
  ++state.waiting;
  state.cuts_waiting += is_cut(what) ? 1 : 0;
  queue_.push_back(std::move(what));
  bool const wake = std::exchange(idle_, false);
  lock.unlock();
  if (wake) to_do_.notify_one();
  return {};
}

base::result<void> late_files::wait_for_room() {
  std::unique_lock lock(mutex_);
  wait_until(lock, [this] { return queued_bytes_ <= bytes_max_ / 2; });
  return failed_ ? base::result<void>(*failed_) : base::result<void>();
}

base::result<void> late_files::drain() {
  std::unique_lock lock(mutex_);
  wait_until(lock, [this] { return queue_.empty() && under_way_ == 0; });
  return failed_ ? base::result<void>(*failed_) : base::result<void>();
}

// Or until a change fails: what the others wait for does not come then.
template <class Claim> void late_files::wait_until(std::unique_lock<std::mutex>& lock, Claim claim) {
  if (claim()) return;
  ++waits_;
  to_do_.notify_one();
  done_.wait(lock, [&] { return failed_ || claim(); });
  --waits_;
}

// ---- the thread's side ----

void late_files::run() {
  for (;;) {
    auto changes = next_changes();
    if (changes.empty()) return;
    base::result<void> outcome;
    {
      std::lock_guard const lock(below_mutex_);
      outcome = perform(changes);
    }
    done(changes, outcome);
  }
}

// Several appends to one segment, or one other change. Nothing: it is over.
std::vector<late_files::change> late_files::next_changes() {
  std::unique_lock lock(mutex_);
  if (gathered_ == 0) gather(lock);
  std::vector<change> taken;
  std::size_t bytes = 0;
  while (gathered_ > 0 && bytes < write_bytes) {
    auto& next = queue_.front();
    bool const is_append = next.what == change::kind::append;
    bool const together = taken.empty() || (is_append && next.segment == taken.front().segment &&
                                            taken.front().what == change::kind::append);
    if (!together) break;
    bytes += next.counted;
    taken.push_back(std::move(next));
    queue_.pop_front();
    --gathered_;
  }
  under_way_ = taken.size();
  return taken;
}

void late_files::gather(std::unique_lock<std::mutex>& lock) {
  idle_ = queue_.empty();
  to_do_.wait(lock, [this] { return !queue_.empty() || ending_; });
  idle_ = false;
  to_do_.wait_for(lock, gathering, [this] { return waits_ > 0 || ending_ || queued_bytes_ >= write_bytes; });
  gathered_ = queue_.size();
}

base::result<void> late_files::perform(std::vector<change>& changes) {
  auto& first = changes.front();
  switch (first.what) {
    case change::kind::truncate: return below_->truncate(first.segment, first.length);
    case change::kind::remove: return below_->remove(first.segment);
    case change::kind::sync: return below_->sync(first.segment);
    case change::kind::append: break;
  }
  base::chain all = std::move(first.bytes);
  for (auto each = changes.begin() + 1; each != changes.end(); ++each)
    std::move(each->bytes.pieces.begin(), each->bytes.pieces.end(), std::back_inserter(all.pieces));
  return below_->append(first.segment, all);
}

void late_files::done(std::vector<change> const& changes, base::result<void> const& outcome) {
  std::unique_lock lock(mutex_);
  auto const& first = changes.front();
  auto& state = segments_[first.segment];
  for (auto const& each : changes) {
    queued_bytes_ -= each.counted;
    state.written += each.counted;
  }
  state.waiting -= changes.size();
  state.cuts_waiting -= is_cut(first) ? 1 : 0;
  if (first.what == change::kind::truncate) state.written = first.length;
  if (first.what == change::kind::remove) state.written = 0;
  if (first.what == change::kind::remove && state.waiting == 0) segments_.erase(first.segment);
  under_way_ = 0;
  if (!outcome) {
    failed_ = outcome.error();
    queue_.clear();
    gathered_ = 0;
    queued_bytes_ = 0;
  }
  bool const wake = waits_ > 0;
  lock.unlock();
  if (wake) done_.notify_all();
}

}  // namespace runtime
