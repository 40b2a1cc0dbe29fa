#include "gr/primary_election.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

namespace gr {
namespace {

using version = std::array<unsigned, 3>;

version version_of(std::string_view text) {
  version parts{};
  for (auto& part : parts) {
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), part);
    if (error != std::errc{}) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  return parts;
}

// Smaller is better, in every part; the same parts for all, so it is an order whatever they hold.
auto rank(primary_candidate const& of, election_mode how) {
  constexpr auto most = UINT64_MAX;
  std::uint64_t const weight = most - of.weight;
  std::uint64_t const executed = most - of.executed.count();
  std::uint64_t const first = how == election_mode::gtid_first ? executed : weight;
  std::uint64_t const second = how == election_mode::gtid_first     ? weight
                               : how == election_mode::weight_first ? executed
                                                                    : 0;
  std::uint64_t const backlog = of.backlog <= backlog_of_no_matter ? 0 : of.backlog;
  return std::tuple(version_of(of.server_version), first, second, backlog, of.id);
}

}  // namespace

std::optional<xcom::member_id> elect_primary(std::span<primary_candidate const> candidates, election_mode how) {
  auto const best = std::ranges::min_element(candidates, {}, [how](auto const& each) { return rank(each, how); });
  return best == candidates.end() ? std::nullopt : std::optional(best->id);
}

}  // namespace gr
