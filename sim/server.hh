// One simulated server: a process that runs the real node and the real log over a toy application, on a disk and a
// database that outlive it. perform() is what a driver does with each action, in order; read it beside runtime's.
//
// Owner:  the simulation.
// Always: (1) a process that died does nothing more: whatever it had scheduled belongs to a life that is over;
//         (2) the database stands at a slot and moves on one slot at a time;
//         (3) an incarnation ends when its log is given up; one that was never taken in has said nothing and tries again.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/disk.hh"
#include "sim/toy_member.hh"
#include "sim/world.hh"
#include "xcom/node.hh"

namespace sim {

struct database {
  xcom::slot_no slot;
  app_state state;
};

class server {
 public:
  server(std::size_t number, world& shared, xcom::member_role role);

  // ---- what the simulation does to it ----
  void bootstrap();  // start, as the first member of a new group
  void start();
  void crash();  // kill -9
  void lose_power();
  void pause();
  void resume();
  void leave();  // announced
  void crash_in(std::uint64_t actions, bool torn_write);
  void disarm();  // no crash is due any more
  void submit();
  void set_slow_applier(bool slow) { slow_applier_ = slow; }
  void set_disk_full(bool full) { disk_->set_full(full); }
  void peer_died(std::string const& address);  // its connections broke

  // ---- what one can see ----
  [[nodiscard]] std::string const& name() const { return name_; }
  [[nodiscard]] bool is_running() const { return log_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return paused_; }
  [[nodiscard]] bool is_online() const { return online_; }
  [[nodiscard]] bool is_leaving() const { return leaving_ || afresh_; }
  // The incarnation its log speaks for, if it still remembers all it said.
  [[nodiscard]] std::optional<xcom::member_id> remembers_as() const {
    return power_lost_ || !was_online_ ? std::nullopt : acceptor_;
  }
  [[nodiscard]] xcom::node const* node() const { return node_.get(); }
  [[nodiscard]] xcom::member_id id() const { return {uuid_, incarnation_}; }
  [[nodiscard]] bool is_idle() const;  // nothing of its own is under way, everything delivered is applied
  [[nodiscard]] std::optional<database> const& data() const { return data_; }
  [[nodiscard]] std::string const& address() const { return address_; }
  [[nodiscard]] std::string describe() const;

 private:
  struct applying {
    xcom::slot_no slot;
    app_state after;
  };

  // ---- life ----
  void open_log();
  void go_on(bool memory_is_whole);
  void join();
  void resume_membership(xcom::recovered_log const& found);
  void die();
  void end_life();
  void rejoin();
  void after(micros delay, std::function<void()> what);
  void when_awake(std::function<void()> what);
  void tick();

  // ---- the driver ----
  void receive(xcom::member_id const& from, xcom::wire_message const& what);
  void post(xcom::event what);
  void drain();
  void step();
  void carry_out(xcom::action const& what);
  void perform(xcom::persist_promise const& what);
  void perform(xcom::persist_accepted const& what);
  void perform(xcom::persist_learned const& what);
  void perform(xcom::persist_decided const& what);
  void perform(xcom::send const& what);
  void perform(xcom::serve_log const& what);
  void perform(xcom::read_log const& what);
  void perform(xcom::deliver const& what);
  void perform(xcom::store_checkpoint const& what);
  void perform(xcom::send_welcome const& what);
  void perform(xcom::site_installed const& what);
  void perform(xcom::joined const& what);
  void perform(xcom::expelled const& what);
  void perform(xcom::join_failed const& what);
  void perform(xcom::left const& what);
  void perform(xcom::quorum_changed const& what);
  void perform(xcom::leader_changed const& what);
  void perform(xcom::history_lost const& what);
  void perform(xcom::received_direct const& what);
  void send_out(std::string const& address, xcom::wire_message what);
  void sync_before_answering();
  void demand(base::result<void> const& done);
  void purge();
  [[nodiscard]] xcom::slot_no decided_everywhere() const;

  // ---- the application ----
  void begin_delivery(xcom::checkpoint const& from, std::optional<xcom::member_id> source);
  void give_up_notes();
  void acknowledge(xcom::value const& what, toy_member::outcome const& outcome);
  void schedule_apply();
  void apply_next();
  void apply(applying const& next);
  void flush();
  void go_online_if_caught_up();
  void clone_later();
  void clone();
  void start_afresh();
  [[nodiscard]] std::optional<xcom::checkpoint> clone_start(server const& donor) const;
  [[nodiscard]] bool can_clone_from(server const& donor) const;
  [[nodiscard]] std::optional<xcom::checkpoint> own_start() const;
  [[nodiscard]] std::optional<xcom::member_id> any_source();
  [[nodiscard]] xcom::site_member self_in_site(std::uint64_t boot, xcom::member_role role, base::blob app) const;
  [[nodiscard]] xcom::node_config config(std::uint64_t boot) const;
  [[nodiscard]] xcom::log_identity identity(std::uint64_t boot) const;

  // The machine itself: outlives every process.
  std::string name_;
  std::string address_;
  world& world_;
  base::prng random_;
  base::uuid uuid_;
  xcom::member_role role_;  // once it is online; until then it does not vote
  std::shared_ptr<disk> disk_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t incarnation_used_ = 0;       // the last one taken in; what log.begin() syncs
  std::optional<database> data_;             // as the running server sees it
  std::optional<database> flushed_;          // as a crash may leave it
  std::optional<xcom::member_id> acceptor_;  // whom the log speaks for
  bool power_lost_ = false;                  // until it speaks for a new incarnation (OS), or starts again (DISK)
  bool left_ = false;
  bool was_online_ = false;  // as acceptor_

  // The process.
  std::uint64_t life_ = 0;
  std::unique_ptr<xcom::agreed_log> log_;
  std::unique_ptr<xcom::node> node_;
  bool paused_ = false;
  std::vector<std::function<void()>> stalled_;  // what a stopped process will find when it goes on
  micros tick_period_;
  base::tick_count tick_offset_;
  micros started_;
  std::deque<xcom::event> inbox_;
  bool stepping_ = false;
  bool reborn_ = false;  // this incarnation is over: join as the next one
  bool unsynced_ = false;
  std::optional<std::uint64_t> actions_to_crash_;
  bool torn_write_ = false;

  // The application in it.
  std::optional<toy_member> app_;
  std::deque<applying> to_apply_;
  bool applying_ = false;
  bool slow_applier_ = false;
  xcom::slot_no delivered_;
  bool cloning_ = false;
  bool needs_notes_ = false;  // to come to where the data stands
  unsigned clones_tried_ = 0;
  bool afresh_ = false;  // leaves only to come back
  bool online_ = false;
  bool leaving_ = false;
  std::optional<xcom::slot_no> online_from_;
};

}  // namespace sim
