#include "runtime/aside.hh"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "base/ensure.hh"

namespace runtime {

struct side_thread::parts {
  explicit parts(boost::asio::io_context& to) : strand(to) {}

  boost::asio::io_context& strand;
  std::optional<boost::asio::thread_pool> pool;
};

side_thread::side_thread(boost::asio::io_context& strand) : parts_(std::make_shared<parts>(strand)) {}

side_thread::~side_thread() {
  if (!parts_->pool) return;
  parts_->pool->stop();
  parts_->pool->join();
}

void side_thread::run(std::function<void()> work, std::function<void()> then) {
  if (!parts_->pool) parts_->pool.emplace(1);
  std::weak_ptr<parts> const weak = parts_;
  auto* const strand = &parts_->strand;
  boost::asio::post(*parts_->pool, [weak, strand, work = std::move(work), then = std::move(then)]() mutable {
    std::exception_ptr failed;
    try {
      work();
    } catch (...) { failed = std::current_exception(); }
    boost::asio::post(*strand, [weak, failed, then = std::move(then)] {
      if (weak.expired()) return;
      if (failed) std::rethrow_exception(failed);
      then();
    });
  });
}

void aside::begin(std::function<void()> work, std::function<void()> then) {
  ensure(!busy_);
  busy_ = true;
  thread_.run(std::move(work), [this, then = std::move(then)] { ended(then); });
}

void aside::when_free(std::function<void()> what) {
  if (!busy_) return what();
  waiting_.push_back(std::move(what));
}

void aside::ended(std::function<void()> const& then) {
  busy_ = false;
  then();
  while (!busy_ && !waiting_.empty()) {
    auto const next = std::move(waiting_.front());
    waiting_.pop_front();
    next();
  }
}

}  // namespace runtime
