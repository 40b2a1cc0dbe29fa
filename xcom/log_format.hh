// What a segment of the agreed log looks like in bytes: the one place that knows (docs/formats.md).
//
//   segment  magic (7 bytes "quorlog", 1 byte format), then records; the first record is the opening
//   record   u32 length of body, u8 kind, u32 crc32c(kind, body), body by base/codec.hh
//
// Always: a record found by record_at has a CRC that holds; nothing here trusts a length before it was compared.
#pragma once

#include <cstdint>
#include <optional>

#include "xcom/agreed_log.hh"

namespace xcom {

inline constexpr std::uint8_t log_format_version = 1;
inline constexpr std::size_t log_magic_bytes = 8;
inline constexpr std::size_t record_header_bytes = 9;

// Numbers are on disk: never reuse one.
enum class record_kind : std::uint8_t {
  opening = 1,
  promise = 2,     // ballot
  accepted = 3,    // accepted_slot
  learned = 4,     // decided_slot
  decided = 5,     // slot_no up_to
  note = 6,        // slot_note
  checkpoint = 7,  // checkpoint
};

// How a segment relates to those before it.
enum class opening_kind : std::uint8_t {
  goes_on = 0,        // a full segment, or a new boot: everything before still counts
  cut_undecided = 1,  // another incarnation: what was above `decided`, and every promise, is forgotten
  cut_all = 2,        // nothing before counts; older segments are leftovers of a removal
};

// The head of a segment: what a reader must know when all older segments are gone.
struct log_opening {
  std::uint64_t segment = 0;
  opening_kind how = opening_kind::goes_on;
  log_identity identity;
  ballot promised;
  slot_no decided;
  slot_no site_since;  // the slot from which we know `at`; at most `decided`
  site at;

  template <class Codec> void fields(Codec& codec) { codec(segment, how, identity, promised, decided, site_since, at); }
};

struct slot_note {
  slot_no slot;
  base::blob note;
  template <class Codec> void fields(Codec& codec) { codec(slot, note); }
};

// The first bytes of an accepted or learned record: enough to index it without decoding its payloads.
struct value_head {
  slot_no slot;
  ballot accepted_in;  // round 0 in a learned record
  bool changes_site = false;
};

struct raw_record {
  record_kind kind{};
  base::blob body;
  std::size_t next = 0;  // offset behind it
};

enum class segment_head { good, torn, foreign, newer };

base::blob segment_magic();
// good: the magic is ours. torn: too short to tell, or never written.
segment_head check_magic(base::blob const& segment);

// A record that holds what `body` encodes to; blobs in it by reference.
base::chain make_record(record_kind kind, base::chain body);
template <class Body> base::chain make_record(record_kind kind, Body const& body) {
  base::writer out;
  out(body);
  return make_record(kind, out.finish());
}

// The record at `offset`; none when it is cut short or its CRC does not hold.
std::optional<raw_record> record_at(base::blob const& bytes, std::size_t offset);

// True when the bytes from `offset` on are the beginning of one record and nothing else, as a process killed in the middle of
// an append leaves them. Looks for a whole record in the first 256 KiB behind it.
bool is_torn_append(base::blob const& bytes, std::size_t offset);

// Errors: a body too short, or a slot number no log reaches.
base::result<value_head> peek_value(record_kind kind, base::blob const& body);

}  // namespace xcom
