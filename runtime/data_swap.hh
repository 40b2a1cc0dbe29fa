// A swap (clone/swap.hh) on a real data directory, and what is left beside it afterwards.
//
// Shape:  DATA/.clone/new        the data that was received and prepared
//         DATA/.clone/old        the data from before, until the member is ONLINE
//         DATA/.clone/kept.TIME  such data, kept for good
//         DATA/.clone/journal    while a swap is under way, and only then
// Owner:  who holds the lock: the transfer program while it runs, or the library as it is loaded or the member is ONLINE.
// Errors: each names the file, what was tried, and the system's reason.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hh"

namespace runtime {

struct clone_directories {
  explicit clone_directories(std::string data_dir);
  std::string data, work, fresh, old, discarded, journal;
};

// Held until this goes, by this process alone.
class clone_lock {
 public:
  // Errors: somebody else holds it for longer than that.
  static base::result<clone_lock> take(std::string const& data_dir, std::chrono::milliseconds patience);
  explicit clone_lock(int fd) : fd_(fd) {}
  ~clone_lock();
  clone_lock(clone_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  clone_lock& operator=(clone_lock&&) = delete;

 private:
  int fd_;
};

enum class keep_old : std::uint8_t { never, until_online, always };
base::result<keep_old> parse_keep_old(std::string_view word);

// Told the name of each step just before it is taken.
using step_listener = std::function<void(std::string_view step)>;

// Everything below a directory is on disk when it returns. O(files).
base::result<void> sync_tree(std::string const& directory);

// The data in `new` takes the place of the data directory's. From the first step on there is no way back, only forward:
// after an error, or a kill, finish_swap goes on. Old data that nobody was ONLINE with since is not kept a second time.
base::result<void> swap_data(std::string const& data_dir, std::string const& anchor, step_listener const& listen);

// A swap was interrupted here, and nobody should open the data before it is finished.
bool is_half_swapped(std::string const& data_dir);
// Ends it. False: there was none.
base::result<bool> finish_swap(std::string const& data_dir);

// The member is ONLINE with the data it has: what is left of clones goes, or is kept. True: there was old data.
base::result<bool> settle_old_data(std::string const& data_dir, keep_old how);

}  // namespace runtime
