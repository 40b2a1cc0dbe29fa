// What may wait for a disk and nobody needs to wait for: done one after the other by a thread of its own.
//
// Owner:  any one thread; the chores themselves run on the other one, so they own what they touch (descriptors, names).
// Always: they are done in the order they were added, all of them, also those that wait when the owner goes.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.hh"

namespace runtime {

class chores {
 public:
  chores() = default;
  ~chores();
  chores(chores const&) = delete;
  chores& operator=(chores const&) = delete;

  // The thread begins with the first one.
  void add(std::function<base::result<void>()> what);
  // Waits until fewer than `count` are left.
  void wait_for_fewer_than(std::size_t count);
  // The first error that any of them met.
  [[nodiscard]] std::optional<base::error> failed();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable to_do_;
  std::condition_variable done_;
  std::deque<std::function<base::result<void>()>> waiting_;  // the first one may be under way
  std::optional<base::error> failed_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace runtime
