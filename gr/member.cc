#include "gr/member.hh"

#include <algorithm>
#include <cstring>

#include "base/ensure.hh"
#include "certifier/write_set.hh"
#include "gr/packed_rows.hh"

namespace gr {
namespace {

// Who executed it, as the certifier counts: another life of the same server is somebody else, since what that life left
// behind is applied here like anybody's. So is what its clients were told not to wait for any more.
base::uuid certification_origin(xcom::message const& from, write_set_message const& what) {
  base::uuid origin = from.origin.uuid;
  std::uint64_t life = 0;
  std::memcpy(&life, origin.bytes.data() + 8, 8);
  life ^= from.origin.incarnation * 0x9e3779b97f4a7c15U + (from.seq.value() >> xcom::origin_count_bits) +
          what.life * 0xbf58476d1ce4e5b9U;
  std::memcpy(origin.bytes.data() + 8, &life, 8);
  return origin;
}

// Whether certification_origin made it of this member.
bool is_life_of(base::uuid const& origin, base::uuid const& who) {
  return std::equal(origin.bytes.begin(), origin.bytes.begin() + 8, who.bytes.begin());
}

// Two sites look the same to the database when the same lives of the same members are in them.
bool same_members(xcom::site const& left, xcom::site const& right) {
  return std::equal(left.members.begin(), left.members.end(), right.members.begin(), right.members.end(),
                    [](auto const& one, auto const& other) { return one.id == other.id && one.boot == other.boot; });
}

}  // namespace

member::member(member_config config, base::prng random)
    : config_(std::move(config)), random_(random), base_(config_.base), flow_(config_.flow) {}

void member::step(member_event const& in, std::vector<member_action>& out) {
  out_ = &out;
  if (stage_ != stage::closed) std::visit([this](auto const& what) { on(what); }, in);
  out_ = nullptr;
}

base::blob member::state_blob() const {
  ensure(!is_closed());
  return encode_state({state_, roles_, votes_});
}

void member::on(xcom::deliver const& in) {
  delivered_ = in.slot;
  if (report_.runs()) report_.read(in.bytes);
  slot_note note{state_, {}};
  std::size_t const before = out_->size();
  if (auto const* all = std::get_if<xcom::batch>(in.what.get()))
    deliver_batch(in, *all, note);
  else if (auto const* change = std::get_if<xcom::site_change>(in.what.get()))
    deliver_site(change->next);
  state_.digest = note.digest = extended(state_.digest, in.slot, *in.what);
  // Ahead of what the server is handed: whatever it can have applied has its verdict in the log.
  if (in.note.empty())
    out_->insert(out_->begin() + static_cast<std::ptrdiff_t>(before), write_note{in.slot, base::encode(note)});
  tell_if_data_differs();
  unconsumed_.push_back({in.slot, state_.seqno});
  tell_role();
  if (with_notes_ && !needs_notes()) {
    with_notes_ = false;
    emit(to_node{xcom::notes_done{}});
  }
}

void member::deliver_batch(xcom::deliver const& in, xcom::batch const& all, slot_note& note) {
  std::optional<slot_note> known;
  if (!in.note.empty()) {
    auto decoded = base::decode<slot_note>(in.note);
    if (decoded) known = std::move(*decoded);
    if (!known || !(known->before == state_))
      return refuse("slot " + std::to_string(in.slot.value()) +
                    " of the log was delivered at another position before (" +
                    (known ? std::to_string(known->before.seqno) : "unreadable note") + ", now " +
                    std::to_string(state_.seqno) + "): this member's log does not belong to its data");
  }
  std::uint32_t index = 0;
  for (auto const& each : all.messages) {
    auto const decoded = base::decode<ordered_message>(each.payload);
    if (!decoded) {  // every member sees the same bytes and skips them alike
      emit(say{server::level::error, "an ordered message cannot be read and is skipped: " + decoded.error().text});
      continue;
    }
    if (auto const* write_set = std::get_if<write_set_message>(&*decoded)) {
      take(each, *write_set, note, known ? &*known : nullptr, index++);
    } else if (auto const* stable = std::get_if<stable_message>(&*decoded)) {
      take(*stable);
    } else if (auto const* request = std::get_if<state_request_message>(&*decoded)) {
      take(*request);
    } else if (auto const* change = std::get_if<role_message>(&*decoded)) {
      take(each, *change);
    } else if (auto const* report = std::get_if<apply_report_message>(&*decoded)) {
      take(each, *report);
    } else if (each.origin == config_.self && awaited_.erase(each.seq) > 0) {
      emit(resolve{each.seq, 0, {order_outcome::passed, state_.seqno, state_.seqno, {}}});
    }
  }
}

void member::take(xcom::message const& from, write_set_message const& what, slot_note& note, slot_note const* known,
                  std::uint32_t index) {
  ++state_.seqno;
  bool const failed_before = known != nullptr && std::binary_search(known->failed.begin(), known->failed.end(), index);
  bool const preload = state_.seqno <= base_ && delivered_ <= judged_;
  ensure(!preload || known != nullptr);
  ordered const outcome = verdict_of(from, what, preload, failed_before);
  bool const failed = outcome.outcome == order_outcome::failed;
  auto const to_apply = rows_bytes(what.data, what.packed());
  flow_.ordered(from.origin, state_.seqno, failed ? 0 : to_apply + what.keys.size());
  if (known != nullptr && failed != failed_before)
    return refuse("transaction " + std::to_string(state_.seqno) + " certifies differently than before: " + outcome.why);
  if (failed) note.failed.push_back(index);
  hand_over(from, what, outcome);
}

ordered member::verdict_of(xcom::message const& from, write_set_message const& what, bool preload, bool known_to_fail) {
  ordered outcome{order_outcome::passed, state_.seqno, state_.seqno - 1, {}};
  auto const keys = certifier::write_set::decode(what.keys);
  certifier::candidate next;
  next.origin = certification_origin(from, what);
  next.seqno = state_.seqno;
  next.last_seen = what.last_seen;
  if (keys) next.keys = *keys;
  next.isolated = (what.flags & flag_isolation) != 0;
  next.pa_unsafe = (what.flags & flag_pa_unsafe) != 0;
  if (!keys) {
    note_unreadable(what);
    certification_.skip(state_.seqno, true);
    outcome.outcome = order_outcome::failed;
    outcome.why = "its write set cannot be read: " + keys.error().text;
    return outcome;
  }
  if (auto why = fence(from.origin); !why.empty()) {
    certification_.skip(state_.seqno, false);
    outcome.outcome = order_outcome::failed;
    outcome.why = std::move(why);
    return outcome;
  }
  if (preload) {
    certification_.preload(next, !known_to_fail);
    if (known_to_fail) outcome.outcome = order_outcome::failed;
    return outcome;
  }
  auto const verdict = certification_.certify(next);
  if (auto const* passed = std::get_if<certifier::passed>(&verdict)) {
    outcome.depends_on = passed->depends_on;
    return outcome;
  }
  note_refused(what, verdict, next.keys);
  outcome.outcome = order_outcome::failed;
  if (auto const* found = std::get_if<certifier::conflict>(&verdict))
    outcome.why = "conflicts with transaction " + std::to_string(found->with);
  else
    outcome.why = "started before position " + std::to_string(std::get<certifier::too_old>(verdict).forgotten) +
                  ", which the group has forgotten";
  return outcome;
}

refused_write_set member::refused_now(write_set_message const& what) const {
  refused_write_set made;
  made.history = state_.history;
  made.seqno = state_.seqno;
  made.source = what.source;
  made.keys = what.keys;
  made.data = what.data;
  made.packed = what.packed();
  return made;
}

void member::note_unreadable(write_set_message const& what) {
  auto made = refused_now(what);
  made.why = refusal_reason::unreadable;
  emit(refused{std::move(made)});
}

void member::note_refused(write_set_message const& what, certifier::verdict const& verdict,
                          std::span<certifier::key const> keys) {
  auto made = refused_now(what);
  auto const* const found = std::get_if<certifier::conflict>(&verdict);
  if (found == nullptr) {
    made.why = refusal_reason::too_old;
    return emit(refused{std::move(made)});
  }
  made.winner = found->with;
  made.row = found->found.hash;
  made.held = found->found.kind;
  auto const own = std::ranges::find(keys, made.row, &certifier::key::hash);
  if (own != keys.end()) made.wanted = own->kind;
  auto const writer =
      std::ranges::find_if(site_.members, [&](auto const& each) { return is_life_of(found->winner, each.id.uuid); });
  if (writer != site_.members.end()) made.winner_node = writer->id.uuid;
  emit(refused{std::move(made)});
}

// To the thread that waits for it if it was executed here in this life, to the server's appliers otherwise.
void member::hand_over(xcom::message const& from, write_set_message const& what, ordered const& outcome) {
  bool const mine = from.origin == config_.self && awaited_.erase(from.seq) > 0;
  bool const failed = outcome.outcome == order_outcome::failed;
  if (failed) ++count_.cert_failures;
  if (mine) {
    ++(failed ? count_.local_cert_failures : count_.local_commits);
    return emit(resolve{from.seq, what.source.trx, outcome});
  }
  ++count_.received;
  count_.received_bytes += what.data.size() + what.keys.size();
  if (outcome.seqno <= base_) return;
  if ((what.flags & flag_tell_applied) != 0 && stage_ == stage::online) everywhere_.owe(from.origin, outcome.seqno);
  start_server();  // history may be here before the first look at how things stand
  remote_write_set event;
  event.source = what.source;
  event.flags = what.flags & flags_of_server;
  event.seqno = outcome.seqno;
  event.depends_on = std::max(outcome.depends_on, base_);
  event.failed = failed;
  if (!failed) event.data = what.data;
  event.packed = what.packed();
  tell_server(std::move(event));
}

void member::take(stable_message const& what) {
  if (what.up_to <= state_.forgotten || what.up_to > state_.seqno) return;
  state_.forgotten = what.up_to;
  certification_.forget_below(what.up_to);
}

// Also when it was delivered once before, by the process before this one: that one's copy ended with it.
void member::take(state_request_message const& what) {
  if (what.donor != config_.self) return;
  // One at a time: the server has one position to pause at.
  int const refusal = stage_ != stage::online || differs_ ? donor_not_online : !donation_ ? 0 : donor_busy;
  bad_news_.erase(what.joiner);
  if (refusal != 0) return answer_request(what.joiner, {what.number, -1, refusal});
  donation_ = {what.joiner, what.number};
  hold_for(what.joiner, {state_.seqno, state_.forgotten});
  emit(say{server::level::info, "this member is the donor of a full copy for " + name_of(what.joiner) +
                                    " at position " + std::to_string(state_.seqno)});
  tell_server(donate_state{what.joiner.uuid, what.request, state_.seqno});
}

void member::deliver_site(xcom::site const& next) {
  bool const takes_position = state_.view_number == 0 || !same_members(site_, next);
  // The view that takes us out is for the others. One from before our time, also without us, is a position like any other:
  // so is the one that took out the process before this one, where this one goes on by itself.
  bool const departed = own_boot_seen_ && site_.find(config_.self) != nullptr && next.find(config_.self) == nullptr;
  site_ = next;
  if (next.version > known_site_.version) known_site_ = next;
  forget_helped();
  everywhere_.keep_only(known_site_);
  serve_waiters();
  auto const* self = site_.find(config_.self);
  if (takes_position) {
    ++state_.seqno;
    ++state_.view_number;
    certification_.skip(state_.seqno, false);
    departed_ = departed && !stepped_aside_;
    // The same server goes on behind this position: it has to pass it, though the view is not for it.
    if (departed && stepped_aside_) tell_server(remote_write_set{{}, 0, state_.seqno, state_.seqno - 1, true, {}});
    bool const founding = !connected_;
    if (founding) {
      connected_ = true;
      tell_server(connected_to_group{view_at(state_.seqno, view_status::primary)});
    }
    if (state_.seqno > base_ && !departed) {
      started_ = true;
      tell_server(view_installed{view_at(state_.seqno, view_status::primary)});
    }
    if (founding && stage_ == stage::online) tell_server(caught_up{});
  }
  follow_site_with_roles();
  follow_site_with_votes();
  if (self == nullptr) return;
  if (self->boot == config_.boot) own_boot_seen_ = true;
  if (facts_of(*self).status == member_status::online && update_sent_ && stage_ == stage::replaying) become_online();
  if (stage_ == stage::online) tell_settings(*self);
  if (planner_ && !planner_->finished()) tell_planner_of_site();
}

// Where the group's protocol was raised, or lowered, since it came ONLINE; and another may have come that differs.
void member::tell_settings(xcom::site_member const& self) {
  (void)compare_settings();
  auto facts = facts_of(self);
  auto wanted = site_.rules.protocol < xcom::protocol_with_settings ? decltype(facts.alike){} : config_.facts.alike;
  if (facts.alike == wanted) return;
  facts.alike = std::move(wanted);
  emit(to_node{xcom::update_self{base::encode(facts), std::nullopt}});
}

view member::view_at(seqno_t position, view_status status) const {
  view made;
  made.group = state_.history;
  made.seqno = position;
  made.status = status;
  made.number = status == view_status::primary ? state_.view_number : -1;
  for (auto const& each : (delivered_ == xcom::slot_no{} ? known_site_ : site_).members) {
    if (status == view_status::non_primary && each.id != config_.self) continue;
    auto const facts = facts_of(each);
    made.members.push_back({each.id.uuid, facts.name, facts.incoming});
  }
  std::sort(made.members.begin(), made.members.end(),
            [](auto const& left, auto const& right) { return left.id < right.id; });
  for (std::size_t at = 0; at < made.members.size(); ++at)
    if (made.members[at].id == config_.self.uuid) made.my_index = static_cast<int>(at);
  return made;
}

// Slots whose every position the server has left behind make room for more.
void member::consume() {
  // What is voted on is decided behind what waits for it: until then the memory for that has to be found.
  seqno_t const applied = failed_here_.empty() ? applied_here() : state_.seqno;
  std::optional<xcom::slot_no> up_to;
  while (!unconsumed_.empty() && unconsumed_.front().last <= applied) {
    up_to = unconsumed_.front().slot;
    unconsumed_.pop_front();
  }
  if (up_to) emit(to_node{xcom::consumed{*up_to}});
}

// The lowest position any ONLINE member has applied, as far as its heartbeats say. Whoever is not heard holds it back until
// it is expelled; a value that is too low costs memory, never a verdict.
void member::move_stable() {
  if (!last_.leads || stage_ != stage::online) return;
  if (now_.value() - stable_sent_.value() < config_.stable_every_ticks) return;
  seqno_t stable = last_.applied;
  // Who is ONLINE in a site that is not delivered here yet counts already: its clients write.
  for (auto const& each : known_site_.members) {
    if (each.id == config_.self || facts_of(each).status != member_status::online) continue;
    auto const* const at = neighbor_of(each.id);
    stable = std::min(stable, at == nullptr || at->facts.history != state_.history ? seqno_t{0} : at->facts.applied);
  }
  // One at a time: where a slot takes long they would pile up.
  if (stable <= state_.forgotten || stable_asked_ > state_.forgotten) return;
  stable_sent_ = now_;
  stable_asked_ = stable;
  order(stable_message{stable});
}

std::string member::state_name() const {
  switch (stage_) {
    case stage::offline: return "OFFLINE";
    case stage::online: return have_quorum_ ? "ONLINE" : "UNREACHABLE";
    case stage::closed: return "ERROR";
    default: return "RECOVERING";
  }
}

std::string member::describe() const {
  static constexpr char const* stages[] = {"offline",   "choosing",  "copying", "asking",
                                           "comparing", "replaying", "online",  "closed"};
  return std::string(stages[static_cast<int>(stage_)]) + " at " + std::to_string(state_.seqno) + " base " +
         std::to_string(base_) + " applied " + std::to_string(last_.applied) + " forgotten " +
         std::to_string(state_.forgotten) + " awaited " + std::to_string(awaited_.size());
}

}  // namespace gr
