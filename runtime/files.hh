// The agreed log's segments as files of a directory.
//
// Owner:  the strand that owns the log. Not safe for concurrent use.
// Shape:  group_replication.00000001.log and so on, at the top of the data directory: MariaDB's state transfer scripts leave
//         top-level *.log files alone, so a full copy does not take one member's log to another.
// Errors: each names the file, what was tried, and the system's reason. A chore's error is the next append's.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/chores.hh"
#include "xcom/agreed_log.hh"

namespace runtime {

enum class syncing : std::uint8_t {
  never,    // what a host that fails keeps is its choice
  behind,   // sync() is a chore: done later, in its order
  at_once,  // sync() returns when it is done
};

struct files_config {
  std::string directory;
  std::string name_head = "group_replication.";  // what a segment's name begins with
  syncing sync = syncing::at_once;
  // Written bytes are handed to the disk in steps of this size, so that a later sync is short and the page cache never holds
  // so much that the kernel stops who writes for half a second. 0: left to the kernel.
  std::uint64_t writeback_bytes = 1U << 20;
  // Steps that may wait for the disk before append() waits for it: many short waits in place of few long ones.
  std::size_t steps_waiting_max = 256;
};

class directory_files final : public xcom::segment_files {
 public:
  explicit directory_files(files_config config);
  ~directory_files() override;
  directory_files(directory_files const&) = delete;
  directory_files& operator=(directory_files const&) = delete;

  std::vector<std::uint64_t> list() override;
  base::result<base::blob> read_all(std::uint64_t segment) override;  // a memory map
  base::result<base::blob> read(std::uint64_t segment, std::uint64_t offset, std::size_t length) override;
  base::result<void> append(std::uint64_t segment, base::chain const& bytes) override;
  base::result<void> truncate(std::uint64_t segment, std::uint64_t length) override;
  base::result<void> remove(std::uint64_t segment) override;
  base::result<void> sync(std::uint64_t segment) override;
  std::string name(std::uint64_t segment) const override;

 private:
  // One open file. The tail stays open for writing; readers keep the one they used last.
  struct open_file {
    std::uint64_t segment = 0;
    int fd = -1;
    std::uint64_t length = 0;     // of the tail
    std::uint64_t handed_on = 0;  // of the tail: writeback was started up to here
  };
  base::result<void> open_tail(std::uint64_t segment);
  base::result<int> reader_of(std::uint64_t segment);
  base::result<void> sync_directory();
  void start_writeback();
  static void close(open_file& file);
  [[nodiscard]] base::error failed(char const* what, std::uint64_t segment) const;  // from errno

  files_config config_;
  std::set<std::uint64_t> known_;  // listed or made here; any other must not be there yet
  open_file tail_;
  open_file reader_;
  chores chores_;
};

}  // namespace runtime
