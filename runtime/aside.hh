// Work of a strand's that takes its time, done by a thread beside it, while the strand goes on serving its connections.
//
// Owner:  the strand, for every call; the work itself runs on the other thread.
// Always: (1) work is done one after the other, in its order; (2) `then` is called on the strand; (3) the destructor waits for
//         the work under way, drops what waits behind it, and no `then` is called any more.
// Errors: what the work throws is thrown again on the strand, in place of `then`.
#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>

namespace runtime {

class side_thread {
 public:
  explicit side_thread(boost::asio::io_context& strand);
  ~side_thread();
  side_thread(side_thread const&) = delete;
  side_thread& operator=(side_thread const&) = delete;

  // Cost: two wake-ups. The thread begins with the first one.
  void run(std::function<void()> work, std::function<void()> then);

 private:
  struct parts;
  std::shared_ptr<parts> parts_;
};

// The same, of what the strand cannot go on without: the machines and their log belong to the work until it is done. Whoever
// comes to use them meanwhile waits in when_free().
class aside {
 public:
  explicit aside(boost::asio::io_context& strand) : thread_(strand) {}

  // Needs !busy().
  void begin(std::function<void()> work, std::function<void()> then);
  [[nodiscard]] bool busy() const { return busy_; }
  // At once, or on the strand when nothing is under way any more, in the order they came. What waits may begin the next.
  void when_free(std::function<void()> what);

 private:
  void ended(std::function<void()> const& then);

  bool busy_ = false;
  std::deque<std::function<void()>> waiting_;
  side_thread thread_;  // last: it ends before what it would come back to
};

}  // namespace runtime
