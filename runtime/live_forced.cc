// A majority that is gone for good, and a human who says with whom to go on (xcom/node_forced.cc).
#include <algorithm>
#include <chrono>

#include "runtime/live_group.hh"

namespace runtime {
namespace {

// Longer than the node takes to give it up.
constexpr auto patience = std::chrono::seconds(60);

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

void live_group::begin_forcing(std::string const& addresses) {
  auto const refuse = [this](std::string const& why) {
    forcing_->answer(base::fail(why));
    forcing_.reset();
  };
  if (!node_ || !node_->is_member() || closing_ || gave_up_) return refuse("this member is not in the group");
  auto const& members = node_->current_site().members;
  std::vector<xcom::member_id> who;
  for (auto const& address : parts_of(addresses)) {
    auto const at = std::ranges::find(members, address, &xcom::site_member::address);
    if (at != members.end()) {
      who.push_back(at->id);
      continue;
    }
    std::string known;
    for (auto const& each : members) known += (known.empty() ? "" : ", ") + each.address;
    return refuse("'" + address + "' is not the address of a member; they are " + known);
  }
  if (addresses.empty())
    for (auto const& each : members)
      if (each.id == self_ || (node_->peers().contains(each.id) && !node_->peers().at(each.id).suspected &&
                               each.role != xcom::member_role::non_voting))
        who.push_back(each.id);
  if (auto const why = node_->why_not_forced(who); !why.empty()) return refuse(why);
  say(gr::server::level::warning, "a majority of the group is given up for lost: asking " +
                                      (addresses.empty() ? std::string("all that are reachable") : addresses) +
                                      " to go on without it");
  step_node(xcom::force_members{who});
}

void live_group::check_forcing() {
  if (!forcing_ || node_->is_forcing()) return;
  forcing_->answer(node_->have_quorum()
                       ? base::result<void>{}
                       : base::fail("the members named did not all agree in time, or another one spoke; "
                                    "nothing was changed"));
  forcing_.reset();
}

}  // namespace runtime
