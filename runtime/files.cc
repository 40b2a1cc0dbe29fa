#include "runtime/files.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>
#include <system_error>

namespace runtime {

namespace {

constexpr std::string_view name_tail = ".log";
constexpr std::size_t digits_min = 8;
constexpr std::size_t pieces_per_write = 256;

std::string file_name(std::string_view name_head, std::uint64_t segment) {
  std::string digits = std::to_string(segment);
  if (digits.size() < digits_min) digits.insert(0, digits_min - digits.size(), '0');
  return std::string(name_head) + digits + std::string(name_tail);
}

// Only names that we would give: anything else in the directory is somebody else's.
std::optional<std::uint64_t> segment_of(std::string_view name_head, std::string_view name) {
  if (!name.starts_with(name_head) || !name.ends_with(name_tail)) return std::nullopt;
  if (name.size() <= name_head.size() + name_tail.size()) return std::nullopt;
  std::uint64_t segment = 0;
  auto const digits = name.substr(name_head.size(), name.size() - name_head.size() - name_tail.size());
  if (digits.size() > 18) return std::nullopt;
  for (char const digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    segment = segment * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return file_name(name_head, segment) == name ? std::optional(segment) : std::nullopt;
}

base::error failed_to(char const* what, std::string const& name, int why) {
  return base::fail(std::string("cannot ") + what + " " + name + ": " + std::generic_category().message(why));
}

// A descriptor that a chore takes along.
class held_descriptor {
 public:
  explicit held_descriptor(int fd) : fd_(fd) {}
  ~held_descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  held_descriptor(held_descriptor const&) = delete;
  held_descriptor& operator=(held_descriptor const&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::shared_ptr<held_descriptor> another(int fd) {
  return std::make_shared<held_descriptor>(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

// Everything in `pieces`, or false with errno.
bool write_all(int fd, std::vector<iovec> pieces) {
  std::size_t first = 0;
  while (first < pieces.size()) {
    auto const count = std::min(pieces_per_write, pieces.size() - first);
    ssize_t const written = ::writev(fd, pieces.data() + first, static_cast<int>(count));
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    auto left = static_cast<std::size_t>(written);
    while (first < pieces.size() && left >= pieces[first].iov_len) left -= pieces[first++].iov_len;
    if (left == 0) continue;
    pieces[first].iov_base = static_cast<std::uint8_t*>(pieces[first].iov_base) + left;
    pieces[first].iov_len -= left;
  }
  return true;
}

// Takes the first `bytes` of them, which there are.
std::vector<iovec> take_front(std::vector<iovec>& from, std::size_t bytes) {
  std::vector<iovec> taken;
  std::size_t whole = 0;
  for (; bytes > 0 && from[whole].iov_len <= bytes; ++whole) bytes -= from[whole].iov_len;
  taken.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(whole));
  from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(whole));
  if (bytes == 0) return taken;
  auto& cut = from.front();
  taken.push_back({cut.iov_base, bytes});
  cut.iov_base = static_cast<std::uint8_t*>(cut.iov_base) + bytes;
  cut.iov_len -= bytes;
  return taken;
}

}  // namespace

directory_files::directory_files(files_config config) : config_(std::move(config)) {}

directory_files::~directory_files() {
  close(tail_);
  close(reader_);
}

std::string directory_files::name(std::uint64_t segment) const {
  return config_.directory + "/" + file_name(config_.name_head, segment);
}

base::error directory_files::failed(char const* what, std::uint64_t segment) const {
  return failed_to(what, name(segment), errno);
}

void directory_files::close(open_file& file) {
  if (file.fd >= 0) ::close(file.fd);
  file = {};
}

std::vector<std::uint64_t> directory_files::list() {
  std::vector<std::uint64_t> found;
  DIR* const directory = ::opendir(config_.directory.c_str());
  if (directory == nullptr) return found;  // the first append says what is wrong: it never opens a file not listed
  while (dirent const* entry = ::readdir(directory)) {
    if (auto const segment = segment_of(config_.name_head, entry->d_name)) found.push_back(*segment);
  }
  ::closedir(directory);
  std::sort(found.begin(), found.end());
  known_.insert(found.begin(), found.end());
  return found;
}

base::result<base::blob> directory_files::read_all(std::uint64_t segment) {
  int const fd = ::open(name(segment).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", segment);
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    auto const error = failed("look at", segment);
    ::close(fd);
    return error;
  }
  auto const size = static_cast<std::size_t>(status.st_size);
  void* const map = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) {
    auto const error = failed("map", segment);
    ::close(fd);
    return error;
  }
  ::close(fd);
  if (size == 0) return base::blob();
  std::shared_ptr<void const> owner(map, [size](void const* at) { ::munmap(const_cast<void*>(at), size); });
  return base::blob(std::move(owner), static_cast<std::uint8_t const*>(map), size);
}

base::result<base::blob> directory_files::read(std::uint64_t segment, std::uint64_t offset, std::size_t length) {
  auto const fd = reader_of(segment);
  if (!fd) return fd.error();
  auto bytes = std::make_shared_for_overwrite<std::uint8_t[]>(std::max<std::size_t>(length, 1));
  std::size_t done = 0;
  while (done < length) {
    ssize_t const got = ::pread(*fd, bytes.get() + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", segment);
    if (got == 0) {
      return base::fail("cannot read " + name(segment) + ": it ends at byte " + std::to_string(offset + done) + ", " +
                        std::to_string(length - done) + " bytes too early");
    }
    done += static_cast<std::size_t>(got);
  }
  std::uint8_t const* const data = bytes.get();
  return base::blob(std::move(bytes), data, length);
}

base::result<int> directory_files::reader_of(std::uint64_t segment) {
  if (tail_.fd >= 0 && tail_.segment == segment) return tail_.fd;
  if (reader_.fd >= 0 && reader_.segment == segment) return reader_.fd;
  int const fd = ::open(name(segment).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open", segment);
  close(reader_);
  reader_ = {segment, fd, 0, 0};
  return fd;
}

base::result<void> directory_files::open_tail(std::uint64_t segment) {
  if (tail_.fd >= 0 && tail_.segment == segment) return {};
  close(tail_);
  bool const create = !known_.contains(segment);
  int const flags = O_RDWR | O_APPEND | O_CLOEXEC | (create ? O_CREAT | O_EXCL : 0);
  int const fd = ::open(name(segment).c_str(), flags, 0640);
  if (fd < 0) return failed(create ? "create" : "open", segment);
  known_.insert(segment);
  off_t const length = ::lseek(fd, 0, SEEK_END);
  if (length < 0) {
    auto const error = failed("seek in", segment);
    ::close(fd);
    return error;
  }
  tail_ = {segment, fd, static_cast<std::uint64_t>(length), static_cast<std::uint64_t>(length)};
  return create ? sync_directory() : base::result<void>{};
}

// A new file's name is on disk only when its directory is.
base::result<void> directory_files::sync_directory() {
  auto const sync = [path = config_.directory]() -> base::result<void> {
    held_descriptor const fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 || ::fsync(fd.get()) != 0) return failed_to("sync directory", path, errno);
    return {};
  };
  switch (config_.sync) {
    case syncing::never: return {};
    case syncing::behind: chores_.add(sync); return {};
    case syncing::at_once: break;
  }
  return sync();
}

base::result<void> directory_files::append(std::uint64_t segment, base::chain const& bytes) {
  if (auto const before = chores_.failed()) return *before;
  if (auto done = open_tail(segment); !done) return done.error();
  std::vector<iovec> pieces;
  pieces.reserve(bytes.pieces.size());
  for (auto const& piece : bytes.pieces) {
    if (!piece.empty()) pieces.push_back({const_cast<std::uint8_t*>(piece.data()), piece.size()});
  }
  auto const write = [&](std::vector<iovec> what, std::size_t size) {
    if (!write_all(tail_.fd, std::move(what))) return false;
    tail_.length += size;
    start_writeback();
    return true;
  };
  std::size_t left = bytes.size();
  for (; config_.writeback_bytes > 0 && left > config_.writeback_bytes; left -= config_.writeback_bytes)
    if (!write(take_front(pieces, config_.writeback_bytes), config_.writeback_bytes))
      return failed("write to", segment);
  if (!write(std::move(pieces), left)) return failed("write to", segment);
  return {};
}

// A disk's queue that is full holds up whoever asks for more, so that is a chore as well, and it ends when the bytes are
// written: so the chores that wait say how much is not.
void directory_files::start_writeback() {
  if (config_.writeback_bytes == 0 || tail_.length - tail_.handed_on < config_.writeback_bytes) return;
  chores_.wait_for_fewer_than(config_.steps_waiting_max);
  auto const from = static_cast<off_t>(tail_.handed_on);
  auto const length = static_cast<off_t>(tail_.length - tail_.handed_on);
  chores_.add([fd = another(tail_.fd), from, length]() -> base::result<void> {
    // Only a hint: what it could not do, sync() does.
    (void)::sync_file_range(fd->get(), from, length, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    return {};
  });
  tail_.handed_on = tail_.length;
}

base::result<void> directory_files::truncate(std::uint64_t segment, std::uint64_t length) {
  if (auto done = open_tail(segment); !done) return done.error();
  if (::ftruncate(tail_.fd, static_cast<off_t>(length)) != 0) return failed("truncate", segment);
  tail_.length = length;
  tail_.handed_on = std::min(tail_.handed_on, length);
  return {};
}

// Freeing a large file takes a while, and longer when its pages are on their way to the disk. The newest is removed at once:
// its number may be given again.
base::result<void> directory_files::remove(std::uint64_t segment) {
  if (tail_.segment == segment) close(tail_);
  if (reader_.segment == segment) close(reader_);
  bool const newest = known_.empty() || *known_.rbegin() <= segment;
  known_.erase(segment);
  auto const unlink = [path = name(segment)]() -> base::result<void> {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed_to("remove", path, errno);
    return {};
  };
  if (newest) return unlink();
  chores_.add(unlink);
  return {};
}

base::result<void> directory_files::sync(std::uint64_t segment) {
  if (config_.sync == syncing::never) return {};
  if (auto done = open_tail(segment); !done) return done.error();
  auto const sync = [fd = another(tail_.fd), path = name(segment)]() -> base::result<void> {
    if (::fdatasync(fd->get()) != 0) return failed_to("sync", path, errno);
    return {};
  };
  if (config_.sync == syncing::at_once) return sync();
  chores_.add(sync);
  return {};
}

}  // namespace runtime
