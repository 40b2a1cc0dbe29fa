// Whether the server, from its crash handler, has asked for this member's network to be cut. Async-signal-safe to set; the
// transport looks at it with every send and tick.
#pragma once

#include <atomic>

namespace gr {

inline std::atomic<bool> isolation_wanted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

inline bool isolated() { return isolation_wanted.load(std::memory_order_relaxed); }

}  // namespace gr
