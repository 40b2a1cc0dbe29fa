// The acceptor and the learner: promises, accepts, acknowledgements, and when a slot counts as decided.
#include "base/ensure.hh"
#include "xcom/node.hh"

namespace xcom {
void node::promise_to(ballot const& by) {
  ensure(by >= promised_);
  if (by == promised_) return;
  promised_ = by;
  emit(persist_promise{by});
  // Whoever promised above its own ballot proposes nothing in it any more.
  auto const* lead = std::get_if<leading>(&role_);
  auto const* prep = std::get_if<preparing>(&role_);
  if ((lead != nullptr && lead->by < by) || (prep != nullptr && prep->by < by)) step_down();
}

// From now on this ballot's leader is the one whose proposals count towards decisions here.
void node::follow(ballot const& by) {
  leaderless_ = false;
  if (following_ == by) return;
  ensure(by > following_);
  following_ = by;
  first_followed_ = {};
  if (leaving_) request_due_ = now_;
  elections_ = 0;
  watermark_ = decided_;
  acknowledged_.clear();
  forwarded_ = 0;
  forward_repeats_ = 0;
  if (by.proposer != config_.self) step_down();
}

void node::take(member_id const& from, accept const& what) {
  if (phase_ != phase::member || what.by.proposer != from) return;
  if (what.by < promised_) return send_to(from, refuse{log_, promised_});
  promise_to(what.by);
  follow(what.by);
  first_followed_ = what.first_of_ballot;
  slot_no last;
  for (auto const& each : what.slots) {
    last = std::max(last, each.slot);
    if (each.slot <= decided_ || each.slot.value() > decided_.value() + accept_window_slots) continue;
    if (each.accepted_in != what.by) continue;
    auto const held = accepted_.find(each.slot);
    if (held != accepted_.end() && held->second.accepted_in == what.by) continue;
    bool const full = accepted_bytes_ > 2 * config_.in_flight_bytes_max;
    if (full && held == accepted_.end() && each.slot != decided_.next()) continue;
    accepted_slot whole = each;
    if (what.without_own) whole.what = with_own(each.what);
    if (whole.what == nullptr) continue;  // the leader sends it again, in full, when we do not acknowledge it
    hold(whole);
    emit(persist_accepted{std::move(whole)});
  }
  // The leader accepted what it proposes before it proposes it.
  acknowledged_[from] = std::max(acknowledged_[from], last);
  watermark_ = std::max(watermark_, what.decided);
  if (!what.slots.empty()) acknowledge(what.by, what.first_of_ballot, what.slots);
  learn_from_followed_leader();
}

void node::hold(accepted_slot const& what) {
  auto& held = accepted_[what.slot];
  if (held.what != nullptr) accepted_bytes_ -= size_in_bytes(*held.what);
  accepted_bytes_ += size_in_bytes(*what.what);
  held = what;
}

void node::drop_decided() {
  while (!accepted_.empty() && accepted_.begin()->first <= decided_) {
    accepted_bytes_ -= size_in_bytes(*accepted_.begin()->second.what);
    accepted_.erase(accepted_.begin());
  }
}

slot_no node::acknowledged_up_to(ballot const& by, slot_no first) const {
  slot_no up_to = decided_.next() >= first ? decided_ : first.previous();
  for (auto at = accepted_.find(up_to.next()); at != accepted_.end(); ++at) {
    if (at->first != up_to.next() || at->second.accepted_in != by) break;
    up_to = at->first;
  }
  return up_to;
}

// To the leader, and to whoever has messages in these slots: it knows then that they are decided as soon as the leader does.
// All others hear it from the leader; would each tell each, a slot would cost the square of the members.
void node::acknowledge(ballot const& by, slot_no first, std::span<accepted_slot const> slots) {
  slot_no const up_to = acknowledged_up_to(by, first);
  acknowledged_[config_.self] = std::max(acknowledged_[config_.self], up_to);
  accepted const answer{log_, by, up_to};
  send_to(by.proposer, answer);
  if (!followers_need_acknowledgements()) return;
  std::set<member_id> origins;
  for (auto const& each : slots)
    if (auto const* all = std::get_if<batch>(each.what.get()))
      for (auto const& message : all->messages) origins.insert(message.origin);
  for (auto const& each : origins)
    if (each != config_.self && each != by.proposer && site_.find(each) != nullptr) send_to(each, answer);
}

// With a majority of two the leader's acceptance and their own decide, and where zones are waited for only the leader knows
// which of them are silent.
bool node::followers_need_acknowledgements() const { return site_.majority() > 2 && !site_.waits_for_zones(); }

// It knows slots to be decided that we have not proposed, and that nobody reported who elected us.
bool node::knows_otherwise(leading const& lead, slot_no up_to) {
  for (auto slot = lead.next; slot <= up_to; slot = slot.next())
    if (!lead.reported.contains(slot)) return true;
  return false;
}

void node::take(member_id const& from, accepted const& what) {
  if (auto* lead = std::get_if<leading>(&role_); lead != nullptr && what.in == lead->by) {
    if (knows_otherwise(*lead, what.up_to)) return find_ourselves_outvoted(from, what.up_to);
    auto& follower = lead->followers[from];
    if (what.up_to <= follower.match) return;
    bool const ends_part = follower.part_ends > slot_no{} && what.up_to >= follower.part_ends;
    follower = progress{what.up_to, ends_part ? base::tick_count{} : now_, 0, {}};
    return advance_decided();
  }
  if (what.in != following_) return;
  auto& known = acknowledged_[from];
  known = std::max(known, what.up_to);
  learn_from_followed_leader();
}

bool node::is_decided_by_acknowledgements(slot_no slot) const {
  if (site_.waits_for_zones()) return false;  // only the leader knows which zones are silent
  std::size_t have = 0;
  for (auto const& [who, up_to] : acknowledged_)
    if (up_to >= slot && site_.votes(who)) ++have;
  return have >= site_.majority();
}

// A slot is decided here when we hold the followed leader's own proposal for it, and either that leader says so or a
// majority acknowledged it. What we hold from an older ballot says nothing: it is fetched.
void node::learn_from_followed_leader() {
  for (;;) {
    auto const next = accepted_.find(decided_.next());
    if (next == accepted_.end() || next->second.accepted_in != following_) return;
    if (next->first > watermark_ && !is_decided_by_acknowledgements(next->first)) return;
    decide(next->second.what);
    if (phase_ == phase::gone) return;
  }
}

void node::decide(value_ptr const& given) {
  // What it came from is erased below. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  value_ptr const what = given;
  ensure(what != nullptr);
  decided_ = decided_.next();
  decided_at_ = now_;
  drop_decided();
  cache_bytes_ += size_in_bytes(*what);
  cache_.push_back(what);
  trim_cache();
  if (auto const* change = std::get_if<site_change>(what.get())) install_site(change->next);
}

void node::trim_cache() {
  while (cache_.size() > 1 && cache_bytes_ > config_.cache_bytes_max) {
    cache_bytes_ -= size_in_bytes(*cache_.front());
    cache_.pop_front();
  }
}

void node::install_site(site next) {
  ensure(next.version > site_.version);
  site const before = std::move(site_);
  site_ = std::move(next);
  site_due_ = false;
  if (auto const* mine = site_.find(config_.self); mine != nullptr && self_.role == member_role::joining)
    self_.role = mine->role;
  end_forced_if_done();
  std::erase_if(strangers_, [&](auto const& each) { return site_.find(each.first) != nullptr; });
  emit(site_installed{decided_, site_});
  std::erase_if(
      peers_, [&](auto const& each) { return site_.find(each.first) == nullptr && !strangers_.contains(each.first); });
  for (auto const& each : site_.members)
    if (each.id != config_.self && !peers_.contains(each.id))
      peers_[each.id] = peer{.heard = now_, .spoke = true, .echoed_at = now_};
  drop_wishes_granted();
  if (auto* lead = std::get_if<leading>(&role_)) {
    if (lead->barrier == decided_) lead->barrier.reset();
    lead->prepare_repeats = 0;
    // Whoever is taken out hears of it at once; it does not count any more and nobody else would tell it.
    for (auto const& each : before.members)
      if (site_.find(each.id) == nullptr && each.id != config_.self)
        emit(send{each.address, not_a_member{log_, site_}});
    ask_new_members_to_promise();
  }
  if (departing()) {
    // Until a majority of those that stay has the decision we stay: our own acknowledgement may have been what decided
    // it, and without us nobody could ever find that out.
    send_heartbeats();
  }
}

void node::take(member_id const& from, prepare const& what) {
  if (phase_ != phase::member || what.by.proposer != from) return;
  if (what.by < promised_) return send_to(from, refuse{log_, promised_});
  promise_to(what.by);
  // Its election gets the time it needs before we begin one of our own.
  if (!has_live_leader()) {
    ++elections_;
    election_due_ = now_.plus(election_patience() + random_.below(config_.election_spread_ticks.value() + 1));
  }
  std::map<slot_no, ballot> const held(what.held.begin(), what.held.end());
  promise answer{log_, what.by, what.from, decided_, {}};
  for (auto at = accepted_.lower_bound(what.from); at != accepted_.end(); ++at) {
    auto const there = held.find(at->first);
    if (there == held.end() || there->second != at->second.accepted_in) answer.slots.push_back(at->second);
  }
  send_to(from, std::move(answer));
}

void node::take(member_id const&, refuse const& what) {
  bool const leads_lower = is_leader() && std::get<leading>(role_).by < what.promised;
  bool const prepares_lower = std::holds_alternative<preparing>(role_) && std::get<preparing>(role_).by < what.promised;
  if (leads_lower || prepares_lower) {
    // Promising it as well is harmless, steps us down and puts the next attempt above it.
    promise_to(std::max(promised_, what.promised));
    step_down();
  }
}

}  // namespace xcom
