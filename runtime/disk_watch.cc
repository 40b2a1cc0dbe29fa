#include "runtime/disk_watch.hh"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/statvfs.h>

namespace runtime {

base::result<std::uint64_t> free_bytes(std::string const& directory) {
  struct statvfs found {};
  if (::statvfs(directory.c_str(), &found) != 0)
    return base::fail("cannot tell how much room is left in " + directory + ": " +
                      std::generic_category().message(errno));
  return std::uint64_t{found.f_bavail} * found.f_frsize;
}

disk_watch::verdict disk_watch::judge(std::uint64_t free, std::uint64_t limit) {
  if (free < limit) return verdict::too_low;
  return free / 2 < limit ? verdict::getting_low : verdict::enough;
}

std::optional<disk_watch::verdict> disk_watch::look(sight const& now) {
  auto found = judge(now.free, now.limit);
  bool const again = std::exchange(seen_too_low_, found == verdict::too_low);
  if (found == verdict::too_low && now.others && (again || !now.leads)) return verdict::too_low;
  if (found == verdict::too_low) found = verdict::getting_low;  // it stays
  return std::exchange(said_, found) == found || found == verdict::enough ? std::nullopt : std::optional(found);
}

std::string describe_room(std::string const& directory, std::uint64_t free, std::uint64_t limit) {
  return std::to_string(free >> 20U) + " MiB are free in " + directory +
         ", and below group_replication_disk_watermark (" + std::to_string(limit >> 20U) +
         " MiB) a member leaves the group";
}

}  // namespace runtime
