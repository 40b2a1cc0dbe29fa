// A payload does not go back to where it came from: in the accepts for its origin it is left out, and put in there again.
//
// Safe: an origin and its number name one payload for ever, so the origin puts in the right one or none.
// Live: without one it does not acknowledge, and is sent the whole when the accept is repeated. That is rare, since an origin
//       is spared only what nobody but this leader was ever sent: it holds that until it delivers this very slot.
#include "xcom/node.hh"

namespace xcom {

bool node::may_leave_out(leading const& lead, message const& what) const {
  auto const from = lead.fresh_from.find(what.origin);
  return from != lead.fresh_from.end() && from->second <= what.seq;
}

std::set<member_id> node::origins_to_spare(accept const& all) const {
  if (site_.rules.protocol < protocol_without_own) return {};
  auto const& lead = std::get<leading>(role_);
  std::map<member_id, std::size_t> bytes;
  std::set<member_id> spared;
  for (auto const& each : all.slots) {
    auto const* held = std::get_if<batch>(each.what.get());
    if (held == nullptr) continue;
    for (auto const& what : held->messages) {
      auto& its = bytes[what.origin];
      its += what.payload.size();
      if (its >= config_.leave_out_bytes_min) spared.insert(what.origin);
    }
  }
  if (spared.empty()) return spared;
  for (auto const& each : all.slots)
    if (auto const* held = std::get_if<batch>(each.what.get()))
      for (auto const& what : held->messages)
        if (!may_leave_out(lead, what)) spared.erase(what.origin);
  return spared;
}

accept node::without_own(accept const& all, member_id const& origin) const {
  accept spared = all;
  spared.without_own = true;
  for (auto& each : spared.slots) {
    auto const* held = std::get_if<batch>(each.what.get());
    if (held == nullptr) continue;
    batch rest = *held;
    for (auto& what : rest.messages)
      if (what.origin == origin) what.payload = {};
    each.what = std::make_shared<value const>(std::move(rest));
  }
  return spared;
}

// Null when a payload of ours is not here.
value_ptr node::with_own(value_ptr const& what) const {
  auto const* held = std::get_if<batch>(what.get());
  if (held == nullptr) return what;
  batch whole = *held;
  for (auto& each : whole.messages) {
    if (each.origin != config_.self) continue;
    if (pending_.empty() || each.seq < pending_.front().seq) return nullptr;
    auto const at = each.seq.value() - pending_.front().seq.value();
    if (at >= pending_.size()) return nullptr;
    each.payload = pending_[at].payload;
  }
  return std::make_shared<value const>(std::move(whole));
}

}  // namespace xcom
