// The member's driver: what gr::member wants of the log, the node, the database and its clients.
#include <fmt/format.h>

#include <algorithm>

#include "gr/history.hh"
#include "gr/packed_rows.hh"
#include "sim/failure.hh"
#include "sim/server.hh"

namespace sim {
namespace {

constexpr std::size_t apply_queue_max = 50;
constexpr std::uint64_t look_ticks = 5;          // flow control does not look more often
constexpr std::uint64_t turn_slack_ticks = 200;  // what one huge transaction leaves to be paid, and what is heard late
constexpr std::uint64_t unruly_one_in = 8;       // clients write where they should not, and nobody here stops them

}  // namespace

void server::step_member(gr::member_event const& what) {
  if (!member_) return;
  std::vector<gr::member_action> actions;
  member_->step(what, actions);
  note_choice();
  for (auto const& each : actions) std::visit([this](auto const& action) { perform(action); }, each);
  if (member_) note_online();
}

// What a donor was chosen from: the server's request for a copy may come long after.
void server::note_choice() {
  if (member_->donor() == chosen_) return;
  chosen_ = member_->donor();
  chosen_from_ = chosen_ ? std::optional(facts_now()) : std::nullopt;
}

// Its number is the next one once what waits before it was taken.
xcom::origin_seq server::order(base::blob payload, bool awaited) {
  auto const before = std::count_if(inbox_.begin(), inbox_.end(),
                                    [](auto const& each) { return std::holds_alternative<xcom::submitted>(each); });
  auto const seq = node_->next_seq().plus(static_cast<std::uint64_t>(before));
  if (awaited) step_member(gr::awaited{seq});
  inbox_.emplace_back(xcom::submitted{seq, std::move(payload)});
  return seq;
}

void server::perform(gr::submit const& what) {
  auto const decoded = base::decode<gr::ordered_message>(what.payload);
  if (auto const* request = decoded ? std::get_if<gr::state_request_message>(&*decoded) : nullptr)
    check_donor(request->donor, std::nullopt, chosen_from_.value_or(facts_now()));
  if (auto const* stable = decoded ? std::get_if<gr::stable_message>(&*decoded) : nullptr) check_stable(stable->up_to);
  order(what.payload, false);
}

void server::perform(gr::tell const& what) {
  auto const decoded = base::decode<gr::direct_message>(what.payload);
  if (decoded && std::holds_alternative<gr::history_query>(*decoded) && !member_->compares())
    check_donor(what.to, engine_->position(), facts_now());
  if (auto const* answer = decoded ? std::get_if<gr::history_answer>(&*decoded) : nullptr)
    note_promised_history(what.to, *answer);
  auto const* who = node_->current_site().find(what.to);
  if (who != nullptr) send_out(who->address, xcom::direct{what.payload});
}

void server::perform(gr::resolve const& what) {
  auto const at = waiting_.find(what.seq);
  if (at == waiting_.end()) return;
  auto const waited = at->second;
  waiting_.erase(at);
  if (waited.trx == 0)  // what a human gave up for lost meanwhile is not owed to it
    return engine_->answer_read(std::min(waited.acknowledged_before, world_.watch.acknowledged_up_to()), what.outcome);
  if (what.outcome.outcome == gr::order_outcome::passed) exit_watch_.takes_write(name_);
  engine_->resolve(waited.trx, what.outcome);
}

void server::perform(gr::write_note const& what) {
  note_ = what.note;
  demand(log_->note(what.slot, what.note));
}

void server::perform(gr::keep_checkpoint const& what) {
  demand(log_->store(what.at));
  first_available_ = gr::first_available(log_->checkpoints(), member_->held());
}

void server::perform(gr::compare_held const& what) {
  auto const found = gr::compare(*log_, log_name_, what.asked.held);
  check(found.has_value(), "a whole log can be read");
  step_member(gr::held_compared{what.who, what.asked, log_name_, *found, log_->checkpoints()});
}

void server::perform(gr::forget_held const& what) {
  if (what.diverged) ++world_.count.diverged;
  held_aside_.reset();
}

void server::perform(gr::to_server const& what) {
  if (gave_up_) return;
  reached_ = reached_ || std::holds_alternative<gr::connected_to_group>(what.what);
  engine_->deliver(what.what);
}

void server::perform(gr::refused const& what) { check(what.what.winner < what.what.seqno, "whoever wins came first"); }

void server::perform(gr::to_node const& what) {
  if (auto const* wish = std::get_if<xcom::update_self>(&what.what)) asked_for_vote_ = asked_for_vote_ || wish->role;
  if (auto const* change = std::get_if<xcom::change_sources>(&what.what); change != nullptr && !change->sources.empty())
    check_donor(change->sources.front(), std::max(engine_->position(), member_->state().seqno), facts_now());
  if (auto const* begin = std::get_if<xcom::start_delivery>(&what.what); begin != nullptr && !own_place_)
    index_began_ = gr::state_of(begin->from).seqno;
  inbox_.push_back(boasts_ ? boasting(what.what) : what.what);
}

// What a member says of its log and what it has may differ: what was purged after it spoke, and what it is wrong about.
xcom::event server::boasting(xcom::event const& what) {
  auto const* const told = std::get_if<xcom::app_facts>(&what);
  auto facts = told == nullptr ? base::result<gr::live_facts>(base::fail("something else"))
                               : base::decode<gr::live_facts>(told->facts);
  if (!facts) return what;
  facts->first_available = 0;
  return xcom::app_facts{base::encode(*facts)};
}

void server::perform(gr::take_role const& what) {
  world_.trace(name_, what.now.writes ? "takes writes" : "takes no writes: " + what.now.why_not);
}

void server::perform(gr::say const& what) {
  if (world_.traces()) world_.trace(name_, "says: " + what.text);
}

void server::perform(gr::give_up const& what) { give_up(what.why, what.may_return); }

// Its client is told now: whatever anybody reads from here on, at whichever member, shows it.
void server::perform(gr::applied_by_all const& what) {
  auto const seqno = world_.watch.position_of(what.who);
  if (!seqno) return;  // a human gave it up for lost meanwhile
  ++world_.count.everywhere;
  auto const& here = node_->current_site();
  auto const& newest = world_.watch.newest_site();
  for (auto const* each : world_.servers)
    each->check_can_read(*seqno, here.version > newest.version ? here : newest, name_);
}

// Whose server nobody can help ends as it is, and tries again when it is started again.
void server::perform(gr::apply_settled const& what) {
  engine_->settle(what.seqno, what.how.outcome);
  if (what.how.outcome != gr::failure_outcome::unknown) return;
  world_.trace(name_, "ends: " + what.how.why);
  after(micros(0), [this] { stop(); });
}

// Written down at once: whatever becomes of this process, the next one takes a full copy.
void server::perform(gr::data_differs const& what) {
  ++world_.count.quarantined;
  quarantined_ = true;
  engine_->close();
  give_up(what.why, false);
}

void server::check_can_read(gr::seqno_t seqno, xcom::site const& in, std::string const& committed_at) const {
  // Its appliers are stuck, and with them the word that would stop its clients (docs/consistency.md).
  if (away_) return;
  bool const reads = is_running() && !paused_ && engine_ && engine_->is_ready() && takes_writes();
  auto const* const entry = in.find(self_);
  if (!reads || entry == nullptr || entry->role == xcom::member_role::arbiter) return;
  // Taken in again while its server ran: that was told that it has no group, and opens when it is told to be in step.
  if (!gr::is_online(*entry)) return;
  check(engine_->position() >= seqno, [&] {
    return fmt::format("{} can be read and stands at {}; {} told its client that {} is applied everywhere", name_,
                       engine_->position(), committed_at, seqno);
  });
}

void server::perform(gr::step_aside const& what) {
  if (closing_ || gave_up_ || gives_up_place_ || !node_->is_member() || std::exchange(steps_aside_, true)) return;
  world_.trace(name_, "steps aside: " + what.why);
  ++world_.count.stepped_aside;
  away_ = true;
}

// ---- clients ----

bool server::takes_writes() const {
  bool const stays = !closing_ && !gave_up_ && !steps_aside_;
  return node_ && member_ && stays && node_->is_member() && node_->have_quorum();
}

void server::submit() {
  if (!is_running() || paused_ || read_only_ || !engine_->is_ready()) return;
  if (waiting_.size() + clients_ >= world_.with.in_flight_max) return;
  // Where the group does not wait for its slowest, clients do: their transactions need the locks of what is to be applied.
  bool const waits_for_all = world_.with.member.flow.mode == gr::flow_mode::quota;
  if (!waits_for_all && engine_->queued() > apply_queue_max) return;
  bool const welcome = member_->role().writes && !member_->role().drains;
  if (!welcome && is_online() && !random_.chance(1, unruly_one_in)) return;
  guarded([this] {
    if (random_.chance(1, 16)) return read();
    ++clients_;
    if (!budget_.may_pass()) ++world_.count.held_back;
    let_clients_in();
  });
}

void server::let_clients_in() {
  while (clients_ > 0 && budget_.may_pass() && is_running() && engine_->is_ready()) {
    --clients_;
    first_waits_ = 0;
    let_in_one();
  }
}

void server::let_in_one() {
  auto const made = engine_->execute(random_);
  if (!made) return;
  budget_.spend(made->data.size());
  if (!takes_writes())
    return engine_->resolve(made->trx, {gr::order_outcome::not_sent, -1, -1, "this member has no majority"});
  exit_watch_.takes_write(name_);
  auto const flags = made->flags | (made->everywhere ? gr::flag_tell_applied : 0U);
  gr::write_set_message message{
      {self_.uuid, made->trx, 1}, clients_life_, flags, made->last_seen, made->keys, made->data};
  if (node_->current_site().rules.protocol >= xcom::protocol_with_packed_rows)
    gr::pack_rows(message, world_.with.pack_from);
  auto const seq = order(base::encode(gr::ordered_message(message)), true);
  waiting_[seq] = {made->trx, 0};
  drain();
}

void server::follow_flow() {
  budget_.allow(takes_writes() ? member_->flow().own() : gr::flow_allowance{}, now_);
  check_flow();
  guarded([this] { let_clients_in(); });
  if (!is_running() || !steps_aside_ || !node_->is_member() || node_->is_leaving() || closing_) return;
  if (waiting_.empty()) post(xcom::leave_group{});
}

// Whoever is first in the queue has its turn within what the floor means, shared among all; and nobody waits for one that
// is not there.
void server::check_flow() {
  first_waits_ = clients_ > 0 && engine_->is_ready() ? first_waits_ + 1 : 0;
  auto const& with = world_.with.member.flow;
  auto const least = with.max_quota > 0 ? std::min(with.min_quota, with.max_quota) : with.min_quota;
  auto const turn = least == 0 ? 0 : with.period_ticks * world_.with.servers / least;
  check(least == 0 || first_waits_ <= turn + turn_slack_ticks, [&] {
    return fmt::format("{}: the first client waits for its turn for {} ticks, the floor is {} in {} ticks", name_,
                       first_waits_, least, with.period_ticks);
  });
  auto const* const slow = member_->flow().slowest();
  bool const heard =
      slow == nullptr || slow->id == self_ ||
      std::ranges::any_of(last_seen_.others, [&](auto const& each) { return each.id == slow->id && each.heard; });
  slowed_for_silent_ = heard ? 0 : slowed_for_silent_ + 1;
  check(slowed_for_silent_ <= look_ticks, [&] {
    return fmt::format("{} slows its clients for a member it hears, not for {}", name_, xcom::to_string(slow->id));
  });
}

void server::read() {
  if (!takes_writes()) return;
  auto const before = world_.watch.acknowledged_up_to();
  auto const seq = order(base::encode(gr::ordered_message(gr::marker_message{})), true);
  waiting_[seq] = {0, before};
  drain();
}

void server::abandon(std::string const& why) {
  if (!waiting_.empty()) ++clients_life_;
  if (member_) step_member(gr::abandoned{why});
  for (auto const& [seq, waited] : std::exchange(waiting_, {}))
    if (waited.trx != 0) engine_->resolve(waited.trx, {gr::order_outcome::unknown, -1, -1, why});
}

// Commits under way when the majority went do not wait for ever: their outcome is unknown, and that is what they are told.
void server::check_majority() {
  if (majority_lost_ == base::tick_count{} || waiting_.empty() || world_.with.majority_ticks == 0) return;
  if (now_.value() - majority_lost_.value() >= world_.with.majority_ticks)
    abandon("the majority of the group was lost");
}

bool server::is_idle() const {
  return is_online() && node_->undelivered_own() == 0 && engine_->queued() == 0 && waiting_.empty() && clients_ == 0 &&
         engine_->open_transactions() == 0 && node_->delivered() == node_->decided();
}

// ---- what must be true of recovery ----

// Once for each time it becomes ONLINE: what it must hold is what was ordered before it came.
void server::note_online() {
  bool const online = is_online();
  if (std::exchange(was_online_, online) || !online) return;
  world_.trace(name_, "is online");
  away_ = false;
  auto const certified_is_enough = world_.with.member.recovery.online_when_certified;
  world_.watch.became_online(self_, boot_, certified_is_enough ? member_->state().seqno : engine_->position());
}

void server::check_stable(gr::seqno_t up_to) const {
  std::vector<std::string> online;
  for (auto const& each : member_->site().members) {
    auto const its = gr::facts_of(each);
    if (its.status == gr::member_status::online) online.push_back(its.name);
  }
  world_.watch.called_stable(up_to, online);
}

// It says where to begin: what follows that place is there until the joiner needs nobody any more.
void server::note_promised_history(xcom::member_id const& joiner, gr::history_answer const& answer) {
  auto const* const who = member_->site().find(joiner);
  if (who != nullptr && !answer.from.empty()) promised_history_[joiner] = {who->boot, answer.from.front().slot};
}

void server::check_promised_history() {
  std::erase_if(promised_history_, [&](auto const& each) {
    auto const* joiner = member_->site().find(each.first);
    return joiner == nullptr || gr::is_online(*joiner) || joiner->boot != each.second.boot;
  });
  for (auto const& [joiner, promised] : promised_history_)
    check(log_->begins() <= promised.from.next(), [&, joiner = joiner, from = promised.from] {
      return fmt::format("{} keeps the log from slot {} on for {}, to which it promised it, not from {}", name_,
                         from.next().value(), xcom::to_string(joiner), log_->begins().value());
    });
}

// Of those that were ONLINE, heard and able to serve as of the last tick, a donor is chosen that is not further behind the
// furthest of them than donor_threshold; one that is only after each that is not was tried. Able to serve: from where this
// member stood then; what it applied since may make a log long enough that was not.
// `stands_at`: what the donor's log has to reach back to; none: it sends a copy.
void server::check_donor(xcom::member_id const& donor, std::optional<gr::seqno_t> stands_at,
                         choice_facts const& known) {
  if (!donors_tried_.insert(donor).second) return;  // asked again, or again after all the others
  std::vector<gr::neighbor const*> able;
  gr::seqno_t furthest = 0;
  for (auto const& each : known.others) {
    auto const* who = known.at.find(each.id);
    if (!each.heard || who == nullptr || who->role == xcom::member_role::arbiter) continue;
    if (who->role == xcom::member_role::non_voting) continue;
    auto const begins = each.facts.first_available;
    auto stood_at = stands_at;
    if (stood_at && each.id != donor) stood_at = std::min(*stood_at, last_seen_.applied);
    bool const serves = !stood_at || (begins >= 0 && begins <= *stood_at);
    if (!gr::is_online(*who) || !serves) continue;
    able.push_back(&each);
    // Who was asked before may have answered that its log reaches back less far than its heartbeat said.
    if (each.id == donor || !donors_tried_.contains(each.id)) furthest = std::max(furthest, each.facts.applied);
  }
  auto const is_close = [&](gr::neighbor const* each) {
    return static_cast<std::uint64_t>(furthest - each->facts.applied) < world_.with.member.recovery.donor_threshold;
  };
  auto const chosen = std::find_if(able.begin(), able.end(), [&](auto const* each) { return each->id == donor; });
  check(chosen != able.end(), [&] {
    std::string all;
    for (auto const& each : known.others)
      all += fmt::format(" {} {} log from {},", xcom::to_string(each.id), each.heard ? "heard" : "silent",
                         each.facts.first_available);
    return fmt::format("{} at {} chooses a donor that can serve it, not {}; it knows of{} site {}", name_,
                       stands_at.value_or(-1), xcom::to_string(donor), all, known.at.version);
  });
  auto const better = std::find_if(
      able.begin(), able.end(), [&](auto const* each) { return is_close(each) && !donors_tried_.contains(each->id); });
  check(is_close(*chosen) || better == able.end(), [&] {
    return fmt::format(
        "{} at {} chooses a donor at {} before one at {} whose log begins at {}, with donor_threshold {}", name_,
        stands_at.value_or(-1), (*chosen)->facts.applied, (*better)->facts.applied, (*better)->facts.first_available,
        world_.with.member.recovery.donor_threshold);
  });
}

}  // namespace sim
