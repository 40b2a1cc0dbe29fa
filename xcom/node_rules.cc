// What all members do alike, and how one of them has it changed.
//
// A request names the rules it is to replace. Whoever comes second finds others in force and is dropped, so a repeated
// request never brings back what somebody has changed since.
#include <algorithm>

#include "xcom/node.hh"

namespace xcom {

std::string node::why_not_rules(site_rules const& rules) const {
  if (phase_ != phase::member || leaving_) return "this member is not in the group";
  if (rules.horizon == 0 || rules.horizon > site_rules::horizon_max)
    return "write concurrency is 1 to " + std::to_string(site_rules::horizon_max);
  for (auto const& each : site_.members)
    if (!each.speaks.holds(rules.protocol))
      return to_string(each.id) + " at " + each.address + " speaks protocol " + to_string(each.speaks) + " and not " +
             std::to_string(rules.protocol);
  return {};
}

void node::on(change_rules const& happened) {
  if (!why_not_rules(happened.rules).empty() || happened.rules.same_but_since(site_.rules)) return;
  wanted_rules_ = happened.rules;
  wanted_rules_->since = site_.rules.since;
  request_due_ = now_;
}

void node::ask_for_rules() {
  if (!wanted_rules_) return;
  if (wanted_rules_->since != site_.rules.since || !why_not_rules(*wanted_rules_).empty()) return wanted_rules_.reset();
  if (is_leader()) return wish_for_rules(*wanted_rules_);
  if (auto const to = leader()) send_to(*to, rules_request{log_, *wanted_rules_});
}

void node::wish_for_rules(site_rules const& rules) {
  if (rules.since == site_.rules.since && why_not_rules(rules).empty()) wished_rules_ = rules;
}

void node::take(member_id const& from, rules_request const& what) {
  if (phase_ == phase::member && is_leader() && site_.find(from) != nullptr) wish_for_rules(what.rules);
}

// One voter of each zone holds the slot. A zone is passed over when none of its voters is heard, or none is near enough to take
// the slot: else the loss of a data centre, or a restart there, would stop the others. Arbiters hold no data and speak for no
// zone.
bool node::is_acknowledged_by_zones(leading const& lead, slot_no slot) const {
  auto const up_to = [&](member_id const& who) {
    auto const at = lead.followers.find(who);
    return at == lead.followers.end() ? slot_no{} : at->second.match;
  };
  auto const holds = [&](site_member const& each) { return each.id == config_.self || up_to(each.id) >= slot; };
  auto const can_hold = [&](site_member const& each) {
    auto const peer = peers_.find(each.id);
    auto const known = peer == peers_.end() ? slot_no{} : peer->second.last.decided;
    return hears(each.id) && slot.value() <= std::max(up_to(each.id), known).value() + accept_window_slots;
  };
  return std::ranges::all_of(site_.members, [&](auto const& one) {
    if (one.role != member_role::voter || one.id == config_.self || !can_hold(one)) return true;
    return std::ranges::any_of(site_.members, [&](auto const& each) {
      return each.role == member_role::voter && each.zone == one.zone && holds(each);
    });
  });
}

}  // namespace xcom
