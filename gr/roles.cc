#include "gr/roles.hh"

#include <algorithm>

#include "gr/messages.hh"

namespace gr {
namespace {

void begin_epoch(group_roles& roles, primary_mode mode, xcom::member_id const& primary, seqno_t position) {
  ++roles.epoch;
  roles.mode = mode;
  roles.primary = primary;
  roles.since = position;
  roles.switching.reset();
}

// One change of the mode, the primary or the actions at its place in the log; each alternative of role_change.
struct changer {
  group_roles& roles;
  xcom::member_id const& from;
  xcom::site const& at;
  seqno_t position;

  [[nodiscard]] bool knows(xcom::member_id const& who) const { return can_be_primary(at.find(who)); }
  [[nodiscard]] bool is_single() const { return roles.mode == primary_mode::single; }

  std::string operator()(elect const& what) const {
    if (!is_single()) return "the group is in multi-primary mode";
    if (!knows(what.winner)) return "the member elected is not ONLINE any more";
    if (what.winner == roles.primary) return "the member elected is the primary already";
    begin_epoch(roles, primary_mode::single, what.winner, position);
    return {};
  }

  std::string operator()(begin_switch const& what) const {
    if (!is_single()) return "the group is in multi-primary mode: group_replication_switch_to_single_primary_mode()";
    if (!knows(what.to)) return "the member chosen is not an ONLINE member with a vote";
    if (!roles.has_primary()) return "a primary is being elected; try again";
    if (what.to == roles.primary) return "the member chosen is the primary already";
    if (roles.switching) return "another change of the primary is under way";
    roles.switching = switch_under_way{what.to, what.patience_ms};
    return {};
  }

  std::string operator()(finish_switch const&) const {
    if (!roles.switching || from != roles.primary) return "no change of the primary is under way";
    begin_epoch(roles, primary_mode::single, roles.switching->to, position);
    return {};
  }

  std::string operator()(cancel_switch const&) const {
    if (!roles.switching) return "no change of the primary is under way";
    roles.switching.reset();
    return {};
  }

  std::string operator()(change_mode const& what) const {
    if (what.to == roles.mode) return std::string("the group is in ") + to_string(what.to) + " mode already";
    if (roles.switching) return "a change of the primary is under way";
    if (what.to == primary_mode::multi) {
      begin_epoch(roles, what.to, {}, position);
      return {};
    }
    if (at.rules.protocol < xcom::protocol_with_roles)
      return "the group speaks protocol " + std::to_string(at.rules.protocol) + ", and single-primary mode needs " +
             std::to_string(xcom::protocol_with_roles) + " (group_replication_set_communication_protocol)";
    if (!knows(what.primary)) return "the member chosen is not an ONLINE member with a vote";
    begin_epoch(roles, what.to, what.primary, position);
    return {};
  }

  std::string operator()(set_action const& what) const {
    bool& flag =
        what.which == member_action_kind::lift_read_only ? roles.actions.lift_read_only : roles.actions.start_channels;
    flag = what.enabled;
    ++roles.actions.version;
    return {};
  }

  std::string operator()(reset_actions const&) const {
    roles.actions = {.version = roles.actions.version + 1};
    return {};
  }
};

bool is_of_epoch(role_change const& what) {
  return !std::holds_alternative<set_action>(what) && !std::holds_alternative<reset_actions>(what);
}

}  // namespace

bool can_be_primary(xcom::site_member const* who) {
  return who != nullptr && who->role == xcom::member_role::voter && is_online(*who);
}

group_roles founding_roles(primary_mode mode, election_mode elects, xcom::member_id const& founder, seqno_t position) {
  group_roles roles;
  roles.elects = elects;
  if (mode == primary_mode::single) begin_epoch(roles, mode, founder, position);
  return roles;
}

std::string apply(group_roles& to, role_message const& what, xcom::member_id const& from, xcom::site const& at,
                  seqno_t position) {
  if (is_of_epoch(what.what) && what.epoch != to.epoch)
    return "the primary or the mode was changed meanwhile (epoch " + std::to_string(to.epoch) + ", meant for " +
           std::to_string(what.epoch) + ")";
  return std::visit(changer{to, from, at, position}, what.what);
}

void follow_site(group_roles& roles, xcom::site const& at, seqno_t position) {
  if (roles.mode == primary_mode::multi) return;
  if (roles.has_primary() && !can_be_primary(at.find(roles.primary)))
    begin_epoch(roles, primary_mode::single, {}, position);
  if (roles.switching && !can_be_primary(at.find(roles.switching->to))) roles.switching.reset();
}

std::string describe(role_change const& what, std::function<std::string(xcom::member_id const&)> const& name) {
  struct describer {
    std::function<std::string(xcom::member_id const&)> const& name;
    std::string operator()(elect const& each) const { return name(each.winner) + " is elected as the primary"; }
    std::string operator()(begin_switch const& each) const {
      return "the primary is to be " + name(each.to) + ", and open transactions have " +
             std::to_string(each.patience_ms) + " ms to end";
    }
    std::string operator()(finish_switch const&) const { return "the primary has handed over"; }
    std::string operator()(cancel_switch const& each) const {
      return "the change of the primary is given up: " + each.why;
    }
    std::string operator()(change_mode const& each) const {
      if (each.to == primary_mode::multi) return "multi-primary mode: every member takes writes";
      return "single-primary mode: " + name(each.primary) + " takes writes";
    }
    std::string operator()(set_action const& each) const {
      return std::string(member_action_names.at(static_cast<std::size_t>(each.which)).name) +
             (each.enabled ? " is enabled" : " is disabled");
    }
    std::string operator()(reset_actions const&) const { return "the member actions are what they were at first"; }
  };
  return std::visit(describer{name}, what);
}

char const* to_string(primary_mode mode) { return mode == primary_mode::multi ? "multi-primary" : "single-primary"; }

char const* to_string(election_mode mode) {
  switch (mode) {
    case election_mode::weight_only: return "WEIGHT_ONLY";
    case election_mode::gtid_first: return "GTID_FIRST";
    case election_mode::weight_first: break;
  }
  return "WEIGHT_FIRST";
}

std::optional<election_mode> election_mode_named(std::string_view name) {
  for (auto const each : {election_mode::weight_only, election_mode::gtid_first, election_mode::weight_first})
    if (name == to_string(each)) return each;
  return std::nullopt;
}

std::optional<member_action_kind> member_action_named(std::string_view name) {
  auto const at = std::ranges::find(member_action_names, name, &member_action_name::name);
  return at == member_action_names.end() ? std::nullopt : std::optional(at->kind);
}

}  // namespace gr
