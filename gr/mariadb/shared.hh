// What the provider half and the plugin half of the one library know of each other. Either may come first, and either may
// be absent: with no provider there is no group, with no plugin nobody asks. Any thread; no call here waits for the network.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "gr/mariadb/conflicts.hh"
#include "gr/options.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

class shared_state {
 public:
  // One per loaded image of the library.
  static shared_state& instance();

  // The group of the moment, or null: before connect, after disconnect, without a provider. Hold it no longer than a call.
  [[nodiscard]] std::shared_ptr<gr::group> current_group() const;
  void set_group(std::shared_ptr<gr::group> group);

  // The group's status, or an empty one in state OFFLINE.
  [[nodiscard]] gr::group_status status() const;

  // Always there, with its defaults until somebody sets it; outlives provider and plugin.
  [[nodiscard]] std::shared_ptr<gr::option_store> options() const { return options_; }

  [[nodiscard]] conflict_list& conflicts() { return conflicts_; }
  // What this server is in the group, as the group said last.
  [[nodiscard]] gr::server_role role() const;
  void set_role(gr::server_role role);
  // The server is what `role` says: read_only is lifted, or nobody is there to lift it.
  void note_carried_out(gr::server_role const& role);
  // Waits until this server is no primary that is yet to take writes, because it has still to apply what the one before it
  // left. False: not by then. Any thread; no lock where there is nothing to wait for.
  bool await_takeover(std::chrono::steady_clock::time_point until);
  // The same in short, for every first key of a transaction. Any thread, no lock.
  enum class write_gate : std::uint8_t { open, no_new, closed };
  [[nodiscard]] write_gate gate() const { return gate_.load(std::memory_order_relaxed); }

  // A line in the server's error log (stderr until a provider gave us the logger).
  void log(gr::server::level how, std::string const& line) const;
  using logger = void (*)(int level, char const* line);
  void set_logger(logger how) { logger_.store(how); }
  [[nodiscard]] bool provider_is_loaded() const { return logger_.load() != nullptr; }

 private:
  shared_state();
  mutable std::mutex mutex_;
  std::shared_ptr<gr::group> group_;
  gr::server_role role_;
  std::condition_variable role_changed_;
  std::atomic<bool> takes_over_{false};
  std::atomic<write_gate> gate_{write_gate::open};
  std::shared_ptr<gr::option_store> options_;
  conflict_list conflicts_;
  std::atomic<logger> logger_{nullptr};
};

inline std::shared_ptr<gr::group> current_group() { return shared_state::instance().current_group(); }

}  // namespace gr::mariadb
