// One loaded replication provider: the server's calls on one side, the group on the other. Translates, decides nothing.
// Threads: every public function may be called by any thread at any time unless it says otherwise.
// Files:   provider.cc (start, connect, leave), local_commits.cc (clients), applier.cc (recv), statistics.cc, slots.cc (the C table).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "gr/mariadb/commit_order.hh"
#include "gr/mariadb/events.hh"
#include "gr/mariadb/latency.hh"
#include "gr/mariadb/pause_gate.hh"
#include "gr/mariadb/prompt_redo_log.hh"
#include "gr/mariadb/running_positions.hh"
#include "gr/mariadb/shared.hh"
#include "gr/mariadb/state_file.hh"
#include "gr/mariadb/statistics.hh"
#include "gr/mariadb/transactions.hh"
#include "gr/mariadb/wsrep_abi.hh"
#include "gr/options.hh"
#include "gr/ports.hh"
#include "runtime/shared_count.hh"

namespace gr::mariadb {

using group_factory = std::unique_ptr<gr::group> (*)(gr::group_options const&, gr::server&);

class provider final : public gr::server {
 public:
  provider(group_factory make_group, shared_state& shared);
  ~provider() override;
  provider(provider const&) = delete;
  provider& operator=(provider const&) = delete;

  // ---- start and end: provider.cc ----
  abi::status init(wsrep_init_args const& args);
  abi::status connect(char const* group_name, char const* url, char const* donors, bool bootstrap);
  abi::status disconnect();
  abi::status options_set(char const* list);
  abi::status reload_certificates();
  char* options_get() const;  // malloc'ed
  std::int64_t pause();
  void resume();
  void desync();
  void resync();
  abi::status sync_wait(wsrep_gtid const* upto, int timeout_s, wsrep_gtid* out);
  abi::status last_committed_id(wsrep_gtid* out) const;
  void sst_sent(wsrep_gtid const& position, int rc);
  void sst_received(wsrep_gtid const& position, int rc);

  // ---- clients: local_commits.cc ----
  abi::status append_key(wsrep_ws_handle& handle, std::span<wsrep_key const> keys, int kind);
  abi::status append_data(wsrep_ws_handle& handle, std::span<wsrep_buf const> parts, int kind);
  abi::status certify(std::uint64_t conn, wsrep_ws_handle& handle, std::uint32_t flags, wsrep_trx_meta& meta);
  abi::status commit_order_enter(wsrep_ws_handle const& handle, wsrep_trx_meta const& meta);
  abi::status commit_order_leave(wsrep_ws_handle const& handle, wsrep_trx_meta const& meta, wsrep_buf const* error);
  abi::status release(wsrep_ws_handle& handle);
  abi::status replay(wsrep_ws_handle const& handle, void* ctx);
  abi::status abort_certification(seqno_t by, std::uint64_t victim, std::int64_t* victim_seqno);
  abi::status rollback(std::uint64_t trx, wsrep_buf const* data);
  abi::status to_execute_start(std::uint64_t conn, std::span<wsrep_key const> keys, std::span<wsrep_buf const> data,
                               std::uint32_t flags, wsrep_trx_meta& meta);
  abi::status to_execute_end(std::uint64_t conn, wsrep_buf const* error);

  // ---- the server's applier threads: applier.cc ----
  abi::status recv(void* recv_ctx);

  // ---- statistics.cc ----
  wsrep_stats_var* stats_get();
  void stats_free(wsrep_stats_var* block) { blocks_.free(block); }
  void stats_reset();

  // One of these calls ended in an exception: says so, and leaves the group.
  void broke(char const* call, std::string const& why);

  // ---- gr::server ----
  void deliver(server_event event) override;
  void note_ordered(std::uint64_t trx, ordered const& verdict) override;
  void note_refused(refused_write_set const& what) override;
  void note_backlog(std::uint64_t transactions) override;
  void take_role(server_role const& now) override;
  void note_data_differs(std::string const& why) override;
  [[nodiscard]] std::size_t open_transactions() const override { return transactions_.size(); }
  [[nodiscard]] seqno_t last_committed() const override { return order_.last_left(); }
  // A position is running before it leaves the order, so in this sequence none is missed.
  [[nodiscard]] seqno_t last_visible() const override {
    return commits_.visible(appliers_.visible(order_.last_left()));
  }
  void log(level how, std::string const& line) override { shared_.log(how, line); }

  [[nodiscard]] bool tracing() const { return tracing_.load(std::memory_order_relaxed); }

 private:
  struct settings {  // from init, copied
    void* app = nullptr;
    std::string node_name, node_address, incoming, data_dir;
    wsrep_connected_cb connected = nullptr;
    wsrep_view_cb view = nullptr;
    wsrep_sst_request_cb sst_request = nullptr;
    wsrep_apply_cb apply = nullptr;
    wsrep_sst_donate_cb sst_donate = nullptr;
    wsrep_synced_cb synced = nullptr;
  };

  // provider.cc
  void take_settings(wsrep_init_args const& args);
  void take_position(wsrep_init_args const& args);
  base::result<connect_request> plan_connect(char const* group_name, char const* url, bool bootstrap);
  base::result<void> check_bootstrap() const;
  base::result<group_options> plan_group() const;
  void tell_transfer_program() const;
  base::result<void> join(connect_request const& request);
  void leave_in_background(std::string const& why);
  void end_process(std::string const& why);
  void save_state(saved_state const& state);
  void save_running(view const& now);
  void save_as_running();
  void save_left();
  void set_position(base::uuid const& group, seqno_t seqno);
  [[nodiscard]] base::uuid position_group() const;
  [[nodiscard]] base::uuid self() const;

  // local_commits.cc
  [[nodiscard]] bool is_refused(bool is_new) const;
  local_write_set isolated_write_set(std::uint64_t conn, std::span<wsrep_key const> keys,
                                     std::span<wsrep_buf const> data, std::uint32_t flags) const;
  abi::status refuse_isolation(std::uint64_t conn, ordered const& verdict);
  abi::status explain(local_transaction const& trx, local_transaction::certified const& answer);
  [[nodiscard]] wsrep_trx_meta meta_of(std::uint64_t trx, std::uint64_t conn) const;
  void wait_for_turn(std::uint64_t trx, std::size_t bytes, std::function<bool()> const& hurries) const;
  ordered order_now(local_write_set write_set);
  bool is_visible(seqno_t position, commit_order::clock::time_point until);
  bool wait_visible(seqno_t position);
  void end_commit(seqno_t seqno);
  void wait_everywhere(seqno_t seqno);
  void note_ordering(local_write_set const& head, ordered const& verdict, std::chrono::nanoseconds taken);
  void left(seqno_t seqno);

  // applier.cc; true: this applier thread shall end
  bool handle(remote_write_set const& event, void* recv_ctx);
  bool handle(connected_to_group const& event, void* recv_ctx);
  bool handle(resume_at const& event, void* recv_ctx);
  bool handle(view_installed const& event, void* recv_ctx);
  bool handle(state_needed const& event, void* recv_ctx);
  bool handle(donate_state const& event, void* recv_ctx);
  bool handle(caught_up const& event, void* recv_ctx);
  bool handle(group_closed const& event, void* recv_ctx);
  bool handle(fatal_error const& event, void* recv_ctx);
  void settle_once();
  void finish(server_event const& event, event_queue::session_no session);
  void show(view const& now, void* recv_ctx);
  base::blob rows_to_apply(remote_write_set const& event);
  void check_applied(remote_write_set const& event, int answer);
  abi::status apply_failed(seqno_t seqno, std::string const& error);
  abi::status statement_failed(seqno_t seqno, std::string const& error);

  // statistics.cc
  void collect(stats_block& into) const;

  group_factory const make_group_;
  shared_state& shared_;
  std::shared_ptr<option_store> const options_;
  settings server_;

  commit_order order_;
  pause_gate gate_;
  prompt_redo_log redo_log_;
  std::optional<runtime::shared_count> backlog_;  // set before the group runs
  running_positions appliers_;                    // and replays
  running_positions commits_;                     // of clients, from the gate to their release
  event_queue events_{gate_};
  transactions transactions_;
  own_counters count_;
  latency ordering_;
  stats_blocks blocks_;
  status_period period_;
  std::shared_ptr<void> options_listener_;
  std::atomic<bool> tracing_{false};
  std::atomic<std::int64_t> slow_ms_{0};      // group_replication_request_time_threshold
  std::atomic<bool> donation_blocks_{false};  // the one that runs keeps this server from its own work

  std::mutex isolated_mutex_;
  std::unordered_map<std::uint64_t, seqno_t> isolated_;  // connection -> the position its DDL holds

  std::mutex life_mutex_;  // connect, disconnect, evictions: one at a time
  std::thread evictor_;
  std::mutex evictor_mutex_;
  std::thread settler_;  // removes what a clone replaced
  bool settled_ = false;
  std::mutex settler_mutex_;
  std::atomic<int> receivers_{0};
  std::atomic<bool> server_up_{false};  // has completed its start
  std::atomic<bool> asks_{false};       // what became elsewhere of a transaction that failed here
  std::atomic<bool> diverged_{false};   // this data is not the group's any more
  std::atomic<bool> left_{true};        // the final view has been shown, or there was nothing to leave
  std::atomic<bool> donates_{false};    // a full copy of this server is being made
  std::atomic<int> desyncs_{0};         // asked for and not taken back
  std::atomic<bool> had_view_{false};   // since connect
  std::atomic<bool> causal_reads_fail_{false};

  mutable std::mutex position_mutex_;
  base::uuid group_;  // whose positions order_ counts; nil: none known
  base::uuid self_;
  view last_primary_;
};

}  // namespace gr::mariadb
