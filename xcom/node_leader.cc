// The proposer: pre-vote, phase 1, and the ordering of messages while leading.
#include <algorithm>

#include "base/ensure.hh"
#include "xcom/node.hh"

namespace xcom {
namespace {

// Long sends are not silence: a resend waits one more tick per this many bytes under way (100 MB/s at 10 ms a tick).
constexpr std::size_t resend_bytes_per_tick = 1U << 20;
constexpr std::uint32_t resend_doublings_max = 6;
constexpr std::uint32_t election_doublings_max = 6;

}  // namespace

bool node::has_majority(std::set<member_id> const& who) const {
  return is_majority([&](auto const& each) { return who.contains(each); });
}

bool node::has_live_leader() const {
  if (is_leader()) return true;
  if (leaderless_ || following_.round == 0) return false;
  return hears(following_.proposer) && site_.votes(following_.proposer);
}

// Their heartbeats say which of ours they heard last.
bool node::is_heard_by_majority() const {
  auto const since = std::get<leading>(role_).since;
  return is_majority([&](member_id const& id) {
    if (id == config_.self) return true;
    auto const at = peers_.find(id);
    return at != peers_.end() &&
           now_.value() - std::max(at->second.echoed_at, since).value() <= config_.suspect_ticks.value();
  });
}

void node::step_down() {
  if (is_leader() || std::holds_alternative<preparing>(role_) || std::holds_alternative<polling>(role_)) {
    role_ = following{};
    forwarded_ = 0;
    if (following_.proposer == config_.self) leaderless_ = true;
    // What others asked for they ask again; a wish kept here could come true long after it was withdrawn.
    wished_rules_.reset();
    std::erase_if(wishes_, [&](wish const& each) { return each.who.id != config_.self; });
    election_due_ = now_.plus(random_.below(config_.election_spread_ticks.value() + 1));
  }
}

void node::tick_election() {
  if (!site_.votes(config_.self) || leaving_) return;
  // It ends by itself (tick_leader): what acceptors have to report may take longer than a poll.
  if (std::holds_alternative<preparing>(role_)) return;
  if (is_leader()) {
    // A leader that does not hear a majority, or is not heard by one, would keep its followers from electing another one.
    if (!decides_alone() && (!have_quorum_ || !is_heard_by_majority())) step_down();
    return;
  }
  if (has_live_leader()) {
    if (!std::holds_alternative<following>(role_)) role_ = following{};
    election_due_ = now_.plus(random_.below(config_.election_spread_ticks.value() + 1));
    return;
  }
  leaderless_ = true;
  if (now_ < election_due_) return;
  election_due_ = now_.plus(config_.resend_ticks.value() + random_.below(config_.election_spread_ticks.value() + 1));
  start_poll();
}

void node::start_poll() {
  std::uint64_t const round = std::max(promised_.round, following_.round) + 1;
  role_ = polling{round, now_, {config_.self}};
  if (has_majority({config_.self})) return start_preparing();
  send_to_voters(pre_vote{log_, round, decided_});
}

void node::take(member_id const& from, pre_vote const& what) {
  if (phase_ != phase::member) return;
  // A candidate that knows less than we do would have to learn it first: it fetches, then asks again.
  bool const granted = !has_live_leader() && what.decided >= decided_ && what.round > promised_.round;
  send_to(from, pre_vote_reply{log_, what.round, granted, promised_, decided_});
}

void node::take(member_id const& from, pre_vote_reply const& what) {
  auto const at = peers_.find(from);
  if (at != peers_.end()) at->second.last.decided = std::max(at->second.last.decided, what.decided);
  auto* poll = std::get_if<polling>(&role_);
  if (poll == nullptr || what.round != poll->round) { return; }
  if (!what.granted) {
    if (what.promised > promised_) promise_to(what.promised);  // the next poll asks for a round above it
    return;
  }
  poll->granted.insert(from);
  if (has_majority(poll->granted)) start_preparing();
}

void node::start_preparing() {
  ballot const by{std::max(promised_.round, following_.round) + 1, config_.self};
  promise_to(by);
  ++elections_;
  leaderless_ = true;
  preparing next{by, decided_.next(), now_, {config_.self}, accepted_, decided_};
  send_to_voters(prepare_from(by, next.from));
  role_ = std::move(next);
  lead_if_ready();
}

prepare node::prepare_from(ballot const& by, slot_no from) const {
  prepare ask{log_, by, from, {}};
  for (auto at = accepted_.lower_bound(from); at != accepted_.end(); ++at)
    ask.held.emplace_back(at->first, at->second.accepted_in);
  return ask;
}

// How long an election may take. It doubles with each that came to nothing: what acceptors have to report may be large.
std::uint64_t node::election_patience() const {
  std::uint32_t const failed = elections_ == 0 ? 0 : elections_ - 1;
  return config_.resend_ticks.value() * 2 << std::min(failed, election_doublings_max);
}

void node::report(std::map<slot_no, accepted_slot>& reported, accepted_slot const& slot) const {
  auto& held = reported[slot.slot];
  if (held.what == nullptr || held.accepted_in < slot.accepted_in) held = slot;
}

void node::take(member_id const& from, promise const& what) {
  if (auto* prep = std::get_if<preparing>(&role_); prep != nullptr && what.to == prep->by) {
    prep->promised_by.insert(from);
    prep->required = std::max(prep->required, what.decided);
    if (auto const at = peers_.find(from); at != peers_.end())
      at->second.last.decided = std::max(at->second.last.decided, what.decided);
    for (auto const& each : what.slots) report(prep->reported, each);
    return;
  }
  auto* lead = std::get_if<leading>(&role_);
  if (lead == nullptr || what.to != lead->by) return;
  if (what.decided >= lead->next) return find_ourselves_outvoted(from, what.decided);
  lead->promised_by.insert(from);
  for (auto const& each : what.slots)
    if (each.slot >= lead->next) report(lead->reported, each);
}

// Members that a change of the site brought have decided more than those who elected us knew of. What stands there cannot be
// proposed any more; it has to be learned, and an election won with it.
void node::find_ourselves_outvoted(member_id const& by, slot_no decided) {
  if (auto const at = peers_.find(by); at != peers_.end())
    at->second.last.decided = std::max(at->second.last.decided, decided);
  step_down();
}

// Phase 1 is over when a majority promised and we know everything that any of them knows to be decided: only then is the
// site in force at the next slot known.
void node::lead_if_ready() {
  auto* prep = std::get_if<preparing>(&role_);
  if (prep == nullptr || !has_majority(prep->promised_by) || decided_ < prep->required) return;
  leading lead;
  lead.by = prep->by;
  lead.first = lead.next = decided_.next();
  lead.promised_by = std::move(prep->promised_by);
  lead.since = lead.prepare_sent = now_;
  lead.reported = std::move(prep->reported);
  lead.reported.erase(lead.reported.begin(), lead.reported.lower_bound(lead.next));
  role_ = std::move(lead);
  follow(std::get<leading>(role_).by);
  leaderless_ = false;
  forwarded_ = 0;
  send_heartbeats();
}

// `oldest`: its origin has nothing older under way, so the numbers may go on from here. Otherwise only the next number is
// taken, and what was taken once in this ballot is not taken again: it is in the queue or in a slot of ours, and a queue
// that took every repeat would grow faster than it can be ordered.
void node::enqueue(message const& what, bool oldest) {
  auto& lead = std::get<leading>(role_);
  auto const last = lead.queued.find(what.origin);
  if (last == lead.queued.end()) {
    if (!oldest) return;
  } else if (what.seq <= last->second || (!oldest && !follows(what.seq, last->second))) {
    return;
  }
  lead.queued[what.origin] = what.seq;
  lead.queue.push_back(what);
}

void node::take(member_id const& from, forward const& what) {
  if (!is_leader() || site_.find(from) == nullptr) return;
  bool oldest = what.again;
  if (what.fresh && !what.messages.empty())
    std::get<leading>(role_).fresh_from.try_emplace(from, what.messages.front().seq);
  for (auto const& each : what.messages) {
    if (each.origin == from) enqueue(each, oldest);
    oldest = false;
  }
}

bool node::may_propose() const {
  auto const* lead = std::get_if<leading>(&role_);
  if (lead == nullptr || lead->barrier || lead->handing || departing()) return false;
  if (lead->next.value() - decided_.value() > site_.rules.horizon) return false;
  if (accepted_bytes_ > config_.in_flight_bytes_max && lead->next != decided_.next()) return false;
  return has_majority(lead->promised_by);
}

// What the next slot must or may hold: a value some acceptor may have chosen already, else a change of the site, else
// messages, else (a hole below a reported value) nothing. Null: no reason to propose.
value_ptr node::next_value() {
  auto& lead = std::get<leading>(role_);
  if (auto const known = lead.reported.find(lead.next); known != lead.reported.end()) {
    // A change worked out against another site than the one in force was not chosen: whoever acknowledges a slot holds
    // all before it in the same ballot, so what went before it there would have been reported, too.
    auto const* change = std::get_if<site_change>(known->second.what.get());
    if (change != nullptr && change->next.version != site_.version + 1) return std::make_shared<value const>(no_op{});
    return known->second.what;
  }
  bool const hole = !lead.reported.empty() && lead.reported.rbegin()->first > lead.next;
  if (hole) return std::make_shared<value const>(no_op{});
  if (auto next = wished_site()) return std::make_shared<value const>(site_change{std::move(*next)});
  return lead.queue.empty() ? nullptr : next_batch();
}

value_ptr node::next_batch() {
  auto& queue = std::get<leading>(role_).queue;
  batch next;
  std::size_t bytes = 0;
  while (!queue.empty() && next.messages.size() < config_.batch_messages_max) {
    bytes += queue.front().payload.size();
    if (!next.messages.empty() && bytes > config_.batch_bytes_max) break;
    next.messages.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return std::make_shared<value const>(std::move(next));
}

void node::propose() {
  accept all;
  all.log = log_;
  while (may_propose()) {
    auto& lead = std::get<leading>(role_);
    // A site change is worked out against the site in force, so nothing may be under way before it that could change it;
    // barriers see to that: an undecided change stops this loop.
    value_ptr what = next_value();
    if (what == nullptr) break;
    accepted_slot const slot{lead.next, lead.by, std::move(what)};
    if (std::holds_alternative<site_change>(*slot.what)) lead.barrier = slot.slot;
    ensure(lead.by == promised_);
    emit(persist_accepted{slot});
    hold(slot);
    lead.reported.erase(slot.slot);
    lead.next = slot.slot.next();
    all.slots.push_back(slot);
    if (!decides_alone()) continue;
    advance_decided();  // accepted is decided
    if (!is_leader()) return;
  }
  auto* const leads = std::get_if<leading>(&role_);
  // Where followers cannot tell by themselves that a slot is decided, they are told: with the next slots, as a rule. Where zones
  // are waited for also its origin cannot tell, and is told at once; the others otherwise when a tick has gone by without more.
  bool const is_due = site_.waits_for_zones() || (followers_need_acknowledgements() && now_ != decided_at_);
  bool const is_news = leads != nullptr && is_due && leads->announced < decided_;
  if (leads == nullptr || (all.slots.empty() && !is_news)) return;
  auto& lead = *leads;
  all.by = lead.by;
  all.first_of_ballot = lead.first;
  all.decided = lead.announced = decided_;
  auto const spared = origins_to_spare(all);
  for (auto const& each : site_.members) {
    if (each.id == config_.self) continue;
    if (all.slots.empty()) {
      emit(send{each.address, all});
      continue;
    }
    auto& follower = lead.followers[each.id];
    bool const nothing_older_under_way = follower.match >= all.slots.front().slot.previous();
    if (follower.sent == base::tick_count{} || nothing_older_under_way) follower.sent = now_;
    emit(send{each.address, spared.contains(each.id) ? without_own(all, each.id) : all});
  }
}

bool node::is_acknowledged(leading const& lead, slot_no slot) const {
  std::size_t have = site_.votes(config_.self) ? 1 : 0;
  std::size_t have_forced = forced_.count(config_.self);
  for (auto const& [who, follower] : lead.followers) {
    if (follower.match < slot || !site_.votes(who)) continue;
    ++have;
    have_forced += forced_.count(who);
  }
  if (!forced_.empty()) return have_forced == forced_.size();
  return have >= site_.majority() && (!site_.waits_for_zones() || is_acknowledged_by_zones(lead, slot));
}

void node::advance_decided() {
  for (;;) {
    auto const* lead = std::get_if<leading>(&role_);
    if (lead == nullptr || decided_.next() >= lead->next) return;
    slot_no const slot = decided_.next();
    if (!is_acknowledged(*lead, slot)) return;
    auto const held = accepted_.find(slot);
    ensure(held != accepted_.end() && held->second.accepted_in == lead->by);
    decide(held->second.what);
    if (phase_ == phase::gone) return;
  }
}

void node::resend_accepts(member_id const& to, progress& of) {
  auto const& lead = std::get<leading>(role_);
  accept again{log_, lead.by, lead.first, decided_, {}};
  std::size_t bytes = 0;
  auto at = accepted_.lower_bound(std::max(of.match, decided_).next());
  for (; at != accepted_.end(); ++at) {
    if (at->second.accepted_in != lead.by) continue;
    bytes += size_in_bytes(*at->second.what);
    // Acknowledgements are cumulative: a part brings the next one, and no message grows beyond what a link takes.
    if (!again.slots.empty() && bytes > config_.fetch_bytes_max) break;
    again.slots.push_back(at->second);
  }
  if (again.slots.empty()) return;
  of.part_ends = at == accepted_.end() ? slot_no{} : again.slots.back().slot;
  std::uint64_t const wait = (config_.resend_ticks.value() + bytes / resend_bytes_per_tick)
                             << std::min(of.repeats, resend_doublings_max);
  if (of.sent != base::tick_count{} && now_.value() - of.sent.value() < wait) return;
  of.sent = now_;
  ++of.repeats;
  send_to(to, std::move(again));
}

void node::ask_new_members_to_promise() {
  auto& lead = std::get<leading>(role_);
  lead.prepare_sent = now_;
  ++lead.prepare_repeats;
  for (auto const& each : site_.members)
    if (each.id != config_.self && has_vote(each.role) && !lead.promised_by.contains(each.id))
      emit(send{each.address, prepare_from(lead.by, lead.next)});
}

void node::tick_leader() {
  if (auto const* prep = std::get_if<preparing>(&role_)) {
    // Not answered in time: poll again with a higher round, unless all that is missing is a fetch under way.
    bool const waits_for_fetch = has_majority(prep->promised_by);
    std::uint64_t const patience = election_patience() * (waits_for_fetch ? 10 : 1);
    if (now_.value() - prep->since.value() > patience) step_down();
    return;
  }
  auto* lead = std::get_if<leading>(&role_);
  if (lead == nullptr) return;
  if (site_.waits_for_zones()) {  // one may have fallen silent
    advance_decided();
    lead = std::get_if<leading>(&role_);
    if (lead == nullptr) return;
  }
  for (auto const& each : site_.members)
    if (each.id != config_.self && hears(each.id)) resend_accepts(each.id, lead->followers[each.id]);
  bool const all_promised = std::all_of(site_.members.begin(), site_.members.end(), [&](auto const& each) {
    return !has_vote(each.role) || lead->promised_by.contains(each.id);
  });
  std::uint64_t const wait = config_.resend_ticks.value() << std::min(lead->prepare_repeats, resend_doublings_max);
  if (!all_promised && now_.value() - lead->prepare_sent.value() > wait) ask_new_members_to_promise();
}

}  // namespace xcom
