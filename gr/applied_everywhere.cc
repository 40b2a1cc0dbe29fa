#include "gr/applied_everywhere.hh"

#include <algorithm>
#include <limits>

namespace gr {

void applied_everywhere::stop(waiter who) {
  std::erase_if(waiting_, [&](auto const& each) { return each.second == who; });
}

// An old word may overtake a newer one.
void applied_everywhere::heard(xcom::member_id const& from, seqno_t applied) {
  auto& known = applied_.try_emplace(from, applied).first->second;
  known = std::max(known, applied);
}

std::vector<applied_everywhere::waiter> applied_everywhere::served(std::span<xcom::member_id const> needed) {
  auto everywhere = std::numeric_limits<seqno_t>::max();
  for (auto const& each : needed) {
    auto const at = applied_.find(each);
    everywhere = std::min(everywhere, at == applied_.end() ? seqno_t{-1} : at->second);
  }
  std::vector<waiter> all;
  auto const end = waiting_.upper_bound(everywhere);
  for (auto at = waiting_.begin(); at != end; ++at) all.push_back(at->second);
  waiting_.erase(waiting_.begin(), end);
  return all;
}

std::vector<xcom::member_id> applied_everywhere::due(seqno_t applied) {
  std::vector<xcom::member_id> all;
  for (auto& [origin, positions] : owed_) {
    auto const end = positions.upper_bound(applied);
    if (end == positions.begin()) continue;
    positions.erase(positions.begin(), end);
    all.push_back(origin);
  }
  std::erase_if(owed_, [](auto const& each) { return each.second.empty(); });
  return all;
}

void applied_everywhere::keep_only(xcom::site const& members) {
  auto const gone = [&](auto const& each) { return members.find(each.first) == nullptr; };
  std::erase_if(applied_, gone);
  std::erase_if(owed_, gone);
}

}  // namespace gr
