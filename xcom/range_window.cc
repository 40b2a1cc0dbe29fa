#include "xcom/range_window.hh"

#include <algorithm>
#include <utility>

namespace xcom {
namespace {

constexpr std::uint64_t slots_most = 1U << 16;

std::size_t bytes_of(std::vector<decided_slot> const& slots) {
  std::size_t sum = 0;
  for (auto const& each : slots) sum += size_in_bytes(*each.what) + each.note.size();
  return sum;
}

// What is not consecutive, or was not asked for, is of no use.
void keep_what_follows(std::vector<decided_slot>& slots, slot_no from, slot_no up_to) {
  std::size_t good = 0;
  while (good < slots.size() && slots[good].slot == from && from <= up_to) {
    from = from.next();
    ++good;
  }
  slots.resize(good);
}

}  // namespace

void range_window::pass(slot_no next) {
  while (!ranges_.empty() && ranges_.front().up_to < next) ranges_.pop_front();
  if (!ranges_.empty() && ranges_.front().from > next) ranges_.clear();
  if (!ranges_.empty() && !ranges_.front().asked && !ranges_.front().brought_by) ranges_.front().from = next;
}

void range_window::cover(slot_no next, slot_no last, std::size_t ranges_max) {
  pass(next);
  while (ranges_.size() < ranges_max) {
    auto const from = ranges_.empty() ? next : ranges_.back().up_to.next();
    if (from > last) return;
    auto const rest = last.value() - from.value() + 1;
    // Not a question for each slot of a group that goes on: the rest waits until it is a range, or the first.
    if (!ranges_.empty() && rest < slots_) return;
    auto const count = ranges_max == 1 ? rest : std::min(rest, slots_);
    ranges_.push_back({.from = from, .up_to = slot_no(from.value() + count - 1)});
  }
}

std::deque<slot_range>::iterator range_window::find_waiting(slot_no from) {
  return std::ranges::find_if(ranges_,
                              [&](auto const& each) { return each.from == from && each.asked && !each.brought_by; });
}

slot_range* range_window::waiting(slot_no from) {
  auto const at = find_waiting(from);
  return at == ranges_.end() ? nullptr : &*at;
}

bool range_window::answer(slot_no from, member_id const& by, std::vector<decided_slot> slots, std::size_t bytes_max) {
  auto const range = find_waiting(from);
  if (range == ranges_.end()) return false;
  keep_what_follows(slots, from, range->up_to);
  if (slots.empty()) return false;
  in_vain_.erase(by);
  range->brought_by = by;
  range->slots = std::move(slots);
  auto const last = range->slots.back().slot;
  auto const bytes = bytes_of(range->slots);
  if (last == range->up_to) {
    if (bytes < bytes_max / 4) slots_ = std::min(slots_ * 2, slots_most);
    return true;
  }
  if (bytes >= bytes_max / 2) slots_ = range->slots.size();
  slot_range const rest{.from = last.next(), .up_to = std::exchange(range->up_to, last)};
  ranges_.insert(range + 1, rest);
  return true;
}

void range_window::note_progress(member_id const& who, base::tick_count now) {
  for (auto& each : ranges_)
    if (each.asked == who) each.sent = now;
}

std::optional<slot_range> range_window::take() {
  if (!is_ready()) return std::nullopt;
  auto first = std::move(ranges_.front());
  ranges_.pop_front();
  return first;
}

std::size_t range_window::asked_of(member_id const& who) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(ranges_, [&](auto const& each) { return each.asked == who && !each.brought_by; }));
}

}  // namespace xcom
