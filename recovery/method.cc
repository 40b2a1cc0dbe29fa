#include "recovery/method.hh"

#include <algorithm>

namespace recovery {
namespace {

gtid_set held_by_online(std::span<candidate const> members, member_id const& self) {
  gtid_set all;
  for (auto const& member : members) {
    // An arbiter's sets count nothing: it holds no data that could be missing here. Nor do those of one without a vote:
    // what only it has heard of yet could not be fetched from anybody.
    if (member.id == self || !member.is_source() || member.state != member_state::online) continue;
    all.add(member.executed);
    all.add(member.received);
  }
  return all;
}

struct supply {
  std::size_t log_donors = 0;
  std::size_t clone_donors = 0;
  std::size_t recovering_donors = 0;  // would be log donors if they were ONLINE
};

supply count_donors(std::span<candidate const> members, member_id const& self, gtid_set const& missing) {
  selection_request log;
  log.self = self;
  log.missing = missing;
  selection_request clone;
  clone.kind = transfer_kind::clone;
  clone.self = self;
  supply found;
  for (auto member : members) {
    found.log_donors += may_serve(member, log) == donor_verdict::kept;
    found.clone_donors += may_serve(member, clone) == donor_verdict::kept;
    if (member.state != member_state::recovering) continue;
    member.state = member_state::online;
    found.recovering_donors += may_serve(member, log) == donor_verdict::kept;
  }
  return found;
}

std::string compared(gtid_set const& missing, char const* sign, std::uint64_t threshold) {
  auto count = std::to_string(missing.count()) + " transactions missing";
  if (threshold == clone_threshold_max) return count;  // nobody set it
  return count + " " + sign + " clone_threshold " + std::to_string(threshold);
}

}  // namespace

std::string_view to_string(method what) {
  switch (what) {
    case method::log_transfer: return "incremental";
    case method::clone: return "clone";
    case method::wait: return "wait";
    case method::leave: return "leave";
  }
  return "?";
}

method_choice choose_method(std::span<candidate const> members, method_request const& request) {
  method_choice choice;
  choice.missing = difference_of(held_by_online(members, request.self), request.own);
  auto const donors = count_donors(members, request.self, choice.missing);
  bool const breach = choice.missing.count() >= request.clone_threshold;
  bool const may_clone = request.can_clone && donors.clone_donors > 0;
  auto const as = [&](method what, std::string why) {
    choice.what = what;
    choice.why = std::move(why);
    return choice;
  };

  if (!request.has_data) {
    if (may_clone) return as(method::clone, "this member holds no data yet");
    // One that holds nothing itself is not waited for: two such would wait for each other.
    bool const later = std::any_of(members.begin(), members.end(), [&](auto const& member) {
      return member.id != request.self && member.is_source() && member.state == member_state::recovering &&
             !member.executed.empty();
    });
    if (later)
      return as(method::wait, "this member holds no data, and the members it could copy are RECOVERING themselves");
    return as(method::leave, "this member holds no data, and nobody can be cloned");
  }
  if (breach && may_clone && request.clones_done == 0)
    return as(method::clone, compared(choice.missing, ">=", request.clone_threshold));
  if (donors.log_donors == 0 && may_clone && request.clones_done < clones_in_a_row_max)
    return as(method::clone, "no ONLINE member's log still holds all of the " + std::to_string(choice.missing.count()) +
                                 " missing transactions");
  if (donors.log_donors > 0) {
    if (!breach) return as(method::log_transfer, compared(choice.missing, "<", request.clone_threshold));
    auto const* const why = request.clones_done > 0 ? ", but a clone was just made"
                            : !request.can_clone    ? ", but this server cannot take a clone now"
                                                    : ", but nobody can be cloned";
    return as(method::log_transfer, compared(choice.missing, ">=", request.clone_threshold) + why);
  }
  if (donors.recovering_donors > 0) return as(method::wait, "the members that could help are RECOVERING themselves");
  return as(method::leave, "no member can send the " + std::to_string(choice.missing.count()) +
                               " missing transactions, and no clone is possible");
}

}  // namespace recovery
