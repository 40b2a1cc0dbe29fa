// What members say to each other. docs/vocabulary.md has the table of who sends what to whom and when.
// Owner: values; encoded by base/codec.hh, framed by xcom/frame.hh.
#pragma once

#include "base/ensure.hh"
#include "base/packing.hh"
#include "xcom/types.hh"

namespace xcom {

// To every member of the site, every heartbeat_ticks. Carries all that others need to judge this member.
struct heartbeat {
  base::uuid log;       // of which group log; others are not answered
  std::string address;  // of the sender, so that one who is no member any more can be told
  std::uint64_t site_version = 0;
  ballot leader;            // the ballot of the leader this member follows; round 0: none
  slot_no decided;          // every slot up to here is decided, as far as this member knows
  slot_no delivered;        // every slot up to here was handed to the application
  slot_no log_begins;       // the first slot this member can serve
  std::uint64_t count = 0;  // grows with each heartbeat
  std::uint64_t echo = 0;   // the last count heard from the receiver: the link works both ways
  base::blob app;           // live facts of the application (positions, load); opaque here
  // Whom the sender hears and is heard by, itself not among them: so that all know which member reaches the most.
  std::vector<member_id> linked;
  template <class Codec> void fields(Codec& codec) {
    codec(log, address, site_version, leader, decided, delivered, log_begins, count, echo, app);
    if (codec.version() >= protocol_with_links) codec(linked);
  }
};

// Origin to leader: please order these. Sent again, from the oldest undelivered one on, to every new leader and when
// nothing came back in time (`again`).
struct forward {
  base::uuid log;  // of which group log; others are not answered
  bool again = false;
  std::vector<message> messages;
  bool fresh = false;  // nobody was sent the first of these before, nor so any behind it
  template <class Codec> void fields(Codec& codec) {
    codec(log, again, messages);
    if (codec.version() >= protocol_without_own) codec(fresh);
  }
};

// Leader to all: phase 2a. The leader accepted these itself before it sent them.
struct accept {
  base::uuid log;  // of which group log; others are not answered
  ballot by;
  slot_no first_of_ballot;  // the first slot this leader proposed in this ballot
  slot_no decided;
  std::vector<accepted_slot> slots;  // consecutive; accepted_in == by
  bool without_own = false;          // the receiver's own messages are without their payloads: it still has them
  template <class Codec> void fields(Codec& codec) {
    codec(log, by, first_of_ballot, decided, slots);
    if (codec.version() >= protocol_without_own)
      codec(without_own);
    else
      ensure(!without_own);  // the receiver would take the empty payloads for what was proposed
  }
};

// Acceptor to leader (and to all, where a majority is more than two): phase 2b, cumulative. Everything in
// [first_of_ballot, up_to] is accepted in this ballot, or known to be decided.
struct accepted {
  base::uuid log;  // of which group log; others are not answered
  ballot in;
  slot_no up_to;
  template <class Codec> void fields(Codec& codec) { codec(log, in, up_to); }
};

// "Would you promise round `round`?" Changes nothing at the receiver (Ongaro, "Consensus", 2014, section 9.6).
struct pre_vote {
  base::uuid log;  // of which group log; others are not answered
  std::uint64_t round = 0;
  slot_no decided;
  template <class Codec> void fields(Codec& codec) { codec(log, round, decided); }
};
struct pre_vote_reply {
  base::uuid log;  // of which group log; others are not answered
  std::uint64_t round = 0;
  bool granted = false;
  ballot promised;
  slot_no decided;
  template <class Codec> void fields(Codec& codec) { codec(log, round, granted, promised, decided); }
};

// Phase 1a for every slot from `from` on.
struct prepare {
  base::uuid log;  // of which group log; others are not answered
  ballot by;
  slot_no from;
  // What the candidate has accepted there itself: the same slot in the same ballot is the same value, so nobody need send it.
  std::vector<std::pair<slot_no, ballot>> held;
  template <class Codec> void fields(Codec& codec) { codec(log, by, from, held); }
};
// Phase 1b. What this acceptor accepted at or above `prepare::from` and the candidate does not hold in the same ballot, and
// how far it knows slots to be decided.
struct promise {
  base::uuid log;  // of which group log; others are not answered
  ballot to;
  slot_no from;
  slot_no decided;
  std::vector<accepted_slot> slots;
  template <class Codec> void fields(Codec& codec) { codec(log, to, from, decided, slots); }
};
// "I have promised a higher ballot": to a prepare or an accept that came too late.
struct refuse {
  base::uuid log;  // of which group log; others are not answered
  ballot promised;
  template <class Codec> void fields(Codec& codec) { codec(log, promised); }
};

// Learning what others have decided.
struct fetch {
  base::uuid log;  // of which group log; others are not answered
  slot_no from;
  std::uint32_t bytes_max = 0;
  bool with_notes = false;  // only slots the asked member has delivered itself: a joiner needs their verdicts
  slot_no up_to{};          // no slot above it, and the answer as a range; 0: all there are, as slots
  template <class Codec> void fields(Codec& codec) {
    codec(log, from, bytes_max, with_notes);
    if (codec.version() >= protocol_with_ranges) codec(up_to);
  }
};
struct fetched {
  base::uuid log;                   // of which group log; others are not answered
  slot_no from;                     // as asked
  slot_no log_begins;               // "purged" is an answer: from < log_begins and slots empty
  slot_no decided;                  // "never seen" is another: from > decided
  std::vector<decided_slot> slots;  // consecutive from `from`; without protocol_with_ranges
  base::packed_bytes range{};       // with it: the same, encoded
  template <class Codec> void fields(Codec& codec) {
    codec(log, from, log_begins, decided);
    if (codec.version() >= protocol_with_ranges) {
      codec(range);
    } else {
      codec(slots);
    }
  }
};

// Membership. A joiner asks any members; each answers, and says who leads. The leader takes in whom it hears itself and who
// hears it: another it would have to expel again before long, time after time.
struct join_request {
  site_member joiner;
  std::vector<std::string> heard;  // addresses that have answered lately
  template <class Codec> void fields(Codec& codec) { codec(joiner, heard); }
};
struct join_refused {
  std::string reason;
  template <class Codec> void fields(Codec& codec) { codec(reason); }
};
// To the joiner, by whoever delivered the site change that holds it: the replicated state after that slot.
struct welcome {
  base::uuid log;   // of which group log; others are not answered
  ballot promised;  // the joiner's acceptor begins with this promise
  checkpoint at;
  template <class Codec> void fields(Codec& codec) { codec(log, promised, at); }
};
// "Take me out" (announced leave), "this is my new app/weight" (ONLINE, ...): to the leader, repeated until seen in the site.
struct leave_request {
  base::uuid log;  // of which group log; others are not answered
  member_id who;
  template <class Codec> void fields(Codec& codec) { codec(log, who); }
};
struct update_request {
  base::uuid log;  // of which group log; others are not answered
  site_member self;
  template <class Codec> void fields(Codec& codec) { codec(log, self); }
};
// To somebody who speaks as a member and is none: the site that shows it.
struct not_a_member {
  base::uuid log;  // of which group log; others are not answered
  site at;
  template <class Codec> void fields(Codec& codec) { codec(log, at); }
};

// The application's own words to one member, neither ordered nor repeated.
struct direct {
  base::blob payload;
  template <class Codec> void fields(Codec& codec) { codec(payload); }
};

struct join_answer {
  std::string address;  // of who answers
  std::string leader;   // of who leads, as far as it knows; may be empty
  template <class Codec> void fields(Codec& codec) { codec(address, leader); }
};

// "Let the group have these rules": to the leader, repeated until the site shows others than those of `rules.since`.
struct rules_request {
  base::uuid log;  // of which group log; others are not answered
  site_rules rules;
  template <class Codec> void fields(Codec& codec) { codec(log, rules); }
};

// From a leader that proposes nothing more: "everything up to `decided` is decided; lead, from a ballot above this one on."
// (Ongaro, "Consensus", 2014, section 3.10.)
struct hand_over {
  base::uuid log;  // of which group log; others are not answered
  ballot by;
  slot_no decided;
  template <class Codec> void fields(Codec& codec) { codec(log, by, decided); }
};

// New kinds go to the end: the index is the kind's number on the wire.
using wire_message = std::variant<heartbeat, forward, accept, accepted, pre_vote, pre_vote_reply, prepare, promise,
                                  refuse, fetch, fetched, join_request, join_refused, welcome, leave_request,
                                  update_request, not_a_member, direct, join_answer, rules_request, hand_over>;

}  // namespace xcom
