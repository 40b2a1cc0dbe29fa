// Room on the disk of a server's data. A member whose log, redo log or tables cannot grow any more stops in the middle of
// something; one that leaves before that leaves in order, and comes back once there is room (gr/exit_policy.hh).
//
//   free >= 2 * limit   enough
//   free >= limit       getting low: said once, until there is enough again
//   below               too low: it leaves, if another member with data stays. Who leads leaves one look later than the others,
//                       so that members whose disks fill at the same rate do not all leave at once.
//
// Owner:  the strand. Sees no disk: it is told how much is free, once a second.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hh"

namespace runtime {

// Bytes that an unprivileged process may still write there. Errors: the system's reason. Cost: one statfs.
base::result<std::uint64_t> free_bytes(std::string const& directory);

class disk_watch {
 public:
  enum class verdict : std::uint8_t { enough, getting_low, too_low };
  struct sight {
    std::uint64_t free = 0;
    std::uint64_t limit = 0;  // 0: it is never too low
    bool leads = false;
    bool others = false;  // a member with data would stay
  };

  // What is new, if anything: to be warned of, or to leave for.
  [[nodiscard]] std::optional<verdict> look(sight const& now);
  [[nodiscard]] static verdict judge(std::uint64_t free, std::uint64_t limit);

 private:
  verdict said_ = verdict::enough;
  bool seen_too_low_ = false;  // at the look before
};

// "96 MiB are free in /var/lib/mysql, ...": for both a warning and a reason.
std::string describe_room(std::string const& directory, std::uint64_t free, std::uint64_t limit);

}  // namespace runtime
