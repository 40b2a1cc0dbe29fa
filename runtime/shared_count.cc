#include "runtime/shared_count.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace runtime {

base::result<shared_count> shared_count::make(std::string const& path) {
  auto made = map(path, O_RDWR | O_CREAT, PROT_READ | PROT_WRITE);
  if (made) made->set(0);
  return made;
}

base::result<shared_count> shared_count::look(std::string const& path) { return map(path, O_RDONLY, PROT_READ); }

base::result<shared_count> shared_count::map(std::string const& path, int flags, int access) {
  auto const failed = [&path](int why) {
    return base::fail("cannot use " + path + ": " + std::generic_category().message(why));
  };
  constexpr auto bytes = sizeof(std::uint64_t);
  int const fd = ::open(path.c_str(), flags | O_CLOEXEC, 0640);
  if (fd < 0) return failed(errno);
  struct stat status {};
  bool good = (access & PROT_WRITE) == 0 || ::ftruncate(fd, bytes) == 0;
  good = good && ::fstat(fd, &status) == 0;
  void* const at = good ? ::mmap(nullptr, bytes, access, MAP_SHARED, fd, 0) : MAP_FAILED;
  int const why = errno;
  ::close(fd);
  if (at == MAP_FAILED) return failed(why);
  std::shared_ptr<std::uint64_t> where(static_cast<std::uint64_t*>(at), [](void* mapped) { ::munmap(mapped, bytes); });
  if (static_cast<std::size_t>(status.st_size) != bytes) return base::fail(path + " holds no number");
  return shared_count(std::move(where));
}

void shared_count::set(std::uint64_t value) const { std::atomic_ref(*where_).store(value, std::memory_order_relaxed); }

std::uint64_t shared_count::get() const { return std::atomic_ref(*where_).load(std::memory_order_relaxed); }

}  // namespace runtime
