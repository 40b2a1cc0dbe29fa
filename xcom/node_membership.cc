// Who belongs to the group: heartbeats, suspicion, joining, leaving, expelling, and what the leader makes of wishes.
#include <algorithm>
#include <utility>

#include "base/ensure.hh"
#include "xcom/node.hh"

namespace xcom {

bool node::hears(member_id const& who) const {
  if (who == config_.self) return true;
  auto const at = peers_.find(who);
  if (at == peers_.end() || !at->second.spoke || at->second.link_down) return false;
  return now_.value() - at->second.heard.value() <= config_.suspect_ticks.value();
}

void node::take(member_id const& from, heartbeat const& what) {
  if (phase_ != phase::member) return;
  auto const at = peers_.find(from);
  if (at == peers_.end()) {
    // Somebody who was taken out and has not heard: only who knows a newer site than it may say so.
    // (Or that has, and asks whether we have: see take(not_a_member).)
    if (what.site_version <= site_.version && site_.find(from) == nullptr)
      return emit(send{what.address, not_a_member{log_, site_}});
    return take_from_stranger(from, what);
  }
  if (what.delivered < at->second.last.delivered) at->second.without_note = {};
  at->second.last = what;
  // What was sent to it in vain need not wait as long as the last attempts were apart.
  if (note_echo(at->second, what) && leader() == from) forward_repeats_ = 0;
  if (what.leader.proposer == from && what.leader >= promised_ && what.leader.round > 0) {
    promise_to(what.leader);
    if (what.leader >= following_) follow(what.leader);
    if (what.leader == following_) watermark_ = std::max(watermark_, what.decided);
    learn_from_followed_leader();
  } else if (following_.proposer == from && !is_leader() && what.leader != following_) {
    leaderless_ = true;  // it does not lead any more
  }
  // We have promised a later ballot, of an election that came to nothing, and cannot follow it: it has to know.
  if (what.leader.proposer == from && what.leader.round > 0 && what.leader < promised_)
    send_to(from, refuse{log_, promised_});
}

// A member of a newer site than we know: what it has decided holds the change that made it one.
void node::take_from_stranger(member_id const& from, heartbeat const& what) {
  if (what.site_version <= site_.version || strangers_.size() >= site_members_max) return;
  strangers_[from] = what.address;
  peers_[from] = peer{.heard = now_, .spoke = true, .last = what, .echoed_at = now_};
}

void node::send_heartbeats() {
  heartbeat_due_ = now_.plus(config_.heartbeat_ticks.value());
  heartbeat mine;
  mine.log = log_;
  mine.address = self_.address;
  mine.site_version = site_.version;
  if (auto const* lead = std::get_if<leading>(&role_))
    mine.leader = lead->by;
  else if (!leaderless_)
    mine.leader = following_;
  mine.decided = decided_;
  mine.delivered = delivering_ ? delivered_ : slot_no{};
  mine.log_begins = log_begins_;
  mine.app = facts_;
  if (site_.rules.protocol >= protocol_with_links) mine.linked = linked();
  say_to_all(std::move(mine), *out_);
}

void node::say_to_all(heartbeat what, std::vector<action>& out) {
  what.count = ++heartbeats_sent_;
  for (auto const& each : site_.members) {
    if (each.id == config_.self) continue;
    auto const at = peers_.find(each.id);
    what.echo = at == peers_.end() ? 0 : at->second.last.count;
    out.emplace_back(send{each.address, what});
  }
}

bool node::keep_alive(base::tick_count now, heartbeat const& said, std::vector<action>& out) {
  now_ = now;
  if (phase_ != phase::member || !hears_majority()) return false;
  auto again = said;
  if (site_.rules.protocol >= protocol_with_links) again.linked = linked();
  say_to_all(std::move(again), out);
  return true;
}

bool node::hears_majority() const {
  return is_majority([this](member_id const& id) { return hears(id); });
}

void node::tick_suspicions() {
  for (auto& [id, each] : peers_) {
    bool const silent = !hears(id);
    if (silent && !each.suspected) {
      each.suspected = true;
      ++each.suspicions;
    }
  }
  // Who is heard again begins anew, should it fall silent once more.
  std::erase_if(wishes_, [&](wish const& each) { return each.what == wish::kind::expel && hears(each.who.id); });
  if (!is_leader() || !have_quorum_) return;
  for (auto const& [id, each] : peers_) {
    auto const* member = site_.find(id);
    std::uint64_t const silence = now_.value() - each.heard.value();
    if (member == nullptr || !each.suspected) continue;
    if (silence > config_.suspect_ticks.value() + config_.expel_ticks.value()) wish_for(wish::kind::expel, *member);
  }
}

void node::update_quorum() {
  std::vector<member_id> reachable;  // in the order of the site
  reachable.reserve(site_.members.size());
  for (auto const& each : site_.members)
    if (hears(each.id)) reachable.push_back(each.id);
  bool const have = hears_majority();
  if (have == have_quorum_ && reachable == reachable_) return;
  have_quorum_ = have;
  reachable_ = reachable;
  emit(quorum_changed{have, std::move(reachable)});
}

void node::tick_membership() {
  if (phase_ == phase::member && now_ >= heartbeat_due_) send_heartbeats();
  if (now_ < request_due_) return;
  request_due_ = now_.plus(config_.resend_ticks.value());
  tick_requests();
}

void node::tick_requests() {
  if (phase_ == phase::joining) {
    join_request ask{self_, {}};
    std::erase_if(answered_,
                  [&](auto const& each) { return now_.value() - each.second.value() > config_.suspect_ticks.value(); });
    for (auto const& [address, when] : answered_) ask.heard.push_back(address);
    for (auto const& seed : seeds_)
      if (seed != self_.address) emit(send{seed, ask});
    return;
  }
  // The last one has nobody to tell; what is decided is delivered first, so that it knows itself to be the last.
  if (leaving_ && !departing() && site_.members.size() <= 1 && (!delivering_ || delivered_ == decided_)) {
    phase_ = phase::gone;
    return emit(left{});
  }
  ask_for_rules();
  if (is_leader()) return;
  auto const to = leader();
  if (!to) return;
  if (leaving_) return send_to(*to, leave_request{log_, config_.self});
  auto const* in_site = site_.find(config_.self);
  if (in_site != nullptr && !(*in_site == self_)) send_to(*to, update_request{log_, self_});
}

// ---- wishes and what becomes of them ----

void node::wish_for(wish::kind what, site_member const& who) {
  auto const same = [&](wish const& each) { return each.who.id == who.id && each.what == what; };
  if (auto const at = std::find_if(wishes_.begin(), wishes_.end(), same); at != wishes_.end())
    at->who = who;
  else if (wishes_.size() < site_members_max * 2)
    wishes_.push_back({what, who});
}

void node::drop_wishes_granted() {
  std::erase_if(wishes_, [&](wish const& each) {
    auto const* there = site_.find(each.who.id);
    if (each.what == wish::kind::leave || each.what == wish::kind::expel) return there == nullptr;
    if (!each.who.speaks.holds(site_.rules.protocol)) return true;
    if (each.what == wish::kind::update) return there == nullptr || *there == each.who;
    auto const* same_server = site_.find_uuid(each.who.id.uuid);
    return same_server != nullptr && same_server->id.incarnation >= each.who.id.incarnation;
  });
}

// The last vote stays, and a full house has no more.
void node::update(site& next, site_member const& wished) {
  auto const at = std::find_if(next.members.begin(), next.members.end(),
                               [&](auto const& member) { return member.id == wished.id; });
  if (at == next.members.end()) return;
  auto const role = at->role;
  *at = wished;
  // Nobody goes back to joining: one that was restarted may not know yet that it has its vote, and others may count on it.
  if (wished.role == member_role::joining || next.voters() == 0 || next.voters() > site_voters_max) at->role = role;
}

// Arbiters hold nothing and joiners nothing yet: left to themselves they could bring up nobody, not even who comes back with all of it.
// So the last one of the others keeps its place, whatever becomes of it.
bool node::has_data_without(site const& next, member_id const& who) const {
  auto const* const goes = next.find(who);
  if (goes == nullptr || goes->role != member_role::voter) return true;
  return std::ranges::any_of(next.members, [&](auto const& each) {
    return each.id != who && each.role == member_role::voter && (each.id == config_.self || hears(each.id));
  });
}

// Those who stay need a majority among them that is heard, or nobody could expel the silent one that stands in its way. Who
// leaves waits for that; in the end it goes without a word, as if it had died.
void node::let_go(site& next, member_id const& who) const {
  auto const at = std::ranges::find(next.members, who, &site_member::id);
  if (at == next.members.end() || next.members.size() == 1) return;
  if (!has_data_without(next, who)) return;
  if (next.votes(who)) {
    auto without = next;
    std::erase_if(without.members, [&](auto const& each) { return each.id == who; });
    auto const heard = std::ranges::count_if(without.members, [&](auto const& each) {
      return without.votes(each.id) && (each.id == config_.self || hears(each.id));
    });
    if (without.voters() == 0 || static_cast<std::size_t>(heard) < without.majority()) return;
  }
  next.members.erase(at);
}

// The site in force with everything wished for worked in; nothing when that is no change.
std::optional<site> node::wished_site() const {
  if (wishes_.empty() && !wished_rules_ && !site_due_ && forced_.empty()) return std::nullopt;
  site next = site_;
  if (!forced_.empty()) {
    std::erase_if(next.members, [&](auto const& each) { return !forced_.contains(each.id); });
    next.version = site_.version + 1;
    return next;
  }
  if (wished_rules_ && wished_rules_->since == site_.rules.since && why_not_rules(*wished_rules_).empty()) {
    next.rules = *wished_rules_;
    next.rules.since = site_.version + 1;
  }
  for (auto const& each : wishes_) {
    // By the rules that come with it: since it was wished for another protocol may have been.
    bool const understands = each.who.speaks.holds(next.rules.protocol);
    if (each.what == wish::kind::update && understands) update(next, each.who);
    auto const at = std::find_if(next.members.begin(), next.members.end(),
                                 [&](auto const& member) { return member.id == each.who.id; });
    bool const goes = each.what == wish::kind::expel && !hears(each.who.id);
    bool const last_vote = next.votes(each.who.id) && next.voters() == 1;
    bool const goes_now = goes && at != next.members.end() && next.members.size() > 1 && !last_vote;
    if (goes_now && has_data_without(next, each.who.id)) next.members.erase(at);
    if (each.what == wish::kind::join && understands && at == next.members.end()) {
      // Whoever comes back at an address, or as a uuid, takes the place of the one before.
      std::erase_if(next.members, [&](auto const& member) {
        return member.id.uuid == each.who.id.uuid || member.address == each.who.address;
      });
      next.members.push_back(each.who);
    }
  }
  // After the others: who is silent is better expelled first.
  for (auto const& each : wishes_)
    if (each.what == wish::kind::leave) let_go(next, each.who.id);
  std::sort(next.members.begin(), next.members.end(),
            [](auto const& left, auto const& right) { return left.id < right.id; });
  if (next.members == site_.members && next.rules == site_.rules && !site_due_) return std::nullopt;
  next.version = site_.version + 1;
  return next;
}

std::string node::refusal(site_member const& joiner) const {
  if (auto const* there = site_.find_uuid(joiner.id.uuid);
      there != nullptr && there->id.incarnation > joiner.id.incarnation)
    return "this member's uuid " + base::to_string(joiner.id.uuid) +
           " is in the group already with a newer incarnation (" + to_string(there->id) + " at " + there->address +
           "); two servers must not share one data directory's identity";
  if (auto const* there = site_.find_uuid(joiner.id.uuid);
      there != nullptr && there->address != joiner.address && hears(there->id))
    return "a live member at " + there->address + " has the same uuid " + base::to_string(joiner.id.uuid) +
           "; remove the group_replication.*.log files of the copied data directory and start again";
  bool const replaces = std::any_of(site_.members.begin(), site_.members.end(), [&](auto const& each) {
    return each.address == joiner.address || each.id.uuid == joiner.id.uuid;
  });
  if (!joiner.speaks.holds(site_.rules.protocol))
    return "the group speaks protocol " + std::to_string(site_.rules.protocol) + ", this server " +
           to_string(joiner.speaks) + ": it is too " +
           (joiner.speaks.highest < site_.rules.protocol ? "old"
                                                         : "new for as long as the group's protocol is not raised");
  if (replaces) return {};
  if (site_.members.size() >= site_members_max)
    return "the group has " + std::to_string(site_.members.size()) + " members, the maximum";
  // Who is joining wants a vote in the end.
  auto const voters =
      std::ranges::count_if(site_.members, [](auto const& each) { return each.role != member_role::non_voting; });
  if (joiner.role != member_role::non_voting && static_cast<std::size_t>(voters) >= site_voters_max)
    return "the group has " + std::to_string(voters) +
           " members with a vote, the maximum; with group_replication_non_voting = ON this server can follow without";
  return {};
}

// Another server speaks as a member from the joiner's address. It may have died a moment ago, and the joiner be its
// successor, so it is given the time that silence takes to show; then one of the two has the wrong address.
bool node::is_address_contested(site_member const& joiner) {
  auto const there = std::find_if(site_.members.begin(), site_.members.end(), [&](auto const& each) {
    return each.address == joiner.address && each.id.uuid != joiner.id.uuid;
  });
  if (there == site_.members.end() || !hears(there->id)) {
    contested_.erase(joiner.id);
    return false;
  }
  if (contested_.size() > site_members_max) contested_.clear();
  auto const since = contested_.try_emplace(joiner.id, now_).first->second;
  if (now_.value() - since.value() > 2 * config_.suspect_ticks.value()) {
    contested_.erase(joiner.id);
    emit(
        send{joiner.address, join_refused{"a live member of the group, " + to_string(there->id) + ", has the address " +
                                          joiner.address + " already; give this server one of its own"}});
  }
  return true;
}

void node::take(member_id const& from, join_request const& what) {
  if (phase_ != phase::member || what.joiner.id.incarnation == 0 || from != what.joiner.id) return;
  if (site_.find(what.joiner.id) != nullptr) return welcome_if_delivered(what.joiner);
  auto const led_by = leader();
  auto const* leads = led_by ? site_.find(*led_by) : nullptr;
  emit(send{what.joiner.address, join_answer{self_.address, leads == nullptr ? std::string{} : leads->address}});
  if (!is_leader()) return;
  if (auto reason = refusal(what.joiner); !reason.empty())
    return emit(send{what.joiner.address, join_refused{std::move(reason)}});
  bool const hears_us = std::ranges::find(what.heard, self_.address) != what.heard.end();
  if (!is_address_contested(what.joiner) && hears_us) wish_for(wish::kind::join, what.joiner);
}

void node::take(member_id const&, join_answer const& what) {
  if (phase_ != phase::joining) return;
  for (auto const* address : {&what.address, &what.leader})
    if (!address->empty() && seeds_.size() < site_members_max && std::ranges::find(seeds_, *address) == seeds_.end())
      seeds_.push_back(*address);
  named_leader_ = what.leader;
  bool const is_news = !answered_.contains(what.address);
  if (answered_.size() < site_members_max || !is_news) answered_[what.address] = now_;
  if (is_news) request_due_ = now_;
}

std::string node::unheard_leader() const {
  bool const somebody_answers = phase_ == phase::joining && !answered_.empty();
  return somebody_answers && !answered_.contains(named_leader_) ? named_leader_ : std::string{};
}

void node::take(member_id const&, join_refused const& what) {
  if (phase_ != phase::joining) return;
  phase_ = phase::gone;
  emit(join_failed{what.reason});
}

// Only somebody who delivered the change that holds the joiner has the replicated state that goes with it.
void node::welcome_if_delivered(site_member const& joiner) {
  if (!delivering_ || delivering_->at.find(joiner.id) == nullptr) return;
  emit(send_welcome{joiner.address, welcome{log_, promised_, checkpoint_here()}});
}

void node::welcome_new_members(site const& before, site const& after) {
  if (!is_leader()) return;
  for (auto const& each : after.members)
    if (each.id != config_.self && before.find(each.id) == nullptr) welcome_if_delivered(each);
}

void node::take(member_id const&, welcome const& what) {
  if (phase_ != phase::joining || what.at.at.find(config_.self) == nullptr) return;
  phase_ = phase::member;
  log_ = what.log;
  site_ = what.at.at;
  decided_ = decided_stored_ = what.at.slot;
  log_begins_ = decided_.next();
  promised_ = what.promised;
  for (auto const& each : site_.members)
    if (each.id != config_.self) peers_[each.id] = peer{.heard = now_, .spoke = true, .echoed_at = now_};
  election_due_ = now_.plus(config_.suspect_ticks.value());
  emit(joined{log_, what.at, promised_});
  emit(site_installed{decided_, site_});
  send_heartbeats();
  update_quorum();
}

void node::take(member_id const& from, leave_request const& what) {
  if (phase_ != phase::member || what.who != from) return;
  auto const* member = site_.find(from);
  if (member != nullptr && is_leader()) wish_for(wish::kind::leave, *member);
}

void node::take(member_id const& from, update_request const& what) {
  if (phase_ != phase::member || what.self.id != from || !is_leader()) return;
  auto const* member = site_.find(from);
  bool const understands = what.self.speaks.holds(site_.rules.protocol);
  if (member != nullptr && understands && !(*member == what.self)) wish_for(wish::kind::update, what.self);
}

// A majority of our site would have had to agree to an ordinary change of it: these were forced to go on, by a human who took
// us for gone. We are not: there is a majority beside them, with a leader it follows. One that was restarted has no leader yet,
// and gives way. So does one that slept through several changes: those it hears are all on the other side.
bool node::goes_on_without(site const& theirs) const {
  if (!has_live_leader() || theirs.find(*leader()) != nullptr) return false;
  return is_majority([&](member_id const& id) { return hears(id) && theirs.find(id) == nullptr; });
}

void node::take(member_id const& from, not_a_member const& what) {
  if (phase_ != phase::member || what.at.find(config_.self) != nullptr) return;
  if (!leaving_ && goes_on_without(what.at) && what.at.version > site_.version) {
    if (std::exchange(split_off_, what.at.version) != what.at.version) emit(split_off{from, what.at});
    return;
  }
  // A newer site than ours says it all, unless we are leaving. Once we have the decision ourselves, others count that have it.
  bool const know_it = what.at.version == site_.version && departing();
  if (what.at.version <= site_.version && !know_it) return;
  // Should it die now, whoever told us may have been the only other one who knows. But where the site that took us out was
  // followed by another, a majority of it has agreed to that one, and not all who do now have a link to us.
  bool const followed = departing() && what.at.version > site_.version;
  if ((leaving_ || departing()) && !followed) {
    released_by_.insert(from);
    auto const know = std::ranges::count_if(released_by_, [&](auto const& each) { return what.at.votes(each); });
    if (static_cast<std::size_t>(know) < what.at.majority()) return;
  }
  phase_ = phase::gone;
  if (leaving_)
    emit(left{});
  else
    emit(expelled{what.at});
}

void node::take(member_id const& from, direct const& what) { emit(received_direct{from, what.payload}); }

}  // namespace xcom
