#include "gr/giving_up_place.hh"

#include <algorithm>

namespace gr {

bool others_may_need_the_vote(xcom::recovered_log const& log) {
  if (log.empty || log.last.group.is_nil()) return false;
  auto const* before = log.at.find(log.last.self);
  if (before == nullptr) return !log.at.members.empty();
  return before->role != xcom::member_role::non_voting && log.at.members.size() > 1;
}

bool nobody_needs_the_vote(xcom::site const& now, xcom::member_id const& self,
                           std::map<xcom::member_id, xcom::peer> const& peers) {
  return now.find(self) == nullptr && std::ranges::none_of(peers, [](auto const& each) { return each.second.spoke; });
}

bool may_give_up_place(xcom::site const& now, xcom::member_id const& self,
                       std::map<xcom::member_id, xcom::peer> const& peers) {
  std::size_t voters = 0;
  std::size_t heard = 0;
  bool somebody_delivers = false;
  for (auto const& each : now.members) {
    if (each.id == self || !xcom::has_vote(each.role)) continue;
    ++voters;
    auto const at = peers.find(each.id);
    if (at == peers.end() || !at->second.spoke || at->second.suspected || at->second.link_down) continue;
    ++heard;
    if (at->second.last.delivered.value() > 0) somebody_delivers = true;
  }
  return somebody_delivers && heard > voters / 2;
}

}  // namespace gr
