// Makes the server what the group says it is: read_only on a secondary and lifted on a primary, replication channels started
// on a primary and stopped on a secondary, the group's functions there; and what it is to be when it is out of the group and was
// not asked to leave (gr/exit_policy.hh).
//
// Owner:  the plugin, from its init to its deinit. A thread of its own does what takes statements; take() only hands it over.
// Always: what was said last is what it makes true in the end, however often it changes meanwhile.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gr/exit_policy.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

class role_keeper {
 public:
  static role_keeper& instance();

  void start();  // plugin init
  void stop();   // plugin deinit: the thread is gone when it returns

  // Any thread; never waits for the server. Without a plugin nobody carries it out.
  void take(server_role const& now);

  // Out of the group, for a reason of its own. Any thread.
  void note_dropped(std::string const& why, bool may_return);
  // Somebody wants this server to leave, or to join: a person, or its own attempt to come back.
  void note_asked();
  void note_online();
  // One line on what is done about being out of the group; empty: nothing.
  std::string exit_text();

  // Leaves the group, or joins it again, by way of wsrep_cluster_address. The server ends its clients' connections on the way,
  // also the one that asks, so this only begins it.
  enum class wish : std::uint8_t { join, leave };
  base::result<void> begin(wish what);

 private:
  void work();
  std::function<void()> next_task();
  void wait_for_news(std::unique_lock<std::mutex>& lock);
  void create_functions();
  void carry_out(server_role const& now);
  void set_read_only(bool on);
  void start_channels();
  void stop_channels();
  void carry_out(wish what);

  // role_exits.cc
  static exit_settings exit_settings_now();
  void carry_out(exit_step const& step);
  void take(std::vector<exit_step> steps);
  void on(hold_writes const& step);
  void on(come_back const& step);
  void on(act_on_exit const& step);
  void on(release_writes const& step);
  static std::string cluster_address();
  bool try_statement(std::string const& statement);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
  bool ends_ = false;
  std::optional<server_role> wanted_;
  std::optional<wish> wish_;
  bool leaves_ = false;       // asked to, and not through: who asks to join now means afterwards
  std::string left_address_;  // what wsrep_cluster_address was
  exit_policy exits_;
  std::deque<exit_step> steps_;

  // the thread's
  bool functions_there_ = false;
  std::optional<server_role> done_;
  bool set_read_only_ = false;  // by us
  bool sent_away_ = false;      // clients, by us
};

}  // namespace gr::mariadb
