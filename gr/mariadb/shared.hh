// What the provider half and the plugin half of the one library know of each other. Either may come first, and either may
// be absent: with no provider there is no group, with no plugin nobody asks. Any thread; no call here waits for the network.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

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

  // A line in the server's error log (stderr until a provider gave us the logger).
  void log(gr::server::level how, std::string const& line) const;
  using logger = void (*)(int level, char const* line);
  void set_logger(logger how) { logger_.store(how); }
  [[nodiscard]] bool provider_is_loaded() const { return logger_.load() != nullptr; }

 private:
  shared_state();
  mutable std::mutex mutex_;
  std::shared_ptr<gr::group> group_;
  std::shared_ptr<gr::option_store> options_;
  std::atomic<logger> logger_{nullptr};
};

inline std::shared_ptr<gr::group> current_group() { return shared_state::instance().current_group(); }

}  // namespace gr::mariadb
