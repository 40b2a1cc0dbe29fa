#include "gr/log_retention.hh"

#include <algorithm>
#include <iterator>

namespace gr {
namespace {

constexpr std::size_t marks_max = 100'000;  // eleven days of them: what is to be kept longer goes by size only

}  // namespace

std::vector<seen_member> members_with_data(xcom::node const& node) {
  std::vector<seen_member> there;
  for (auto const& each : node.current_site().members) {
    auto const at = node.peers().find(each.id);
    if (each.role == xcom::member_role::arbiter || at == node.peers().end()) continue;
    auto const facts = base::decode<live_facts>(at->second.last.app);
    if (facts && facts->applied >= 0) there.push_back({each.id.uuid, facts->applied});
  }
  return there;
}

void log_retention::look(base::tick_count now, xcom::slot_no decided, std::span<seen_member const> there) {
  for (auto const& each : there) known_[each.who] = {each.applied, now};
  std::erase_if(known_,
                [&](auto const& each) { return now.value() - each.second.seen.value() > absent_remembered_ticks; });
  if (!marks_.empty() && now.value() - marks_.back().when.value() < age_step_ticks) return;
  marks_.push_back({now, decided});
  if (marks_.size() > marks_max) marks_.pop_front();
}

xcom::slot_no log_retention::aged(base::tick_count now, std::uint64_t age,
                                  std::span<xcom::checkpoint const> checkpoints) const {
  auto const young =
      std::ranges::partition_point(marks_, [&](mark const& each) { return now.value() - each.when.value() >= age; });
  xcom::slot_no up_to = young == marks_.begin() ? xcom::slot_no{} : std::prev(young)->decided;
  for (auto const& [who, last] : known_) {
    // One position lower, as for ourselves: what was applied when it was seen last may not have been on its disk.
    auto const from = beginning_for(checkpoints, last.applied - 1);
    if (from) up_to = std::min(up_to, from->slot);
  }
  return up_to;
}

}  // namespace gr
