// A leader that lets another member lead: because it leaves, because it has no data, or because the other reaches members
// that it does not reach. Nobody has to fall silent for that, and nobody is expelled for the want of one link.
#include <algorithm>

#include "xcom/node.hh"

namespace xcom {

// Both ways: we hear it, and its heartbeats say that it hears us.
bool node::is_linked(member_id const& who) const {
  auto const at = peers_.find(who);
  return at != peers_.end() && hears(who) && at->second.echoed != 0 &&
         now_.value() - at->second.echoed_at.value() <= config_.suspect_ticks.value();
}

std::vector<member_id> node::linked() const {
  std::vector<member_id> all;
  for (auto const& each : site_.members)
    if (each.id != config_.self && is_linked(each.id)) all.push_back(each.id);
  return all;
}

std::vector<member_id> node::unlinked(member_id const& who) const {
  if (site_.rules.protocol < protocol_with_links || !hears(who)) return {};
  auto const its = who == config_.self ? linked() : peers_.at(who).last.linked;
  std::vector<member_id> all;
  for (auto const& each : site_.members)
    if (each.id != who && std::ranges::find(its, each.id) == its.end()) all.push_back(each.id);
  return all;
}

// How many of those with a vote it is linked to, by its own word.
std::size_t node::reach_of(member_id const& who) const {
  auto const& all = who == config_.self ? linked() : peers_.at(who).last.linked;
  return static_cast<std::size_t>(std::ranges::count_if(all, [&](auto const& each) { return site_.votes(each); }));
}

// Whom to hand over to, if to anybody: a voter that is linked to everybody we are linked to, us included, and for whom
// there is a reason.
std::optional<member_id> node::better_leader() const {
  auto const* lead = std::get_if<leading>(&role_);
  if (lead == nullptr || site_.rules.protocol < protocol_with_links || !forced_.empty()) return std::nullopt;
  auto const mine = linked();
  auto const* self = site_.find(config_.self);
  bool const should_not_lead = leaving_ || self == nullptr || self->role != member_role::voter;
  std::optional<member_id> best;
  for (auto const& each : site_.members) {
    if (each.role != member_role::voter || !lead->promised_by.contains(each.id) || !is_linked(each.id)) continue;
    auto const& theirs = peers_.at(each.id).last.linked;
    auto const is_theirs = [&](member_id const& who) {
      return who == each.id || std::ranges::find(theirs, who) != theirs.end();
    };
    if (!is_theirs(config_.self) || !std::ranges::all_of(mine, is_theirs)) continue;
    if (!should_not_lead && reach_of(each.id) <= reach_of(config_.self)) continue;
    if (!best || reach_of(each.id) > reach_of(*best)) best = each.id;
  }
  return best;
}

void node::tick_hand_over() {
  auto* const lead = std::get_if<leading>(&role_);
  if (lead == nullptr || lead->handing || now_ < lead->hand_over_due) return;
  auto const next = better_leader();
  if (!next) return lead->better.reset();
  if (!lead->better || lead->better->who != *next) lead->better = better_placed{*next, now_};
  // Links come and go; one that is to move the leader has lasted.
  if (leaving_ || now_.value() - lead->better->since.value() >= config_.suspect_ticks.value()) begin_hand_over(*next);
}

void node::on(transfer_leadership const& happened) {
  auto const* lead = std::get_if<leading>(&role_);
  bool const may = lead != nullptr && site_.rules.protocol >= protocol_with_links && forced_.empty() &&
                   happened.to != config_.self && site_.votes(happened.to) && hears(happened.to) &&
                   lead->promised_by.contains(happened.to);
  if (may) begin_hand_over(happened.to);
}

void node::begin_hand_over(member_id const& to) {
  auto& lead = std::get<leading>(role_);
  if (!lead.handing) lead.handing = handing_over{to, now_};
}

// First everything under way is decided. When the other does not take over, for whatever reason, we go on leading.
void node::go_on_handing_over() {
  auto* const lead = std::get_if<leading>(&role_);
  if (lead == nullptr || !lead->handing) return;
  if (now_.value() - lead->handing->since.value() > config_.resend_ticks.value()) {
    lead->handing.reset();
    lead->hand_over_due = now_.plus(config_.expel_ticks.value());
  } else if (!lead->handing->told && decided_.next() == lead->next) {
    lead->handing->told = true;
    send_to(lead->handing->to, hand_over{log_, lead->by, decided_});
  }
}

void node::take(member_id const& from, hand_over const& what) {
  bool const by_our_leader = phase_ == phase::member && from == following_.proposer && what.by == following_;
  if (!by_our_leader || is_leader() || leaving_ || !site_.votes(config_.self)) return;
  watermark_ = std::max(watermark_, what.decided);
  learn_from_followed_leader();
  if (phase_ == phase::member) start_preparing();
}

}  // namespace xcom
