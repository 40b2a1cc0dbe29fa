// From submitted to delivered: own messages on their way to the leader, fetching what is missing, in-order delivery.
#include <algorithm>
#include <tuple>

#include "base/ensure.hh"
#include "xcom/node.hh"
#include "xcom/serving.hh"

namespace xcom {
namespace {

constexpr std::size_t forward_bytes_max = 1U << 20;       // one frame of own messages; a larger message goes alone
constexpr std::size_t forward_bytes_per_tick = 1U << 20;  // of fetched history as well
constexpr std::uint32_t forward_doublings_max = 6;
constexpr std::uint32_t fetch_doublings_max = 4;
constexpr std::uint64_t arriving_ticks_max = 1000;

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
    if (!pending_.empty()) sent_up_to_ = pending_.back().seq;
    return;
  }
  auto const to = leader();
  if (!to) return;
  bool first_frame = forwarded_ == 0 || again;
  if (again) forwarded_ = 0;
  if (forwarded_ == 0) forward_sent_ = now_;
  while (forwarded_ < pending_.size()) {
    forward frame{log_, first_frame, {}, pending_[forwarded_].seq > sent_up_to_};
    std::size_t bytes = 0;
    while (forwarded_ < pending_.size()) {
      bytes += pending_[forwarded_].payload.size();
      if (!frame.messages.empty() && bytes > forward_bytes_max) break;
      frame.messages.push_back(pending_[forwarded_++]);
    }
    first_frame = false;
    sent_up_to_ = std::max(sent_up_to_, frame.messages.back().seq);
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
  sources_ = happened.sources;
  history_.clear();
  history_begins_ = delivered_.next();
}

void node::on(notes_done const&) {
  if (delivering_) delivering_->with_notes = false;
}

void node::on(change_sources const& happened) {
  sources_ = happened.sources;
  history_.clear();
  tail_.clear();
}

void node::on(consumed const& happened) {
  if (!delivering_) return;
  auto& queue = delivering_->unconsumed;
  while (!queue.empty() && queue.front().slot <= happened.up_to) {
    delivering_->unconsumed_bytes -= queue.front().bytes;
    queue.pop_front();
  }
}

// Nor what put this member out against its wish: it is the new incarnation's to be handed.
bool node::may_deliver() const {
  if (departing() && !leaving_) return false;
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

bool node::holds(member_id const& who, slot_no slot, bool with_notes) const {
  auto const at = peers_.find(who);
  if (at == peers_.end() || !hears(who)) return false;
  auto const& last = at->second.last;
  if (with_notes && at->second.without_note == slot) return false;
  return last.log_begins <= slot && slot <= (with_notes ? last.delivered : last.decided);
}

// The sources, as they were named. Where they have it not, or were asked for it in vain, everybody who has it, from another one
// on each time.
std::vector<member_id> node::holders_of(slot_range const& range, bool with_notes) const {
  std::vector<member_id> found;
  for (auto const& each : sources_)
    if (holds(each, range.from, with_notes)) found.push_back(each);
  if (!found.empty() && range.repeats < sources_.size()) return found;
  found.clear();
  for (auto const& [id, each] : peers_)
    if (holds(id, range.from, with_notes)) found.push_back(id);
  if (found.empty()) return found;
  auto const turn = now_.value() / std::max<std::uint64_t>(1, config_.resend_ticks.value()) % found.size();
  std::ranges::rotate(found, found.begin() + static_cast<std::ptrdiff_t>(turn));
  return found;
}

// Another one than the last time, who was of use, and who has least to do for us.
std::optional<member_id> node::whom_to_ask(range_window const& window, slot_range const& range, bool with_notes) const {
  auto const all = holders_of(range, with_notes);
  auto const best = std::ranges::min_element(all, {}, [&](member_id const& id) {
    return std::tuple(id == range.asked, window.was_in_vain(id), window.asked_of(id));
  });
  return best == all.end() ? std::nullopt : std::optional(*best);
}

// Until when a large message of its was seen to come in: what we have missed `since` then may be in it. Not for ever, since
// it need not be.
base::tick_count node::arriving_from(member_id const& who, base::tick_count since) const {
  auto const at = peers_.find(who);
  return at == peers_.end() ? since : std::clamp(at->second.arriving, since, since.plus(arriving_ticks_max));
}

bool node::is_due(slot_range const& range, std::optional<member_id> const& whom) const {
  if (!range.asked || !hears(*range.asked)) return true;
  bool const is_first = range.repeats == 0;  // who damages one damages the next as well
  if (range.damaged_by && whom != range.damaged_by && is_first) return true;
  // A long answer is not a lost one, and each repeat would queue the same bytes behind it.
  auto const sent = arriving_from(*range.asked, range.sent);
  std::uint64_t const wait = (config_.resend_ticks.value() + config_.fetch_bytes_max / forward_bytes_per_tick)
                             << std::min(range.repeats, fetch_doublings_max);
  return now_.value() - sent.value() >= wait;
}

// Asks for what of it nobody is asked for. A few questions at a time, also when we got further without their answers: each brings
// far more than a slot, and as many answers as slots would keep those who give them from everything else.
void node::ask(range_window& window, slot_no next, slot_no last, bool with_notes) {
  bool const by_ranges = site_.rules.protocol >= protocol_with_ranges;
  auto const ranges_max = by_ranges ? config_.fetch_ranges_max : 1;
  window.cover(next, last, ranges_max);
  auto& ranges = window.ranges();
  for (std::size_t at = 0; at < std::min(ranges_max, ranges.size()); ++at) {
    auto& each = ranges[at];
    if (each.brought_by) continue;
    auto const whom = whom_to_ask(window, each, with_notes);
    if (!is_due(each, whom)) continue;
    if (!whom) return at == 0 ? give_up_if_lost(next, with_notes) : void();
    each.from = std::max(each.from, next);
    bool const again = each.asked && hears(*each.asked);
    if (again) window.note_in_vain(*each.asked);
    each.repeats = again ? each.repeats + 1 : 0;
    each.asked = *whom;
    each.damaged_by.reset();
    each.sent = now_;
    send_to(*whom, fetch{log_, each.from, config_.fetch_bytes_max, with_notes, by_ranges ? each.up_to : slot_no{}});
  }
}

void node::fetch_missing() {
  if (phase_ != phase::member) return;
  // History below our own log, for delivery.
  if (may_deliver() && !is_readable(delivered_.next())) {
    auto const last = delivering_->with_notes ? decided_ : std::min(decided_, log_begins_.previous());
    ask(history_, delivered_.next(), std::max(last, delivered_.next()), true);
  }
  fetch_tail_if_due();
}

// Decided elsewhere and not here. What we hold from the followed leader needs only its word or an acknowledgement, which
// is under way; what it proposed after all we have seen of it is so, too, when a heartbeat overtook it. Both are waited for a
// little, and longer while a large message of its is on its way in.
void node::fetch_tail_if_due() {
  slot_no known = watermark_;
  for (auto const& [id, each] : peers_) known = std::max(known, each.last.decided);
  if (known <= decided_) {
    catching_up_ = false;
    behind_since_ = {};
    tail_.clear();
    return;
  }
  if (behind_since_ == base::tick_count{}) behind_since_ = now_;
  auto const next = accepted_.find(decided_.next());
  bool const held = next != accepted_.end() && next->second.accepted_in == following_;
  auto const seen = acknowledged_.find(following_.proposer);
  bool const overtaken = !catching_up_ && seen != acknowledged_.end() && seen->second <= decided_;
  auto const leads = peers_.find(following_.proposer);
  bool const arrives =
      leads != peers_.end() && leads->second.arriving.plus(config_.resend_ticks.value()) > behind_since_;
  auto const since = arrives ? std::max(decided_at_, arriving_from(following_.proposer, behind_since_)) : decided_at_;
  if ((held || overtaken) && now_.value() - since.value() < config_.resend_ticks.value()) return;
  catching_up_ = true;
  ask(tail_, decided_.next(), known, false);
}

// Every member we hear has purged it, and we hear a majority: waiting longer helps nobody. Nor does it help to wait for the
// majority of a site that the group has left behind, as members of a newer one tell us.
void node::give_up_if_lost(slot_no wanted, bool with_notes) {
  if (!have_quorum_ && strangers_.empty()) return;
  bool may_come = false;
  slot_no oldest;
  for (auto const& [id, each] : peers_) {
    if (!hears(id)) continue;
    if (each.last.count == 0) return;          // its next heartbeat tells
    if (wanted > each.last.decided) continue;  // it misses the slot as we do
    bool const has_it = each.last.log_begins <= wanted && each.without_note != wanted;
    if (has_it && (!with_notes || wanted <= each.last.delivered)) {
      history_lost_ = {};
      return;
    }
    may_come = may_come || has_it;
    if (oldest == slot_no{} || each.last.log_begins < oldest) oldest = each.last.log_begins;
  }
  if (oldest == slot_no{}) return;
  // What heartbeats said is a moment old, and who misses the slot now may be about to get it: this has to last. Who has the
  // slot and not its note writes that once its application comes to it, unless it waits for ours.
  if (history_lost_ != wanted) {
    history_lost_ = wanted;
    history_lost_since_ = now_;
  }
  if (now_.value() - history_lost_since_.value() < (may_come ? 20 : 2) * config_.suspect_ticks.value()) return;
  history_lost_since_ = now_;
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
  // The answer goes out in the protocol of our site, whatever that of the asker's is: in the other's form it would arrive empty.
  bool const by_ranges = site_.rules.protocol >= protocol_with_ranges;
  if (!by_ranges) asked.up_to = {};
  if (by_ranges && asked.up_to == slot_no{}) asked.up_to = up_to;
  emit(serve_log{member != nullptr ? member->address : stranger->second, asked, up_to, decided_});
}

void node::take(member_id const& from, fetched const& what) {
  if (phase_ != phase::member) return;
  if (auto const at = peers_.find(from); at != peers_.end()) {
    at->second.last.log_begins = std::max(at->second.last.log_begins, what.log_begins);
    at->second.last.decided = std::max(at->second.last.decided, what.decided);
  }
  // Whoever sent it: a late answer of one that was asked before is as good.
  if (history_.waiting(what.from) != nullptr) return take_range(history_, from, what);
  if (tail_.waiting(what.from) != nullptr) return take_range(tail_, from, what);
  if (auto const slots = slots_of(what)) decide_tail(*slots);
}

// Also what waited here for a range before it that came another way, or for the application.
void node::take_what_was_fetched() {
  if (phase_ != phase::member) return;
  tail_.pass(decided_.next());
  while (phase_ == phase::member && tail_.is_ready()) {
    decide_tail(tail_.take()->slots);
    tail_.pass(decided_.next());
  }
  if (phase_ != phase::member || !delivering_) return;
  history_.pass(delivered_.next());
  if (history_.is_ready()) deliver_history();
}

// An answer that brings nothing is not asked for again at once: the one who gave it would give it again. Unless it says that
// its log begins above, and so is asked no more; the successor of the one we asked, at its address, says nothing about it.
void node::take_range(range_window& window, member_id const& from, fetched const& what) {
  auto* const range = window.waiting(what.from);
  auto slots = slots_of(what);
  if (!slots) {
    range->damaged_by = from;
    return emit(damaged_range{from, what.from, slots.error().text});
  }
  window.note_progress(from, now_);
  if (from == range->asked && peers_.contains(from) && what.log_begins > range->from) range->asked.reset();
  if (range->asked) (void)window.answer(what.from, from, std::move(*slots), config_.fetch_bytes_max);
}

// As much as the application may be handed now; the rest waits in the window.
void node::deliver_history() {
  while (may_deliver()) {
    auto const range = history_.take();
    if (!range || !deliver_history(*range)) break;
  }
  close_history();
}

// False: some of it has to come from elsewhere.
bool node::deliver_history(slot_range const& range) {
  for (auto const& each : range.slots) {
    if (each.slot <= delivered_) continue;
    if (each.slot != delivered_.next() || each.slot > decided_) return false;
    if (!delivering_->with_notes && each.slot >= log_begins_) return false;
    if (delivering_->with_notes && each.note.empty()) {  // a copy of the data brought it past this slot
      auto const at = peers_.find(*range.brought_by);
      if (at != peers_.end() && range.brought_by == range.asked) at->second.without_note = each.slot;
      return false;
    }
    emit(persist_learned{each});
    deliver_slot(each.slot, each.what, each.note);
  }
  return true;
}

// A leader's word about what is decided stands for its own proposals. Once another ballot decided a slot otherwise, those
// who hold ours must not hear of it from us as a leader.
bool node::was_outvoted(decided_slot const& by) const {
  auto const* lead = std::get_if<leading>(&role_);
  if (lead == nullptr) return false;
  auto const ours = accepted_.find(by.slot);
  return by.slot >= lead->next || ours == accepted_.end() || !(*ours->second.what == *by.what);
}

// False: it is not to be believed.
bool node::decide_tail(decided_slot const& next) {
  if (next.slot <= decided_) return true;
  if (next.slot != decided_.next()) return false;
  auto const* change = std::get_if<site_change>(next.what.get());
  if (change != nullptr && change->next.version <= site_.version) return false;  // nobody has decided that
  if (was_outvoted(next)) step_down();
  emit(persist_learned{next});
  decide(next.what);
  return phase_ == phase::member;
}

void node::decide_tail(std::vector<decided_slot> const& slots) {
  slot_no const before = decided_;
  for (auto const& each : slots)
    if (!decide_tail(each)) break;
  if (phase_ != phase::member || is_leader()) return;
  learn_from_followed_leader();
  // What it accepted above the gap counts now; the leader may be waiting for nothing else.
  bool const can_tell = phase_ == phase::member && promised_ == following_ && first_followed_ > slot_no{};
  if (decided_ > before && can_tell) acknowledge(following_, first_followed_, {});
}

}  // namespace xcom
