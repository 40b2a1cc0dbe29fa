#include "xcom/types.hh"

namespace xcom {

std::string to_string(member_id const& id) {
  return base::to_string(id.uuid).substr(0, 8) + "/" + std::to_string(id.incarnation);
}

std::string to_string(protocol_range const& range) {
  auto const lowest = std::to_string(range.lowest);
  return range.lowest == range.highest ? lowest : lowest + " to " + std::to_string(range.highest);
}

bool site_rules::same_but_since(site_rules const& other) const {
  return protocol == other.protocol && horizon == other.horizon && each_zone == other.each_zone;
}

std::string to_string(site_rules const& rules) {
  return "protocol " + std::to_string(rules.protocol) + ", write concurrency " + std::to_string(rules.horizon) +
         (rules.each_zone ? ", an acknowledgement from each zone" : "");
}

site_member const* site::find(member_id const& id) const {
  auto const at = std::find_if(members.begin(), members.end(), [&](auto const& each) { return each.id == id; });
  return at == members.end() ? nullptr : &*at;
}

site_member const* site::find_uuid(base::uuid const& uuid) const {
  auto const at = std::find_if(members.begin(), members.end(), [&](auto const& each) { return each.id.uuid == uuid; });
  return at == members.end() ? nullptr : &*at;
}

bool site::votes(member_id const& id) const {
  auto const* found = find(id);
  return found != nullptr && has_vote(found->role);
}

std::size_t site::voters() const {
  return static_cast<std::size_t>(
      std::count_if(members.begin(), members.end(), [](auto const& each) { return has_vote(each.role); }));
}

bool site::waits_for_zones() const {
  if (!rules.each_zone) return false;
  auto const is_voter = [](site_member const& each) { return each.role == member_role::voter; };
  auto const first = std::find_if(members.begin(), members.end(), is_voter);
  return std::any_of(first, members.end(),
                     [&](auto const& each) { return is_voter(each) && each.zone != first->zone; });
}

std::size_t size_in_bytes(value const& what) {
  constexpr std::size_t fixed = 64;
  auto const* messages = std::get_if<batch>(&what);
  if (messages == nullptr) return fixed;
  std::size_t total = fixed;
  for (auto const& each : messages->messages) total += each.payload.size() + fixed;
  return total;
}

}  // namespace xcom
