// The joiner's side: waits for a donor, receives a snapshot beside the data, prepares it, and puts it in the data's place.
//
// Always: the data of the server is not touched before the new data is whole, prepared and on disk; and then as clone/swap.hh
//         says. A donor that fails is waited for to be replaced: the server's provider asks another.
#pragma once

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "clone/progress.hh"
#include "tools/wsrep_sst_clone/arguments.hh"
#include "tools/wsrep_sst_clone/reception.hh"
#include "tools/wsrep_sst_clone/settings.hh"

namespace sst {

class joiner {
 public:
  joiner(arguments given, settings how);
  ~joiner();
  joiner(joiner const&) = delete;
  joiner& operator=(joiner const&) = delete;
  // The exit status for the server: 0, or an errno.
  int run();

 private:
  base::result<void> open();
  void accept_lanes();
  void serve(std::shared_ptr<connection> const& lane);
  base::result<std::shared_ptr<reception>> admit(cloning::hello const& who);
  [[nodiscard]] std::string objection(cloning::hello const& who, connection const& over) const;

  int receive();
  int begin_session(std::unique_lock<std::mutex>& hold);
  std::optional<int> judge_session(std::unique_lock<std::mutex>& hold);
  void drop_session(std::unique_lock<std::mutex>& hold, std::string const& why);
  [[nodiscard]] bool waits_too_long() const;
  void report();
  void wake();

  arguments const given_;
  settings const how_;
  runtime::clone_directories const places_;
  std::string const secret_;
  int listener_ = -1;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<cloning::hello> asking_;  // who wants to begin a session
  std::shared_ptr<reception> session_;
  std::set<base::uuid> over_;  // sessions that ended without success
  std::string refusal_;        // why no donor can help, once that is so
  std::optional<cloning::progress> progress_;
  std::uint64_t dropped_ms_ = 0;  // when the last session ended without success; 0: never
  bool news_ = false;             // the session's state may be another
  bool closing_ = false;
  std::list<std::thread> lanes_;
  std::size_t lanes_open_ = 0;
  std::thread acceptor_;
};

}  // namespace sst
