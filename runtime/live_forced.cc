// A majority that is gone for good, and a human who says with whom to go on (xcom/node_forced.cc).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/live_group.hh"

namespace runtime {
namespace {

// Longer than the node takes to give it up.
constexpr auto patience = std::chrono::seconds(60);
// What speaks against it may be a heartbeat old: who lost its leader a moment ago has not said so yet.
constexpr std::uint64_t objection_ticks = 150;

std::vector<std::string> parts_of(std::string const& list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= list.size();) {
    auto const end = std::min(list.find(',', at), list.size());
    auto const first = list.find_first_not_of(" \t", at);
    auto const last = list.find_last_not_of(" \t", end - 1);
    if (first < end && end > at) parts.push_back(list.substr(first, last + 1 - first));
    at = end + 1;
  }
  return parts;
}

}  // namespace

base::result<void> live_group::force_members(std::string const& addresses) {
  auto const answer = std::make_shared<ticket<base::result<void>>>();
  post([this, addresses, answer] {
    if (forcing_) return answer->answer(base::fail("an earlier list is being carried out"));
    forcing_ = answer;
    begin_forcing(addresses);
  });
  if (!is_open()) return base::fail("this server is not connected to a group");
  auto const done = answer->wait_for(patience);
  return done ? *done : base::fail("no answer within " + std::to_string(patience.count()) + " s");
}

// None named: all that are reachable.
base::result<std::vector<xcom::member_id>> live_group::members_named(std::string const& addresses) const {
  auto const& members = node_->current_site().members;
  std::vector<xcom::member_id> who;
  for (auto const& address : parts_of(addresses)) {
    auto const at = std::ranges::find(members, address, &xcom::site_member::address);
    if (at == members.end()) {
      std::string known;
      for (auto const& each : members) known.append(known.empty() ? "" : ", ").append(each.address);
      return base::fail(fmt::format("'{}' is not the address of a member; they are {}", address, known));
    }
    who.push_back(at->id);
  }
  if (!who.empty()) return who;
  for (auto const& each : members) {
    auto const peer = node_->peers().find(each.id);
    bool const heard = peer != node_->peers().end() && !peer->second.suspected && !peer->second.link_down;
    if (each.id == self_ || (heard && xcom::has_vote(each.role))) who.push_back(each.id);
  }
  return who;
}

void live_group::begin_forcing(std::string const& addresses) {
  to_force_ = addresses;
  force_by_ = now_.plus(objection_ticks);
  check_forcing();
}

void live_group::begin_to_force() {
  bool const takes_part = node_ && node_->is_member() && !closing_ && !gave_up_;
  auto const who = takes_part ? members_named(*to_force_) : base::fail("this member is not in the group");
  auto const why = who ? node_->why_not_forced(*who) : who.error().text;
  if (who && !why.empty() && now_ < force_by_) return;
  to_force_.reset();
  if (!why.empty()) return std::exchange(forcing_, nullptr)->answer(base::fail(why));
  std::string all;
  for (auto const& each : *who) all.append(all.empty() ? "" : ", ").append(xcom::to_string(each));
  say(gr::server::level::warning,
      "a majority of the group is given up for lost: asking " + all + " to go on without it");
  step_node(xcom::force_members{*who});
}

void live_group::check_forcing() {
  if (!forcing_) return;
  if (to_force_) return begin_to_force();
  if (node_->is_forcing()) return;
  publish_status();  // whoever asked looks at once
  forcing_->answer(node_->have_quorum()
                       ? base::result<void>{}
                       : base::fail("the members named did not all agree in time, or another one spoke; "
                                    "nothing was changed"));
  forcing_.reset();
}

}  // namespace runtime
