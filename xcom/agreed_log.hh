// The agreed log on disk: the acceptor's memory, the cache's spill, a donor's history and a restart's beginning, written once.
//
// Owner:  the group strand. Not safe for concurrent use.
// Shape:  segments of about segment_bytes, each opening with a header (format, group, member, incarnation, boot) and then
//         records {length, kind, crc, body}; docs/formats.md. Slots need not be stored in slot order (what a joiner fetches
//         comes after what it accepted), an index in memory finds them: 24 bytes a slot.
// Always: (1) a record counts only when its CRC holds and every record of its segment before it does;
//         (2) a torn tail of the last segment does not count, damage anywhere else is an error that names file and byte
//             (or the end of the log, with torn_anywhere);
//         (3) for every slot in [begins(), decided()] one value can be read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hh"
#include "xcom/types.hh"

namespace xcom {

// What a log needs from a file system. runtime has the real one (group_replication.NNNNNNNN.log in the data directory),
// sim has one that crashes and tears.
class segment_files {
 public:
  virtual ~segment_files() = default;
  virtual std::vector<std::uint64_t> list() = 0;                         // segment numbers there are, ascending
  virtual base::result<base::blob> read_all(std::uint64_t segment) = 0;  // may be a memory map
  virtual base::result<base::blob> read(std::uint64_t segment, std::uint64_t offset, std::size_t length) = 0;
  // Appends; creates the segment with its first bytes. Errors: disk full and the like, with the file's name.
  virtual base::result<void> append(std::uint64_t segment, base::chain const& bytes) = 0;
  virtual base::result<void> truncate(std::uint64_t segment, std::uint64_t length) = 0;
  virtual base::result<void> remove(std::uint64_t segment) = 0;
  virtual base::result<void> sync(std::uint64_t segment) = 0;
  virtual std::string name(std::uint64_t segment) const = 0;  // for messages to a person
};

struct log_identity {
  base::uuid group;
  member_id self;
  std::uint64_t boot = 0;
  friend bool operator==(log_identity const&, log_identity const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(group, self, boot); }
};

// What a whole log says at open.
struct recovered_log {
  bool empty = true;  // no segment, or none that belongs to a group
  log_identity last;  // of the last boot
  ballot promised;
  slot_no begins;   // first readable slot
  slot_no decided;  // readable and decided up to here
  site at;          // in force after `decided`: the last decided site change, or the last checkpoint's
  std::vector<accepted_slot> undecided;  // above `decided`, highest ballot each, ascending
  // False when what was cut off can hold more than the one record a killed process was writing: then promises and accepted
  // slots may be gone, and this incarnation must not answer for itself any more.
  bool whole = true;
  std::vector<std::string> notices;  // "cut 113 torn bytes at ..." for the error log
};

struct log_config {
  std::uint64_t segment_bytes = 64U << 20;
  std::uint64_t retain_bytes = 1ULL << 30;  // whole segments below the last checkpoints go when more is held
  bool sync_segments = true;  // a full segment is synced before the next begins, so that only the last can tear
  // The host failed, and those syncs may not have been waited for: the log ends where it is damaged first, wherever that is.
  bool torn_anywhere = false;
};

class agreed_log {
 public:
  agreed_log(log_config config, std::shared_ptr<segment_files> files);
  ~agreed_log();

  // Reads everything once; to be called first. Values aside: those are checked, and decoded when read() wants them.
  // Changes nothing that counts: a torn tail stays until begin().
  // Errors: damage that is not a torn tail; a newer format; the text says what the operator can do.
  base::result<recovered_log> open();
  // Starts a new boot of the same identity, or a new incarnation or group. With keep_decided the decided slots stay readable;
  // without, everything older is removed. Accepted but undecided slots of an older incarnation never come back.
  // Opens a new segment. To be called once after open() and before anything is appended; may be called again later.
  base::result<void> begin(log_identity const& identity, bool keep_decided);

  // Appends. Nothing is appended that changes nothing: what is already decided, a lower watermark, a note for a slot
  // that is not here. Errors: the file's; the log is then as before, and refuses all more: what comes behind, as that a slot is decided,
  // rests on what is missing. Another one, opened anew, goes on.
  base::result<void> promise(ballot const& promised);
  base::result<void> accepted(accepted_slot const& slot);
  base::result<void> learned(decided_slot const& slot);
  // The caller's word: what is stored for each slot up to here is its decided value. Slots not stored stay holes.
  base::result<void> decided(slot_no up_to);
  base::result<void> note(slot_no slot, base::blob const& note);
  // Also decided(at.slot): what was delivered was decided.
  base::result<void> store(checkpoint const& at);
  base::result<void> sync();

  // Decided slots from `from` while they are consecutive, at least one if there is one, then up to bytes_max.
  // Errors: the file cannot be read or the record is damaged. Cost: one read per slot or per neighbourhood of slots.
  base::result<std::vector<decided_slot>> read(slot_no from, slot_no up_to, std::size_t bytes_max);
  // The last slot that was delivered here, with its note; nothing: none that is still held was. It may be above
  // decided_up_to(), which is stored late. Errors: as read(). Cost: as a rule one read; one for each learned slot
  // above it that came without.
  base::result<std::optional<decided_slot>> last_noted();
  // This slot, if it was delivered here and is still held, wherever begins() and decided_up_to() are. Cost: one read.
  base::result<std::optional<decided_slot>> noted(slot_no slot);
  [[nodiscard]] slot_no begins() const;  // first slot from which all up to decided_up_to() are readable
  [[nodiscard]] slot_no decided_up_to() const;
  // Checkpoints that history can be delivered from, ascending; their slots + 1 .. are readable. At most 64 are kept in
  // memory (older ones are thinned out). Valid until the next call.
  [[nodiscard]] std::vector<checkpoint> const& checkpoints() const;
  [[nodiscard]] std::uint64_t bytes() const;
  // Removes whole segments, oldest first, but none that holds slots above `needed`: while more than retain_bytes are held,
  // and below that those which hold nothing above `aged` either.
  // What stays can always be delivered from a checkpoint: both are rounded down to the newest one at or below them, and
  // without one nothing is removed.
  base::result<void> purge(slot_no needed, slot_no aged = {});
  void retain(std::uint64_t bytes);  // from now on, in place of retain_bytes

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace xcom
