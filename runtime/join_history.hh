// The last joins of this member, over its restarts: in memory for whoever asks, in a small file of the data directory for the
// next process.
//
// Owner:  the group strand; what `all` answers is never changed afterwards, so any thread may keep it.
// Always: at most joins_kept_max records, oldest first; a file that cannot be read or written costs the history, nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hh"
#include "gr/join_report.hh"

namespace runtime {

class join_history {
 public:
  using records = std::vector<gr::join_record>;

  // Reads the file. A join that no end is known of was cut short by the end of its process, and says so.
  explicit join_history(std::string const& data_dir);

  // A new member begins: its reports are not those of the one before.
  void expect_another();
  // Takes over what the member says of its join. Writes the file when something was decided or it ended; not synced, a host
  // that fails may lose the last words. Errors: the file cannot be written.
  base::result<void> take(gr::join_report const& from, std::uint64_t milliseconds_now);

  [[nodiscard]] std::shared_ptr<records const> all() const { return all_; }

 private:
  void append(gr::join_report const& from, records& to);
  [[nodiscard]] base::result<void> store() const;

  std::string path_;
  std::shared_ptr<records const> all_;
  std::uint64_t joins_seen_ = 0;  // of the member
  std::uint64_t changes_seen_ = 0;
};

}  // namespace runtime
