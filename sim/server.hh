// One simulated server: a process that runs the real node, the real member and the real log over a toy database, on a disk
// that outlives it. perform() is what a driver does with each action, in order; read it beside runtime's live_group.
//
// Owner:  the simulation.
// Always: (1) a process that died does nothing more: whatever it had scheduled belongs to a life that is over;
//         (2) an incarnation ends when its log is given up; one that was never taken in has said nothing and tries again;
//         (3) a server that is out of its group runs on, and does what gr::exit_policy says; one that had not come up yet ends. Who is
//             not to come back by itself any more is started again after a while.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gr/beginning.hh"
#include "gr/exit_policy.hh"
#include "gr/flow_budget.hh"
#include "gr/member.hh"
#include "sim/disk.hh"
#include "sim/engine.hh"
#include "sim/exit_watch.hh"
#include "sim/world.hh"
#include "xcom/node.hh"

namespace sim {

class server {
 public:
  server(std::size_t number, world& shared, xcom::member_role role);

  // What it does when it drops out of its group; `dice` decides what has no other cause, as how soon a person comes.
  void set_exits(gr::exit_settings const& set, base::prng dice);

  // ---- what the simulation does to it ----
  void bootstrap();  // start, as the first member of a new group
  void start();      // again, where it runs and is out of the group for good
  void crash();      // kill -9
  void lose_power();
  enum class loss : std::uint8_t { data, log, both };
  void wipe(loss what);  // a disk was replaced; the process is gone
  void pause();          // it does nothing, and says nothing
  void hold_up();        // its driver has no time for a step, and says that it is there
  void resume();
  void leave();  // announced
  void crash_in(std::uint64_t actions, bool torn_write);
  void disarm();                                        // no crash is due any more
  void submit();                                        // a client comes
  void fail(std::string const& why);                    // cannot go on: it leaves and is started again
  void step_clock(base::tick_count ahead);              // its clock shows so much more from now on
  void set_clock_rate(std::uint64_t percent);           // of true time, from now on
  void force(std::vector<xcom::member_id> const& who);  // a human's word
  void ask_for_rules(xcom::site_rules const& rules);    // another human's
  void hand_over_to(xcom::member_id const& who);
  void ask_for_roles(gr::role_request const& wish);
  void weigh(std::uint32_t weight);
  // Another version of the program, from its next start on; it does not start with one the group has left behind.
  void install(xcom::protocol_range const& speaks) { installed_ = speaks; }
  void stand_in(std::uint32_t zone) { zone_ = zone; }
  void set_slow_applier(bool slow);
  void fill_disk() { disk_->set_full(true); }
  void wear_disk() { disk_->set_failing(true); }                              // some writes are let through
  void run_low() { disk_low_ = true; }                                        // less room than it wants to go on with
  void free_disk();                                                           // none of these any more
  void set_log_unreadable(bool unreadable) { log_unreadable_ = unreadable; }  // by others: its disk gives errors
  void die_in_exchange() { dies_in_exchange_ = true; }
  void set_damaging(bool damages) { damages_ = damages; }  // what it sends of its log is not what it read
  void set_boasting(bool boasts) { boasts_ = boasts; }     // it says that its log goes back to the beginning
  void peer_died(std::string const& address);              // its connections broke

  // ---- what one can see ----
  [[nodiscard]] std::string const& name() const { return name_; }
  [[nodiscard]] std::string const& address() const { return address_; }
  [[nodiscard]] bool is_running() const { return running_; }
  [[nodiscard]] bool is_paused() const { return paused_; }
  // Others hear what it has to say.
  [[nodiscard]] bool is_heard() const { return running_ && !paused_ && node_ && !unheard_; }
  [[nodiscard]] bool is_out() const { return running_ && gave_up_; }  // of its group, and its process runs
  [[nodiscard]] bool is_online() const { return member_ && member_->online() && node_->is_member() && !gave_up_; }
  [[nodiscard]] bool is_leaving() const {
    return closing_ || steps_aside_ || (gave_up_ && !unheard_ && node_ && node_->is_member());
  }
  [[nodiscard]] bool is_away() const { return away_; }  // it stepped aside, and is not ONLINE again
  [[nodiscard]] bool slows_writers() const { return budget_.is_limited(); }
  [[nodiscard]] std::size_t to_apply() const { return engine_ ? engine_->queued() : 0; }
  // It asked for a vote as this incarnation. The site that counts on it may come into force at any time.
  [[nodiscard]] bool asked_for_vote() const { return asked_for_vote_; }
  // The incarnation its log speaks for, if it still remembers all it said.
  [[nodiscard]] std::optional<xcom::member_id> remembers_as() const { return forgot_ ? std::nullopt : acceptor_; }
  [[nodiscard]] xcom::node const* node() const { return node_ ? &*node_ : nullptr; }
  [[nodiscard]] gr::member const* member() const { return member_ ? &*member_ : nullptr; }
  [[nodiscard]] xcom::member_id id() const { return self_; }
  // Whom it reads from, or waits for a copy from, while it is not ONLINE.
  [[nodiscard]] std::optional<xcom::member_id> donor() const;
  // It takes the writes of clients, as it believes.
  [[nodiscard]] bool writes() const { return is_online() && !paused_ && !read_only_ && member_->role().writes; }
  [[nodiscard]] bool is_idle() const;  // nothing of its own is under way, everything delivered is applied
  [[nodiscard]] std::optional<database> const& data() const { return data_.live; }
  [[nodiscard]] std::string describe() const;

 private:
  // ---- life: server.cc ----
  void begin();
  void make_engine(bool runs);
  void connect();
  void found_group();
  void take_up_log(xcom::recovered_log const& found);
  void come_back(xcom::recovered_log const& found, gr::judged const& verdicts);
  void come_back_to_leave(xcom::recovered_log const& found);
  void ask_to_join();
  void join_again(xcom::site const& at);
  void make_node(xcom::beginning how);
  void make_member();
  void give_up(std::string const& why, bool may_return);
  void close_group(std::string const& why, bool may_return);
  void finish_leaving();
  void stop();
  void die();
  void end_life();
  void start_later();
  void after(micros delay, std::function<void()> what);
  void when_awake(std::function<void()> what);
  void tick();
  [[nodiscard]] base::tick_count ticks_now() const;
  void tick_machines(base::tick_count now);
  void keep_alive();
  void check_beginning(gr::beginning_choice const& choice, xcom::recovered_log const& found) const;

  // ---- out of the group: server_exits.cc ----
  void dropped(std::string const& why, bool may_return);
  void note_caught_up();
  void carry_out(std::vector<gr::exit_step> const& steps);
  void on(gr::hold_writes const& step);
  void on(gr::come_back const& step);
  void on(gr::act_on_exit const& step);
  void on(gr::release_writes const& step);
  void wait_for_next_step();
  void leave_first(std::uint64_t looks);
  void connect_again();
  void watch_disk();
  void connect_failed(std::string const& why);
  void after_in_process(micros delay, std::function<void()> what);
  [[nodiscard]] bool is_still_leaving() const;
  [[nodiscard]] gr::exit_policy::moment since_boot() const;

  // ---- the node's driver: server_driver.cc ----
  void receive(xcom::member_id const& from, std::uint16_t protocol, xcom::wire_message const& what);
  void post(xcom::event what);
  void drain();
  void guarded(std::function<void()> const& what);
  void step();
  void carry_out(xcom::action& what);
  void perform(xcom::persist_promise const& what);
  void perform(xcom::persist_accepted const& what);
  void perform(xcom::persist_learned const& what);
  void perform(xcom::persist_decided const& what);
  void perform(xcom::send& what);  // the message goes on its way
  void perform(xcom::serve_log const& what);
  void perform(xcom::read_log const& what);
  void perform(xcom::deliver const& what);
  void perform(xcom::store_checkpoint const& what);
  void perform(xcom::send_welcome const& what);
  void perform(xcom::site_installed const& what);
  void perform(xcom::joined const& what);
  void perform(xcom::expelled const& what);
  void perform(xcom::split_off const& what);
  void perform(xcom::join_failed const& what);
  void perform(xcom::left const& what);
  void perform(xcom::quorum_changed const& what);
  void perform(xcom::leader_changed const& what);
  void perform(xcom::history_lost const& what);
  void perform(xcom::damaged_range const& what);
  void perform(xcom::received_direct const& what);
  void send_out(std::string const& address, xcom::wire_message what);
  void put_on_wire(std::string const& address, xcom::wire_message what);
  void sync_before_answering();
  bool demand(base::result<void> const& done);
  void purge();
  gr::held_history what_is_held(bool again);
  void flush() { data_.durable = data_.live; }  // the database does when it likes

  // ---- the member's driver: server_member.cc ----
  void step_member(gr::member_event const& what);
  void perform(gr::submit const& what);
  void perform(gr::tell const& what);
  void perform(gr::resolve const& what);
  void perform(gr::write_note const& what);
  void perform(gr::keep_checkpoint const& what);
  void perform(gr::compare_held const& what);
  void perform(gr::forget_held const& what);
  void perform(gr::name_tables const&) {}  // a person would read it
  void perform(gr::to_server const& what);
  void perform(gr::refused const& what);
  void perform(gr::to_node const& what);
  void perform(gr::take_role const& what);
  void perform(gr::say const& what);
  void perform(gr::give_up const& what);
  void perform(gr::applied_by_all const& what);
  void perform(gr::apply_settled const& what);
  void perform(gr::data_differs const& what);
  void check_can_read(gr::seqno_t seqno, xcom::site const& in, std::string const& committed_at) const;
  void perform(gr::step_aside const& what);
  xcom::origin_seq order(base::blob payload, bool awaited);
  void read();
  void let_clients_in();
  void let_in_one();
  void follow_flow();
  void check_flow();
  void abandon(std::string const& why);
  void check_majority();
  struct choice_facts {  // what a donor was chosen from
    std::vector<gr::neighbor> others;
    xcom::site at;
  };
  [[nodiscard]] choice_facts facts_now() const { return {last_seen_.others, member_->site()}; }
  void note_choice();
  void check_donor(xcom::member_id const& donor, std::optional<gr::seqno_t> stands_at, choice_facts const& known);
  base::packed_bytes damaged(base::packed_bytes const& good);
  [[nodiscard]] static xcom::event boasting(xcom::event const& what);
  void note_online();
  void check_stable(gr::seqno_t up_to) const;
  void note_promised_history(xcom::member_id const& joiner, gr::history_answer const& answer);
  void check_promised_history();

  // server_copies.cc
  struct donation;
  void donate(gr::donate_state const& what);
  [[nodiscard]] bool is_linked_with(server const& other) const;
  void donation_ended(gr::seqno_t up_to, int error);
  void copy_whole(donation const& what);
  void clone_on(donation what);
  void clone_lost();
  void exchange_data(database const& copy);
  void finish_exchange();
  bool begin_to_receive();
  void received(std::optional<database> copy);
  [[nodiscard]] bool takes_writes() const;

  [[nodiscard]] xcom::site_member self_in_site(gr::member_status status, xcom::member_role role) const;
  [[nodiscard]] gr::member_facts facts(gr::member_status status) const;
  [[nodiscard]] gr::member_config member_configuration() const;
  [[nodiscard]] xcom::node_config node_configuration() const;
  [[nodiscard]] std::uint64_t next_incarnation() const;

  // The machine itself: outlives every process.
  std::string name_;
  std::string address_;
  world& world_;
  base::prng random_;
  [[nodiscard]] xcom::member_role joining_role() const;
  std::uint32_t zone_ = 0;
  std::uint32_t weight_ = 50;
  xcom::protocol_range installed_;
  xcom::protocol_range speaks_;  // the program that runs
  xcom::member_role role_;       // once it is online; until then it does not vote
  std::shared_ptr<disk> disk_;
  storage data_;
  std::uint64_t host_boot_ = 1;                 // grows with each power failure
  std::uint64_t noted_host_boot_ = 0;           // in a file beside the log
  std::optional<gr::held_history> held_aside_;  // the same: what the data rests on, while its log was begun anew
  std::optional<xcom::member_id> acceptor_;     // whom the log speaks for
  bool quarantined_ = false;                    // its data is not the group's
  bool forgot_ = false;                         // what it said as acceptor_ is gone, or nobody will answer for it
  bool asked_for_vote_ = false;                 // as acceptor_
  bool lost_power_ = false;                     // since the log was last opened
  bool left_ = false;
  bool slow_applier_ = false;
  bool disk_low_ = false;
  bool log_unreadable_ = false;
  bool damages_ = false;
  bool boasts_ = false;
  bool dies_in_exchange_ = false;  // the next time a clone takes its old data's place
  bool clones_ = false;            // this life takes full copies by clone
  std::uint64_t copy_number_ = 0;  // of those it began to receive

  // Out of the group.
  gr::exit_settings exit_settings_;
  base::prng exit_dice_{0};
  gr::exit_policy exits_;
  exit_watch exit_watch_;
  bool read_only_ = false;  // writes are held

  // The process.
  std::uint64_t process_ = 0;
  bool running_ = false;
  std::uint64_t life_ = 0;  // of a process, and in it of each attempt to be in the group
  std::unique_ptr<xcom::agreed_log> log_;
  std::optional<xcom::node> node_;
  std::optional<gr::member> member_;
  std::optional<engine> engine_;
  xcom::member_id self_;
  std::uint64_t boot_ = 1;
  base::uuid log_name_;
  std::uint64_t generation_ = 0;               // of node_, in this process
  std::optional<xcom::checkpoint> own_place_;  // where an expelled incarnation stopped delivering
  bool paused_ = false;
  bool held_up_ = false;                 // paused_, and alive
  std::optional<xcom::heartbeat> said_;  // last
  base::tick_count said_at_;
  std::vector<std::function<void()>> stalled_;  // what a stopped process will find when it goes on
  micros tick_period_;
  base::tick_count tick_offset_;
  micros started_;
  base::tick_count now_;
  std::deque<xcom::event> inbox_;
  bool stepping_ = false;
  std::vector<xcom::event> events_;  // of the step under way, or the last one
  std::vector<xcom::action> actions_;
  bool guarded_ = false;
  bool unsynced_ = false;
  std::optional<std::uint64_t> actions_to_crash_;
  bool torn_write_ = false;
  bool gives_up_place_ = false;  // came back to leave in order and begin anew
  bool reached_ = false;         // the group; a start that does not get there in time is given up
  bool closing_ = false;         // leaves in order
  bool gave_up_ = false;
  bool beginning_ = false;  // what fails now fails the start
  bool unheard_ = false;    // it says nothing any more, and hears nothing
  std::string last_words_;

  // What it waits for.
  struct waiter {
    std::uint64_t trx = 0;                // 0: a read
    gr::seqno_t acknowledged_before = 0;  // of a read
  };
  std::map<xcom::origin_seq, waiter> waiting_;
  std::uint32_t clients_life_ = 0;
  gr::flow_budget budget_;
  std::size_t clients_ = 0;              // whose turn has not come yet
  std::uint64_t waits_for_anybody_ = 0;  // ticks without a word from those it came back for, to give up its place
  std::uint64_t first_waits_ = 0;        // ticks the first of them has been the first
  std::uint64_t slowed_for_silent_ = 0;  // ticks
  bool away_ = false;
  bool steps_aside_ = false;  // leaves to catch up
  base::tick_count majority_lost_;
  base::tick_count purged_at_;
  xcom::slot_no log_begins_;  // as the node was told
  gr::seqno_t first_available_ = -1;
  gr::seqno_t applied_before_ = -1;  // when the log was looked at last
  gr::observed last_seen_;           // what the member was told last, for the checkers
  std::set<xcom::member_id> donors_tried_;
  struct history_promise {   // a joiner was told to read this log from here on
    std::uint64_t boot = 0;  // of the joiner
    xcom::slot_no from;
  };
  std::map<xcom::member_id, history_promise> promised_history_;
  std::optional<xcom::member_id> chosen_;  // the donor, as of the last step
  std::optional<choice_facts> chosen_from_;
  base::blob note_;              // of the slot delivered last
  gr::seqno_t index_began_ = 0;  // where the member's certification index was begun
  bool was_online_ = false;
};

}  // namespace sim
