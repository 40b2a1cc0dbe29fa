// Makes the server what the group says it is: read_only on a secondary and lifted on a primary, replication channels started
// on a primary and stopped on a secondary, the group's functions there.
//
// Owner:  the plugin, from its init to its deinit. A thread of its own does what takes statements; take() only hands it over.
// Always: what was said last is what it makes true in the end, however often it changes meanwhile.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "gr/ports.hh"

namespace gr::mariadb {

class role_keeper {
 public:
  static role_keeper& instance();

  void start();  // plugin init
  void stop();   // plugin deinit: the thread is gone when it returns

  // Any thread; never waits for the server. Without a plugin nobody carries it out.
  void take(server_role const& now);

  // Leaves the group, or joins it again, by way of wsrep_cluster_address. The server ends its clients' connections on the way,
  // also the one that asks, so this only begins it.
  enum class wish : std::uint8_t { join, leave };
  base::result<void> begin(wish what);

 private:
  void work();
  void create_functions();
  void carry_out(server_role const& now);
  void set_read_only(bool on);
  void start_channels();
  void stop_channels();
  void carry_out(wish what);
  bool try_statement(std::string const& statement);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
  bool ends_ = false;
  std::optional<server_role> wanted_;
  std::optional<wish> wish_;
  bool leaves_ = false;       // asked to, and not through: who asks to join now means afterwards
  std::string left_address_;  // what wsrep_cluster_address was

  // the thread's
  bool functions_there_ = false;
  std::optional<server_role> done_;
  bool set_read_only_ = false;  // by us
};

}  // namespace gr::mariadb
