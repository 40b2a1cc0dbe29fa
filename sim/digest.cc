#include "sim/digest.hh"

#include "base/crc32c.hh"

namespace sim {
namespace {

std::uint64_t digest(xcom::member_id const& id) { return std::hash<xcom::member_id>{}(id); }

std::uint64_t digest(std::string const& text) { return std::hash<std::string>{}(text); }

std::uint64_t digest(xcom::site_member const& member) {
  auto sum = mix(digest(member.id), digest(member.address));
  sum = mix(sum, static_cast<std::uint64_t>(member.role));
  sum = mix(sum, member.weight);
  sum = mix(sum, member.boot);
  sum = mix(mix(sum, member.zone), member.speaks.lowest * 65536U + member.speaks.highest);
  return mix(sum, sim::digest(member.app));
}

std::uint64_t digest_of(xcom::no_op const&) { return 1; }

std::uint64_t digest_of(xcom::batch const& held) {
  std::uint64_t sum = 2;
  for (auto const& each : held.messages) {
    sum = mix(mix(sum, digest(each.origin)), each.seq.value());
    sum = mix(sum, sim::digest(each.payload));
  }
  return sum;
}

std::uint64_t digest_of(xcom::site_change const& change) {
  std::uint64_t sum = mix(3, change.next.version);
  auto const& rules = change.next.rules;
  sum = mix(mix(mix(sum, rules.protocol), rules.horizon), rules.since * 2 + (rules.each_zone ? 1 : 0));
  for (auto const& each : change.next.members) sum = mix(sum, digest(each));
  return sum;
}

}  // namespace

std::uint64_t digest(base::blob const& bytes) { return mix(bytes.size(), base::crc32c(0, bytes.view())); }

std::uint64_t digest(xcom::value const& what) {
  return std::visit([](auto const& held) { return digest_of(held); }, what);
}

}  // namespace sim
