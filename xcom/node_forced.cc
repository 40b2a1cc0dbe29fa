// A majority that is gone for good: a human names the members to go on with.
//
// An ordinary election and ordinary slots, with another quorum: all of those named. What a slot may have been chosen to hold
// is then reported if any one of them holds it, and whoever of them is left after another failure has all that was decided.
// What only the others held is lost, and they must never decide anything again: that is what the human answers for.
#include <algorithm>

#include "xcom/node.hh"

namespace xcom {

std::string node::why_not_forced(std::vector<member_id> const& who) const {
  if (phase_ != phase::member || leaving_) return "this member is not in the group";
  if (is_forcing()) return "an earlier list is being carried out";
  if (have_quorum_) return "a majority of the group is reachable: members that are gone are expelled without help";
  auto const listed = [&](member_id const& id) { return std::ranges::find(who, id) != who.end(); };
  if (!listed(config_.self)) return "this member, " + self_.address + ", is not in the list";
  for (auto const& each : who)
    if (site_.find(each) == nullptr) return to_string(each) + " is not a member of the group";
  for (auto const& each : site_.members) {
    auto const name = to_string(each.id) + " at " + each.address;
    if (!listed(each.id)) {
      if (site_.votes(each.id) && hears(each.id)) return name + " is alive and is not in the list";
      continue;
    }
    if (!site_.votes(each.id)) return name + " has no vote";
    if (!hears(each.id)) return name + " is not reachable";
    auto const peer = peers_.find(each.id);
    if (peer != peers_.end() && peer->second.last.leader.round > 0 && !listed(peer->second.last.leader.proposer))
      return name + " still follows " + to_string(peer->second.last.leader.proposer) + ", which is not in the list";
  }
  return {};
}

void node::on(force_members const& happened) {
  if (!why_not_forced(happened.who).empty()) return;
  forced_.insert(happened.who.begin(), happened.who.end());
  forced_until_ = now_.plus(config_.expel_ticks.value() + 2 * config_.suspect_ticks.value());
  leaderless_ = true;
  start_preparing();
}

// Those named have to agree while the others are silent. One that speaks after all may have a majority of its own.
void node::tick_forced() {
  if (!is_forcing()) return;
  bool const others_live = std::ranges::any_of(site_.members, [&](auto const& each) {
    return site_.votes(each.id) && !forced_.contains(each.id) && hears(each.id);
  });
  if (!others_live && now_ < forced_until_) return;
  forced_.clear();
  step_down();
}

void node::end_forced_if_done() {
  std::erase_if(forced_, [&](auto const& each) { return !site_.votes(each); });
  bool const only_they =
      std::ranges::all_of(site_.members, [&](auto const& each) { return forced_.contains(each.id); });
  if (only_they) forced_.clear();
}

}  // namespace xcom
