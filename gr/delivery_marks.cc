#include "gr/delivery_marks.hh"

#include <algorithm>
#include <iterator>

namespace gr {
namespace {

constexpr std::size_t kept_whole = 512;  // of the newest: control looks at the last seconds most closely

}  // namespace

void delivery_marks::add(seqno_t position, std::size_t bytes) {
  if (position <= head_.position) {
    marks_.clear();
    head_ = {};
  }
  head_.position = position;
  head_.bytes += static_cast<double>(bytes);
}

void delivery_marks::tick(base::tick_count now) {
  head_.when = now;
  if (head_.position < 0 || (!marks_.empty() && marks_.back().position == head_.position)) return;
  marks_.push_back(head_);
  if (marks_.size() > marks_max) thin_out();
}

void delivery_marks::thin_out() {
  std::deque<mark> kept;
  for (std::size_t at = 0; at < marks_.size(); ++at)
    if (at % 2 == 0 || at + kept_whole >= marks_.size()) kept.push_back(marks_[at]);
  marks_ = std::move(kept);
}

// The one below stays: what lies between two marks is reckoned from both.
void delivery_marks::forget_below(seqno_t position) {
  while (marks_.size() > 1 && marks_[1].position <= position) marks_.pop_front();
}

std::deque<delivery_marks::mark>::const_iterator delivery_marks::first_with(seqno_t position) const {
  return std::lower_bound(marks_.begin(), marks_.end(), position,
                          [](mark const& each, seqno_t wanted) { return each.position < wanted; });
}

double delivery_marks::bytes_up_to(seqno_t position) const {
  if (marks_.empty()) return head_.bytes;
  auto const& first = marks_.front();
  if (position <= first.position) return first.bytes;
  auto const above = first_with(position);
  mark const& high = above == marks_.end() ? head_ : *above;
  mark const& low = position <= high.position ? *std::prev(above) : first;
  if (high.position == low.position) return high.bytes;
  auto const each = (high.bytes - low.bytes) / static_cast<double>(high.position - low.position);
  return low.bytes + each * static_cast<double>(position - low.position);
}

base::tick_count delivery_marks::delivered_at(seqno_t position) const {
  auto const at = first_with(position);
  return at == marks_.end() ? head_.when : at->when;
}

seqno_t delivery_marks::position_at(base::tick_count when) const {
  auto const after = std::upper_bound(marks_.begin(), marks_.end(), when,
                                      [](base::tick_count wanted, mark const& each) { return wanted < each.when; });
  if (after == marks_.begin()) return marks_.empty() ? head_.position : marks_.front().position;
  return std::prev(after)->position;
}

}  // namespace gr
