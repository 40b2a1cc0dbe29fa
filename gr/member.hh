// A member's life: what delivered slots mean to the database, and how this member comes to be ONLINE.
//
// Owner:  the group strand. Takes an event, appends actions, waits for nothing, sees no clock, thread or server.
// Always: (1) state_ is a function of the slots delivered: equal slots, equal positions, verdicts and notes on every member;
//         (2) a position at or below base_ is never handed to the server: its data holds it already;
//         (3) every own message that was awaited is resolved exactly once.
// Flow:   OFFLINE -> RECOVERING (copying | asking | replaying) -> ONLINE -> closed; docs/architecture.md.
#pragma once

#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/prng.hh"
#include "base/ticks.hh"
#include "certifier/certification.hh"
#include "gr/applied_everywhere.hh"
#include "gr/conflict.hh"
#include "gr/flow_control.hh"
#include "gr/held_history.hh"
#include "gr/history.hh"
#include "gr/join_report.hh"
#include "gr/messages.hh"
#include "gr/ports.hh"
#include "gr/primary_election.hh"
#include "recovery/planner.hh"
#include "xcom/node.hh"

namespace gr {

struct join_facts;

// What may be set while a member runs; counts for the next decision.
struct recovery_settings {
  std::uint64_t donor_threshold = recovery::donor_threshold_max;
  std::uint64_t clone_threshold = recovery::clone_threshold_max;
  recovery::donor_policy policy = recovery::donor_policy::balanced;
  std::vector<std::string> donors;  // asked first, in this order: names, addresses or uuids of members
  std::uint64_t retry_count = 10;
  std::uint64_t reconnect_ticks = 6000;
  std::uint64_t progress_ticks = 3000;
  std::size_t donors_at_once = 2;
  bool online_when_certified = false;  // recovery_complete_at; false: when applied
};

inline constexpr xcom::slot_no no_slot_is_after{std::numeric_limits<std::uint64_t>::max()};

struct member_config {
  xcom::member_id self;
  std::uint64_t boot = 1;
  member_facts facts;                 // status is ours to set
  std::optional<base::uuid> history;  // of the data the server holds; with base >= 0
  seqno_t base = -1;                  // the server's position; -1: it holds nothing
  bool server_runs = false;           // it can take no copy: it serves already
  std::string old_log;                // for a person: where the log before this one is kept; may be empty
  xcom::member_role role = xcom::member_role::voter;  // asked for together with ONLINE
  std::uint32_t zone = 0;
  recovery_settings recovery;
  flow_settings flow;
  std::uint64_t stable_every_ticks = 100;  // how often the leader moves the certifier's bound
};

// ---- events ----
struct founded {  // bootstrap of a new log; what is delivered next is the first slot
  xcom::checkpoint at;
};
struct resumed {  // restart: delivery begins at this checkpoint of our own log
  xcom::checkpoint from;
  xcom::site at;  // in force after the log's end
  // The last slot with a verdict. Later ones that the data holds already are judged again: the index is complete by then.
  xcom::slot_no judged = no_slot_is_after;
};
struct taken_in {  // our joiner was welcomed
  xcom::checkpoint at;
  base::uuid log;     // the group's
  held_history held;  // what our own log said of the data before it was begun anew
};
struct taken_in_again {  // the same process, a new incarnation; `own` is where the old one stopped delivering
  xcom::member_id self;
  std::uint64_t boot = 1;
  xcom::checkpoint at;
  xcom::checkpoint own;
  base::uuid log;
  held_history held;
};
struct held_compared {  // what compare_held asked for; `own_log`: its checkpoints
  xcom::member_id who;
  history_query asked;
  base::uuid log;  // our own
  comparison found;
  std::span<xcom::checkpoint const> own_log;
};
struct awaited {  // an own message was submitted and somebody waits for its verdict
  xcom::origin_seq seq;
};
struct told {  // a direct message
  xcom::member_id from;
  base::blob payload;
  std::span<xcom::checkpoint const> own_log;
};
struct quorum {
  bool have = false;
  std::vector<xcom::member_id> reachable;
};
struct history_gone {
  xcom::slot_no wanted;
};
struct state_request_ready {
  base::result<base::blob> request;
};
struct state_was_sent {  // donor: the server is done
  seqno_t position = -1;
  int error = 0;
};
struct state_was_received {  // joiner: the server holds a copy now
  base::uuid history;
  seqno_t position = -1;
  int error = 0;
};
struct abandoned {  // this member lost the group, or gives up waiting: own messages may or may not be decided
  std::string why;
};
struct settings_changed {
  recovery_settings now;
  flow_settings flow;
};
struct desync_set {
  bool on = false;
};
struct wait_everywhere {  // somebody waits until every ONLINE member has applied this; answered with applied_by_all
  std::uint64_t who = 0;
  seqno_t until = -1;
};
struct stop_waiting {
  std::uint64_t who = 0;
};
struct applied_moved {  // between two `observed`, while somebody is owed word of it
  seqno_t applied = -1;
};
struct apply_failed {  // the server does nothing that comes after this before it hears apply_settled
  seqno_t seqno = -1;
  std::string error;  // the server's text; of rows, equal where the same went wrong
  failed_work what = failed_work::rows;
};
struct neighbor {
  xcom::member_id id;
  bool heard = false;
  live_facts facts;
};
struct observed {  // every tick
  base::tick_count now;
  seqno_t applied = -1;  // by the server, everything up to here
  xcom::slot_no decided;
  xcom::slot_no delivered;
  bool leads = false;
  bool have_quorum = false;
  std::size_t open_transactions = 0;  // of clients, that have written something
  bool sated = false;                 // nothing more is read of the log until the server has applied some
  seqno_t first_available = -1;       // of our own log
  std::vector<neighbor> others;
};
using member_event = std::variant<founded, resumed, taken_in, taken_in_again, awaited, xcom::deliver,
                                  xcom::site_installed, told, held_compared, quorum, history_gone, state_request_ready,
                                  state_was_sent, state_was_received, abandoned, settings_changed, desync_set,
                                  wait_everywhere, stop_waiting, applied_moved, apply_failed, observed>;

// ---- actions ----
struct submit {  // order this
  base::blob payload;
};
struct tell {
  xcom::member_id to;
  base::blob payload;
};
struct resolve {  // release whoever waits for this own message
  xcom::origin_seq seq;
  std::uint64_t trx = 0;  // of a write set: the server's transaction
  ordered outcome;
};
struct write_note {
  xcom::slot_no slot;
  base::blob note;
};
struct keep_checkpoint {  // delivery begins here: our log must say so
  xcom::checkpoint at;
};
// Look into our log (gr/held_history.hh) and answer with held_compared.
struct compare_held {
  xcom::member_id who;
  history_query asked;
};
// What was held before our log was begun anew has been compared, or replaced: it need not be remembered any more.
struct forget_held {
  bool diverged = false;  // it was not the group's: a person may want to look at the log that was before
};
// A person is told which tables the server's transactions from..up_to wrote to: the group does not have them.
struct name_tables {
  seqno_t from = 1;
  seqno_t up_to = -1;
};
struct to_server {
  server_event what;
};
struct refused {
  refused_write_set what;
};
struct to_node {
  xcom::event what;
};
struct take_role {
  server_role now;
};
struct say {
  server::level how;
  std::string text;
};
struct give_up {            // leave the group
  bool may_return = false;  // see group_closed
  std::string why;
};
struct applied_by_all {  // what wait_everywhere asked for
  std::uint64_t who = 0;
};
struct apply_settled {  // what apply_failed asked for
  seqno_t seqno = -1;
  failure_settlement how;
};
// The server holds, or lacks, what the group has decided otherwise on. Ahead of whatever may follow from that, once: a full copy
// is needed, also when this process ends now.
struct data_differs {
  std::string why;
};
// This member cannot keep up and slows the others: leave, and ask at once to be taken in again. Until it has caught up it
// slows nobody. Said again until it happens.
struct step_aside {
  std::string why;
};
using member_action =
    std::variant<submit, tell, resolve, write_note, keep_checkpoint, compare_held, forget_held, name_tables, to_server,
                 refused, to_node, take_role, say, give_up, applied_by_all, apply_settled, data_differs, step_aside>;

class member {
 public:
  member(member_config config, base::prng random);

  void step(member_event const& in, std::vector<member_action>& out);

  // It gave the group up: what its node goes on delivering until it is out no longer changes it.
  [[nodiscard]] bool is_closed() const { return stage_ == stage::closed; }
  // The application's part of a checkpoint as of the last slot delivered; of one that is closed it would be an older slot's.
  [[nodiscard]] base::blob state_blob() const;
  [[nodiscard]] replicated_state const& state() const { return state_; }
  [[nodiscard]] group_roles const& roles() const { return roles_; }
  [[nodiscard]] apply_votes const& votes() const { return votes_; }
  // What this server may do, as it was told.
  [[nodiscard]] server_role const& role() const { return role_; }
  [[nodiscard]] std::string const& role_news() const { return role_news_; }
  // The message that has a wish carried out. Errors: what speaks against it, as far as it is known here.
  [[nodiscard]] base::result<role_message> role_change_for(role_request const& wish) const;
  [[nodiscard]] std::uint64_t digest() const { return certification_.digest(); }
  [[nodiscard]] bool online() const { return stage_ == stage::online; }
  // Restarted, and nothing was delivered yet: it can begin again as a joiner.
  [[nodiscard]] bool waits_for_majority() const { return resume_from_.has_value(); }
  // Whom it reads from, or waits for a copy from.
  [[nodiscard]] std::optional<xcom::member_id> const& donor() const { return donor_; }
  // Taken in again, and not yet sure that what it holds is the group's: expelled now, it still stands where it stood.
  [[nodiscard]] bool compares() const { return stage_ == stage::comparing; }
  [[nodiscard]] bool donating() const { return donation_.has_value(); }
  // The lowest position whose beginning a member that recovers with our help may yet need; nothing: nobody does.
  [[nodiscard]] std::optional<known_bound> held() const;
  [[nodiscard]] xcom::site const& site() const { return known_site_; }
  [[nodiscard]] std::string const& recovery_line() const { return recovery_line_; }
  [[nodiscard]] join_report const& report() const { return report_; }  // of the join under way, or the last one
  [[nodiscard]] join_facts facts_for_joiners() const;
  [[nodiscard]] bool owes_word() const { return everywhere_.owes(); }  // applied_moved makes a difference
  [[nodiscard]] std::size_t cert_rows() const { return certification_.rows(); }
  [[nodiscard]] counters const& count() const { return count_; }
  // How fast this member's clients may write, and why; anything they like while it is not ONLINE.
  [[nodiscard]] flow_control const& flow() const { return flow_; }
  [[nodiscard]] std::string state_name() const;  // MGR's MEMBER_STATE of this member
  [[nodiscard]] std::string describe() const;

 private:
  enum class stage : std::uint8_t {
    offline,
    choosing,   // taken in; waiting for facts of the others, then for the planner
    copying,    // a full copy is under way
    asking,     // asked a donor where its log must be read from
    comparing,  // taken in again: asked whether what was delivered before is the group's
    replaying,  // delivery runs
    online,
    closed,
  };

  // member.cc: what slots mean
  void on(xcom::deliver const& in);
  void deliver_batch(xcom::deliver const& in, xcom::batch const& all, slot_note& note);
  void deliver_site(xcom::site const& next);
  void take(xcom::message const& from, write_set_message const& what, slot_note& note, slot_note const* known,
            std::uint32_t index);
  void take(stable_message const& what);
  void take(state_request_message const& what);
  [[nodiscard]] ordered verdict_of(xcom::message const& from, write_set_message const& what, bool preload,
                                   bool known_to_fail);
  void note_refused(write_set_message const& what, certifier::verdict const& verdict,
                    std::span<certifier::key const> keys);
  void note_unreadable(write_set_message const& what);
  [[nodiscard]] refused_write_set refused_now(write_set_message const& what) const;
  void hand_over(xcom::message const& from, write_set_message const& what, ordered const& outcome);
  void move_stable();
  void consume();
  [[nodiscard]] view view_at(seqno_t position, view_status status) const;

  // primary.cc: who takes the writes
  void take(xcom::message const& from, role_message const& what);
  void follow_site_with_roles();
  [[nodiscard]] std::string why_not_write() const;
  [[nodiscard]] std::string primary_name() const;
  [[nodiscard]] std::string fence(xcom::member_id const& origin) const;
  [[nodiscard]] server_role role_now() const;
  void tell_role();
  void tick_roles();
  void conduct_switch();
  void hold_election();
  void lend_leadership();
  struct asked_for {  // of the others, in this epoch
    std::uint64_t epoch = 0;
    base::tick_count at;
  };
  // In the epoch that goes on, less than `patience` ticks ago.
  [[nodiscard]] bool is_pending(std::optional<asked_for> const& what, std::uint64_t patience) const;
  void order_change(role_change what);
  [[nodiscard]] bool is_there(xcom::member_id const& who) const;
  [[nodiscard]] bool candidates_are_known() const;
  [[nodiscard]] std::vector<primary_candidate> primary_candidates() const;
  [[nodiscard]] base::result<xcom::member_id> future_primary(std::string const& uuid) const;

  // voting_on_failures.cc: what could not be applied
  void on(apply_failed const& in);
  void take(xcom::message const& from, apply_report_message const& what);
  void follow_site_with_votes();
  void heed(apply_verdict const& verdict);
  void tick_votes();
  void speak(seqno_t seqno, apply_outcome outcome);
  [[nodiscard]] bool is_held_elsewhere(apply_verdict const& verdict) const;
  void settle(seqno_t seqno, apply_verdict const& verdict);
  void settle_without_vote(seqno_t seqno);
  void settle_as_unknown(seqno_t seqno);
  void settle_what_is_stuck();
  void tell_if_data_differs();
  [[nodiscard]] seqno_t applied_here() const { return std::max(last_.applied, base_); }
  [[nodiscard]] std::vector<xcom::member_id> electors() const;

  // joining.cc: how this member gets ONLINE
  void on(founded const& in);
  void on(resumed const& in);
  void on(taken_in const& in);
  void on(taken_in_again const& in);
  void on(awaited const& in) { awaited_.insert(in.seq); }
  void on(xcom::site_installed const& in);
  void on(told const& in);
  void on(held_compared const& in) { answer(in); }
  void on(quorum const& in);
  void on(history_gone const& in);
  void on(state_request_ready const& in);
  void on(state_was_sent const& in);
  void on(state_was_received const& in);
  void on(abandoned const& in);
  void on(settings_changed const& in);
  void on(desync_set const& in);
  // member_everywhere.cc
  void on(wait_everywhere const& in);
  void on(stop_waiting const& in);
  void on(applied_moved const& in);
  void take(xcom::member_id const& from, applied_message const& what);
  void serve_waiters();
  void tell_applied();
  [[nodiscard]] std::vector<xcom::member_id> online_others() const;
  void on(observed const& in);
  void answer(held_compared const& in);
  void take(xcom::member_id const& from, history_answer const& what);
  void take(xcom::member_id const& from, state_sent_message const& what);
  [[nodiscard]] bool needs_notes() const { return state_.seqno < base_ && delivered_ < judged_; }
  void go_on_from_own_place();
  void tick_comparison();
  void take_likeness(xcom::member_id const& from, history_answer const& what);
  [[nodiscard]] bool holds_more_than(base::uuid const& log, xcom::checkpoint const& at) const;
  [[nodiscard]] std::string compare_settings();
  void tell_settings(xcom::site_member const& self);
  [[nodiscard]] certifier::gtid_set errant_to(replicated_state const& group) const;
  // `group_at`: where the group stood, for when nobody can say up to where the two agree.
  void found_diverged(seqno_t agree_up_to, seqno_t group_at);
  void name_errant(seqno_t shared_up_to);
  [[nodiscard]] std::string how_it_diverged(seqno_t agree_up_to) const;
  void begin_delivery(xcom::checkpoint const& from);
  void run_planner(recovery::event const& in);
  // choosing_donors.cc: whom this member reads from, and what is told of it
  void start_planner();
  [[nodiscard]] recovery::planner_config planner_configuration() const;
  [[nodiscard]] std::vector<xcom::member_id> named_donors() const;
  [[nodiscard]] recovery::selection_request donor_request() const;
  void perform(recovery::start_log_transfer const& what);
  void perform(recovery::stop_log_transfer const& what);
  void perform(recovery::start_clone const& what);
  void perform(recovery::stop_clone const& what);
  void perform(recovery::report_decision const& what);
  void perform(recovery::declare_online const& what);
  void perform(recovery::leave const& what);
  [[nodiscard]] bool only_a_copy_helps() const;
  void ask_for_copy(xcom::member_id const& donor);
  void ask_for_history();
  void ask_anybody_for_history();
  [[nodiscard]] bool donor_is_heard() const;
  void choose_source();
  void move_planner();
  void tell_planner_of_site();
  [[nodiscard]] seqno_t group_at() const;
  [[nodiscard]] join_phase phase_now() const;
  [[nodiscard]] join_progress progress_now() const;
  [[nodiscard]] donor_row row_of(recovery::decision const& row, recovery::report_decision const& from) const;
  void report_progress();
  [[nodiscard]] recovery::candidate self_as_candidate() const;
  [[nodiscard]] std::vector<xcom::member_id> sources() const;
  void tick_recovery();
  void resume_with_majority();
  void answer_request(xcom::member_id const& joiner, state_sent_message const& what);
  void repeat_bad_news();
  void tell_caught_up();
  void hold_for(xcom::member_id const& joiner, known_bound const& from);
  void forget_helped();
  void start_server();
  void become_online();
  void publish_facts();
  void refuse(std::string why, bool may_return = false);
  // slowing_writers.cc: what flow control is told, and what is said of it
  void look_at_flow();
  [[nodiscard]] flow_look flow_look_now() const;
  void tell_of_braking();
  [[nodiscard]] std::string how_far_behind(flow_row const& which) const;
  [[nodiscard]] bool may_be_counted_on() const;
  [[nodiscard]] std::vector<recovery::candidate> candidates() const;
  // What was observed of another member last; null: nothing.
  [[nodiscard]] neighbor const* neighbor_of(xcom::member_id const& who) const;
  [[nodiscard]] recovery::candidate candidate_of(xcom::site_member const& who) const;
  [[nodiscard]] certifier::gtid_set positions(seqno_t up_to) const;
  [[nodiscard]] certifier::gtid_set purged_below(seqno_t first_available) const;
  [[nodiscard]] std::string name_of(xcom::member_id const& id) const;
  [[nodiscard]] double seconds_since(base::tick_count since) const;

  template <class Action> void emit(Action&& what) { out_->emplace_back(std::forward<Action>(what)); }
  void tell_server(server_event what) { emit(to_server{std::move(what)}); }
  void order(ordered_message const& what) { emit(submit{base::encode(what)}); }

  member_config config_;
  base::prng random_;
  std::vector<member_action>* out_ = nullptr;  // only set inside step()
  base::tick_count now_;
  stage stage_ = stage::offline;

  // replicated
  replicated_state state_;
  group_roles roles_;
  apply_votes votes_;
  certifier::certification certification_;
  xcom::site site_;  // after the last delivered slot
  xcom::slot_no delivered_;

  // own
  seqno_t base_ = -1;  // the server's data holds everything up to here
  // Slots come with their verdicts until base_ is reached, or the last of these.
  bool with_notes_ = false;
  xcom::slot_no judged_ = no_slot_is_after;
  xcom::site known_site_;   // the newest one heard of: before delivery began, as taken in
  bool connected_ = false;  // the server was
  bool started_ = false;    // the server got its first view, or a copy: it may be handed events
  bool departed_ = false;   // delivered the view without itself; the server was not told of its position
  bool have_quorum_ = true;
  bool desynced_ = false;
  observed last_;
  std::set<xcom::origin_seq> awaited_;
  struct pending_slot {
    xcom::slot_no slot;
    seqno_t last;
  };
  std::deque<pending_slot> unconsumed_;
  base::tick_count stable_sent_;
  seqno_t stable_asked_ = 0;  // on its way to become the bound
  live_facts published_;
  struct donation {
    xcom::member_id joiner;
    std::uint64_t number = 0;  // of its request
  };
  std::optional<donation> donation_;  // until the server says that it is done, also when the joiner is gone
  struct bad_news {                   // a joiner's request came to nothing; the word may get lost
    state_sent_message what;
    base::tick_count told;
    unsigned times = 0;
  };
  std::map<xcom::member_id, bad_news> bad_news_;   // until it asks again, or needs no copy any more
  std::map<xcom::member_id, known_bound> helped_;  // who was given a copy or a beginning, and is not ONLINE yet
  counters count_;
  applied_everywhere everywhere_;
  flow_control flow_;
  std::optional<base::tick_count> braked_since_;  // writers are slowed
  base::tick_count braking_told_;
  bool stepped_aside_ = false;  // until ONLINE again

  // what could not be applied
  struct failure {
    std::string error;
    apply_outcome outcome = was_applied;
  };
  std::map<seqno_t, failure> failed_here_;      // the server waits for what becomes of these
  std::map<seqno_t, apply_verdict> verdicts_;   // on what is not applied here yet
  std::map<seqno_t, base::tick_count> spoken_;  // when a word was sent last
  std::optional<std::string> differs_;          // why this data is not the group's
  bool differs_told_ = false;

  // roles
  server_role role_;  // as the server was told
  bool role_told_ = false;
  std::string role_news_;
  std::optional<base::tick_count> primary_missed_;  // since: the primary is not heard, or there is none
  std::optional<asked_for> change_asked_;
  std::optional<asked_for> leadership_lent_;
  struct draining {  // as the primary, of this epoch
    std::uint64_t epoch = 0;
    base::tick_count seen;
    base::tick_count heard;                 // the one that follows
    std::optional<base::tick_count> since;  // no new transactions
  };
  std::optional<draining> draining_;

  // recovery
  held_history held_;                            // what the data rests on, until it was compared
  bool diverged_ = false;                        // it was not the group's; a copy replaces it
  std::optional<xcom::checkpoint> own_place_;    // comparing: where delivery goes on if it is the group's
  std::set<std::string> told_differences_;       // of settings, each said once
  bool is_new_ = false;                          // taken in, and was no member before
  std::set<xcom::member_id> cannot_tell_;        // comparing: whose log does not reach back so far
  std::optional<xcom::checkpoint> resume_from_;  // restarted: where delivery begins once there is a majority
  std::optional<recovery::planner> planner_;
  bool returns_ = false;  // with a log of its own: planner_ chooses a donor for it, and it needs none to get there
  base::tick_count began_;
  base::tick_count observed_since_;
  unsigned copies_ = 0;
  std::uint64_t asked_before_ = 0;                  // donors, before the last copy
  std::optional<base::tick_count> ask_copy_again_;  // the donor was busy
  std::optional<base::blob> request_;               // the server's state request, once it gave it
  std::optional<xcom::member_id> donor_;
  std::vector<xcom::member_id> donor_order_;  // as they were decided on last
  std::uint64_t donor_boot_ = 0;              // when it was asked for a copy
  std::uint64_t question_ = 0;
  std::uint64_t copy_request_ = 0;  // how many were sent
  base::tick_count asked_;
  seqno_t replay_from_ = -1;
  std::optional<seqno_t> online_at_;         // ONLINE once this is applied
  std::optional<xcom::slot_no> level_from_;  // of a member that returns: with this slot it has what the others had then
  bool update_sent_ = false;
  bool own_boot_seen_ = true;  // a restarted member's new boot stands in the site
  std::map<xcom::member_id, std::string>
      names_;  // of those looked at as donors: they may be gone when they are spoken of
  std::string chosen_why_;
  std::string source_name_;  // of whoever sent, or sends, the log
  std::string copied_from_;
  std::optional<seqno_t> transfer_until_;  // a transfer of the log is complete with this
  join_report report_;
  std::string recovery_line_ = "none";
};

}  // namespace gr
