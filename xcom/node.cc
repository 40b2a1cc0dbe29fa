#include "xcom/node.hh"

#include <algorithm>
#include <utility>

#include "base/ensure.hh"

namespace xcom {
namespace {

site site_of_one(site_member const& self, std::uint64_t version, site_rules rules) {
  rules.since = version;
  return site{version, {self}, rules};
}

// The newest that the founder speaks, unless the group goes on from one that had rules.
site_rules founding_rules(node_config const& config, site const& before) {
  if (before.version > 0) return before.rules;
  auto rules = config.rules;
  rules.protocol = config.speaks.highest;
  return rules;
}

}  // namespace

node::node(node_config config, beginning how, base::prng random)
    : config_(std::move(config)), random_(random), next_seq_(first_of_boot(config_.boot)) {
  if (auto const* group = std::get_if<begin_group>(&how)) {
    log_ = group->log;
    self_ = group->self;
    self_.speaks = config_.speaks;
    site_ = site_of_one(self_, group->last.at.version + 1, founding_rules(config_, group->last.at));
    decided_ = decided_stored_ = delivered_ = group->last.slot;
    log_begins_ = decided_.next();
    site_due_ = true;  // the site of one becomes the first slot, so that the log opens with a view
  } else if (auto const* again = std::get_if<begin_again>(&how)) {
    log_ = again->log;
    self_ = again->self;
    self_.speaks = config_.speaks;
    site_ = again->force_alone ? site_of_one(self_, again->at.version + 1, again->at.rules) : again->at;
    promised_ = again->promised;
    decided_ = decided_stored_ = again->decided;
    log_begins_ = again->log_begins;
    for (auto const& each : again->undecided)
      if (each.slot > decided_) hold(each);
    site_due_ = again->force_alone;
    wish_for(wish::kind::update, self_);  // the new boot goes into the site
  } else {
    auto const& joining = std::get<begin_joining>(how);
    self_ = joining.self;
    self_.speaks = config_.speaks;
    seeds_ = joining.seeds;
    phase_ = phase::joining;
  }
  ensure(self_.id == config_.self);
}

void node::step(std::span<event const> happened, std::vector<action>& out) {
  out_ = &out;
  for (auto const& each : happened) {
    if (phase_ == phase::gone) break;
    std::visit([this](auto const& what) { on(what); }, each);
  }
  if (phase_ != phase::gone) finish_step();
  out_ = nullptr;
}

// What follows from any event: new proposals, deliveries that became possible, holes to fill.
void node::finish_step() {
  take_what_was_fetched();
  if (phase_ == phase::gone) return;
  if (phase_ == phase::member) {
    lead_if_ready();
    forward_pending(false);
    go_on_handing_over();
    propose();
  }
  deliver_ready();
  fetch_missing();
  auto const now_leading = leader();
  if (now_leading != announced_leader_) {
    announced_leader_ = now_leading;
    emit(leader_changed{now_leading});
  }
}

namespace {

// Messages that change what a member holds say which log they mean; the rest are harmless or about joining.
base::uuid const* log_of(wire_message const& what) {
  return std::visit(
      [](auto const& kind) -> base::uuid const* {
        if constexpr (requires { kind.log; } && !std::is_same_v<std::decay_t<decltype(kind)>, welcome>)
          return &kind.log;
        else
          return nullptr;
      },
      what);
}

// What only members of one site say to each other.
bool is_among_members(wire_message const& what) {
  return std::visit(
      [](auto const& kind) {
        using said = std::decay_t<decltype(kind)>;
        return std::is_same_v<said, accept> || std::is_same_v<said, accepted> || std::is_same_v<said, pre_vote> ||
               std::is_same_v<said, pre_vote_reply> || std::is_same_v<said, prepare> || std::is_same_v<said, promise> ||
               std::is_same_v<said, refuse> || std::is_same_v<said, fetched> || std::is_same_v<said, hand_over>;
      },
      what);
}

}  // namespace

void node::hear(received const& happened) {
  if (auto const* log = log_of(happened.what); log != nullptr && *log != log_) return;
  auto const known = peers_.find(happened.from);
  if (known == peers_.end()) return;
  known->second.heard = now_;
  known->second.spoke = true;
  auto const* said = std::get_if<heartbeat>(&happened.what);
  if (said == nullptr) return;
  known->second.last.count = said->count;
  note_echo(known->second, *said);
}

// True: for longer than it may it had not heard us, and it does again.
bool node::note_echo(peer& from, heartbeat const& said) const {
  if (std::exchange(from.echoed, said.echo) == said.echo) return false;
  auto const before = std::exchange(from.echoed_at, now_);
  return now_.value() - before.value() > config_.suspect_ticks.value();
}

void node::on(received const& happened) {
  if (happened.from == config_.self) return;
  bool const is_stranger = site_.find(happened.from) == nullptr && !strangers_.contains(happened.from);
  if (is_stranger && is_among_members(happened.what)) return;
  if (auto const* log = log_of(happened.what); log != nullptr && *log != log_) return;
  auto const known = peers_.find(happened.from);
  if (known != peers_.end()) {
    known->second.heard = now_;
    known->second.spoke = true;
    known->second.link_down = false;
    known->second.suspected = false;
  }
  std::visit([&](auto const& what) { take(happened.from, what); }, happened.what);
}

// Time in which this member did not run is no silence of the others: what they said meanwhile waits to be read.
void node::find_our_feet(base::tick_count now) {
  std::uint64_t const patience = 2 * config_.heartbeat_ticks.value();
  std::uint64_t const suspect = config_.suspect_ticks.value();
  std::uint64_t const gap = now.value() - now_.value();
  // For longer than that the others have suspected it, and may have gone on without it: it has to find out.
  if (!started_ || gap <= patience || gap > suspect) return;
  auto const not_before = base::tick_count(now.value() - std::min(now.value(), suspect - patience));
  for (auto& [id, each] : peers_) {
    // Once, and then it has to speak.
    if (!hears(id) || each.heard == each.excused || each.heard >= not_before) continue;
    each.heard = each.excused = not_before;
    steady_at_ = now.plus(patience);
    if (now_.value() - each.echoed_at.value() <= suspect) each.echoed_at = std::max(each.echoed_at, not_before);
  }
}

// Silence, and whatever else lasts, is counted from here. What happened before the first tick happened at no time.
void node::start_clock() {
  heartbeat_due_ = request_due_ = decided_at_ = now_;
  election_due_ = now_.plus(random_.below(config_.election_spread_ticks.value() + 1));
  for (auto const& each : site_.members)
    if (each.id != config_.self) peers_.try_emplace(each.id);
  for (auto& [id, each] : peers_) each.heard = each.echoed_at = now_;
  history_lost_ = {};
}

void node::on(ticked const& happened) {
  find_our_feet(happened.now);
  now_ = happened.now;
  if (!std::exchange(started_, true)) start_clock();
  if (phase_ == phase::member) {
    tick_suspicions();
    tick_forced();
    update_quorum();
    tick_election();
    tick_leader();
    tick_hand_over();
    tick_pending();
  }
  tick_membership();
  store_decided();
}

void node::store_decided() {
  if (decided_stored_ >= decided_) return;
  decided_stored_ = decided_;
  emit(persist_decided{decided_});
}

void node::on(link_lost const& happened) {
  for (auto const& each : site_.members) {
    auto const at = peers_.find(each.id);
    if (each.address != happened.address || at == peers_.end()) continue;
    at->second.link_down = true;
  }
}

void node::on(arriving const& happened) {
  if (auto const at = peers_.find(happened.from); at != peers_.end()) at->second.arriving = now_;
}

void node::on(app_facts const& happened) { facts_ = happened.facts; }

void node::on(update_self const& happened) {
  self_.app = happened.app;
  if (happened.role) self_.role = *happened.role;
  wish_for(wish::kind::update, self_);
  request_due_ = now_;
}

void node::on(set_weight const& happened) {
  if (self_.weight == happened.weight) return;
  self_.weight = happened.weight;
  wish_for(wish::kind::update, self_);
  request_due_ = now_;
}

void node::on(set_limits const& happened) {
  config_.suspect_ticks = happened.suspect_ticks;
  config_.expel_ticks = happened.expel_ticks;
  config_.cache_bytes_max = happened.cache_bytes_max;
}

void node::on(leave_group const&) {
  leaving_ = true;
  // Nobody else has a vote: a site without us could never agree on anything again, and we may come back to this one.
  bool const last_vote = site_.votes(config_.self) && site_.voters() == 1;
  bool const alone = site_.members.size() <= 1 && !departing();  // else the one left has yet to hear that we went
  if (phase_ == phase::joining || alone || last_vote) {
    phase_ = phase::gone;
    emit(left{});
    return;
  }
  if (auto const next = better_leader()) begin_hand_over(*next);
  wish_for(wish::kind::leave, self_);
  // At once: the process may end before the next tick, and the others would take it for one that was lost.
  request_due_ = now_.plus(config_.resend_ticks.value());
  tick_requests();
}

void node::on(log_purged const& happened) {
  log_begins_ = std::min(happened.log_begins, decided_.next());
  history_begins_ = std::max(history_begins_, log_begins_);
}

std::optional<member_id> node::leader() const {
  if (is_leader()) return config_.self;
  if (leaderless_ || following_.round == 0) return std::nullopt;
  return following_.proposer;
}

void node::send_to(member_id const& to, wire_message what) {
  auto const* member = site_.find(to);
  if (member != nullptr) return emit(send{member->address, std::move(what)});
  if (auto const at = strangers_.find(to); at != strangers_.end()) emit(send{at->second, std::move(what)});
}

void node::send_to_voters(wire_message const& what) {
  for (auto const& each : site_.members)
    if (each.id != config_.self && has_vote(each.role)) emit(send{each.address, what});
}

void node::send_to_all(wire_message const& what) {
  for (auto const& each : site_.members)
    if (each.id != config_.self) emit(send{each.address, what});
}

std::string node::describe() const {
  static constexpr char const* roles[] = {"follows", "polls", "prepares", "leads"};
  std::string text = to_string(config_.self);
  text += phase_ == phase::joining ? " joining" : phase_ == phase::gone ? " gone" : " ";
  if (phase_ == phase::member) text += roles[role_.index()];
  if (auto const who = leader()) text += " leader " + to_string(*who);
  text += " promised " + std::to_string(promised_.round) + ":" + to_string(promised_.proposer);
  text += " site v" + std::to_string(site_.version) + "{";
  for (auto const& each : site_.members) text += (each.id == site_.members.front().id ? "" : " ") + to_string(each.id);
  text += "} decided " + std::to_string(decided_.value()) + " delivered " + std::to_string(delivered_.value());
  if (!delivering_) text += " (not started)";
  text += " log from " + std::to_string(log_begins_.value()) + " accepted " + std::to_string(accepted_.size());
  text += " pending " + std::to_string(pending_.size()) + " reachable " + std::to_string(reachable_.size());
  if (auto const* lead = std::get_if<leading>(&role_))
    text += " next " + std::to_string(lead->next.value()) + " queue " + std::to_string(lead->queue.size());
  return text;
}

}  // namespace xcom
