// The donor's side: mariadb-backup writes a snapshot, this cuts it into chunks and sends them over several lanes.
//
// Shape:  one thread reads the snapshot into the send window; each lane has one that takes chunks from it, packs and sends
//         them, and one that hears what the joiner has. A lane that is lost is made anew, and what it carried is sent again.
// Always: the window is as far back as a lost connection can be made good, and mariadb-backup waits while it is full: memory
//         stays bounded, and nothing else of the server waits for the network.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "clone/brake.hh"
#include "clone/manifest.hh"
#include "clone/progress.hh"
#include "clone/send_window.hh"
#include "clone/throttle.hh"
#include "runtime/shared_count.hh"
#include "tools/wsrep_sst_clone/arguments.hh"
#include "tools/wsrep_sst_clone/child.hh"
#include "tools/wsrep_sst_clone/connection.hh"
#include "tools/wsrep_sst_clone/settings.hh"

namespace sst {

// Where a joiner waits: "host:port/clone/SECRET".
struct joiner_address {
  runtime::host_port at;
  std::string secret;
};
base::result<joiner_address> parse_joiner_address(std::string const& text);
std::string to_string(joiner_address const& address);

class donor {
 public:
  donor(arguments given, settings how, joiner_address where);
  // The exit status for the server: 0, or an errno.
  int run();

 private:
  using lane_no = cloning::send_window::lane;
  struct failure {
    int status;
    std::string why;
  };

  base::result<void> check_data() const;
  bool read_snapshot();
  bool read_chunks(int from);
  bool keep(std::vector<std::uint8_t> bytes);
  void end_snapshot(child& backup);
  void note_stage(std::string_view line);
  void time_stage(std::string_view line);
  [[nodiscard]] std::vector<std::string> backup_command(std::string const& target) const;

  void run_lane(lane_no who);
  base::result<std::unique_ptr<connection>> open_lane(lane_no who);
  void use_lane(lane_no who, connection& over);
  bool send_next(lane_no who, connection& over, bool& told_end);
  void wait_to_send(std::uint64_t bytes);
  void hear(connection& from);
  bool take(cloning::message const& what);

  void fail(int status, std::string const& why);
  // With mutex_ held:
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool is_urgent() const;
  [[nodiscard]] bool is_held();
  void report();
  [[nodiscard]] std::optional<failure> failure_now() const;

  arguments const given_;
  settings const how_;
  joiner_address const where_;
  std::size_t const chunk_bytes_;
  cloning::hello hello_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  cloning::send_window window_;
  cloning::manifest manifest_;
  cloning::throttle throttle_;
  cloning::brake brake_;
  std::optional<runtime::shared_count> backlog_;  // none: another provider's
  std::optional<std::uint64_t> held_back_since_ms_;
  std::uint64_t held_back_ms_ = 0;
  std::optional<cloning::progress> progress_;
  bool commits_wait_ = false;  // for the backup
  // By the reader of what mariadb-backup says.
  std::uint64_t held_since_ms_ = 0;
  std::uint64_t redo_wait_began_ms_ = 0;
  std::uint64_t redo_waited_ms_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;  // packed
  std::atomic<bool> welcomed_ = false;
  bool ended_ = false;
  bool received_ = false;
  std::optional<failure> failure_;
  child* backup_ = nullptr;  // while it runs
};

}  // namespace sst
