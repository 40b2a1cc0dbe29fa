#include "certifier/certification.hh"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <vector>

#include "base/ensure.hh"
#include "certifier/row_table.hh"

namespace certifier {
namespace {

// What an arriving key makes of a found one of the same path. Each row and each column only weakens from exclusive to
// shared, which is why a write set may keep just the strongest kind of a path.
enum class relation : std::uint8_t { none, depends, conflicts };

constexpr auto N = relation::none;
constexpr auto D = relation::depends;
constexpr auto C = relation::conflicts;
constexpr std::array<std::array<relation, 4>, 4> matrix{{
    // found:      arriving shared, reference, update, exclusive
    {{N, N, D, D}},  // shared
    {{N, N, D, C}},  // reference
    {{D, D, C, C}},  // update
    {{C, C, C, C}},  // exclusive
}};

constexpr relation between(key_kind found, key_kind arriving) {
  return matrix[static_cast<std::size_t>(found)][static_cast<std::size_t>(arriving)];
}

// writer::code: origin number << 3 | isolated << 2 | kind. Origin numbers start at 1, so no code is 0. Without the kind
// it is the writer's side: an isolated writer is on a side of its own, foreign to everyone, its own origin included.
using code_t = std::uint32_t;
constexpr unsigned kind_bits = 2;
constexpr unsigned origin_shift = 3;

constexpr key_kind kind_of(code_t code) { return static_cast<key_kind>(code & 3U); }
constexpr code_t side_of(code_t code) { return code >> kind_bits; }

constexpr std::size_t prefetch_distance = 16;  // keys or rows in flight: about what a core's load queue overlaps
constexpr std::size_t forget_per_key = 2;      // looked at per key certified: faster than rows can come in
constexpr std::size_t forget_per_call = 16;    // and this many more, so that write sets without new rows clean up too

// Any finding in one row, or the best of a whole write set.
struct finding {
  seqno_t depends_on = 0;
  seqno_t conflict_with = 0;  // 0: none
  code_t conflict_code = 0;
};

}  // namespace

// How forgetting stays invisible. Let `known_above` be the position up to which rows may be dropped. It never exceeds
// `forgotten`, and whatever is certified has last_seen >= forgotten. A writer at or below known_above can therefore not
// conflict (that takes seqno > last_seen), and examine() skips it for depends_on. So whether a slice has dropped it
// already, or overwritten it, or not, is the same to every answer; and dropping it cannot turn into a dependency on
// "everything unknown": depends_on comes from writers that are there and from barriers, from nothing else.
//
// Which writers are kept. Every conflict and dependency is a maximum of seqnos over the earlier writers of a row and
// kind, either all of them or all on another side than the candidate's. So two per kind are enough: the latest, and the
// latest on another side than that one. Shared never conflicts, so its latest is enough.
struct certification::parts {
  row_table rows;
  writer_pool pool;
  forget_queue queue;               // each row in `rows` exactly once
  std::vector<base::uuid> origins;  // origin number - 1 -> origin; as many as there have been members
  seqno_t last = 0;
  seqno_t barrier = 0;
  seqno_t forgotten = 0;
  seqno_t retained = std::numeric_limits<seqno_t>::max();
  seqno_t known_above = 0;
  std::uint64_t digest = 0;

  code_t side_number(candidate const& next);
  verdict judge(candidate const& next, code_t side) const;
  void examine(writer const& first, candidate const& next, key_kind arriving, code_t side, finding& found) const;
  void take_in(candidate const& next, code_t side);
  void record(row_hash hash, code_t code, seqno_t seqno);
  void settle(candidate const& next, code_t side, bool passed);
  void fold(candidate const& next, bool passed);
  void advance_known_above();
  void forget_slice(std::size_t looks);
  void look_at(forget_queue::entry due);
  seqno_t newest(writer const& first) const;
  void free_chain(writer const& first);
  void prefetch_due() const;
};

certification::certification() : parts_(std::make_unique<parts>()) {}
certification::~certification() = default;
certification::certification(certification&&) noexcept = default;
certification& certification::operator=(certification&&) noexcept = default;

void certification::reset(seqno_t last, seqno_t forgotten) {
  ensure(last >= 0);
  parts_ = std::make_unique<parts>();
  parts_->last = last;
  parts_->barrier = last;
  parts_->forgotten = forgotten;
  parts_->known_above = forgotten;
}

verdict certification::certify(candidate const& next) {
  ensure(next.seqno > parts_->last);
  parts_->prefetch_due();
  code_t const side = parts_->side_number(next);
  verdict const answer = parts_->judge(next, side);
  parts_->settle(next, side, std::holds_alternative<passed>(answer));
  return answer;
}

void certification::preload(candidate const& next, bool passed) {
  ensure(next.seqno > parts_->last);
  parts_->prefetch_due();
  parts_->settle(next, parts_->side_number(next), passed);
}

void certification::skip(seqno_t seqno, bool barrier) {
  ensure(seqno > parts_->last);
  parts_->fold({.origin = {}, .seqno = seqno, .last_seen = 0, .keys = {}, .isolated = barrier}, true);
  parts_->last = seqno;
  if (barrier) parts_->barrier = seqno;
}

void certification::forget_below(seqno_t stable) {
  parts_->forgotten = std::max(parts_->forgotten, stable);
  parts_->advance_known_above();
}

void certification::retain_above(seqno_t applied) {
  parts_->retained = applied;
  parts_->advance_known_above();
}

void certification::expect(std::span<key const> keys) const {
  for (auto const& each : keys) parts_->rows.prefetch(each.hash);
}

seqno_t certification::last() const { return parts_->last; }
seqno_t certification::forgotten() const { return parts_->forgotten; }
std::size_t certification::rows() const { return parts_->rows.size(); }
std::size_t certification::bytes() const { return parts_->rows.bytes() + parts_->pool.bytes() + parts_->queue.bytes(); }
std::uint64_t certification::digest() const { return parts_->digest; }

// Members are few: scanning their list beats a map.
code_t certification::parts::side_number(candidate const& next) {
  auto const found = std::find(origins.begin(), origins.end(), next.origin);
  auto const number = static_cast<code_t>(found - origins.begin()) + 1;
  if (found == origins.end()) origins.push_back(next.origin);
  return side_of(number << origin_shift) | static_cast<code_t>(next.isolated);
}

verdict certification::parts::judge(candidate const& next, code_t side) const {
  if (next.isolated) return passed{next.seqno - 1};
  if (next.last_seen < forgotten) return too_old{forgotten};
  auto const keys = next.keys;
  for (std::size_t at = 0; at < std::min(prefetch_distance, keys.size()); ++at) rows.prefetch(keys[at].hash);
  finding found{.depends_on = next.pa_unsafe ? next.seqno - 1 : barrier};
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (at + prefetch_distance < keys.size()) rows.prefetch(keys[at + prefetch_distance].hash);
    auto const* const first = rows.find(keys[at].hash);
    if (first == nullptr) continue;
    examine(*first, next, keys[at].kind, side, found);
    if (found.conflict_with != 0)
      return conflict{{keys[at].hash, kind_of(found.conflict_code)},
                      found.conflict_with,
                      origins[(found.conflict_code >> origin_shift) - 1]};
  }
  return passed{found.depends_on};
}

// Of several conflicts in the row the latest is found, and the strongest of its kinds: the chain's order, which depends
// on what was forgotten when, must not show.
void certification::parts::examine(writer const& first, candidate const& next, key_kind arriving, code_t side,
                                   finding& found) const {
  for (auto const* each = &first;; each = &pool[each->next]) {
    auto const how = between(kind_of(each->code), arriving);
    bool const fails = how == C && each->seqno > next.last_seen && side_of(each->code) != side;
    if (fails) {
      bool const later = each->seqno > found.conflict_with;
      bool const stronger = each->seqno == found.conflict_with && kind_of(each->code) > kind_of(found.conflict_code);
      if (later || stronger) found.conflict_with = each->seqno, found.conflict_code = each->code;
    } else if (how != N && each->seqno > known_above) {
      found.depends_on = std::max(found.depends_on, each->seqno);
    }
    if (each->next == 0) return;
  }
}

// What follows a verdict, however it came about. A failed write set leaves no trace but its position.
void certification::parts::settle(candidate const& next, code_t side, bool passed) {
  fold(next, passed);
  last = next.seqno;
  if (passed) take_in(next, side);
  forget_slice(next.keys.size() * forget_per_key + forget_per_call);
}

void certification::parts::take_in(candidate const& next, code_t side) {
  for (auto const& each : next.keys) record(each.hash, side << kind_bits | static_cast<code_t>(each.kind), next.seqno);
  if (next.isolated || next.pa_unsafe) barrier = next.seqno;
}

void certification::parts::record(row_hash hash, code_t code, seqno_t seqno) {
  auto& first = rows.find_or_insert(hash);
  if (first.code == 0) {
    first = {.seqno = seqno, .next = 0, .code = code};
    queue.push({hash, seqno});
    return;
  }
  std::size_t same_kind = 0;
  writer* reusable = nullptr;  // one that no answer needs any more
  writer* oldest = nullptr;    // of this kind
  for (auto* each = &first;; each = &pool[each->next]) {
    bool const is_kind = kind_of(each->code) == kind_of(code);
    if (each->code == code || (is_kind && kind_of(code) == key_kind::shared)) {
      each->seqno = seqno;
      each->code = code;
      return;
    }
    if (each->seqno <= known_above) reusable = each;
    if (is_kind && (++same_kind == 1 || each->seqno < oldest->seqno)) oldest = each;
    if (each->next == 0) break;
  }
  if (same_kind == 2) reusable = oldest;
  if (reusable == nullptr) {
    auto const index = pool.take();
    pool[index].next = first.next;
    first.next = index;
    reusable = &pool[index];
  }
  reusable->seqno = seqno;
  reusable->code = code;
}

// A multiplication chain over who wrote what and the outcome. Not over depends_on, which may differ where retain_above
// does, nor over why it failed, which preload is not told.
void certification::parts::fold(candidate const& next, bool passed) {
  auto const mix = [](std::uint64_t state, std::uint64_t word) {
    return std::rotl((state ^ word) * 0x9e3779b97f4a7c15ULL, 29);
  };
  auto const flags = static_cast<std::uint64_t>(passed) | static_cast<std::uint64_t>(next.isolated) << 1U |
                     static_cast<std::uint64_t>(next.pa_unsafe) << 2U | next.keys.size() << 3U;
  digest = mix(mix(digest, static_cast<std::uint64_t>(next.seqno)), flags);
  std::uint64_t keys = 0;  // a sum of mixed words: the processor works on several at once
  std::uint64_t place = 1;
  for (auto const& each : next.keys) keys += mix(each.hash + static_cast<std::uint64_t>(each.kind), place++);
  digest = mix(digest, keys);
}

void certification::parts::advance_known_above() { known_above = std::max(known_above, std::min(forgotten, retained)); }

// In steady state a write set of n rows lets n older ones go, so looking at 2n keeps up and catches up.
void certification::parts::forget_slice(std::size_t looks) {
  for (; looks > 0 && !queue.empty() && queue.peek(0).look_when <= known_above; --looks) {
    if (queue.size() > prefetch_distance) rows.prefetch(queue.peek(prefetch_distance).hash);
    auto const due = queue.peek(0);
    queue.pop();
    look_at(due);
  }
}

// A row that was written again is put off to the end of the queue, which keeps the queue ascending and as long as the
// table, however often a hot row is written.
void certification::parts::look_at(forget_queue::entry due) {
  auto* const first = rows.find(due.hash);
  ensure(first != nullptr);
  if (newest(*first) > known_above) return queue.push({due.hash, last});
  free_chain(*first);
  rows.erase(due.hash);
}

seqno_t certification::parts::newest(writer const& first) const {
  seqno_t latest = first.seqno;
  for (auto at = first.next; at != 0; at = pool[at].next) latest = std::max(latest, pool[at].seqno);
  return latest;
}

void certification::parts::free_chain(writer const& first) {
  for (auto at = first.next; at != 0;) {
    auto const following = pool[at].next;
    pool.give_back(at);
    at = following;
  }
}

void certification::parts::prefetch_due() const {
  for (std::size_t ahead = 0; ahead < std::min(prefetch_distance, queue.size()); ++ahead) {
    if (queue.peek(ahead).look_when > known_above) return;
    rows.prefetch(queue.peek(ahead).hash);
  }
}

}  // namespace certifier
