// Whether a donor goes on sending while it is behind in applying what the group ordered: a copy costs it disk and processor, and a
// donor that falls behind slows the writers of its group, or serves old rows.
// Owner: one thread at a time.
#pragma once

#include <cstdint>

namespace cloning {

class brake {
 public:
  // In transactions; 0: it never holds.
  explicit brake(std::uint64_t backlog_max) : most_(backlog_max) {}
  // Above the limit it holds, and then until half of it is left, so that it does not change its mind with every transaction.
  bool holds(std::uint64_t backlog) { return holds_ = most_ > 0 && backlog > (holds_ ? most_ / 2 : most_); }

 private:
  std::uint64_t most_;
  bool holds_ = false;
};

}  // namespace cloning
