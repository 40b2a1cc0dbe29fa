// From submitted to delivered: own messages on their way to the leader, fetching what is missing, in-order delivery.
#include <algorithm>

#include "base/ensure.hh"
#include "xcom/node.hh"

namespace xcom {
namespace {

constexpr std::size_t forward_bytes_max = 1U << 20;       // one frame of own messages; a larger message goes alone
constexpr std::size_t forward_bytes_per_tick = 1U << 20;  // of fetched history as well
constexpr std::uint32_t forward_doublings_max = 6;
constexpr std::uint32_t fetch_doublings_max = 4;

}  // namespace

void node::on(submitted const& happened) {
  ensure(happened.seq == next_seq_);
  next_seq_ = next_seq_.next();
  pending_bytes_ += happened.payload.size();
  pending_.push_back(message{config_.self, happened.seq, happened.payload});
}

// What the log holds up to here need not be ordered any more.
void node::drop_pending(origin_seq up_to) {
  while (!pending_.empty() && pending_.front().seq <= up_to) {
    pending_bytes_ -= pending_.front().payload.size();
    pending_.pop_front();
    if (forwarded_ > 0) --forwarded_;
    forward_sent_ = now_;
    forward_repeats_ = 0;
  }
}

void node::forward_pending(bool again) {
  if (forwarded_ == pending_.size() && !again) return;
  if (is_leader()) {
    for (std::size_t at = again ? 0 : forwarded_; at < pending_.size(); ++at) enqueue(pending_[at], at == 0);
    forwarded_ = pending_.size();
    return;
  }
  auto const to = leader();
  if (!to) return;
  bool first_frame = forwarded_ == 0 || again;
  if (again) forwarded_ = 0;
  if (forwarded_ == 0) forward_sent_ = now_;
  while (forwarded_ < pending_.size()) {
    forward frame{log_, first_frame, {}};
    std::size_t bytes = 0;
    while (forwarded_ < pending_.size()) {
      bytes += pending_[forwarded_].payload.size();
      if (!frame.messages.empty() && bytes > forward_bytes_max) break;
      frame.messages.push_back(pending_[forwarded_++]);
    }
    first_frame = false;
    send_to(*to, std::move(frame));
  }
}

// Nothing of ours came back for a while: the leader may never have had it. Repeats are delivered once all the same.
void node::tick_pending() {
  if (pending_.empty() || is_leader() || !leader()) return;
  std::uint64_t const wait = (config_.resend_ticks.value() + pending_bytes_ / forward_bytes_per_tick)
                             << std::min(forward_repeats_, forward_doublings_max);
  if (now_.value() - forward_sent_.value() < wait) return;
  ++forward_repeats_;
  forward_pending(true);
}

void node::on(start_delivery const& happened) {
  ensure(happened.from.slot <= decided_);
  delivering begin;
  begin.at = happened.from.at;
  begin.last = {happened.from.delivered.begin(), happened.from.delivered.end()};
  begin.with_notes = happened.with_notes;
  delivering_ = std::move(begin);
  delivered_ = happened.from.slot;
  if (auto const own = delivering_->last.find(config_.self); own != delivering_->last.end()) drop_pending(own->second);
  source_ = happened.source;
  history_fetch_.reset();
  history_begins_ = delivered_.next();
}

void node::on(notes_done const&) {
  if (delivering_) delivering_->with_notes = false;
}

void node::on(change_source const& happened) {
  source_ = happened.source;
  history_fetch_.reset();
  tail_fetch_.reset();
}

void node::on(consumed const& happened) {
  if (!delivering_) return;
  auto& queue = delivering_->unconsumed;
  while (!queue.empty() && queue.front().slot <= happened.up_to) {
    delivering_->unconsumed_bytes -= queue.front().bytes;
    queue.pop_front();
  }
}

bool node::may_deliver() const {
  return delivering_ && delivered_ < decided_ && delivering_->unconsumed_bytes < config_.undelivered_bytes_max;
}

void node::deliver_ready() {
  while (may_deliver()) {
    slot_no const next = delivered_.next();
    std::uint64_t const cached_from = decided_.value() - cache_.size() + 1;
    if (next.value() >= cached_from && !delivering_->with_notes) {
      deliver_slot(next, cache_[next.value() - cached_from], {});
      continue;
    }
    if (!is_readable(next) || delivering_->reading) return;
    delivering_->reading = true;
    store_decided();
    return emit(read_log{next, config_.fetch_bytes_max});
  }
}

void node::on(log_read const& happened) {
  if (!delivering_) return;
  delivering_->reading = false;
  if (happened.from != delivered_.next()) return;
  if (happened.slots.empty()) {  // not there after all: ask others for it
    log_begins_ = std::max(log_begins_, happened.from.next());
    return;
  }
  for (auto const& each : happened.slots) {
    ensure(each.slot == delivered_.next());
    if (each.slot > decided_) break;
    if (delivering_->with_notes && each.note.empty()) {
      delivering_->without_note = each.slot;
      break;
    }
    deliver_slot(each.slot, each.what, each.note);
  }
}

// Our own log has this slot as it is needed.
bool node::is_readable(slot_no slot) const {
  return slot >= log_begins_ && !(delivering_->with_notes && delivering_->without_note == slot);
}

// The same message can stand in two slots after a change of leader. The first one in log order counts, everywhere.
value_ptr node::without_repeats(value_ptr const& what) {
  auto const* all = std::get_if<batch>(what.get());
  if (all == nullptr) return what;
  std::vector<std::size_t> fresh;
  for (std::size_t at = 0; at < all->messages.size(); ++at) {
    auto const& each = all->messages[at];
    // Nobody speaks after it left: its last number is forgotten, so a straggler could not be told from a repeat.
    if (delivering_->at.find(each.origin) == nullptr) continue;
    auto& last = delivering_->last[each.origin];
    if (!follows(each.seq, last)) continue;
    last = each.seq;
    fresh.push_back(at);
  }
  if (fresh.size() == all->messages.size()) return what;
  batch kept;
  for (auto const at : fresh) kept.messages.push_back(all->messages[at]);
  return std::make_shared<value const>(std::move(kept));
}

void node::deliver_slot(slot_no slot, value_ptr const& what, base::blob const& note) {
  ensure(slot == delivered_.next());
  delivered_ = slot;
  value_ptr const fresh = without_repeats(what);
  std::size_t const bytes = size_in_bytes(*fresh);
  auto& mine = *delivering_;
  mine.unconsumed.push_back({slot, bytes});
  mine.unconsumed_bytes += bytes;
  mine.since_checkpoint += bytes;
  emit(deliver{slot, fresh, note, bytes});
  if (auto const* all = std::get_if<batch>(fresh.get())) {
    for (auto const& each : all->messages)
      if (each.origin == config_.self) drop_pending(each.seq);
  }
  if (auto const* change = std::get_if<site_change>(fresh.get())) {
    site const before = std::exchange(mine.at, change->next);
    // Who is no member any more sends nothing any more: its last number is not needed.
    std::erase_if(mine.last, [&](auto const& each) { return mine.at.find(each.first) == nullptr; });
    store_decided();
    emit(store_checkpoint{checkpoint_here()});
    mine.since_checkpoint = 0;
    welcome_new_members(before, mine.at);
  } else if (mine.since_checkpoint >= config_.checkpoint_bytes) {
    store_decided();
    emit(store_checkpoint{checkpoint_here()});
    mine.since_checkpoint = 0;
  }
}

checkpoint node::checkpoint_here() const {
  ensure(delivering_.has_value());
  return checkpoint{delivered_, delivering_->at, {delivering_->last.begin(), delivering_->last.end()}, {}};
}

// ---- learning what others have ----

std::optional<member_id> node::holder_of(slot_no slot, bool with_notes) const {
  auto const holds = [&](member_id const& id) {
    auto const at = peers_.find(id);
    if (at == peers_.end() || !hears(id)) return false;
    auto const& last = at->second.last;
    if (with_notes && at->second.without_note == slot) return false;
    return last.log_begins <= slot && slot <= (with_notes ? last.delivered : last.decided);
  };
  if (source_ && holds(*source_)) return source_;
  std::vector<member_id> holders;
  for (auto const& [id, each] : peers_)
    if (holds(id)) holders.push_back(id);
  if (holders.empty()) return std::nullopt;
  return holders[now_.value() / std::max<std::uint64_t>(1, config_.resend_ticks.value()) % holders.size()];
}

void node::ask(std::optional<fetching>& request, slot_no from, bool with_notes) {
  std::uint32_t repeats = 0;
  // One question at a time, also when we got further without its answer: that brings far more than a slot, and as many
  // answers as slots keep the one who gives them from everything else.
  if (request && request->from <= from && hears(request->from_member)) {
    // A long answer is not a lost one, and each repeat would queue the same bytes behind it.
    std::uint64_t const wait = (config_.resend_ticks.value() + config_.fetch_bytes_max / forward_bytes_per_tick)
                               << std::min(request->repeats, fetch_doublings_max);
    if (now_.value() - request->sent.value() < wait) return;
    repeats = request->repeats + 1;
  }
  auto const whom = holder_of(from, with_notes);
  if (!whom) return give_up_if_lost(from);
  request = fetching{*whom, from, now_, repeats};
  send_to(*whom, fetch{log_, from, config_.fetch_bytes_max, with_notes});
}

void node::fetch_missing() {
  if (phase_ != phase::member) return;
  // History below our own log, for delivery.
  if (may_deliver() && !is_readable(delivered_.next())) ask(history_fetch_, delivered_.next(), true);
  fetch_tail_if_due();
}

// Decided elsewhere and not here. What we hold from the followed leader needs only its word or an acknowledgement, which
// is under way; what it proposed after all we have seen of it is so, too, when a heartbeat overtook it. Both are waited for a
// little.
void node::fetch_tail_if_due() {
  slot_no known = watermark_;
  for (auto const& [id, each] : peers_) known = std::max(known, each.last.decided);
  if (known <= decided_) {
    catching_up_ = false;
    return;
  }
  auto const next = accepted_.find(decided_.next());
  bool const held = next != accepted_.end() && next->second.accepted_in == following_;
  auto const seen = acknowledged_.find(following_.proposer);
  bool const overtaken = !catching_up_ && seen != acknowledged_.end() && seen->second <= decided_;
  if ((held || overtaken) && now_.value() - decided_at_.value() < config_.resend_ticks.value()) return;
  catching_up_ = true;
  ask(tail_fetch_, decided_.next(), false);
}

// Every member we hear has purged it, and we hear a majority: waiting longer helps nobody. Nor does it help to wait for the
// majority of a site that the group has left behind, as members of a newer one tell us.
void node::give_up_if_lost(slot_no wanted) {
  if (!have_quorum_ && strangers_.empty()) return;
  slot_no oldest;
  for (auto const& [id, each] : peers_) {
    if (!hears(id)) continue;
    if (each.last.count == 0) return;  // its next heartbeat tells
    bool const has_it = each.last.log_begins <= wanted && wanted <= each.last.decided;
    if (has_it && each.without_note != wanted) {
      history_lost_ = {};
      return;
    }
    if (wanted > each.last.decided) continue;  // it misses the slot as we do
    if (oldest == slot_no{} || each.last.log_begins < oldest) oldest = each.last.log_begins;
  }
  if (oldest == slot_no{}) return;
  // What heartbeats said is a moment old, and who misses the slot now may be about to get it: this has to last.
  if (history_lost_ != wanted) {
    history_lost_ = wanted;
    history_lost_due_ = now_.plus(2 * config_.suspect_ticks.value());
  }
  if (now_ < history_lost_due_) return;
  history_lost_due_ = now_.plus(config_.suspect_ticks.value());
  emit(history_lost{wanted, oldest});
}

// The history below our own log is complete: the log now begins where delivery began.
void node::close_history() {
  if (history_begins_ < log_begins_ && delivered_.next() >= log_begins_) log_begins_ = history_begins_;
}

void node::take(member_id const& from, fetch const& what) {
  auto const* member = site_.find(from);
  auto const stranger = strangers_.find(from);
  if (phase_ != phase::member || (member == nullptr && stranger == strangers_.end())) return;
  slot_no const up_to = what.with_notes ? (delivering_ ? delivered_ : slot_no{}) : decided_;
  store_decided();
  fetch asked = what;
  asked.bytes_max = std::min(asked.bytes_max, config_.fetch_bytes_max);
  emit(serve_log{member != nullptr ? member->address : stranger->second, asked, up_to, decided_});
}

void node::take(member_id const& from, fetched const& what) {
  if (phase_ != phase::member) return;
  if (auto const at = peers_.find(from); at != peers_.end()) {
    at->second.last.log_begins = std::max(at->second.last.log_begins, what.log_begins);
    at->second.last.decided = std::max(at->second.last.decided, what.decided);
  }
  // Whoever sent it: a late answer of one that was asked before is as good.
  if (history_fetch_ && what.from == history_fetch_->from)
    take_history(from, what);
  else
    take_tail(from, what);
}

// An answer that brings nothing is not asked for again at once: the one who gave it would give it again. Unless it says that
// its log begins above, and so is asked no more; the successor of the one we asked, at its address, says nothing about it.
bool node::is_settled(fetching const& request, member_id const& from, fetched const& what) const {
  return from == request.from_member && peers_.contains(from) && what.log_begins > request.from;
}

void node::take_history(member_id const& from, fetched const& what) {
  slot_no const before = delivered_;
  if (delivering_ && what.from == delivered_.next()) {
    for (auto const& each : what.slots) {
      if (each.slot != delivered_.next() || each.slot > decided_) break;
      if (!delivering_->with_notes && each.slot >= log_begins_) break;
      if (delivering_->with_notes && each.note.empty()) {  // a copy of the data brought it past this slot
        bool const was_asked_for_it = from == history_fetch_->from_member;
        if (auto const at = peers_.find(from); at != peers_.end() && was_asked_for_it)
          at->second.without_note = each.slot;
        break;
      }
      emit(persist_learned{each});
      deliver_slot(each.slot, each.what, each.note);
    }
    close_history();
  }
  if (delivered_ > before || is_settled(*history_fetch_, from, what)) history_fetch_.reset();
}

// A leader's word about what is decided stands for its own proposals. Once another ballot decided a slot otherwise, those
// who hold ours must not hear of it from us as a leader.
bool node::was_outvoted(decided_slot const& by) const {
  auto const* lead = std::get_if<leading>(&role_);
  if (lead == nullptr) return false;
  auto const ours = accepted_.find(by.slot);
  return by.slot >= lead->next || ours == accepted_.end() || !(*ours->second.what == *by.what);
}

void node::take_tail(member_id const& from, fetched const& what) {
  bool const brings =
      std::any_of(what.slots.begin(), what.slots.end(), [&](auto const& each) { return each.slot == decided_.next(); });
  bool const passed = decided_ >= what.from;
  if (tail_fetch_ && tail_fetch_->from == what.from && (brings || passed || is_settled(*tail_fetch_, from, what)))
    tail_fetch_.reset();
  slot_no const before = decided_;
  for (auto const& each : what.slots) {
    if (each.slot <= decided_) continue;
    if (each.slot != decided_.next() || phase_ != phase::member) return;
    auto const* change = std::get_if<site_change>(each.what.get());
    if (change != nullptr && change->next.version <= site_.version) return;  // nobody has decided that
    if (was_outvoted(each)) step_down();
    emit(persist_learned{each});
    decide(each.what);
  }
  if (phase_ != phase::member || is_leader()) return;
  learn_from_followed_leader();
  // What it accepted above the gap counts now; the leader may be waiting for nothing else.
  bool const can_tell = phase_ == phase::member && promised_ == following_ && first_followed_ > slot_no{};
  if (decided_ > before && can_tell) acknowledge(following_, first_followed_, {});
}

}  // namespace xcom
