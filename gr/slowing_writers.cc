// What flow control is told of the members, and what a person is told of flow control.
#include <fmt/format.h>

#include <algorithm>

#include "gr/member.hh"

namespace gr {
namespace {

constexpr std::uint64_t say_again_ticks = 1000;

// Where the limit is further away than this, nobody meets it.
constexpr double felt_from = 1.2;

std::string a_second(double number) { return fmt::format("{:.0f} a second", number); }

}  // namespace

void member::look_at_flow() {
  flow_.look(flow_look_now());
  tell_of_braking();
  // As of the last look: this may have become another member since.
  auto const* const own = flow_.row_of(config_.self);
  if (!flow_.is_hopeless() || stage_ != stage::online || own == nullptr) return;
  stepped_aside_ = true;
  emit(step_aside{fmt::format(
      "this member is {}, and has been at or beyond a bound of flow control for {:.0f} s "
      "(group_replication_flow_control_quarantine_time): it leaves the group, catches up, and comes back when it has",
      how_far_behind(*own), static_cast<double>(flow_.settings().quarantine_ticks) / ticks_per_second)});
}

// As this member knows them: a silent one counts no longer than until it is suspected.
flow_look member::flow_look_now() const {
  flow_look look;
  look.now = now_;
  bool const delivers = stage_ == stage::replaying || stage_ == stage::online;
  if (!delivers || !last_.have_quorum) return look;
  for (auto const& each : known_site_.members) {
    if (xcom::has_vote(each.role)) ++look.voters;
    if (each.id == config_.self) {
      if (stage_ == stage::online) look.self = each.id;
      if (stage_ == stage::online && !desynced_)
        look.members.push_back({each.id, state_.seqno, last_.applied, true, xcom::has_vote(each.role)});
      continue;
    }
    auto const* const at = neighbor_of(each.id);
    if (at == nullptr || !at->heard || each.role == xcom::member_role::non_voting) continue;
    if (each.role == xcom::member_role::arbiter) {
      ++look.arbiters;
      continue;
    }
    if (at->facts.history != state_.history || at->facts.desynced) continue;
    look.members.push_back({each.id, at->facts.ordered, at->facts.applied, is_online(each), xcom::has_vote(each.role)});
  }
  return look;
}

std::string member::how_far_behind(flow_row const& which) const {
  return fmt::format("{} transactions ({} bytes, {:.1f} s) behind", which.to_certify + which.to_apply, which.bytes,
                     static_cast<double>(which.lag_ticks) / ticks_per_second);
}

// Said when it is felt, again while it lasts, and when it is over.
void member::tell_of_braking() {
  auto const& group = flow_.group();
  auto const* const slow = flow_.slowest();
  if (!group.is_limited() || slow == nullptr) {
    if (!group.is_limited() && braked_since_) {
      emit(say{server::level::info, fmt::format("flow control: writers are not slowed any more, after {:.1f} s",
                                                seconds_since(*braked_since_))});
      braked_since_.reset();
    }
    return;
  }
  bool const felt = group.transactions < felt_from * flow_.group_rate() || group.bytes != no_flow_limit;
  bool const again = braked_since_ && now_.value() - braking_told_.value() >= say_again_ticks;
  if ((braked_since_ || !felt) && !again) return;
  if (!braked_since_) braked_since_ = now_;
  braking_told_ = now_;
  auto const limit_of = [](flow_allowance const& what) {
    if (what.transactions == no_flow_limit) return a_second(what.bytes) + " bytes";
    return a_second(what.transactions) + (what.bytes == no_flow_limit ? "" : ", " + a_second(what.bytes) + " bytes");
  };
  emit(say{
      server::level::info,
      fmt::format("flow control: writers are slowed. {} is {} and applies {}; the group may order {}, this member {}",
                  slow->id == config_.self ? "this member" : name_of(slow->id), how_far_behind(*slow),
                  a_second(slow->applies.value_or(0)), limit_of(group), limit_of(flow_.own()))});
}

// One that stepped aside comes back when nobody would have to wait for it.
bool member::may_be_counted_on() const {
  auto const bound = std::min(flow_.settings().applier_threshold, flow_.settings().certifier_threshold);
  auto const behind = std::max<seqno_t>(0, group_at() - std::max(last_.applied, base_));
  return static_cast<std::uint64_t>(behind) <= bound / 2;
}

}  // namespace gr
