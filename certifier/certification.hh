// The certification index: who wrote which row last. Same log, same verdicts, on every member.
// Owner:  whoever delivers the log. No lock, no thread, no clock, no logging.
// Always: (1) every verdict is a function of the calls before it; (2) a row whose last writers are all at or below
//         forget_below has no influence on any verdict; (3) failed write sets leave no trace.
// Source: Pedone, Guerraoui, Schiper, "The Database State Machine Approach" (2003); the conflict matrix of the wsrep key kinds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>

#include "base/uuid.hh"
#include "certifier/write_set.hh"

namespace certifier {

using seqno_t = std::int64_t;

struct candidate {
  base::uuid origin;
  seqno_t seqno = 0;      // the position it takes, passed or not; greater than any before
  seqno_t last_seen = 0;  // everything up to here had been applied at the origin
  std::span<key const> keys;
  bool isolated = false;   // DDL in total order: never fails, depends on all before, all after depend on it
  bool pa_unsafe = false;  // certified as usual, but depends on all before and all after depend on it
};

struct passed {
  seqno_t depends_on;  // apply once everything up to here is applied
};
struct conflict {
  key found;     // as it stands in the index
  seqno_t with;  // who wrote it
  base::uuid winner;
};
struct too_old {  // last_seen is below what the index still knows
  seqno_t forgotten;
};
using verdict = std::variant<passed, conflict, too_old>;

class certification {
 public:
  certification();
  ~certification();
  certification(certification&&) noexcept;
  certification& operator=(certification&&) noexcept;

  // Begins after `last`, with nothing known at or below `forgotten`. Since no row before is known, `last` is a barrier.
  void reset(seqno_t last, seqno_t forgotten);
  // Certifies one write set, in delivery order; ensure: seqno > last(). Of several conflicts the first key's with the
  // latest writer is reported. An isolated one never fails. depends_on is at least the last barrier, at most seqno - 1.
  // Cost: one lookup per key; allocates only for rows not seen before; no call moves more than a few thousand rows.
  verdict certify(candidate const& next);
  // Takes a write set into the index whose verdict is known already (history before a joiner's own time). Called in
  // order like certify, after a reset to the position before the first one; the digest moves as if it had been certified.
  void preload(candidate const& next, bool passed);
  // A position taken by something that writes no rows (a view): all after it depend on it when `barrier`.
  void skip(seqno_t seqno, bool barrier);
  // Everything at or below may be forgotten: `stable` is applied by all ONLINE members. Monotone; lower values are ignored.
  // The work is done in slices by later calls of certify(), never in a sweep.
  void forget_below(seqno_t stable);

  // Rows above `applied` stay known for depends_on, though not for conflicts, even when the group has forgotten them: a
  // member that catches up has yet to apply, in the right order, what the others' stable position has passed. Everything
  // (the default, and after reset) is said to be applied here by the greatest seqno_t. What is gone does not come back.
  void retain_above(seqno_t applied);
  // A hint: these keys are about to be certified. Starts loading their rows; worth it for several small write sets in hand.
  void expect(std::span<key const> keys) const;

  [[nodiscard]] seqno_t last() const;
  [[nodiscard]] seqno_t forgotten() const;  // the `too_old` bound in force
  [[nodiscard]] std::size_t rows() const;
  [[nodiscard]] std::size_t bytes() const;
  // Equal on members that delivered the same prefix since the same reset; independent of how far slices have got.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace certifier
