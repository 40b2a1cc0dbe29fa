// What the records of the agreed log add up to: where each slot's value and note are, and what is promised and decided.
//
// Owner:  agreed_log. A value: no files here. The same calls, made while appending or while reading the log again after a
//         restart, give the same index; that is what makes a restart equal to never having stopped.
// Always: (1) begins() is the lowest slot such that all of [begins(), decided()] have a place; decided() + 1 when none has;
//         (2) what is above decided() is either learned (decided elsewhere) or accepted, then its ballot is in ballots_;
//         (3) a learned place is never replaced by an accepted one.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "xcom/log_format.hh"

namespace xcom {

// Where a record's body is. Segment 0: nowhere.
struct log_place {
  std::uint32_t segment : 31 = 0;
  std::uint32_t learned : 1 = 0;
  std::uint32_t offset = 0;  // of the record's header
  std::uint32_t length = 0;  // of its body

  [[nodiscard]] bool nowhere() const { return segment == 0; }
};

inline constexpr std::uint64_t log_segments_max = (1ULL << 31) - 1;
inline constexpr std::size_t log_checkpoints_max = 64;

class log_index {
 public:
  // ---- what a record does ----
  void opened(log_opening const& head);
  void promised(ballot const& to) { promised_ = to; }
  // `change`: the site in the value if it is a site_change.
  void accepted(slot_no slot, ballot const& in, log_place place, std::optional<site> change);
  void learned(slot_no slot, log_place place, std::optional<site> change);
  void decided(slot_no up_to);
  void noted(slot_no slot, log_place place);
  void checkpointed(checkpoint at, std::uint64_t segment);
  // The oldest segment is gone, with all places in it; they are in [lowest, highest].
  void removed(std::uint64_t segment, slot_no lowest, slot_no highest);

  // ---- what they add up to ----
  [[nodiscard]] ballot const& promised() const { return promised_; }
  [[nodiscard]] slot_no decided() const { return decided_; }
  [[nodiscard]] slot_no begins() const { return begins_; }
  [[nodiscard]] site const& at() const { return at_; }
  [[nodiscard]] slot_no site_since() const { return site_since_; }
  [[nodiscard]] log_identity const& identity() const { return identity_; }
  // All that are held, ascending; history behind the older ones may have holes still.
  [[nodiscard]] std::vector<checkpoint> const& checkpoints() const { return checkpoints_; }
  // The segment of the newest checkpoint at or below `slot`, and its slot.
  struct checkpoint_place {
    slot_no slot;
    std::uint64_t segment = 0;
  };
  [[nodiscard]] std::optional<checkpoint_place> checkpoint_below(slot_no slot) const;

  [[nodiscard]] log_place value_at(slot_no slot) const;
  [[nodiscard]] log_place note_at(slot_no slot) const;
  // The highest slot up to `from` that can have a note: one of its own, or in what was learned. Slot 0: none.
  [[nodiscard]] slot_no may_have_note(slot_no from) const;
  [[nodiscard]] bool is_decided(slot_no slot) const;  // has a place, and its value is the decided one
  // Slots above decided() that have a place, ascending; ballot of round 0 for one that was only learned.
  [[nodiscard]] std::vector<std::pair<slot_no, ballot>> undecided() const;

 private:
  void thin_out();
  struct places {
    log_place value;
    log_place note;
  };
  // Slots are held in blocks, so that a hole (a joiner accepts far above its history) costs nothing.
  static constexpr std::uint64_t block_slots = 1024;
  using block = std::array<places, block_slots>;

  [[nodiscard]] places const* find(slot_no slot) const;
  places& make(slot_no slot);
  void raise_decided(slot_no up_to);
  void follow_learned();
  void extend_down();
  void knows_site(slot_no since, site const& at);
  void forget_above_decided();
  void forget_all();

  log_identity identity_;
  ballot promised_;
  slot_no decided_;
  slot_no begins_{1};
  site at_;
  slot_no site_since_;
  std::map<std::uint64_t, std::unique_ptr<block>> blocks_;
  std::map<slot_no, ballot> ballots_;  // of accepted slots above decided_
  std::map<slot_no, site> changes_;    // site changes above decided_
  std::vector<checkpoint> checkpoints_;
  std::vector<std::uint64_t> checkpoint_segments_;  // beside checkpoints_
};

}  // namespace xcom
