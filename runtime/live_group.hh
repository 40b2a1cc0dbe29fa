// Drives one member: xcom::node, gr::member, the agreed log and the transport, all on one strand with a thread of its own.
//
// Threads: the strand's thread owns every machine. Any other thread posts to the inbox and waits on a ticket.
// Order:   a machine's actions are carried out one by one in their order, and what they cause is queued behind them, so
//          nothing is sent before what stands ahead of it is in the log.
// Aside:   what takes its time with the log (a large slot, history for others) is done by a thread beside the strand. Until it
//          is done the machines stand still and what comes for them waits (runtime/stepping.hh); the connections are served.
// Always:  (1) a ticket is answered exactly once; (2) no call of the server's is made with a lock held.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "gr/beginning.hh"
#include "gr/log_retention.hh"
#include "gr/member.hh"
#include "gr/options.hh"
#include "gr/ports.hh"
#include "runtime/disk_watch.hh"
#include "runtime/join_history.hh"
#include "runtime/late_files.hh"
#include "runtime/log_keeping.hh"
#include "runtime/log_writing.hh"
#include "runtime/stepping.hh"
#include "runtime/transport.hh"
#include "runtime/writers_gate.hh"
#include "xcom/agreed_log.hh"
#include "xcom/serving.hh"

namespace runtime {

// What a waiting thread holds: a value that arrives once.
template <class T> class ticket {
 public:
  void answer(T value) {
    {
      std::lock_guard const lock(mutex_);
      if (value_) return;
      value_ = std::move(value);
    }
    arrived_.notify_one();
  }
  T wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return value_.has_value(); });
    return std::move(*value_);
  }
  std::optional<T> wait_for(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, timeout, [this] { return value_.has_value(); });
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<T> value_;
};

class live_group final : public gr::group {
 public:
  live_group(gr::group_options options, gr::server& server);
  ~live_group() override;
  live_group(live_group const&) = delete;
  live_group& operator=(live_group const&) = delete;

  base::result<void> connect(gr::connect_request const& request) override;
  void disconnect() override;
  void wait_for_turn(std::uint64_t trx, std::size_t bytes, std::function<bool()> const& hurries) override;
  void hurry(std::uint64_t trx) override { gate_.hurry(trx); }
  gr::ordered order(gr::local_write_set write_set) override;
  void order_later(gr::local_write_set write_set) override;
  base::result<gr::seqno_t> causal_position(std::chrono::milliseconds timeout) override;
  void state_requested(base::result<base::blob> request) override;
  void state_sent(gr::seqno_t position, int error) override;
  void state_received(base::uuid const& history, gr::seqno_t position, int error) override;
  void set_desynced(bool desynced) override;
  base::result<void> force_members(std::string const& addresses) override;
  base::result<void> change_protocol(std::string const& number) override;
  base::result<void> change_roles(gr::role_request const& wish) override;
  base::result<void> await_everywhere(gr::seqno_t seqno, std::chrono::milliseconds timeout) override;
  gr::failure_settlement settle_failure(gr::seqno_t seqno, std::string const& error, gr::failed_work what) override;
  void note_progress() override;
  base::result<void> reload_certificates() override;
  [[nodiscard]] gr::group_status status() const override;

 private:
  using waiter = std::shared_ptr<ticket<gr::ordered>>;
  struct to_order {  // a message somebody wants ordered
    base::blob payload;
    std::size_t key_bytes = 0;
    std::size_t data_bytes = 0;
    waiter who;           // null: nobody waits
    bool writes = false;  // a transaction: only from who may write
    bool packed = false;  // its rows: not once the protocol was lowered
  };

  // live_group.cc: between threads
  bool post(std::function<void()> work);  // false: the strand takes nothing any more
  void enqueue(to_order one);
  void drain_inbox();
  void do_posted();
  void serve_waiting();
  void start_thread();
  void stop_thread();
  void run_strand();
  void broke(std::string const& why);
  void leave_nobody_waiting(std::string const& why);
  void publish_broken();
  void open_inbox();
  void close_inbox(std::string const& why);
  [[nodiscard]] bool is_open();
  [[nodiscard]] std::string nobody_answered() const;  // once the strand has ended
  [[nodiscard]] std::string positions_known() const;
  void forget_machines();
  void answer_all_as_unknown(std::string const& why);
  void end_waits_everywhere(std::string const& why);
  void end_waits_for_verdicts(std::string const& why);
  [[nodiscard]] std::string who_has_not_applied(gr::seqno_t seqno) const;
  void publish_status();
  void publish_if_due();
  void keep_joins();
  void describe_links(xcom::site_member const& of, gr::member_row& row) const;

  // live_tls.cc: certificates, and who is not trusted
  base::result<void> load_certificates();
  void note_untrusted(std::string const& address, std::string const& why);
  void say_certificate(std::string const& what, tls_context const& loaded) const;
  [[nodiscard]] bool trusts_nobody() const;
  [[nodiscard]] std::string what_stood_in_the_way() const;

  // live_connect.cc: how a member begins and ends
  base::result<void> begin(gr::connect_request const& request);
  base::result<void> listen();
  base::result<xcom::recovered_log> open_log(log_keeping const& kept);
  base::result<void> found_group(xcom::recovered_log const& found);
  base::result<void> take_up_log(xcom::recovered_log const& found);
  base::result<void> come_back(xcom::recovered_log const& found, gr::judged const& verdicts, bool alone);
  base::result<void> come_back_to_leave(xcom::recovered_log const& found);
  base::result<void> ask_to_join();
  void join_again(xcom::site const& at);
  void make_node(xcom::beginning how);
  void note_host_boot();
  void become_new_incarnation(xcom::member_id const& before);
  void make_member(gr::member_config config);
  [[nodiscard]] gr::member_config member_configuration() const;
  [[nodiscard]] gr::member_facts own_facts(gr::member_status status) const;
  [[nodiscard]] xcom::site_member self_entry(gr::member_status status) const;
  [[nodiscard]] xcom::site_member joiner_entry() const;
  [[nodiscard]] bool is_still_leaving() const;
  void close_group(std::string const& why, bool may_return = false);
  void finish_leaving();

  // live_flow.cc: how fast clients may write
  void follow_flow();
  void leave_to_catch_up();
  void describe_flow(gr::group_status& to) const;
  void on(gr::step_aside const& what);

  // live_machines.cc: carrying out what the machines say
  void step_node(xcom::event what);
  void step_member(gr::member_event const& what);
  void settle() { steps_->settle(); }
  [[nodiscard]] kept_log log_in_use() { return {*log_, durable_, late_.get(), unsynced_}; }
  void write(xcom::value const& what, std::function<base::result<void>()> how);
  void pack_and_send(std::string const& address, xcom::served what);
  void perform(xcom::action const& what);
  void perform(gr::member_action const& what);
  void on(xcom::persist_promise const& what);
  void on(xcom::persist_accepted const& what);
  void on(xcom::persist_learned const& what);
  void on(xcom::persist_decided const& what);
  void on(xcom::send const& what);
  void on(xcom::serve_log const& what);
  void on(xcom::read_log const& what);
  void on(xcom::deliver const& what);
  void on(xcom::store_checkpoint const& what);
  void on(xcom::send_welcome const& what);
  void on(xcom::site_installed const& what);
  void on(xcom::joined const& what);
  void on(xcom::expelled const& what);
  void on(xcom::split_off const& what);
  void on(xcom::join_failed const& what);
  void on(xcom::left const& what);
  void on(xcom::quorum_changed const& what);
  void on(xcom::leader_changed const& what);
  void on(xcom::history_lost const& what);
  void on(xcom::damaged_range const& what);
  void on(xcom::received_direct const& what);
  void on(gr::submit const& what);
  void on(gr::tell const& what);
  void on(gr::resolve const& what);
  void on(gr::write_note const& what);
  void on(gr::keep_checkpoint const& what);
  void on(gr::compare_held const& what);
  void on(gr::forget_held const& what);
  void on(gr::name_tables const& what);
  void on(gr::to_server const& what);
  void on(gr::refused const& what);
  void on(gr::to_node const& what);
  void on(gr::take_role const& what);
  void on(gr::say const& what);
  void on(gr::give_up const& what);
  void on(gr::applied_by_all const& what);
  void on(gr::apply_settled const& what);
  void on(gr::data_differs const& what);
  gr::held_history what_is_held();
  void log_failed(base::result<void> const& done);
  void sync();
  void arm_timer();
  void tick();
  void finish_tick(std::size_t from);
  void tell_of_unheard_leader();
  void look_around();
  void follow_options();
  void ask_for_rules_in_options();
  void begin_to_change_protocol(std::uint16_t number);
  void begin_to_change_roles(gr::role_request const& wish, waiter const& who);
  void renew_lease();
  [[nodiscard]] bool lease_is_over() const;
  [[nodiscard]] gr::group_roles first_roles(gr::seqno_t position) const;
  void show_roles_in_options();
  [[nodiscard]] gr::role_status describe_roles() const;
  void check_protocol_change();
  [[nodiscard]] xcom::member_role final_role() const;
  void give_place_up();
  void observe();
  void check_majority();
  void begin_forcing(std::string const& addresses);
  [[nodiscard]] base::result<std::vector<xcom::member_id>> members_named(std::string const& addresses) const;
  void begin_to_force();
  void check_forcing();
  void purge_log();
  [[nodiscard]] std::uint64_t disk_limit() const;
  void watch_disk();
  [[nodiscard]] xcom::slot_no aged_log() const;
  [[nodiscard]] xcom::origin_seq next_seq() const;
  [[nodiscard]] std::string why_refused() const;  // what a server wants ordered now; empty: it is not
  void say(gr::server::level how, std::string const& text) const { server_.log(how, text); }

  gr::group_options options_;
  gr::server& server_;
  std::string group_name_;
  std::vector<std::string> seeds_;
  std::string own_address_;
  base::uuid own_uuid_;  // fixed once connected; any thread may read it then

  std::atomic<std::uint64_t> last_wait_{0};
  std::atomic<bool> owes_word_{false};
  std::atomic<bool> progress_posted_{false};

  // strand
  boost::asio::io_context io_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  boost::asio::steady_timer timer_{io_};
  std::thread thread_;
  std::unique_ptr<transport> net_;
  std::unique_ptr<xcom::agreed_log> log_;
  std::shared_ptr<late_files> late_;  // the log's files with durability MEMORY; null otherwise
  std::optional<xcom::node> node_;
  std::optional<gr::member> member_;
  xcom::member_id self_;
  base::uuid log_name_;
  std::uint64_t boot_ = 1;
  std::optional<xcom::checkpoint> own_place_;                // where an expelled incarnation stopped delivering
  bool was_member_ = false;                                  // before this process: its log holds a group's history
  bool gives_up_place_ = false;                              // came back to leave in order and begin anew
  std::optional<base::tick_count> unheard_leader_due_;       // when it is said (again) that it keeps this joiner out
  std::optional<base::tick_count> steps_aside_since_;        // leaves to catch up: nothing new of its own is ordered
  std::uint64_t waits_for_anybody_ = 0;                      // ticks without a word from those it came back for
  std::uint64_t waits_to_leave_ = 0;                         // ticks with a majority, and yet not free to go
  std::set<std::pair<std::string, xcom::slot_no>> packing_;  // history: for whom, from where
  std::unordered_map<std::string, std::string> refusals_;    // said once each
  std::unordered_map<std::string, std::string> untrusted_;   // by address: why TLS with it failed last
  std::shared_ptr<tls_context const> tls_;                   // null: members speak plainly
  std::unordered_map<std::uint64_t, waiter> waiting_;        // by own origin_seq
  std::unordered_map<std::uint64_t, std::shared_ptr<ticket<base::result<void>>>> waiting_everywhere_;
  std::map<gr::seqno_t, std::shared_ptr<ticket<gr::failure_settlement>>> waiting_for_verdict_;
  std::unordered_map<std::string, bool> peers_known_;
  base::tick_count now_;
  base::tick_count majority_lost_;
  base::tick_count looked_around_;
  disk_watch disk_;
  gr::log_retention retention_;
  xcom::slot_no log_begins_;          // as the node was told
  gr::seqno_t first_available_ = -1;  // of our own log, looked at now and then
  gr::seqno_t applied_before_ = -1;   // when it was looked at last
  std::uint64_t options_seen_ = 0;    // their version
  gr::durability durable_ = gr::durability::os;
  bool unsynced_ = false;  // a promise or an acceptance was written since the log was synced
  bool closing_ = false;
  bool gave_up_ = false;
  bool unheard_ = false;  // the log failed: nothing more is said
  std::uint64_t leader_changes_ = 0;
  gr::group_roles roles_shown_;  // in the status published last
  gr::server_role role_shown_;
  std::string server_donors_;  // as the server names them
  std::optional<join_history> joins_;
  bool joins_lost_ = false;  // said once
  gr::counters count_;
  gr::flow_status flow_;
  std::shared_ptr<ticket<base::result<void>>> connecting_;
  std::shared_ptr<ticket<bool>> leaving_;
  std::shared_ptr<ticket<base::result<void>>> forcing_;
  std::optional<std::string> to_force_;  // these addresses, once nothing speaks against it, but not after
  base::tick_count force_by_;
  std::shared_ptr<ticket<base::result<void>>> changing_protocol_;
  std::uint16_t protocol_wanted_ = 0;
  xcom::site_rules rules_in_options_;  // since: 0 before the first look

  // between threads
  writers_gate gate_;
  std::mutex life_mutex_;  // one connect or disconnect at a time
  std::mutex inbox_mutex_;
  std::string closed_because_;  // empty: the strand takes what is posted
  std::vector<to_order> inbox_;
  std::vector<to_order> serving_;  // out of the inbox and not handed to the node yet; the strand's
  std::vector<std::function<void()>> work_inbox_;
  std::deque<std::function<void()>> posted_;  // out of it and not done yet; the strand's
  bool inbox_posted_ = false;
  std::atomic<bool> running_{false};
  std::atomic<tls_mode> tls_mode_{tls_mode::disabled};  // of this connect; the option may be set for the next one
  std::atomic<std::uint32_t> clients_life_{0};          // gr/messages.hh
  std::atomic<std::uint16_t> protocol_{xcom::protocol_lowest};  // of the site in force
  std::atomic<std::int64_t> lease_ends_{0};                     // of CLOCK_BOOTTIME, in milliseconds; 0: none is needed
  mutable std::mutex status_mutex_;
  std::shared_ptr<gr::group_status const> status_;

  // While there is a strand. Last: what their threads do uses what is above.
  std::optional<stepping> steps_;
  std::optional<side_thread> packer_;
};

}  // namespace runtime
