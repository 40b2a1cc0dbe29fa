// What gr says through xcom: payloads of ordered messages, direct words between two members, and the opaque parts that
// ride in sites, heartbeats, checkpoints and notes.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/blob.hh"
#include "base/codec.hh"
#include "base/uuid.hh"
#include "gr/alike.hh"
#include "gr/apply_votes.hh"
#include "gr/ports.hh"
#include "gr/roles.hh"
#include "xcom/types.hh"

namespace gr {

// ---- ordered ----
struct write_set_message {  // takes a seqno
  source_id source;
  // Of the origin's clients: grows when their commits under way are given up. A later transaction may then have met rows as
  // they were before a given-up one that is ordered all the same, so the two are strangers to each other.
  std::uint32_t life = 0;
  std::uint32_t flags = 0;
  seqno_t last_seen = 0;
  base::blob keys;
  base::blob data;
  [[nodiscard]] bool packed() const { return (flags & flag_packed) != 0; }
  template <class Codec> void fields(Codec& codec) { codec(source, life, flags, last_seen, keys, data); }
};
// Everything up to here is applied by every ONLINE member: the certifier may forget it.
struct stable_message {
  seqno_t up_to = 0;
  template <class Codec> void fields(Codec& codec) { codec(up_to); }
};
// "Copy your data to me": its place in the log is the position the donation starts from.
struct state_request_message {
  xcom::member_id joiner;
  xcom::member_id donor;
  std::uint64_t number = 0;  // of the joiner's requests; the donor's word about it carries the same
  base::blob request;
  template <class Codec> void fields(Codec& codec) { codec(joiner, donor, number, request); }
};
// Nothing; its origin waits for its own to come back (causal reads).
struct marker_message {
  template <class Codec> void fields(Codec&) {}
};
// The last kinds: only where the protocol has roles, and votes, or what a member of an older program skips would count here.
using ordered_message = std::variant<write_set_message, stable_message, state_request_message, marker_message,
                                     role_message, apply_report_message>;

// ---- direct ----
struct landmark {  // the digest of all that was delivered up to this slot, with it
  xcom::slot_no slot;
  std::uint64_t digest = 0;
  friend bool operator==(landmark const&, landmark const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(slot, digest); }
};
struct held_history {  // what somebody's data rests on, by its own log (gr/held_history.hh)
  base::uuid log;      // slots of another log are not comparable
  // Newest first, further and further apart. The first one is the slot that completes the data's position; none: nothing is
  // known of it.
  std::vector<landmark> marks;
  friend bool operator==(held_history const&, held_history const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(log, marks); }
};
// "Where must I begin to read the log, if my data stands at `position`? Is it the group's at all?"
struct history_query {
  std::uint64_t number = 0;
  seqno_t position = -1;
  held_history held;
  template <class Codec> void fields(Codec& codec) { codec(number, position, held); }
};
enum class likeness : std::uint8_t {
  unknown = 0,  // nothing to compare, on one side or the other
  same = 1,
  other = 2,    // the data holds transactions that are not the group's
  not_yet = 3,  // who was asked has not come so far itself
};
struct history_answer {
  std::uint64_t number = 0;
  std::vector<xcom::checkpoint> from;  // one, or none: purged
  seqno_t first_available = -1;
  likeness held = likeness::unknown;
  seqno_t agree_up_to = -1;  // of `other`: a position up to which both are the same. There may be a few more
  template <class Codec> void fields(Codec& codec) { codec(number, from, first_available, held, agree_up_to); }
};
inline constexpr int donor_busy = 11;         // EAGAIN: ask again in a while
inline constexpr int donor_not_online = 111;  // ECONNREFUSED: as a donor that is not there
struct state_sent_message {                   // donor to joiner: the transfer ended on my side, or never began
  std::uint64_t number = 0;
  seqno_t position = -1;
  std::int32_t error = 0;
  template <class Codec> void fields(Codec& codec) { codec(number, position, error); }
};
struct applied_message {  // to whoever waits for it: everything up to here is applied and can be read at the sender
  base::uuid history;
  seqno_t up_to = -1;
  template <class Codec> void fields(Codec& codec) { codec(history, up_to); }
};
using direct_message = std::variant<history_query, history_answer, state_sent_message, applied_message>;

// ---- opaque parts ----
enum class member_status : std::uint8_t { recovering = 0, online = 1 };

struct member_facts {  // in the site: agreed, changes with a site change
  std::string name;
  std::string incoming;  // SQL host:port
  std::string server_version;
  member_status status = member_status::recovering;
  // In which it should not differ from others (gr/alike.hh). Only where the protocol has settings, and always the last of these: who
  // does not know them would find bytes left over.
  std::vector<told_setting> alike = {};
  friend bool operator==(member_facts const&, member_facts const&) = default;
  template <class Codec> void fields(Codec& codec) {
    codec(name, incoming, server_version, status);
    if constexpr (std::is_same_v<Codec, base::reader>) {
      if (!codec.failed() && codec.left() > 0) codec(alike);
    } else if (!alike.empty()) {
      codec(alike);
    }
  }
};

// As the site has them; nothing, where they cannot be read.
[[nodiscard]] inline member_facts facts_of(xcom::site_member const& who) {
  auto decoded = base::decode<member_facts>(who.app);
  return decoded ? std::move(*decoded) : member_facts{};
}
[[nodiscard]] inline bool is_online(xcom::site_member const& who) {
  return facts_of(who).status == member_status::online;
}

struct live_facts {  // in heartbeats: as of now
  base::uuid history;
  seqno_t applied = -1;
  seqno_t ordered = -1;
  seqno_t first_available = -1;  // the lowest position this member's log can serve a joiner at; -1: none
  std::uint32_t donations = 0;
  bool desynced = false;  // asks nobody to wait for it: its clients said so, or its flow control is off
  template <class Codec> void fields(Codec& codec) {
    codec(history, applied, ordered, first_available, donations, desynced);
  }
};

struct replicated_state {  // in checkpoints: what every member that delivered the same slots agrees on
  base::uuid history;      // uuid of the GTIDs
  seqno_t seqno = 0;       // last one given out
  seqno_t forgotten = 0;   // the certifier's bound
  std::int64_t view_number = 0;
  std::uint64_t digest = 0;  // of every slot delivered since the log began
  friend bool operator==(replicated_state const&, replicated_state const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(history, seqno, forgotten, view_number, digest); }
};

// A bound that was in force at a position, or one below it. Remembered beside the checkpoints: the log thins those out, and
// the one that said so may go while the one to begin at stays.
struct known_bound {
  seqno_t position = -1;
  seqno_t bound = -1;
  friend bool operator==(known_bound const&, known_bound const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(position, bound); }
};

// A checkpoint's application part: the positions, and behind them what is not as it is in every group where nothing ever
// happened to it (then the bytes are those of a program that does not know of it). Last `told`, in one's own log only: what the
// donor that named this checkpoint knew, and this log may not say before it is delivered to there.
struct whole_state {
  replicated_state positions;
  group_roles roles{};
  apply_votes votes{};
  known_bound told{};
};
[[nodiscard]] base::blob encode_state(whole_state const& all);
[[nodiscard]] base::result<whole_state> decode_state(base::blob const& app);

struct slot_note {  // beside each delivered slot: the verdicts, so that a joiner need not know what came before
  replicated_state before;
  std::vector<std::uint32_t> failed;  // which write sets of the slot (0, 1, ...) did not pass
  std::uint64_t digest = 0;           // after it: before.digest with this slot
  friend bool operator==(slot_note const&, slot_note const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(before, failed, digest); }
};

}  // namespace gr
