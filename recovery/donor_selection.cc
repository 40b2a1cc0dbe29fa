#include "recovery/donor_selection.hh"

#include <algorithm>
#include <tuple>

#include "base/ensure.hh"

namespace recovery {
namespace {

struct contender {
  candidate const* member = nullptr;
  std::uint64_t lag = 0;
  std::size_t place = 0;  // in the list of the named; behind its end: not named
};

// Ties end at the id, so that every run with the same members agrees.
auto balanced_rank(contender const& who, selection_request const& request) {
  candidate const& member = *who.member;
  return std::tuple(member.donations, member.primary, member.zone != request.zone, who.lag, member.id);
}

void put_in_order(std::vector<contender>& kept, selection_request const& request, base::prng& random) {
  if (request.policy == donor_policy::random)
    random.shuffle(kept);
  else
    std::ranges::sort(kept, {}, [&](contender const& who) { return balanced_rank(who, request); });
  std::ranges::stable_sort(kept, {}, &contender::place);
}

std::size_t place_among_named(member_id const& who, selection_request const& request) {
  return static_cast<std::size_t>(std::ranges::find(request.named, who) - request.named.begin());
}

std::string reason(donor_verdict verdict, candidate const& member) {
  switch (verdict) {
    case donor_verdict::kept: return {};
    case donor_verdict::lagging: return {};
    case donor_verdict::is_self: return "it is this member";
    case donor_verdict::not_online: return "it is " + std::string(to_string(member.state));
    case donor_verdict::is_arbiter: return "it is an arbiter and holds no data";
    case donor_verdict::no_vote: return "it has no vote";
    case donor_verdict::incompatible: return "its version cannot feed this one";
    case donor_verdict::log_purged: return "its log no longer holds all that is missing";
    case donor_verdict::not_cloneable: return "its version or platform allows no copy";
  }
  return {};
}

std::string reason_kept(std::uint64_t lag, selection_request const& request, bool nobody_is_close, bool named) {
  auto const compared = "lag " + std::to_string(lag);
  if (named) return compared + "; named as a donor";
  if (nobody_is_close)
    return compared + "; every candidate misses donor_threshold " + std::to_string(request.donor_threshold) +
           " or more, so all are kept";
  return compared + " < donor_threshold " + std::to_string(request.donor_threshold);
}

std::string reason_lagging(std::uint64_t lag, selection_request const& request) {
  return "lag " + std::to_string(lag) + " >= donor_threshold " + std::to_string(request.donor_threshold);
}

gtid_set executed_by_all(std::span<candidate const> members, selection_request const& request) {
  gtid_set all;
  for (auto const& member : members)
    if (may_serve(member, request) == donor_verdict::kept) all.add(member.executed);
  return all;
}

std::vector<contender> contenders(std::span<candidate const> members, selection_request const& request) {
  auto const all = executed_by_all(members, request);
  std::vector<contender> found;
  for (auto const& member : members)
    if (may_serve(member, request) == donor_verdict::kept)
      found.push_back({&member, difference_of(all, member.executed).count(), place_among_named(member.id, request)});
  return found;
}

}  // namespace

std::string_view to_string(member_state state) {
  switch (state) {
    case member_state::online: return "ONLINE";
    case member_state::recovering: return "RECOVERING";
    case member_state::unreachable: return "UNREACHABLE";
    case member_state::offline: return "OFFLINE";
    case member_state::error: return "ERROR";
  }
  return "?";
}

std::string_view to_string(donor_verdict verdict) {
  switch (verdict) {
    case donor_verdict::kept: return "kept";
    case donor_verdict::lagging: return "lagging";
    case donor_verdict::is_self: return "self";
    case donor_verdict::not_online: return "not online";
    case donor_verdict::is_arbiter: return "arbiter";
    case donor_verdict::no_vote: return "no vote";
    case donor_verdict::incompatible: return "incompatible";
    case donor_verdict::log_purged: return "log purged";
    case donor_verdict::not_cloneable: return "not cloneable";
  }
  return "?";
}

gtid_set purged_before(base::uuid const& group, std::int64_t first_available) {
  ensure(first_available >= 1);
  gtid_set purged;
  if (first_available > 1) purged.add(group, {1, first_available - 1});
  return purged;
}

donor_verdict may_serve(candidate const& member, selection_request const& request) {
  if (member.id == request.self) return donor_verdict::is_self;
  if (member.arbiter) return donor_verdict::is_arbiter;
  if (!member.votes) return donor_verdict::no_vote;
  if (member.state != member_state::online) return donor_verdict::not_online;
  if (request.kind == transfer_kind::clone)
    return member.cloneable ? donor_verdict::kept : donor_verdict::not_cloneable;
  if (!member.compatible) return donor_verdict::incompatible;
  return member.purged.intersects(request.missing) ? donor_verdict::log_purged : donor_verdict::kept;
}

selection select_donors(std::span<candidate const> members, selection_request const& request, base::prng& random) {
  ensure(request.donor_threshold >= 1);
  auto const all = contenders(members, request);
  auto const is_close = [&](contender const& who) { return who.lag < request.donor_threshold; };
  bool const nobody_is_close = std::ranges::none_of(all, is_close);

  selection answer;
  std::vector<contender> kept;
  auto next = all.begin();  // `all` has the members that may serve, in the order given
  for (auto const& member : members) {
    auto row = decision{member.id, 0, may_serve(member, request), {}};
    row.why = reason(row.verdict, member);
    if (row.verdict == donor_verdict::kept) {
      row.lag = next->lag;
      bool const named = next->place < request.named.size();
      bool const keep = named || nobody_is_close || is_close(*next);
      row.verdict = keep ? donor_verdict::kept : donor_verdict::lagging;
      row.why = keep ? reason_kept(row.lag, request, nobody_is_close, named) : reason_lagging(row.lag, request);
      if (keep) kept.push_back(*next);
      ++next;
    }
    answer.rows.push_back(std::move(row));
  }
  put_in_order(kept, request, random);
  for (auto const& who : kept) answer.order.push_back(who.member->id);
  return answer;
}

}  // namespace recovery
