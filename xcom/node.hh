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

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "base/prng.hh"
#include "base/ticks.hh"
#include "xcom/messages.hh"
#include "xcom/types.hh"

namespace xcom {

struct node_config {
  member_id self;
  std::uint64_t boot = 1;  // of this incarnation's process; origin_seq begins at first_of_boot(boot)
  base::tick_count heartbeat_ticks{10};
  base::tick_count suspect_ticks{100};        // silence that suspects a member (1 s)
  base::tick_count expel_ticks{500};          // suspicion that expels it (member_expel_timeout, 5 s)
  base::tick_count election_spread_ticks{15};  // candidates wait a random part of this
  base::tick_count resend_ticks{30};          // unanswered requests, accepts and forwards are sent again
  std::uint32_t event_horizon = 10;           // slots proposed and not yet decided, at most
  std::size_t batch_bytes_max = 1U << 20;     // a batch closes at this size; a larger message goes alone
  std::size_t batch_messages_max = 4096;
  std::size_t cache_bytes_max = 128U << 20;   // decided values kept in memory to serve others
  std::uint32_t fetch_bytes_max = 4U << 20;   // one answer to `fetch`
  std::size_t undelivered_bytes_max = 64U << 20;  // handed to the application and not yet consumed, at most
  std::uint64_t checkpoint_bytes = 4U << 20;  // delivered payload between two checkpoints
};

// ---- how a node begins ----
struct begin_group {   // bootstrap: a site of one, this member, from the slot after `last` on
  site_member self;
  checkpoint last;     // slot 0 for a new group
};
struct begin_joining { // ask the seeds to be taken in
  site_member self;
  std::vector<std::string> seeds;
};
struct begin_again {   // same incarnation, whole log
  site_member self;    // with the new boot
  site at;             // in force after `decided`
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
// The application's live facts for the next heartbeats.
struct app_facts {
  base::blob facts;
};
// Change our own entry in the site (ONLINE, weight); repeated until the site shows it.
struct update_self {
  base::blob app;
};
struct leave_group {};
// The application is ready: deliver from `from.slot` + 1 on, reading our log where it has the slots and `source` elsewhere.
struct start_delivery {
  checkpoint from;
  std::optional<member_id> source;
};
// Fetch missing slots from this member from now on (recovery chose another donor).
struct change_source {
  std::optional<member_id> source;
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
struct log_purged {
  slot_no log_begins;
};
using event = std::variant<received, ticked, submitted, link_lost, app_facts, update_self, leave_group, start_delivery,
                           change_source, consumed, log_read, log_purged>;

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
  slot_no decided;
};
struct read_log {
  slot_no from;
  std::size_t bytes_max = 0;
};
struct deliver {
  slot_no slot;
  value_ptr what;             // messages already delivered once are taken out
  base::blob note;            // from an earlier delivery here or elsewhere; empty the first time
  std::size_t bytes = 0;      // counts against undelivered_bytes_max until consumed
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
struct joined {  // our joiner was taken in; `at.slot` is the site change that did it
  checkpoint at;
  ballot promised;  // persist: our acceptor begins here
};
struct expelled {  // the group goes on without this incarnation
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
struct received_direct {
  member_id from;
  base::blob payload;
};
using action = std::variant<persist_promise, persist_accepted, persist_learned, persist_decided, send, serve_log,
                            read_log, deliver, store_checkpoint, send_welcome, site_installed, joined, expelled,
                            join_failed, left, quorum_changed, leader_changed, history_lost, received_direct>;

// What is known of another member: from its heartbeats and from the links.
struct peer {
  base::tick_count heard;      // last frame from it
  bool suspected = false;
  bool link_down = false;      // cleared by the next frame from it
  std::uint64_t suspicions = 0;
  heartbeat last;
  std::uint64_t echoed = 0;    // our own count as it heard it
};

}  // namespace xcom
