#include "xcom/types.hh"

namespace xcom {

std::string to_string(member_id const& id) {
  return base::to_string(id.uuid).substr(0, 8) + "/" + std::to_string(id.incarnation);
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
  return found != nullptr && found->role != member_role::non_voting;
}

std::size_t site::voters() const {
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(),
                                                [](auto const& each) { return each.role != member_role::non_voting; }));
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
