// Segment files written behind: a change is queued and done a moment later by a thread of its own, in the order it came
// (group_replication_durability = MEMORY). A slow disk then holds up nobody until the queue is full.
//
// Owner:  the strand that owns the log, for every call. `below` is called by one thread at a time.
// Always: (1) what a killed process leaves is what some prefix of the changes made, the last one perhaps in part;
//         (2) whatever is read is written first; (3) nothing is done after the first change that failed.
// Errors: a change says what an earlier one met: it was accepted long before it was done.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "xcom/agreed_log.hh"

namespace runtime {

inline constexpr std::size_t late_bytes_max = 64U << 20;

class late_files final : public xcom::segment_files {
 public:
  // Beyond `bytes_max` of appends that wait, append() waits for the disk: memory is bounded, and so is what a killed process
  // can lose of its log.
  explicit late_files(std::shared_ptr<xcom::segment_files> below, std::size_t bytes_max = late_bytes_max);
  ~late_files() override;  // writes what waits first
  late_files(late_files const&) = delete;
  late_files& operator=(late_files const&) = delete;

  std::vector<std::uint64_t> list() override;
  base::result<base::blob> read_all(std::uint64_t segment) override;
  // Waits for the bytes asked for, not for what was appended behind them.
  base::result<base::blob> read(std::uint64_t segment, std::uint64_t offset, std::size_t length) override;
  base::result<void> append(std::uint64_t segment, base::chain const& bytes) override;
  base::result<void> truncate(std::uint64_t segment, std::uint64_t length) override;
  base::result<void> remove(std::uint64_t segment) override;
  base::result<void> sync(std::uint64_t segment) override;  // like any other change: later, in its turn
  std::string name(std::uint64_t segment) const override { return below_->name(segment); }

  // Waits until an append of some size would not wait. Errors: as drain().
  base::result<void> wait_for_room();
  // Waits until everything handed over so far is done. Errors: the first that any of it met.
  base::result<void> drain();

 private:
  struct change {
    enum class kind : std::uint8_t { append, truncate, remove, sync } what;
    std::uint64_t segment;
    base::chain bytes = {};    // append
    std::uint64_t length = 0;  // truncate
    std::size_t counted = 0;   // append: its bytes
  };
  struct segment_state {
    std::uint64_t written = 0;     // bytes of a segment that was begun here
    std::size_t waiting = 0;       // changes not done yet
    std::size_t cuts_waiting = 0;  // of those, truncations and removals: what is written is not what is to be read
  };
  static bool is_cut(change const& what) {
    return what.what == change::kind::truncate || what.what == change::kind::remove;
  }
  base::result<void> hand_over(change what);
  void run();
  std::vector<change> next_changes();
  void gather(std::unique_lock<std::mutex>& lock);
  base::result<void> perform(std::vector<change>& changes);
  void done(std::vector<change> const& changes, base::result<void> const& outcome);
  template <class Claim> void wait_until(std::unique_lock<std::mutex>& lock, Claim claim);

  std::shared_ptr<xcom::segment_files> below_;
  std::size_t bytes_max_;
  std::mutex below_mutex_;  // never held together with the other one

  std::mutex mutex_;  // for all that follows
  std::condition_variable to_do_;
  std::condition_variable done_;
  std::deque<change> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t gathered_ = 0;   // of the queue's, that go without waiting for more
  std::size_t under_way_ = 0;  // changes taken out of the queue and not done
  std::map<std::uint64_t, segment_state> segments_;
  std::optional<base::error> failed_;
  bool idle_ = false;      // the thread sleeps until it is woken
  std::size_t waits_ = 0;  // callers that wait: no more gathering
  bool ending_ = false;

  std::thread thread_;  // last: it begins when all else is there
};

}  // namespace runtime
