// Where the group and the database server meet, in gr's words. gr/mariadb implements `server` and calls `group`; runtime
// implements `group` over the machines; sim and tests have small ones of each.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/blob.hh"
#include "base/result.hh"
#include "base/uuid.hh"
#include "gr/join_record.hh"

namespace gr {

struct join_facts;
struct refused_write_set;  // gr/conflict.hh

// A position in the group's history of transactions: every ordered write set, failed ones too, and every view takes one.
// In GTIDs it is group_uuid:seqno. -1: none.
using seqno_t = std::int64_t;

enum write_set_flag : std::uint32_t {  // the wsrep values, so that the binding need not translate
  flag_end = 1,
  flag_rollback = 2,
  flag_isolation = 4,
  flag_pa_unsafe = 8,
  flag_commutative = 0x10,
  flag_native = 0x20,
  flag_start = 0x40,
  flag_prepare = 0x80,
  flag_snapshot = 0x100,
  flag_implicit_deps = 0x200,
  flags_of_server = 0xffff,
  // Ours, and never shown to a server.
  flag_tell_applied = 0x10000,  // whoever applies it tells its origin
  flag_packed = 0x20000,        // the rows are packed (gr/packed_rows.hh)
};

// The tables whose rows are in these bytes, each once, as a person names them; only the server's own binding can tell.
using name_tables_of = std::function<std::vector<std::string>(base::blob const& rows)>;

struct source_id {  // where a transaction was executed
  base::uuid node;
  std::uint64_t trx = 0;
  std::uint64_t conn = 0;
  friend bool operator==(source_id const&, source_id const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(node, trx, conn); }
};

// ---- from the server to the group ----
struct local_write_set {
  std::uint64_t trx = 0;
  std::uint64_t conn = 0;
  std::uint32_t flags = 0;
  seqno_t last_seen = 0;    // commit-order position reached here when it was handed in
  base::blob keys;          // certifier::write_set, encoded
  base::blob data;          // the server's, opaque
  bool everywhere = false;  // its client will wait until every ONLINE member has applied it (group::await_everywhere)
};

enum class order_outcome : std::uint8_t {
  passed,    // ordered, no conflict
  failed,    // ordered, in conflict; its seqno is used up
  not_sent,  // never handed to the group: no majority, not a member, leaving. Certainly did not happen
  unknown,   // handed in, and this member lost the group before it came back. May have happened elsewhere
  too_big,   // over the size limit; not sent
};
struct ordered {
  order_outcome outcome = order_outcome::not_sent;
  seqno_t seqno = -1;
  seqno_t depends_on = -1;  // may be applied once everything up to here has left the commit order
  std::string why;          // for a person, when it did not pass
};

// ---- from the group to the server, in this order, each to one of the server's applier threads ----
struct view_member {
  base::uuid id;
  std::string name;      // at most 31 bytes
  std::string incoming;  // SQL address, at most 255 bytes
};
enum class view_status : std::uint8_t { primary, non_primary, disconnected };
struct view {
  base::uuid group;          // the group's history
  seqno_t seqno = -1;        // the position the view takes (primary), the last one before it (otherwise)
  std::int64_t number = -1;  // +1 with every primary view; -1 otherwise
  view_status status = view_status::disconnected;
  std::vector<view_member> members;  // sorted by id
  int my_index = -1;
  int protocol = 4;
};
struct connected_to_group {  // once per connect, before anything else
  view first;
};
// The server's own position as a view, for a server that starts with valid data: completes its start-up, takes no position.
struct resume_at {
  view own;
};
struct view_installed {
  view now;
};
struct remote_write_set {
  source_id source;
  std::uint32_t flags = 0;
  seqno_t seqno = -1;
  seqno_t depends_on = -1;
  bool failed = false;  // certification failed: deliver an empty one so that the position advances
  base::blob data;
  bool packed = false;  // rows_of(data, packed) is what the server takes
};
struct state_needed {};  // ask the server for its state request (sst_request); answer with group::state_requested
struct donate_state {    // nothing else is applied while the server starts its donation
  base::uuid joiner;
  base::blob request;
  seqno_t position = -1;
};
struct caught_up {     // this member is ONLINE
  seqno_t after = -1;  // reads are opened once everything up to here can be read
};
struct group_closed {       // final: nothing comes after it
  std::string why;          // empty: this server was asked to leave
  bool may_return = false;  // what it leaves for may be over when it asks to be taken in again
};
struct fatal_error {  // joining failed beyond repair: this process must end
  std::string why;
};
using server_event = std::variant<connected_to_group, resume_at, view_installed, remote_write_set, state_needed,
                                  donate_state, caught_up, group_closed, fatal_error>;

// What this server is in the group, and may do.
struct server_role {
  std::uint64_t epoch = 0;  // of the group's roles; grows with each change of mode or primary
  bool single = false;      // one member takes writes
  bool primary = false;     // it is this one (it may still have to apply what was before it)
  bool writes = true;       // a write set handed in now may pass
  bool drains = false;  // it is about to be no primary any more: transactions that have not written yet shall not begin
  bool lift_read_only = true;  // member actions
  bool start_channels = true;
  std::string why_not;  // for a person, where it takes no writes
  friend bool operator==(server_role const&, server_role const&) = default;
};

class server {
 public:
  virtual ~server() = default;
  // On the group's strand, in order. Must not block: queue it. The bytes of queued write sets are bounded by the group.
  virtual void deliver(server_event event) = 0;
  // On the group's strand, when the verdict on a local write set is known: before anything later is delivered and before
  // order() returns. With it brute force can tell a local transaction that comes first from one that comes after.
  virtual void note_ordered(std::uint64_t /*trx*/, ordered const& /*verdict*/) {}
  // On the group's strand: a write set of any member did not pass. Must not block.
  virtual void note_refused(refused_write_set const& /*what*/) {}
  // On the group's strand, about ten times a second: transactions the group gave a position and this server has not committed. Must
  // not block.
  virtual void note_backlog(std::uint64_t /*transactions*/) {}
  // On the group's strand, once: what this server has applied is not what the group has decided on. It has to be remembered
  // beyond this process when this returns; then the server leaves, and may come back with a full copy only.
  virtual void note_data_differs(std::string const& /*why*/) {}
  // On the group's strand, whenever it changes. Must not block.
  virtual void take_role(server_role const& /*now*/) {}
  // Local transactions that have written something and are not over. Any thread.
  [[nodiscard]] virtual std::size_t open_transactions() const { return 0; }
  // The last position up to which everything has left the commit order. Any thread, no lock.
  [[nodiscard]] virtual seqno_t last_committed() const = 0;
  // The last position up to which every row can be read here: not above last_committed(). Any thread.
  [[nodiscard]] virtual seqno_t last_visible() const { return last_committed(); }
  enum class level : std::uint8_t { error = 1, warning = 2, info = 3, debug = 4 };
  virtual void log(level how, std::string const& line) = 0;  // any thread
};

// ---- what the server and its users may ask ----
struct backlog_row {             // of a member, as flow control here sees it; -1: not known, or no limit
  std::int64_t to_certify = -1;  // transactions
  std::int64_t to_apply = -1;
  std::int64_t bytes = -1;
  std::int64_t lag_ms = -1;
  std::int64_t applies = -1;  // transactions a second
  std::int64_t percent = -1;  // of its bound; writers are slowed from 50 on
  std::int64_t allows = -1;   // transactions a second the group may order for its sake
  bool counts = false;        // writers wait for it
};
struct member_row {  // a row of REPLICATION_GROUP_MEMBERS
  base::uuid id;
  std::string host;
  unsigned port = 0;    // SQL
  std::string state;    // ONLINE RECOVERING OFFLINE ERROR UNREACHABLE
  std::string role;     // PRIMARY SECONDARY ARBITRATOR (multi-primary: all with data PRIMARY)
  std::string version;  // server version of that member
  std::string communication_stack = "XCOM";
  std::string group_address;
  seqno_t applied = -1;  // as of its last heartbeat
  unsigned zone = 0;
  std::uint64_t suspicions = 0;       // how often this member began to suspect it
  std::int64_t silent_ms = 0;         // since the last word from it
  std::vector<std::string> unlinked;  // addresses of members it has no link to that works both ways, by its own word
  bool votes = true;
  bool is_self = false;
  bool is_leader = false;  // orders the messages
  backlog_row backlog;
};

struct counters {  // since start or reset; any thread reads, the strand writes
  std::uint64_t replicated = 0, replicated_bytes = 0, received = 0, received_bytes = 0;
  std::uint64_t local_commits = 0, local_cert_failures = 0, cert_failures = 0;
  std::uint64_t key_count = 0, key_bytes = 0, data_bytes = 0;
  std::uint64_t send_queue = 0, receive_queue = 0, cert_index_rows = 0;
  std::uint64_t send_queue_max = 0, send_queue_sum = 0, send_queue_looks = 0;  // as often as the status is made
  std::uint64_t leader_changes = 0, slots_decided = 0, log_bytes = 0;
};
struct throttle_counters {                       // of this member's clients, since start
  std::uint64_t waits = 0;                       // transactions that had to wait for their turn
  std::uint64_t waited_ns = 0;                   // all of them together
  std::uint64_t held_ns = 0;                     // while at least one waited
  std::uint64_t waiting = 0;                     // now
  std::chrono::system_clock::time_point last{};  // when one began to wait last; the epoch: never
};
struct flow_status {
  bool limited = false;     // there is a limit on this member's clients
  bool asks = false;        // this member's own backlog asks for one
  std::int64_t quota = -1;  // transactions a second this member's clients may order; -1: any number
  std::int64_t quota_bytes = -1;
  std::string slowest;       // whom the limit is for; empty: nobody
  std::uint64_t limits = 0;  // how often one began
  std::uint64_t asked = 0;   // how often this member's backlog began to ask for one
  throttle_counters count;
};
struct role_status {  // who may write, as far as it was delivered here
  std::uint64_t epoch = 0;
  bool single = false;
  base::uuid primary;       // nil: none, or everybody
  base::uuid switching_to;  // nil: no change of the primary is under way
  bool lift_read_only = true;
  bool start_channels = true;
  std::uint64_t actions_version = 1;
  server_role own;
  std::string news;  // one line: the last change, and why one was given up
};
struct group_status {
  base::uuid group;
  base::uuid self;
  seqno_t last_ordered = -1;
  seqno_t stable = -1;           // applied by every ONLINE member, as far as known here
  seqno_t first_available = -1;  // the lowest position this member's log can serve a joiner at; -1: none
  bool connected = false;
  bool have_quorum = false;
  bool online = false;
  bool donating = false;
  std::int64_t view_number = -1;
  std::string state;                // own: as member_row::state
  std::vector<member_row> members;  // sorted by id; empty while not connected
  unsigned protocol = 0;            // members speak; 0 while not connected
  unsigned write_concurrency = 0;   // agreements in flight, at most
  bool each_zone = false;           // a commit waits for every zone that is not silent
  role_status roles;
  std::string recovery;  // one line: what recovery does or did last ("incremental from n2, 1234 transactions, 0.4 s")
  counters count;
  flow_status flow;
  std::shared_ptr<std::vector<join_record> const> joins;  // of this member, newest last; may be null
  std::shared_ptr<join_facts const> for_joiners;          // gr/join_facts.hh; null while not connected
};

// A change of the mode, the primary or the member actions that somebody asks for.
struct role_request {
  enum class kind : std::uint8_t { set_primary, single_primary, multi_primary, enable, disable, reset };
  kind what = kind::set_primary;
  std::string name;                       // uuid of the member (single_primary: may be empty), or name of the action
  std::chrono::milliseconds patience{0};  // set_primary: for open transactions
};

// Rows tell what differs. A statement that fails (DDL) does so for its own reasons mostly, and then everywhere.
enum class failed_work : std::uint8_t { rows, statement };

// What becomes of a transaction that the server could not apply.
enum class failure_outcome : std::uint8_t {
  given_up,  // the same happened to the others: it counts as failed, and the server goes on
  differs,   // others applied it: the data here is not the group's, the server has to leave
  unknown,   // nobody else can say. The server must end as it is now: with nothing behind it, it may try again
};
struct failure_settlement {
  failure_outcome outcome = failure_outcome::unknown;
  std::string why;  // for a person
};

struct connect_request {
  std::string group_name;
  std::vector<std::string> seeds;  // host:port of group endpoints; empty with bootstrap
  bool bootstrap = false;
  std::string donors;  // the server's own wish (wsrep_sst_donor): names, separated by ","
};

// Thread-safe. Calls marked (blocks) wait, the others post and return.
class group {
 public:
  virtual ~group() = default;

  // (blocks, bounded) Joins or creates the group. When it returns well, connected_to_group has been delivered.
  virtual base::result<void> connect(connect_request const& request) = 0;
  // (blocks, bounded) Leaves; every waiter gets not_sent or unknown; group_closed has been delivered when it returns.
  virtual void disconnect() = 0;

  // (blocks, bounded) Until flow control lets a transaction of so many bytes be handed in. Before order(), and before
  // local_write_set::last_seen is read: who waits here has seen nothing yet that could grow old. `hurries`: it must not wait;
  // who makes that true says hurry() afterwards.
  virtual void wait_for_turn(std::uint64_t /*trx*/, std::size_t /*bytes*/, std::function<bool()> const& /*hurries*/) {}
  virtual void hurry(std::uint64_t /*trx*/) {}
  // (blocks) Orders and certifies. While `pa_unsafe` or `isolation` is set depends_on is seqno - 1.
  virtual ordered order(local_write_set write_set) = 0;
  // Orders without waiting (rollback fragments). Comes back as a remote_write_set, to its origin too.
  virtual void order_later(local_write_set write_set) = 0;
  // (blocks, bounded) The position that holds everything acknowledged anywhere before the call.
  virtual base::result<seqno_t> causal_position(std::chrono::milliseconds timeout) = 0;

  // (blocks, bounded) Until every ONLINE member has applied this position, which order() gave to a write set that asked for
  // it, so that it can be read there. Members that leave are not waited for. Errors: who has not, and how far it is.
  virtual base::result<void> await_everywhere(seqno_t seqno, std::chrono::milliseconds timeout) = 0;

  // (blocks) The server cannot apply this transaction, or could not carry out this statement of a client of its own, and waits with all that comes after it. Returns once the group knows what
  // became of it at the others.
  virtual failure_settlement settle_failure(seqno_t /*seqno*/, std::string const& /*error*/, failed_work /*what*/) {
    return {failure_outcome::unknown, "this group has no votes"};
  }

  // State transfer. An empty request: this server is running and cannot take a copy.
  virtual void state_requested(base::result<base::blob> request) = 0;
  virtual void state_sent(seqno_t position, int error) = 0;                               // donor: its transfer ended
  virtual void state_received(base::uuid const& group, seqno_t position, int error) = 0;  // joiner

  // The server no longer applies in time and says so (desync), or does again; caught_up follows resync.
  virtual void set_desynced(bool desynced) = 0;
  // (blocks, bounded) Goes on with these members (host:port, comma separated; empty: all that are reachable) though they are
  // no majority: a human's word that the others are gone for good. Errors: what speaks against it.
  virtual base::result<void> force_members(std::string const& addresses) = 0;
  // (blocks, bounded) The group speaks this protocol (a number) from now on. Errors: who cannot, or what is not a number.
  virtual base::result<void> change_protocol(std::string const& number) = 0;
  // (blocks, bounded) Has it ordered, and returns once it was: a change of the primary goes on behind that, see
  // group_status::roles. Errors: what speaks against it.
  virtual base::result<void> change_roles(role_request const& /*wish*/) {
    return base::fail("this group has no roles");
  }
  // Positions were applied, or became visible. Cheap; called on every commit.
  virtual void note_progress() = 0;

  // Reads the certificates again, for the connections made from now on. Errors: what was wrong with them; those read last stay.
  virtual base::result<void> reload_certificates() { return {}; }

  // A snapshot; takes no lock a writer or the group's strand holds for long.
  [[nodiscard]] virtual group_status status() const = 0;
};

}  // namespace gr
