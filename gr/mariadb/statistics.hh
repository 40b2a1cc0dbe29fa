// The wsrep_* status values: our own counters, and the arrays handed to the server.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gr/mariadb/wsrep_abi.hh"

namespace gr::mariadb {

struct own_counters {
  std::atomic<std::uint64_t> local_commits{0}, local_cert_failures{0}, local_replays{0}, local_bf_aborts{0};
  std::atomic<std::uint64_t> replicated{0}, replicated_bytes{0}, keys_bytes{0}, data_bytes{0};
  std::atomic<std::uint64_t> received{0}, received_bytes{0};
  std::atomic<std::uint64_t> applied{0}, applied_out_of_order{0}, apply_waits{0}, distance_sum{0};
  std::atomic<std::uint64_t> causal_reads{0}, desyncs{0};
  std::atomic<std::uint64_t> ordered{0}, interval_sum{0};  // of this server's write sets
  std::atomic<std::int64_t> applying{0}, window_sum{0};
  std::atomic<std::uint64_t> pauses{0};
  void reset();
};

// The time since FLUSH STATUS, or since start. Any thread.
class status_period {
 public:
  void begin(std::uint64_t held_ns);
  [[nodiscard]] double part_of(std::uint64_t held_ns) const;  // 0 to 1

 private:
  static std::int64_t now_ns();
  std::atomic<std::int64_t> began_ns_{now_ns()};
  std::atomic<std::uint64_t> held_before_ns_{0};
};

// One answer to stats_get: names and values, and the texts they point to.
class stats_block {
 public:
  void add(char const* name, std::uint64_t number);
  void add(char const* name, std::int64_t number);
  void add(char const* name, double real);
  void add(char const* name, std::string text);
  wsrep_stats_var* finish();  // ends the array

 private:
  std::vector<wsrep_stats_var> vars_;
  std::deque<std::string> texts_;
};

// The answers the server has not given back yet.
class stats_blocks {
 public:
  wsrep_stats_var* lend(std::unique_ptr<stats_block> block);
  void free(wsrep_stats_var* vars);

 private:
  std::mutex mutex_;
  std::map<wsrep_stats_var*, std::unique_ptr<stats_block>> lent_;
};

}  // namespace gr::mariadb
