#include "gr/mariadb/views.hh"

#include <algorithm>

#include "base/ensure.hh"

namespace gr::mariadb {
namespace {

// `into` was zeroed before and is longer than bytes_max, so a NUL follows.
void put_text(char* into, std::size_t bytes_max, std::string const& text) {
  std::copy_n(text.begin(), std::min(bytes_max, text.size()), into);
}

wsrep_member_info member_to_abi(view_member const& from) {
  wsrep_member_info member{};
  member.id = to_abi(from.id);
  put_text(member.name, abi::member_name_max, from.name);
  put_text(member.incoming, abi::member_incoming_max, from.incoming);
  return member;
}

int status_to_abi(view_status status) {
  if (status == view_status::primary) return abi::primary;
  return status == view_status::non_primary ? abi::non_primary : abi::disconnected;
}

wsrep_view_info head_of(view const& from) {
  wsrep_view_info head{};
  head.state_id = to_abi(from.group, from.seqno);
  head.view = from.number;
  head.status = status_to_abi(from.status);
  head.capabilities = abi::capabilities;
  head.my_idx = from.my_index;
  head.memb_num = static_cast<int>(from.members.size());
  head.proto_ver = from.protocol;
  return head;
}

}  // namespace

wsrep_uuid to_abi(base::uuid const& id) {
  wsrep_uuid out{};
  std::memcpy(out.data, id.bytes.data(), sizeof out.data);
  return out;
}

base::uuid from_abi(wsrep_uuid const& id) {
  base::uuid out;
  std::memcpy(out.bytes.data(), id.data, sizeof id.data);
  return out;
}

wsrep_gtid to_abi(base::uuid const& group, seqno_t seqno) { return {to_abi(group), seqno}; }

abi_view::abi_view(view const& from) {
  ensure(std::ranges::is_sorted(from.members, {}, &view_member::id));
  auto const bytes = abi::members_offset + from.members.size() * sizeof(wsrep_member_info);
  bytes_ = std::make_unique<std::byte[]>(bytes);
  auto const head = head_of(from);
  std::memcpy(bytes_.get(), &head, sizeof head);
  auto* at = bytes_.get() + abi::members_offset;
  for (auto const& each : from.members) {
    auto const member = member_to_abi(each);
    std::memcpy(at, &member, sizeof member);
    at += sizeof member;
  }
}

view final_view(base::uuid const& group, seqno_t last) {
  view out;
  out.group = group;
  out.seqno = last;
  out.status = view_status::non_primary;
  return out;
}

}  // namespace gr::mariadb
