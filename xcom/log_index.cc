#include "xcom/log_index.hh"

#include <algorithm>
#include <iterator>
#include <limits>

namespace xcom {

void log_index::opened(log_opening const& head) {
  if (head.how == opening_kind::cut_all) forget_all();
  raise_decided(head.decided);  // before the cut: what led up to it may be in a segment that was purged
  if (head.how == opening_kind::cut_undecided) forget_above_decided();
  identity_ = head.identity;
  promised_ = head.promised;
  knows_site(head.site_since, head.at);
}

void log_index::accepted(slot_no slot, ballot const& in, log_place place, std::optional<site> change) {
  if (slot <= decided_) return;  // decided is stronger than accepted
  auto& at = make(slot);
  if (at.value.learned != 0) return;
  auto const [known, fresh] = ballots_.try_emplace(slot, in);
  if (!fresh && in < known->second) return;
  known->second = in;
  at.value = place;
  if (change) {
    changes_[slot] = std::move(*change);
  } else {
    changes_.erase(slot);
  }
}

void log_index::learned(slot_no slot, log_place place, std::optional<site> change) {
  if (is_decided(slot)) return;
  place.learned = 1;
  make(slot).value =
      place;  // a note from when it was delivered stays: `decided` is stored late, a restart may learn it again
  if (slot <= decided_) {
    if (change) knows_site(slot, *change);
    if (slot.next() == begins_) extend_down();
    return;
  }
  changes_.erase(slot);
  if (change) changes_[slot] = std::move(*change);
  follow_learned();
}

void log_index::decided(slot_no up_to) {
  raise_decided(up_to);
  follow_learned();
}

void log_index::noted(slot_no slot, log_place place) {
  // The value may be in a segment that was purged; then the note is never asked for.
  make(slot).note = place;
}

void log_index::checkpointed(checkpoint at, std::uint64_t segment) {
  decided(at.slot);
  knows_site(at.slot, at.at);
  auto const where = std::lower_bound(checkpoints_.begin(), checkpoints_.end(), at.slot,
                                      [](checkpoint const& each, slot_no slot) { return each.slot < slot; });
  auto const index = where - checkpoints_.begin();
  if (where != checkpoints_.end() && where->slot == at.slot) {
    *where = std::move(at);
    checkpoint_segments_[static_cast<std::size_t>(index)] = segment;
  } else {
    checkpoints_.insert(where, std::move(at));
    checkpoint_segments_.insert(checkpoint_segments_.begin() + index, segment);
  }
  while (checkpoints_.size() > log_checkpoints_max) thin_out();
}

// The checkpoint goes whose neighbours are closest to each other compared to how far back they are: history can still be
// delivered from all along it, in steps that are a fixed part of the way to its end. One nobody can begin at goes first.
void log_index::thin_out() {
  auto const distance = [&](std::size_t from, std::size_t to) {
    return static_cast<double>(checkpoints_[to].slot.value() - checkpoints_[from].slot.value());
  };
  std::size_t const last = checkpoints_.size() - 1;
  std::size_t victim = 1;
  double least = std::numeric_limits<double>::max();
  for (std::size_t each = 0; each < last; ++each) {
    bool const is_beginning = !checkpoints_[each].app.empty();
    bool const is_first =
        each == 0 || (checkpoints_[each].slot.next() >= begins_ && checkpoints_[each - 1].slot.next() < begins_);
    if (is_first && is_beginning) continue;  // the log reaches back to it
    double const step = is_beginning ? distance(each - 1, each + 1) / distance(each - 1, last) : 0;
    if (step >= least) continue;
    least = step;
    victim = each;
  }
  checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(victim));
  checkpoint_segments_.erase(checkpoint_segments_.begin() + static_cast<std::ptrdiff_t>(victim));
}

void log_index::removed(std::uint64_t segment, slot_no lowest, slot_no highest) {
  if (lowest <= highest) {
    auto each = blocks_.lower_bound(lowest.value() / block_slots);
    while (each != blocks_.end() && each->first <= highest.value() / block_slots) {
      bool used = false;
      for (auto& slot : *each->second) {
        if (slot.value.segment == segment) slot = {};
        if (slot.note.segment == segment) slot.note = {};
        used = used || !slot.value.nowhere();
      }
      each = used ? std::next(each) : blocks_.erase(each);
    }
    slot_no last = std::min(highest, decided_);
    while (last >= begins_ && !value_at(last).nowhere()) last = last.previous();
    if (last >= begins_) begins_ = last.next();
  }
  for (std::size_t each = checkpoints_.size(); each-- > 0;) {
    if (checkpoint_segments_[each] > segment) continue;
    checkpoints_.erase(checkpoints_.begin() + static_cast<std::ptrdiff_t>(each));
    checkpoint_segments_.erase(checkpoint_segments_.begin() + static_cast<std::ptrdiff_t>(each));
  }
}

std::optional<log_index::checkpoint_place> log_index::checkpoint_below(slot_no slot) const {
  for (std::size_t each = checkpoints_.size(); each-- > 0;) {
    if (checkpoints_[each].slot <= slot) return checkpoint_place{checkpoints_[each].slot, checkpoint_segments_[each]};
  }
  return std::nullopt;
}

log_place log_index::value_at(slot_no slot) const {
  auto const* at = find(slot);
  return at == nullptr ? log_place{} : at->value;
}

log_place log_index::note_at(slot_no slot) const {
  auto const* at = find(slot);
  return at == nullptr ? log_place{} : at->note;
}

slot_no log_index::may_have_note(slot_no from) const {
  std::reverse_iterator each(blocks_.upper_bound(from.value() / block_slots));
  for (; each != blocks_.rend(); ++each)
    for (std::uint64_t within = block_slots; within-- > 0;) {
      slot_no const slot(each->first * block_slots + within);
      auto const& at = (*each->second)[within];
      if (slot <= from && !at.value.nowhere() && (at.value.learned != 0 || !at.note.nowhere())) return slot;
    }
  return {};
}

bool log_index::is_decided(slot_no slot) const {
  log_place const place = value_at(slot);
  return !place.nowhere() && (slot <= decided_ || place.learned != 0);
}

std::vector<std::pair<slot_no, ballot>> log_index::undecided() const {
  std::vector<std::pair<slot_no, ballot>> found;
  auto each = blocks_.lower_bound(decided_.next().value() / block_slots);
  for (; each != blocks_.end(); ++each) {
    for (std::uint64_t within = 0; within < block_slots; ++within) {
      slot_no const slot(each->first * block_slots + within);
      if (slot <= decided_ || (*each->second)[within].value.nowhere()) continue;
      auto const known = ballots_.find(slot);
      found.emplace_back(slot, known == ballots_.end() ? ballot{} : known->second);
    }
  }
  return found;
}

log_index::places const* log_index::find(slot_no slot) const {
  auto const held = blocks_.find(slot.value() / block_slots);
  return held == blocks_.end() ? nullptr : &(*held->second)[slot.value() % block_slots];
}

log_index::places& log_index::make(slot_no slot) {
  auto& held = blocks_[slot.value() / block_slots];
  if (!held) held = std::make_unique<block>();
  return (*held)[slot.value() % block_slots];
}

// From the top down, so that a jump over a large hole stops at its upper edge.
void log_index::raise_decided(slot_no up_to) {
  if (up_to <= decided_) return;
  slot_no last = up_to;
  while (last > decided_ && !value_at(last).nowhere()) last = last.previous();
  if (last > decided_) begins_ = last.next();
  decided_ = up_to;
  while (!changes_.empty() && changes_.begin()->first <= decided_) {
    auto const first = changes_.extract(changes_.begin());
    knows_site(first.key(), first.mapped());
  }
  ballots_.erase(ballots_.begin(), ballots_.upper_bound(decided_));
}

void log_index::follow_learned() {
  while (value_at(decided_.next()).learned != 0) raise_decided(decided_.next());
}

void log_index::extend_down() {
  while (begins_ > slot_no(1) && !value_at(begins_.previous()).nowhere()) begins_ = begins_.previous();
}

void log_index::knows_site(slot_no since, site const& at) {
  if (since < site_since_ || at.members.empty()) return;
  site_since_ = since;
  at_ = at;
}

void log_index::forget_above_decided() {
  auto each = blocks_.lower_bound(decided_.value() / block_slots);
  while (each != blocks_.end()) {
    if (each->first * block_slots > decided_.value()) {
      each = blocks_.erase(each);
      continue;
    }
    for (std::uint64_t within = decided_.value() % block_slots + 1; within < block_slots; ++within) {
      (*each->second)[within] = {};
    }
    ++each;
  }
  ballots_.clear();
  changes_.clear();
  promised_ = {};
}

void log_index::forget_all() { *this = log_index(); }

}  // namespace xcom
