// One member's part in the ordered log: Multi-Paxos with an ordering leader, membership, and in-order delivery.
//
// Owner:  one strand (runtime) or the simulator. Not safe for concurrent use. Takes one event, appends actions, waits for nothing.
// Order:  actions are carried out in the order they stand in. A `persist_*` ahead of a `send` means the record is in
//         the log (in the sense of group_replication_durability) before the bytes leave.
// Always: (1) promised_ never falls; nothing is accepted below it;
//         (2) a slot once decided keeps its value; decided_ only grows, without gaps;
//         (3) delivered_ <= decided_; slots are delivered in order, each once;
//         (4) nothing is proposed behind an undecided site change;
//         (5) a leader proposes slot n only with promises of a majority of the site in force at n.
// Source: Lamport, "Paxos Made Simple" (2001); Ongaro, "Consensus" (2014) for pre-vote and catch-up; van Renesse,
//         Altinbuken, "Paxos Made Moderately Complex" (2015). How they meet here: docs/architecture.md.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/prng.hh"
#include "base/ticks.hh"
#include "xcom/messages.hh"
#include "xcom/range_window.hh"
#include "xcom/types.hh"

namespace xcom {

// A member that misses slots takes what is proposed meanwhile only this far ahead; what it leaves out it fetches later.
inline constexpr std::uint64_t accept_window_slots = 1024;

struct node_config {
  member_id self;
  std::uint64_t boot = 1;  // of this incarnation's process; origin_seq begins at first_of_boot(boot)
  base::tick_count heartbeat_ticks{10};
  base::tick_count suspect_ticks{100};         // silence that suspects a member (1 s)
  base::tick_count expel_ticks{500};           // suspicion that expels it (member_expel_timeout, 5 s)
  base::tick_count election_spread_ticks{15};  // candidates wait a random part of this
  base::tick_count resend_ticks{30};           // unanswered requests, accepts and forwards are sent again
  protocol_range speaks;
  site_rules rules;                        // of a group this member founds
  std::size_t batch_bytes_max = 1U << 20;  // a batch closes at this size; a larger message goes alone
  std::size_t batch_messages_max = 4096;
  std::size_t in_flight_bytes_max = 64U << 20;    // accepted and not yet known to be decided; one slot at least
  std::size_t cache_bytes_max = 128U << 20;       // decided values kept in memory to serve others
  std::uint32_t fetch_bytes_max = 1U << 20;       // one answer to `fetch`
  std::size_t fetch_ranges_max = 4;               // of the log on their way here at a time
  std::size_t undelivered_bytes_max = 64U << 20;  // handed to the application and not yet consumed, at most
  std::uint64_t checkpoint_bytes = 4U << 20;      // delivered payload between two checkpoints
  std::size_t leave_out_bytes_min = 4096;         // an origin is spared its own payloads when they come to this much
};

// ---- how a node begins ----
struct begin_group {  // bootstrap: a site of one, this member, from the slot after `last` on
  base::uuid log;     // the new log's own name
  site_member self;
  checkpoint last;  // slot 0 for a new group
};
struct begin_joining {  // ask the seeds to be taken in
  site_member self;
  std::vector<std::string> seeds;
};
struct begin_again {  // same incarnation, whole log
  base::uuid log;
  site_member self;  // with the new boot
  site at;           // in force after `decided`
  ballot promised;
  slot_no decided;
  slot_no log_begins;
  std::vector<accepted_slot> undecided;  // accepted above `decided`
  bool force_alone = false;              // a human said: go on with me alone, whatever the site says
};
using beginning = std::variant<begin_group, begin_joining, begin_again>;

// ---- events: what happened ----
struct received {
  member_id from;
  wire_message what;
};
struct ticked {
  base::tick_count now;
};
struct submitted {
  origin_seq seq;  // ensure: first_of_boot(boot), then +1 each
  base::blob payload;
};
// A connection to this address failed and could not be made again at once: suspicion without waiting for silence.
struct link_lost {
  std::string address;
};
// A large message from this member is on its way in: part of it is here.
struct arriving {
  member_id from;
};
// The application's live facts for the next heartbeats.
struct app_facts {
  base::blob facts;
};
// Change our own entry in the site (ONLINE, weight); repeated until the site shows it. A joiner is taken in as a
// non-voting member and asks for its vote when it is level: members that hold nothing yet must not make majorities.
struct update_self {
  base::blob app;
  std::optional<member_role> role = std::nullopt;  // none: as it is
};
// Our weight in the site.
struct set_weight {
  std::uint32_t weight = 50;
};
// What of our configuration may change while we run.
struct set_limits {
  base::tick_count suspect_ticks;
  base::tick_count expel_ticks;
  std::size_t cache_bytes_max = 0;
};
struct leave_group {};
// Let the group have these rules (`since` is not looked at). Ends when they are in force or others came first. Nothing
// happens when why_not_rules() objects.
struct change_rules {
  site_rules rules;
};
// Leader: let this member lead instead. Messages wait for about one round trip. Else nothing.
struct transfer_leadership {
  member_id to;
};
// A human's word that the others are gone for good: go on with these members, although they are no majority. Taken when
// why_not_forced() has no objection, and dropped when they do not all agree before long.
struct force_members {
  std::vector<member_id> who;
};
// The application is ready: deliver from `from.slot` + 1 on, reading our log where it has the slots and `sources` elsewhere.
struct start_delivery {
  checkpoint from;
  std::vector<member_id> sources;
  // The application's data stands further than `from`, and it cannot judge yet what that data holds already: deliver
  // slots only with their notes, ours or another member's, until notes_done.
  bool with_notes = false;
};
// The application has come to where its data stands; what follows it judges by itself.
struct notes_done {};
// Fetch missing slots from these members from now on, all at once, the first of them first (recovery chose other donors).
// None, or none of them has a slot: from whoever has it.
struct change_sources {
  std::vector<member_id> sources;
};
// The application is done with everything up to here; makes room for more deliveries.
struct consumed {
  slot_no up_to;
};
// Answer to read_log: consecutive decided slots from `from`; empty when the log does not hold `from`.
struct log_read {
  slot_no from;
  std::vector<decided_slot> slots;
};
// Where our log begins now: later than before when it was purged, earlier when it kept what an older incarnation decided
// and history has closed the gap to it.
struct log_purged {
  slot_no log_begins;
};
using event = std::variant<received, ticked, submitted, link_lost, arriving, app_facts, update_self, leave_group,
                           force_members, start_delivery, change_sources, consumed, log_read, log_purged, notes_done,
                           set_weight, set_limits, change_rules, transfer_leadership>;

// ---- actions: what to do, in order ----
struct persist_promise {
  ballot promised;
};
struct persist_accepted {
  accepted_slot slot;
};
struct persist_learned {  // decided elsewhere and fetched
  decided_slot slot;
};
struct persist_decided {  // lazily: losing it costs a fetch
  slot_no up_to;
};
struct send {
  std::string address;
  wire_message what;
};
// Read decided slots from our log and send them as `fetched` to this address; or say purged / never seen.
struct serve_log {
  std::string address;
  fetch asked;
  slot_no up_to;    // no slot above it
  slot_no decided;  // goes into the answer
};
struct read_log {
  slot_no from;
  std::size_t bytes_max = 0;
};
struct deliver {
  slot_no slot;
  value_ptr what;         // messages already delivered once are taken out
  base::blob note;        // from an earlier delivery here or elsewhere; empty the first time
  std::size_t bytes = 0;  // counts against undelivered_bytes_max until consumed
};
// All replicated state after the slot just delivered: the application adds its part and it goes to the log.
struct store_checkpoint {
  checkpoint at;
};
// Add the application's part and send `welcome`.
struct send_welcome {
  std::string address;
  welcome what;
};
// The site in force changed: who to keep connections to.
struct site_installed {
  slot_no slot;
  site at;
};
struct joined {  // our joiner was taken in; `at.slot` is the site change that did it, or a later slot
  base::uuid log;
  checkpoint at;
  ballot promised;  // persist: our acceptor begins here
};
struct expelled {  // the group goes on without this incarnation
  site at;
};
// Members of our site went on without us, though they are no majority of it and we have one: a human forced them, and there
// are two groups now. Said once for each site of theirs.
struct split_off {
  member_id by;
  site at;
};
struct join_failed {
  std::string reason;
};
struct left {};
struct quorum_changed {
  bool have = false;
  std::vector<member_id> reachable;  // self included
};
struct leader_changed {
  std::optional<member_id> leader;
};
// Nobody we may ask still has this slot: the application must get its state another way.
struct history_lost {
  slot_no wanted;
  slot_no oldest_offered;
};
// What this member sent of its log does not check. Another one is asked.
struct damaged_range {
  member_id from;
  slot_no wanted;
  std::string why;
};
struct received_direct {
  member_id from;
  base::blob payload;
};
using action =
    std::variant<persist_promise, persist_accepted, persist_learned, persist_decided, send, serve_log, read_log,
                 deliver, store_checkpoint, send_welcome, site_installed, joined, expelled, split_off, join_failed,
                 left, quorum_changed, leader_changed, history_lost, damaged_range, received_direct>;

// What is known of another member: from its heartbeats and from the links.
struct peer {
  base::tick_count heard;  // last frame from it, or when we began to listen
  bool spoke = false;      // heard at all, or new in the site
  bool suspected = false;
  bool link_down = false;  // cleared by the next frame from it
  std::uint64_t suspicions = 0;
  heartbeat last{};
  std::uint64_t echoed = 0;      // our own count as it heard it
  base::tick_count echoed_at{};  // when that changed last, or when we began to listen
  base::tick_count excused{};    // `heard` as we put it when we stood still last
  base::tick_count arriving{};   // when part of a large message of its was last seen to be here; 0: never
  slot_no without_note{};        // it has this slot, but not the note we asked for; until it begins again
};

// ---- the machine ----
class node {
 public:
  node(node_config config, beginning how, base::prng random);

  // Takes events in order and appends what the driver has to do, in order. Events handed in together are batched
  // together. Never waits, throws or reads a clock. Cost: O(members) plus the bytes it names.
  void step(std::span<event const> happened, std::vector<action>& out);
  void step(event const& happened, std::vector<action>& out) { step(std::span(&happened, 1), out); }

  // While the driver is still busy with what the last step asked for, a large write say: this member is there, and so are the
  // others. Nothing else changes; what was heard is stepped later all the same.
  void hear(received const& happened);
  // Says `said` again: the last heartbeat that was sent, so that it claims what is carried out and nothing newer. False, and nothing
  // is said: no majority is heard, and who leads must not keep the others from finding one that is.
  bool keep_alive(base::tick_count now, heartbeat const& said, std::vector<action>& out);

  [[nodiscard]] node_config const& config() const { return config_; }
  [[nodiscard]] site const& current_site() const { return site_; }
  [[nodiscard]] slot_no decided() const { return decided_; }
  [[nodiscard]] slot_no delivered() const { return delivered_; }
  [[nodiscard]] ballot const& promised() const { return promised_; }
  [[nodiscard]] std::optional<member_id> leader() const;
  [[nodiscard]] bool is_leader() const { return std::holds_alternative<leading>(role_); }
  [[nodiscard]] base::uuid const& log() const { return log_; }
  // All replicated state after delivered(), without the application's part: how a new incarnation goes on from here.
  // ensure: delivery was started.
  [[nodiscard]] checkpoint checkpoint_here() const;
  [[nodiscard]] bool is_delivering() const { return delivering_.has_value(); }
  // As much was delivered and not consumed as may be: nothing more is asked for until the application has done some of it.
  [[nodiscard]] bool is_sated() const {
    return delivering_ && delivering_->unconsumed_bytes >= config_.undelivered_bytes_max;
  }
  [[nodiscard]] bool is_member() const { return phase_ == phase::member; }
  [[nodiscard]] bool is_leaving() const { return leaving_; }
  // Of a joiner: the address of the leader that members who answer it name, while that one does not. Nobody else takes it in. Empty:
  // it is not so.
  [[nodiscard]] std::string unheard_leader() const;
  [[nodiscard]] bool have_quorum() const { return have_quorum_; }
  // It stood still for a while, as a stopped process does, and gives the others a moment to be heard. Until then have_quorum()
  // is what it was.
  [[nodiscard]] bool finds_its_feet() const { return now_ < steady_at_; }
  [[nodiscard]] std::map<member_id, peer> const& peers() const { return peers_; }
  // Members a member has no link to that works both ways: of this one as it sees it, of another as its last heartbeat
  // said. A row of the matrix that decides who leads. Nothing for one that is not heard, or where the protocol has no links.
  [[nodiscard]] std::vector<member_id> unlinked(member_id const& who) const;
  [[nodiscard]] origin_seq next_seq() const { return next_seq_; }
  [[nodiscard]] std::size_t undelivered_own() const { return pending_.size(); }
  // For a person: what speaks against going on with these alone; empty: nothing.
  [[nodiscard]] std::string why_not_forced(std::vector<member_id> const& who) const;
  [[nodiscard]] bool is_forcing() const { return !forced_.empty(); }
  // What speaks against these rules; empty: nothing.
  [[nodiscard]] std::string why_not_rules(site_rules const& rules) const;
  [[nodiscard]] bool is_asking_for_rules() const { return wanted_rules_.has_value(); }
  [[nodiscard]] std::string describe() const;  // one line for traces and failure dumps

 private:
  enum class phase : std::uint8_t { joining, member, gone };

  // A state owns its data: only a leader has a queue, only a candidate counts votes.
  struct following {};
  struct polling {  // pre-vote under way
    std::uint64_t round = 0;
    base::tick_count since;
    std::set<member_id> granted;
  };
  struct preparing {  // phase 1 under way
    ballot by;
    slot_no from;
    base::tick_count since;
    std::set<member_id> promised_by;
    std::map<slot_no, accepted_slot> reported;  // highest ballot seen of each slot
    slot_no required;                           // some acceptor knows slots up to here to be decided
  };
  struct progress {
    slot_no match;              // acknowledged in this ballot up to here
    base::tick_count sent;      // last accept sent, or last progress; 0: one is due
    std::uint32_t repeats = 0;  // resends without progress
    slot_no part_ends{};        // what was sent again last was a part of all, up to here
  };
  struct handing_over {  // nothing is proposed meanwhile
    member_id to;
    base::tick_count since;
    bool told = false;
  };
  struct better_placed {  // who would reach more members than we do
    member_id who;
    base::tick_count since;
  };
  struct leading {
    ballot by;
    slot_no first;  // first slot proposed in this ballot
    slot_no next;   // next slot to propose
    std::set<member_id> promised_by;
    base::tick_count since;
    base::tick_count prepare_sent;
    std::uint32_t prepare_repeats = 0;  // since the site changed last
    std::map<slot_no, accepted_slot> reported;
    std::map<member_id, progress> followers;
    std::optional<slot_no> barrier;  // an undecided site change stands here: nothing goes behind it
    std::deque<message> queue;
    std::map<member_id, origin_seq> queued;      // last number of each origin that went into the queue
    std::map<member_id, origin_seq> fresh_from;  // from this number on nobody but us was sent its messages
    slot_no announced;                           // everybody was told that slots up to here are decided
    std::optional<handing_over> handing;
    std::optional<better_placed> better;
    base::tick_count hand_over_due;  // not tried again before
  };

  struct in_flight {
    slot_no slot;
    std::size_t bytes;
  };
  struct delivering {
    site at;  // in force after delivered_
    std::map<member_id, origin_seq> last;
    std::deque<in_flight> unconsumed;
    std::size_t unconsumed_bytes = 0;
    std::uint64_t since_checkpoint = 0;
    bool reading = false;  // a read_log is out
    bool with_notes = false;
    slot_no without_note;  // with_notes: our log holds this slot, but no note for it
  };
  struct wish {  // a change of the site somebody asked for; the leader turns all of them into one site_change
    enum class kind : std::uint8_t { join, leave, expel, update } what;
    site_member who;
  };

  // node.cc
  void on(received const& happened);
  void on(ticked const& happened);
  void on(link_lost const& happened);
  void on(arriving const& happened);
  void on(app_facts const& happened);
  void on(update_self const& happened);
  void on(leave_group const& happened);
  void on(force_members const& happened);
  void on(set_weight const& happened);
  void on(set_limits const& happened);
  void on(change_rules const& happened);
  void on(transfer_leadership const& happened);
  void on(log_purged const& happened);
  void start_clock();
  void find_our_feet(base::tick_count now);
  bool note_echo(peer& from, heartbeat const& said) const;
  void finish_step();
  template <class Action> void emit(Action&& what) { out_->emplace_back(std::forward<Action>(what)); }
  void send_to(member_id const& to, wire_message what);
  void send_to_voters(wire_message const& what);
  void send_to_all(wire_message const& what);

  // node_acceptor.cc
  void take(member_id const& from, accept const& what);
  void take(member_id const& from, accepted const& what);
  void take(member_id const& from, prepare const& what);
  void take(member_id const& from, refuse const& what);
  void promise_to(ballot const& by);
  void follow(ballot const& by);
  void acknowledge(ballot const& by, slot_no first, std::span<accepted_slot const> slots);
  [[nodiscard]] bool followers_need_acknowledgements() const;
  [[nodiscard]] slot_no acknowledged_up_to(ballot const& by, slot_no first) const;
  void learn_from_followed_leader();
  [[nodiscard]] bool is_decided_by_acknowledgements(slot_no slot) const;
  [[nodiscard]] static bool knows_otherwise(leading const& lead, slot_no up_to);
  void hold(accepted_slot const& what);
  void drop_decided();
  void decide(value_ptr const& given);
  void install_site(site next);
  void trim_cache();
  void store_decided();
  void fetch_tail_if_due();

  // node_leader.cc
  void take(member_id const& from, pre_vote const& what);
  void take(member_id const& from, pre_vote_reply const& what);
  void take(member_id const& from, promise const& what);
  void take(member_id const& from, forward const& what);
  void tick_election();
  void start_poll();
  void start_preparing();
  [[nodiscard]] prepare prepare_from(ballot const& by, slot_no from) const;
  [[nodiscard]] std::uint64_t election_patience() const;
  void find_ourselves_outvoted(member_id const& by, slot_no decided);
  void report(std::map<slot_no, accepted_slot>& reported, accepted_slot const& slot) const;
  void lead_if_ready();
  void step_down();
  void propose();
  [[nodiscard]] bool may_propose() const;
  [[nodiscard]] value_ptr next_value();
  [[nodiscard]] value_ptr next_batch();
  void advance_decided();
  void tick_leader();
  void resend_accepts(member_id const& to, progress& of);
  void ask_new_members_to_promise();
  void enqueue(message const& what, bool oldest);
  [[nodiscard]] bool has_majority(std::set<member_id> const& who) const;
  template <class Predicate> [[nodiscard]] bool is_majority(Predicate const& has) const;
  [[nodiscard]] bool is_acknowledged(leading const& lead, slot_no slot) const;
  [[nodiscard]] bool decides_alone() const { return forced_.empty() ? site_.majority() == 1 : forced_.size() == 1; }
  [[nodiscard]] bool has_live_leader() const;
  [[nodiscard]] bool is_heard_by_majority() const;

  // node_own_payloads.cc
  [[nodiscard]] bool may_leave_out(leading const& lead, message const& what) const;
  [[nodiscard]] std::set<member_id> origins_to_spare(accept const& all) const;
  [[nodiscard]] accept without_own(accept const& all, member_id const& origin) const;
  [[nodiscard]] value_ptr with_own(value_ptr const& what) const;

  // node_handover.cc
  void take(member_id const& from, hand_over const& what);
  void begin_hand_over(member_id const& to);
  void go_on_handing_over();
  void tick_hand_over();
  [[nodiscard]] std::optional<member_id> better_leader() const;
  [[nodiscard]] std::size_t reach_of(member_id const& who) const;
  [[nodiscard]] bool is_linked(member_id const& who) const;
  [[nodiscard]] std::vector<member_id> linked() const;

  // node_rules.cc
  void take(member_id const& from, rules_request const& what);
  void ask_for_rules();
  void wish_for_rules(site_rules const& rules);
  [[nodiscard]] bool is_acknowledged_by_zones(leading const& lead, slot_no slot) const;

  // node_delivery.cc
  void on(submitted const& happened);
  void on(start_delivery const& happened);
  void on(change_sources const& happened);
  void on(notes_done const& happened);
  void on(consumed const& happened);
  void on(log_read const& happened);
  void take(member_id const& from, fetch const& what);
  void take(member_id const& from, fetched const& what);
  void drop_pending(origin_seq up_to);
  void forward_pending(bool again);
  void tick_pending();
  void deliver_ready();
  void deliver_slot(slot_no slot, value_ptr const& what, base::blob const& note);
  [[nodiscard]] value_ptr without_repeats(value_ptr const& what);
  [[nodiscard]] bool may_deliver() const;
  [[nodiscard]] bool is_readable(slot_no slot) const;
  void take_what_was_fetched();
  void fetch_missing();
  void ask(range_window& window, slot_no next, slot_no last, bool with_notes);
  [[nodiscard]] bool is_due(slot_range const& range, std::optional<member_id> const& whom) const;
  [[nodiscard]] base::tick_count arriving_from(member_id const& who, base::tick_count since) const;
  void give_up_if_lost(slot_no wanted, bool with_notes);
  void close_history();
  [[nodiscard]] bool holds(member_id const& who, slot_no slot, bool with_notes) const;
  [[nodiscard]] std::vector<member_id> holders_of(slot_range const& range, bool with_notes) const;
  [[nodiscard]] std::optional<member_id> whom_to_ask(range_window const& window, slot_range const& range,
                                                     bool with_notes) const;
  void take_range(range_window& window, member_id const& from, fetched const& what);
  void deliver_history();
  [[nodiscard]] bool deliver_history(slot_range const& range);
  void decide_tail(std::vector<decided_slot> const& slots);
  [[nodiscard]] bool decide_tail(decided_slot const& next);
  [[nodiscard]] bool was_outvoted(decided_slot const& by) const;

  // node_membership.cc
  void take(member_id const& from, heartbeat const& what);
  void take(member_id const& from, join_request const& what);
  void take(member_id const& from, join_answer const& what);
  void take(member_id const& from, join_refused const& what);
  void take(member_id const& from, welcome const& what);
  void take(member_id const& from, leave_request const& what);
  void take(member_id const& from, update_request const& what);
  void take(member_id const& from, not_a_member const& what);
  // On our own wish or not, the site in force is without us.
  [[nodiscard]] bool departing() const { return site_.version > 0 && site_.find(config_.self) == nullptr; }
  [[nodiscard]] bool goes_on_without(site const& theirs) const;
  void take_from_stranger(member_id const& from, heartbeat const& what);
  void take(member_id const& from, direct const& what);
  void tick_membership();
  void tick_suspicions();
  void tick_requests();
  void send_heartbeats();
  void say_to_all(heartbeat what, std::vector<action>& out);
  [[nodiscard]] bool hears_majority() const;
  void update_quorum();
  void tick_forced();
  void end_forced_if_done();
  void wish_for(wish::kind what, site_member const& who);
  [[nodiscard]] std::optional<site> wished_site() const;
  void let_go(site& next, member_id const& who) const;
  [[nodiscard]] bool has_data_without(site const& next, member_id const& who) const;
  void drop_wishes_granted();
  void welcome_if_delivered(site_member const& joiner);
  void welcome_new_members(site const& before, site const& after);
  [[nodiscard]] std::string refusal(site_member const& joiner) const;
  [[nodiscard]] bool is_address_contested(site_member const& joiner);
  [[nodiscard]] bool hears(member_id const& who) const;
  static void update(site& next, site_member const& wished);

  node_config config_;
  base::prng random_;
  base::tick_count now_;
  bool started_ = false;                // the first tick was seen
  std::vector<action>* out_ = nullptr;  // only set inside step()
  phase phase_ = phase::member;

  // membership
  base::uuid log_;                              // nil while joining
  std::map<member_id, std::string> strangers_;  // addresses of members of a newer site than ours
  site site_;                                   // in force at decided_ + 1
  site_member self_;
  std::vector<std::string> seeds_;
  std::map<std::string, base::tick_count> answered_;  // joining: who answered, and when last
  std::string named_leader_;                          // joining: by the last of these
  std::map<member_id, peer> peers_;
  std::vector<wish> wishes_;
  std::optional<site_rules> wished_rules_;           // leader: as asked for
  std::optional<site_rules> wanted_rules_;           // by us; `since` is that of the rules they shall replace
  std::map<member_id, base::tick_count> contested_;  // joiners at a live member's address: since when
  bool leaving_ = false;
  bool site_due_ = false;  // the site in force stands in no slot yet: the first slot proposed is to be one
  bool have_quorum_ = false;
  // While a human's word is being carried out: until the site of these members is in force, a quorum is all of their votes,
  // so that whatever one of them holds stays.
  std::set<member_id> forced_;
  base::tick_count forced_until_;
  std::set<member_id> released_by_;  // leaving: who has a site without us
  std::vector<member_id> reachable_;
  std::uint64_t split_off_ = 0;  // the version of the site that was said to have split off last
  std::uint64_t heartbeats_sent_ = 0;
  base::tick_count heartbeat_due_;
  base::tick_count steady_at_;
  base::tick_count request_due_;
  base::blob facts_;

  // acceptor and learner
  ballot promised_;
  std::map<slot_no, accepted_slot> accepted_;  // above decided_
  std::size_t accepted_bytes_ = 0;
  slot_no decided_;
  slot_no decided_stored_;
  base::tick_count decided_at_;  // when decided_ last grew
  slot_no log_begins_;
  ballot following_;                           // of the leader we follow; round 0: none
  slot_no first_followed_;                     // its first slot; 0: not known yet
  slot_no watermark_;                          // decided according to that leader
  std::map<member_id, slot_no> acknowledged_;  // in `following_`
  std::deque<value_ptr> cache_;                // decided, consecutive, the last one is decided_
  std::size_t cache_bytes_ = 0;

  // proposer
  std::variant<following, polling, preparing, leading> role_;
  base::tick_count election_due_;
  bool leaderless_ = true;
  std::uint32_t elections_ = 0;  // begun here or by others since there was a leader to follow
  std::optional<member_id> announced_leader_;

  // delivery
  slot_no delivered_;
  std::optional<delivering> delivering_;
  std::vector<member_id> sources_;
  range_window tail_;                    // above decided_
  base::tick_count behind_since_;        // others know more to be decided than we do; 0: they do not
  bool catching_up_ = false;             // since something above it was asked for, until nobody knows more
  range_window history_;                 // of what is to be delivered and is not in our log
  slot_no history_begins_;               // where delivery began, while that is below log_begins_
  slot_no history_lost_;                 // nobody we hear has this slot any more
  base::tick_count history_lost_since_;  // or reported last

  // own messages not yet delivered
  origin_seq next_seq_;
  std::deque<message> pending_;
  std::size_t pending_bytes_ = 0;
  std::size_t forwarded_ = 0;  // how many of pending_ the present leader was sent
  origin_seq sent_up_to_;      // some leader was
  base::tick_count forward_sent_;
  std::uint32_t forward_repeats_ = 0;
};

// Of the site in force; while a human's word is being carried out, all of those named.
template <class Predicate> bool node::is_majority(Predicate const& has) const {
  if (!forced_.empty()) return std::ranges::all_of(forced_, has);
  auto const have =
      std::ranges::count_if(site_.members, [&](auto const& each) { return has_vote(each.role) && has(each.id); });
  return static_cast<std::size_t>(have) >= site_.majority();
}

}  // namespace xcom
