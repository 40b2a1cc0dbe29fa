// The nouns of the ordered log: members, ballots, sites, slots and what a slot can hold.
// Always: nothing here refers to a position in a list; a member is (uuid, incarnation) in memory, on the wire and on disk.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/blob.hh"
#include "base/codec.hh"
#include "base/strong.hh"
#include "base/ticks.hh"
#include "base/uuid.hh"

namespace xcom {

// A position in the agreed log. The first slot is 1; 0 stands for "before the first". With the group's uuid it is the
// synode of the literature: a log belongs to one group, so the group is named once per log and once per connection.
using slot_no = base::strong<std::uint64_t, struct slot_no_tag>;

// The number an origin gives its messages: boot (24 bits) and a count from 1 within that boot (40 bits).
using origin_seq = base::strong<std::uint64_t, struct origin_seq_tag>;

inline constexpr unsigned origin_count_bits = 40;
constexpr origin_seq first_of_boot(std::uint64_t boot) { return origin_seq(boot << origin_count_bits | 1); }
// True when a message numbered `next` may be delivered right after `last` from the same origin: the next of the same
// boot, or the first of a later one.
constexpr bool follows(origin_seq next, origin_seq last) {
  std::uint64_t const next_boot = next.value() >> origin_count_bits;
  std::uint64_t const last_boot = last.value() >> origin_count_bits;
  if (next_boot == last_boot) return next.value() == last.value() + 1;
  return next_boot > last_boot && next == first_of_boot(next_boot);
}

struct member_id {
  base::uuid uuid;
  std::uint64_t incarnation = 0;  // grows each time a server joins anew; 0 is nobody
  friend auto operator<=>(member_id const&, member_id const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(uuid, incarnation); }
};
std::string to_string(member_id const& id);  // "0f8b21aa/3": the first 8 digits and the incarnation

// No group gets here in any time; a larger number in bytes from outside would make ours wrap, for good once it is in the log.
inline constexpr std::uint64_t round_max = 1ULL << 62;
inline constexpr slot_no log_slot_max{1ULL << 62};

// Proposals are ordered by (round, proposer). Round 0 is "none yet".
struct ballot {
  std::uint64_t round = 0;
  member_id proposer;
  friend auto operator<=>(ballot const&, ballot const&) = default;
  template <class Codec> void fields(Codec& codec) {
    codec(round, proposer);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (round > round_max) codec.reject();
  }
};

// What members say to each other, by number; docs/formats.md says what each brought. A site names the one in use. It never
// rises by itself: as long as it has not, a member may go back to the program it ran before.
inline constexpr std::uint16_t protocol_lowest = 1;
inline constexpr std::uint16_t protocol_highest = 5;
inline constexpr std::uint16_t protocol_with_links = 2;   // heartbeats say who is linked; leadership is handed over
inline constexpr std::uint16_t protocol_without_own = 2;  // a payload is not sent back to where it came from
inline constexpr std::uint16_t protocol_with_ranges = 3;  // the log is fetched in ranges, packed and hashed
inline constexpr std::uint16_t protocol_with_roles = 3;   // ordered messages change the primary and the mode
inline constexpr std::uint16_t protocol_with_votes = 4;   // what a member could not apply is voted on
inline constexpr std::uint16_t protocol_with_packed_rows = 5;  // large write sets are ordered packed
inline constexpr std::uint16_t protocol_with_settings = 5;  // the site says in which settings members should not differ

struct protocol_range {
  std::uint16_t lowest = protocol_lowest;
  std::uint16_t highest = protocol_highest;
  [[nodiscard]] bool holds(std::uint16_t protocol) const { return lowest <= protocol && protocol <= highest; }
  [[nodiscard]] bool meets(protocol_range const& other) const {
    return lowest <= other.highest && other.lowest <= highest;
  }
  friend bool operator==(protocol_range const&, protocol_range const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(lowest, highest); }
};
std::string to_string(protocol_range const& range);  // "2", or "1 to 3"

// joining: without a vote until it is level with the group, and then with one. non_voting: for good.
enum class member_role : std::uint8_t { voter = 0, arbiter = 1, non_voting = 2, joining = 3 };
constexpr bool has_vote(member_role role) { return role == member_role::voter || role == member_role::arbiter; }

struct site_member {
  member_id id;
  std::string address;  // host:port of its group endpoint
  member_role role = member_role::voter;
  std::uint32_t weight = 50;
  std::uint64_t boot = 0;  // grows each time this incarnation's process starts
  base::blob app;          // opaque to xcom: what gr tells the others about this member; part of the agreed site
  std::uint32_t zone = 0;  // data centre
  protocol_range speaks;
  friend bool operator==(site_member const&, site_member const&) = default;
  template <class Codec> void fields(Codec& codec) {
    codec(id, address, role, weight, boot, app, zone, speaks);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (role > member_role::joining || speaks.lowest > speaks.highest) codec.reject();
  }
};

// What all members of a site do alike.
struct site_rules {
  std::uint16_t protocol = protocol_highest;
  std::uint32_t horizon = 10;  // slots proposed and not yet decided, at most: 1..horizon_max
  bool each_zone = false;      // a slot needs an acknowledgement from every zone that has a voter and is not silent
  std::uint64_t since = 0;     // version of the site that brought them
  friend bool operator==(site_rules const&, site_rules const&) = default;
  [[nodiscard]] bool same_but_since(site_rules const& other) const;
  template <class Codec> void fields(Codec& codec) {
    codec(protocol, horizon, each_zone, since);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (protocol == 0 || horizon == 0 || horizon > horizon_max) codec.reject();
  }
  static constexpr std::uint32_t horizon_max = 200;
};
std::string to_string(site_rules const& rules);  // "protocol 2, write concurrency 10, one acknowledgement of each zone"

// The configured members from one slot on. Quorums are counted over its voters and arbiters.
// Always: members are sorted by id, and no uuid occurs twice.
struct site {
  std::uint64_t version = 0;  // +1 with every change
  std::vector<site_member> members;
  site_rules rules;

  [[nodiscard]] site_member const* find(member_id const& id) const;
  [[nodiscard]] site_member const* find_uuid(base::uuid const& uuid) const;
  [[nodiscard]] bool votes(member_id const& id) const;
  [[nodiscard]] std::size_t voters() const;
  // Rule each_zone, and voters in more than one zone.
  [[nodiscard]] bool waits_for_zones() const;
  [[nodiscard]] std::size_t majority() const { return voters() / 2 + 1; }
  friend bool operator==(site const&, site const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(version, members, rules); }
};

inline constexpr std::size_t site_voters_max = 9;
inline constexpr std::size_t site_members_max = 32;

struct message {
  member_id origin;
  origin_seq seq;
  base::blob payload;
  friend bool operator==(message const&, message const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(origin, seq, payload); }
};

// What a slot can hold.
struct no_op {
  friend bool operator==(no_op const&, no_op const&) = default;
  template <class Codec> void fields(Codec&) {}
};
struct batch {
  std::vector<message> messages;
  friend bool operator==(batch const&, batch const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(messages); }
};
// The whole next site, in force from the slot after this one. The leader proposes nothing behind it before it is
// decided, so whoever proposes a slot knows every site before it (docs/decisions/0002).
struct site_change {
  site next;
  friend bool operator==(site_change const&, site_change const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(next); }
};
using value = std::variant<no_op, batch, site_change>;
using value_ptr = std::shared_ptr<value const>;  // never null where a value is due

std::size_t size_in_bytes(value const& what);

// A decided slot as the log and the wire carry it. The note is what the application wrote beside the slot after it was
// delivered (its verdicts): not agreed on, but the same on every member; empty while not delivered.
struct decided_slot {
  slot_no slot;
  value_ptr what;
  base::blob note;

  template <class Codec> void fields(Codec& codec) {
    if constexpr (std::is_same_v<Codec, base::writer>) {
      codec(slot, *what, note);
    } else {
      auto read = std::make_shared<value>();
      codec(slot, *read, note);
      what = std::move(read);
    }
  }
};

// An accepted slot that may or may not be decided.
struct accepted_slot {
  slot_no slot;
  ballot accepted_in;
  value_ptr what;

  template <class Codec> void fields(Codec& codec) {
    if constexpr (std::is_same_v<Codec, base::writer>) {
      codec(slot, accepted_in, *what);
    } else {
      auto read = std::make_shared<value>();
      codec(slot, accepted_in, *read);
      what = std::move(read);
    }
  }
};

// All replicated state as it is after `slot` was delivered: where somebody else can begin to deliver from.
struct checkpoint {
  slot_no slot;
  site at;
  std::vector<std::pair<member_id, origin_seq>> delivered;  // the last message of each origin, sorted by origin
  base::blob app;                                           // the application's part, opaque here

  template <class Codec> void fields(Codec& codec) {
    codec(slot, at, delivered, app);
    if constexpr (std::is_same_v<Codec, base::reader>)
      if (slot > log_slot_max) codec.reject();
  }
};

}  // namespace xcom

template <> struct std::hash<xcom::member_id> {
  std::size_t operator()(xcom::member_id const& id) const noexcept {
    return std::hash<base::uuid>{}(id.uuid) ^ static_cast<std::size_t>(id.incarnation * 0x9e3779b97f4a7c15U);
  }
};
