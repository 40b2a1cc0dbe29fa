// How a member becomes ONLINE: from its own log, from a donor's log, or from a full copy and then a donor's log.
#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "base/ensure.hh"
#include "gr/alike.hh"
#include "gr/member.hh"
#include "recovery/join_plan.hh"

namespace gr {
namespace {

constexpr std::uint64_t ask_again_ticks = 100;
constexpr unsigned repeats_max = 30;

std::string refusal(certifier::gtid_set const& errant) {
  return "this server is refused: it holds " + recovery::describe_errant(errant) +
         ". Nothing was touched. Save what is wanted of them: start it outside the group (mariadbd --wsrep-on=OFF), or "
         "read what they wrote with grctl log dump group_replication.*.log. Then remove grastate.dat and "
         "group_replication.*.log from its data directory and start it again: it takes a full copy of the group";
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

}  // namespace

// ---- beginnings ----

void member::on(founded const& in) {
  stage_ = stage::online;
  state_ = state_of(in.at);
  roles_ = roles_of(in.at);
  votes_ = votes_of(in.at);
  site_ = in.at.at;
  delivered_ = in.at.slot;
  certification_.reset(state_.seqno, state_.forgotten);
  base_ = state_.seqno;
  certification_.retain_above(base_);
  recovery_line_ = "none: this member founded the group";
  began_ = now_;
  emit(keep_checkpoint{in.at});
  emit(to_node{xcom::start_delivery{in.at, {}}});
}

void member::on(resumed const& in) {
  ensure(base_ >= 0);
  began_ = now_;
  report_.begin();
  own_boot_seen_ = false;
  have_quorum_ = false;
  known_site_ = in.at;
  state_ = state_of(in.from);
  roles_ = roles_of(in.from);
  votes_ = votes_of(in.from);
  emit(say{server::level::info, "local recovery: this member's data stands at " + std::to_string(base_) +
                                    ", its own log is read from position " + std::to_string(state_.seqno)});
  stage_ = stage::choosing;
  resume_from_ = in.from;
  judged_ = in.judged;
}

void member::on(taken_in const& in) {
  auto const group = state_of(in.at);
  known_site_ = in.at.at;
  state_ = group;
  roles_ = roles_of(in.at);
  votes_ = votes_of(in.at);
  began_ = observed_since_ = now_;
  is_new_ = true;
  report_.begin();
  held_ = in.held;
  bool const other_group = config_.history && base_ >= 0 && *config_.history != group.history;
  bool const diverged = !other_group && holds_more_than(in.log, in.at);
  if (auto const errant = errant_to(group); !errant.empty() && !diverged) {
    name_errant(other_group ? 0 : group.seqno);
    return refuse(refusal(errant));
  }
  if (auto const why = compare_settings(); !why.empty()) return refuse(why);
  stage_ = stage::choosing;
  connected_ = true;
  tell_server(connected_to_group{view_at(group.seqno, view_status::primary)});
  if (diverged) found_diverged(-1, group.seqno);
}

// Each difference is said once; those with whom it is, as the site has them. Returns why this server has no place here, or nothing. That is
// for new ones: one that comes back after all were stopped may be the first to have a new setting.
std::string member::compare_settings() {
  std::string fatal;
  for (auto const& each : known_site_.members) {
    auto const theirs = facts_of(each);
    if (each.id == config_.self || theirs.status != member_status::online) continue;
    for (auto const& found : disagreements(config_.facts.alike, name_of(each.id), theirs.alike)) {
      if (told_differences_.insert(found.text).second)
        emit(say{server::level::warning, found.text + ": the members of a group should have the same"});
      if (found.fatal && fatal.empty())
        fatal = "this server is refused: " + found.text +
                ", and all members of a group need the same. Set it as the group has it and start this server again";
    }
  }
  return fatal;
}

void member::on(taken_in_again const& in) {
  config_.self = in.self;
  config_.boot = in.boot;
  config_.server_runs = true;
  known_site_ = in.at.at;
  began_ = observed_since_ = now_;
  report_.begin();
  update_sent_ = departed_ = false;
  level_from_.reset();
  stable_asked_ = 0;
  online_at_.reset();
  planner_.reset();
  base_ = std::max(base_, state_.seqno);
  replay_from_ = state_.seqno;
  started_ = false;  // it was told that it has no quorum; the next view from us says otherwise
  donor_.reset();
  source_name_.clear();
  copied_from_.clear();
  copies_ = 0;
  asked_before_ = 0;
  chosen_why_.clear();
  held_ = in.held;
  own_place_ = in.own;
  cannot_tell_.clear();
  asked_ = {};
  stage_ = stage::comparing;
  if (holds_more_than(in.log, in.at)) return found_diverged(-1, state_of(in.at).seqno);
  if (held_.marks.empty()) go_on_from_own_place();
}

void member::go_on_from_own_place() {
  auto const own = std::exchange(own_place_, std::nullopt);
  stage_ = stage::replaying;
  held_ = {};
  emit(keep_checkpoint{*own});
  emit(forget_held{});
  with_notes_ = needs_notes();
  emit(to_node{xcom::start_delivery{*own, {}, with_notes_}});
}

// ---- whether what this member holds is the group's (gr/held_history.hh) ----

// Agreed, so it needs no heartbeats: what took us in says how far the group is.
certifier::gtid_set member::errant_to(replicated_state const& group) const {
  certifier::gtid_set own;
  if (base_ > 0) own.add(config_.history.value_or(group.history), {1, base_});
  return recovery::errant_in(own, positions(group.seqno));
}

// The slot that takes us in follows all of the group's that our data can rest on.
bool member::holds_more_than(base::uuid const& log, xcom::checkpoint const& at) const {
  if (held_.marks.empty() || held_.log != log) return false;
  return held_.marks.front().slot >= at.slot || base_ > state_of(at).seqno;
}

// Another one each time, of those that are ONLINE: a donor's log may not reach back so far, and an answer may get lost.
void member::tick_comparison() {
  if (asked_ != base::tick_count{} && now_.value() - asked_.value() < ask_again_ticks) return;
  std::vector<xcom::member_id> others;
  bool somebody = false;
  for (auto const& each : candidates()) {
    if (each.arbiter || each.state != recovery::member_state::online) continue;
    somebody = true;
    if (!cannot_tell_.contains(each.id)) others.push_back(each.id);
  }
  if (!somebody) return;
  if (others.empty())
    return refuse(
        "this member was away too long: no member's log reaches back to where it stands any more. Restart the server: "
        "it "
        "then takes a full copy from a donor");
  donor_ = others[question_ % others.size()];
  ask_for_history();
}

void member::take_likeness(xcom::member_id const& from, history_answer const& what) {
  switch (what.held) {
    case likeness::same: donor_.reset(); return go_on_from_own_place();
    case likeness::other: return found_diverged(what.agree_up_to, base_);
    case likeness::unknown:
      cannot_tell_.insert(from);
      asked_ = {};
      return;
    case likeness::not_yet: return;
  }
}

std::string member::how_it_diverged(seqno_t agree_up_to) const {
  std::string const same = agree_up_to < 0 ? ""
                                           : "the two are the same up to about position " +
                                                 std::to_string(agree_up_to) + ", and after that ";
  certifier::gtid_set other;
  auto const first = std::max<seqno_t>(0, agree_up_to) + 1;
  if (agree_up_to >= 0 && first <= base_) other.add(state_.history, {first, base_});
  return "this server's data is not the group's: " + same + "it holds transactions, up to position " +
         std::to_string(base_) + (other.empty() ? "" : " (at most " + other.text() + ")") +
         ", that the group does not have. A minority of the group was told to go on without this server, which had "
         "decided more (group_replication_force_members, pc.bootstrap or --wsrep-new-cluster). ";
}

// Ahead of the word on what becomes of them.
void member::name_errant(seqno_t shared_up_to) {
  if (shared_up_to < base_) emit(name_tables{shared_up_to + 1, base_});
}

// Never incrementally: equal positions are not equal transactions. What is about to be replaced is said first.
void member::found_diverged(seqno_t agree_up_to, seqno_t group_at) {
  auto const what = how_it_diverged(agree_up_to);
  name_errant(agree_up_to >= 0 ? agree_up_to : group_at);
  diverged_ = true;
  held_ = {};
  if (config_.server_runs || copies_ > 0)
    return refuse(what +
                  "Nothing was touched: save from it what is wanted, then restart the server; it takes a full copy of "
                  "the group then");
  std::string const kept = config_.old_log.empty() ? "" : " What they wrote stays readable in " + config_.old_log;
  emit(say{server::level::error, what + "It takes a full copy of the group now, which replaces its data." + kept});
  base_ = -1;
  config_.history.reset();
  planner_.reset();
  donor_.reset();
  stage_ = stage::choosing;
}

// Everything the server is handed from here on comes after base_.
void member::begin_delivery(xcom::checkpoint const& from) {
  state_ = state_of(from);
  roles_ = roles_of(from);
  votes_ = votes_of(from);
  ensure(state_.seqno <= base_);
  site_ = from.at;
  delivered_ = from.slot;
  certification_.reset(state_.seqno, state_.forgotten);
  // At once, not with the next observation: history may be here before that, and what it writes is not applied yet.
  certification_.retain_above(base_);
  replay_from_ = base_;
  unconsumed_.clear();
  stage_ = stage::replaying;
  held_ = {};
  start_server();
  emit(keep_checkpoint{!donor_ ? from : with_bound_told(from, {base_, state_.seqno})});
  emit(forget_held{std::exchange(diverged_, false)});
  // Up to base_ the verdicts are taken from the notes: the index is complete only from there on.
  if (donor_) judged_ = no_slot_is_after;
  with_notes_ = needs_notes();
  emit(to_node{xcom::start_delivery{from, sources(), with_notes_}});
}

// Before it delivers, a joiner hears of sites this way only; and who is ONLINE decides whom it can read from.
void member::on(xcom::site_installed const& in) {
  if (in.at.version <= known_site_.version) return;
  known_site_ = in.at;
  bool const delivers = stage_ == stage::replaying || stage_ == stage::online;
  if (delivers || !planner_ || planner_->finished()) return;
  tell_planner_of_site();
  // A donor that was restarted remembers nothing of us, however soon it is ONLINE again.
  auto const* const donor = donor_ ? known_site_.find(*donor_) : nullptr;
  bool const waits = stage_ == stage::copying && !planner_->finished();
  if (waits && donor != nullptr && donor->boot != donor_boot_)
    run_planner(recovery::clone_ended{donor->id, "it was restarted", request_.has_value()});
}

// ---- what is observed ----

void member::on(observed const& in) {
  last_ = in;
  if (now_ == base::tick_count{}) began_ = observed_since_ = in.now;
  now_ = in.now;
  // What is not applied here yet is still waited for here, however far the others are.
  if (stage_ >= stage::replaying) certification_.retain_above(std::max(in.applied, base_));
  publish_facts();
  consume();
  tick_votes();
  serve_waiters();
  tell_applied();
  move_stable();
  repeat_bad_news();
  look_at_flow();
  tick_roles();
  tick_recovery();
  report_progress();
}

void member::publish_facts() {
  // A server that runs says itself how far it is. What the life before this one had ordered may not be applied yet, and the
  // group forgets what everybody has applied.
  seqno_t const applied = config_.server_runs ? last_.applied : std::max(last_.applied, base_);
  live_facts facts{state_.history,
                   applied,
                   state_.seqno,
                   last_.first_available,
                   static_cast<std::uint32_t>(helped_.size()),
                   desynced_ || flow_.settings().mode == flow_mode::disabled};
  if (stage_ == stage::choosing || stage_ == stage::copying || stage_ == stage::asking) {
    facts.ordered = facts.applied = base_;
    facts.first_available = -1;
  }
  if (stage_ == stage::comparing) facts.first_available = -1;  // its log may be of another history
  emit(to_node{xcom::app_facts{base::encode(facts)}});
}

void member::tick_recovery() {
  if (resume_from_) return resume_with_majority();
  if (stage_ == stage::comparing) return tick_comparison();
  if (stage_ == stage::choosing && !planner_) start_planner();
  if (stage_ == stage::asking && now_.value() - asked_.value() > ask_again_ticks) {
    if (donor_is_heard()) {
      ask_for_history();
    } else if (planner_ && planner_->finished()) {
      planner_.reset();
      donor_.reset();
      stage_ = stage::choosing;
    }
  }
  if (stage_ == stage::copying && ask_copy_again_ && now_ >= *ask_copy_again_) {
    ask_copy_again_.reset();
    if (donor_) ask_for_copy(*donor_);
  }
  if (planner_ && !planner_->finished() && stage_ != stage::online) move_planner();
  if (stage_ != stage::replaying || update_sent_) return;
  if (have_quorum_ && last_.have_quorum) start_server();
  if (!planner_ && !donor_) choose_source();
  // Without a donor the log itself says when we are there: what was decided when our own return was delivered is enough.
  // Everything decided now would be too much, since under load there is always more.
  bool const returned = own_boot_seen_ && last_.have_quorum && site_.find(config_.self) != nullptr;
  if (returned && !level_from_) level_from_ = last_.decided;
  bool const level = returned && last_.delivered >= *level_from_;
  // Whom it waits for may wait for this one to be ONLINE.
  bool const reads_from_none = !planner_ || planner_->finished() || (returns_ && planner_->waits());
  if (level && !online_at_ && reads_from_none) online_at_ = state_.seqno;
  if (!online_at_) return;
  if (!config_.recovery.online_when_certified && std::max(last_.applied, base_) < *online_at_) return;
  if (stepped_aside_ && !may_be_counted_on()) return;
  update_sent_ = true;
  // When it was taken in, nobody may have been ONLINE to compare with.
  if (auto const why = compare_settings(); is_new_ && !why.empty()) return refuse(why);
  auto facts = config_.facts;
  facts.status = member_status::online;
  if (known_site_.rules.protocol < xcom::protocol_with_settings) facts.alike.clear();
  emit(to_node{xcom::update_self{base::encode(facts), config_.role}});
}

// The server may be handed nothing before its first view: the one of its own position.
void member::start_server() {
  if (started_) return;
  started_ = true;
  if (!connected_) tell_server(connected_to_group{view_at(base_, view_status::primary)});
  connected_ = true;
  tell_server(resume_at{view_at(base_, view_status::primary)});
}

// A view without a majority would promise what is not so.
void member::resume_with_majority() {
  if (!last_.have_quorum || !have_quorum_) return;
  auto const from = *resume_from_;
  resume_from_.reset();
  observed_since_ = now_;
  begin_delivery(from);
}

void member::become_online() {
  stage_ = stage::online;
  // It may still have been choosing somebody to read the rest from: that comes by itself now.
  if (planner_ && !planner_->finished()) {
    planner_.reset();
    perform(recovery::stop_log_transfer{});
  }
  stepped_aside_ = false;
  auto const transactions = std::max<seqno_t>(0, online_at_.value_or(base_) - replay_from_);
  std::string const how = copies_ > 0            ? "full copy from " + copied_from_ + ", then incremental"
                          : source_name_.empty() ? "own log"
                                                 : "incremental";
  recovery_line_ = how + (source_name_.empty() ? "" : " from " + source_name_ + " (" + chosen_why_ + ")") + ", " +
                   std::to_string(transactions) + " transactions, " + seconds_text(seconds_since(began_));
  (void)report_.progressed(now_, progress_now());
  report_.end(join_phase::online, {});
  emit(say{server::level::info, "recovery complete: " + recovery_line_ + "; this member is ONLINE"});
  // Whoever waits until its transaction is applied everywhere waits for this member from here on (consistency AFTER).
  tell_server(caught_up{config_.recovery.online_when_certified ? seqno_t{-1} : state_.seqno});
}

double member::seconds_since(base::tick_count since) const {
  return static_cast<double>((now_.value() - since.value()) * base::tick_milliseconds) / 1000.0;
}

// A server that is connected and waits to be joined hears it first: once it sees the group closed it goes down in a way of its
// own, which does not wait for the threads in this library. One that still waits for its connect gets the reason there, and one
// that was told where it stands is up.
void member::refuse(std::string why, bool may_return) {
  if (stage_ == stage::closed) return;
  bool const starting = connected_ && !started_ && !config_.server_runs;
  recovery_line_ = "failed: " + why;
  stage_ = stage::closed;
  report_.end(join_phase::failed, why);
  emit(say{server::level::error, why});
  if (starting) tell_server(fatal_error{why});
  emit(give_up{may_return, std::move(why)});
}

// ---- asking where to begin ----

// Nothing is missing, but somebody has to say where delivery begins and send what the certifier must know.
void member::ask_anybody_for_history() {
  auto request = donor_request();
  request.missing.add(state_.history, {base_ + 1, base_ + 1});  // its log has to reach back to where we stand
  auto const chosen = recovery::select_donors(candidates(), request, random_);
  if (chosen.order.empty()) {
    planner_.reset();  // chooses again when somebody is there
    return;
  }
  donor_ = chosen.order.front();
  donor_order_ = chosen.order;
  source_name_ = name_of(*donor_);
  stage_ = stage::asking;
  ask_for_history();
}

bool member::donor_is_heard() const {
  auto const* const at = donor_ ? neighbor_of(*donor_) : nullptr;
  return at != nullptr && at->heard;
}

void member::ask_for_history() {
  if (!donor_) return;
  asked_ = now_;
  emit(tell{*donor_, base::encode(direct_message{history_query{++question_, base_, held_}})});
}

void member::on(told const& in) {
  auto const decoded = base::decode<direct_message>(in.payload);
  if (!decoded)
    return emit(
        say{server::level::warning, "a message from " + name_of(in.from) + " cannot be read: " + decoded.error().text});
  if (auto const* query = std::get_if<history_query>(&*decoded)) {
    if (!query->held.marks.empty()) return emit(compare_held{in.from, *query});
    return answer({in.from, *query, {}, {}, in.own_log});
  }
  if (auto const* answer = std::get_if<history_answer>(&*decoded)) return take(in.from, *answer);
  if (auto const* applied = std::get_if<applied_message>(&*decoded)) return take(in.from, *applied);
  take(in.from, std::get<state_sent_message>(*decoded));
}

// Whose log does not reach back to what is held by the asker is no donor of its log either.
void member::answer(held_compared const& in) {
  auto const& asked = in.asked;
  history_answer answer;
  answer.number = asked.number;
  answer.first_available = first_available(in.own_log, held());
  bool const comparable = !asked.held.marks.empty() && asked.held.log == in.log;
  bool const delivers = stage_ == stage::online || stage_ == stage::replaying;
  // Whom we do not know to be taken in yet we could not keep the log for.
  bool const is_known = known_site_.find(in.who) != nullptr;
  bool const is_there = delivers && is_known && (!comparable || asked.held.marks.front().slot <= delivered_);
  answer.held = is_there ? in.found.held : likeness::not_yet;
  answer.agree_up_to = in.found.agree_up_to;
  if (is_there && comparable && in.found.held == likeness::unknown) answer.first_available = -1;
  bool const fits = !comparable || in.found.held == likeness::same;
  if (is_there && fits && state_.seqno >= asked.position)
    if (auto const at = beginning_for(in.own_log, asked.position, held())) {
      answer.from.push_back(as_agreed(*at));
      hold_for(in.who, {asked.position, state_of(*at).seqno});
    }
  emit(tell{in.who, base::encode(direct_message{answer})});
}

// A copy takes a while, and so does what follows it: the log it is going to be followed by must not go meanwhile.
void member::hold_for(xcom::member_id const& joiner, known_bound const& from) {
  auto& held = helped_.try_emplace(joiner, from).first->second;
  held = {std::min(held.position, from.position), std::min(held.bound, from.bound)};
}

// By the newest site there is: one that asked while we still delivered what came before it is in no other.
void member::forget_helped() {
  std::erase_if(helped_, [&](auto const& each) {
    auto const* who = known_site_.find(each.first);
    return who == nullptr || is_online(*who);
  });
}

// Of all of them the lowest of both: where one was told to begin may lie below the bound at a lower position.
std::optional<known_bound> member::held() const {
  std::optional<known_bound> lowest;
  for (auto const& [who, from] : helped_) {
    if (!lowest) lowest = from;
    lowest = known_bound{std::min(lowest->position, from.position), std::min(lowest->bound, from.bound)};
  }
  return lowest;
}

void member::take(xcom::member_id const& from, history_answer const& what) {
  if (what.number != question_ || !donor_ || *donor_ != from) return;
  if (stage_ == stage::comparing) return take_likeness(from, what);
  if (stage_ != stage::asking) return;
  if (what.held == likeness::other) return found_diverged(what.agree_up_to, base_);
  // It has not come to where it can tell, or does not know us yet; it is asked again.
  if (what.from.empty() && what.held == likeness::not_yet) return;
  if (what.from.empty()) {
    if (planner_->finished()) {
      planner_.reset();
      donor_.reset();
      stage_ = stage::choosing;
      return;
    }
    auto const why = what.first_available < 0
                         ? std::string("its log does not reach back to what this member's data rests on")
                         : "its log serves positions from " + std::to_string(what.first_available) + " on";
    return run_planner(recovery::transfer_ended{from, why, purged_below(what.first_available)});
  }
  // The donor may know more to be decided than this member does yet; it asks again.
  if (what.from.front().slot > last_.decided) return;
  begin_delivery(what.from.front());
}

void member::on(history_gone const& in) {
  if (stage_ != stage::replaying) return;
  std::string const why = "no member's log holds slot " + std::to_string(in.wanted.value()) + " any more";
  // One that waits for another that recovers may wait for one that waits for it: what neither has, nobody will bring.
  if (planner_ && planner_->is_transferring() && donor_) return run_planner(recovery::transfer_ended{*donor_, why});
  refuse("this member was away too long: " + why + ". Restart the server: it then takes a full copy from a donor");
}

// ---- full copy ----

void member::perform(recovery::start_clone const& what) {
  // Its server has begun to apply, or is about to: it cannot be replaced under its feet.
  if (stage_ == stage::replaying)
    return refuse(
        "what this member still misses can be read from no member's log any more, and its server has begun to "
        "apply what came before. Restart it: it then takes a full copy from a donor");
  stage_ = stage::copying;
  ask_copy_again_.reset();
  ask_for_copy(what.donor);
}

void member::perform(recovery::stop_clone const&) { donor_.reset(); }

void member::ask_for_copy(xcom::member_id const& donor) {
  donor_ = donor;
  if (auto const* const there = known_site_.find(donor)) donor_boot_ = there->boot;
  copied_from_ = name_of(donor);
  if (!request_) {
    emit(say{server::level::info, "recovery: full copy, from donor " + name_of(donor)});
    return tell_server(state_needed{});
  }
  order(state_request_message{config_.self, donor, ++copy_request_, *request_});
}

void member::on(state_request_ready const& in) {
  if (stage_ != stage::copying) return;
  if (!in.request) return refuse("the server could not prepare to receive a full copy: " + in.request.error().text);
  if (in.request->empty()) return refuse("this server runs already and cannot take a full copy in place: restart it");
  request_ = *in.request;
  if (planner_ && !planner_->finished()) run_planner(recovery::clone_prepared{});
  if (donor_) order(state_request_message{config_.self, *donor_, ++copy_request_, *request_});
}

// What the server says names no joiner. So one that is gone, and this member's own return, end no donation: what the server
// says of it later would be taken for word about the next, and who waits for that would wait for ever.
void member::on(state_was_sent const& in) {
  if (auto const ended = std::exchange(donation_, std::nullopt))
    answer_request(ended->joiner, {ended->number, in.position, in.error});
  tell_caught_up();
}

// A donor's server is told when it is done with all that keeps it from being in step: a backup desyncs it for a moment while
// it donates, and a user may have desynced it before.
void member::tell_caught_up() {
  if (stage_ == stage::online && !donation_ && !desynced_) tell_server(caught_up{});
}

void member::answer_request(xcom::member_id const& joiner, state_sent_message const& what) {
  emit(tell{joiner, base::encode(direct_message{what})});
  if (what.error == 0) return;
  auto const [at, is_new] = bad_news_.try_emplace(joiner, bad_news{what, now_, 0});
  // It waits for an answer to its last request, and would not listen to one about an earlier.
  if (!is_new && what.number >= at->second.what.number) at->second = {what, now_, 0};
}

// Nobody acknowledges a direct message. A joiner that waits for a copy nobody sends would wait for ever.
void member::repeat_bad_news() {
  std::erase_if(bad_news_, [&](auto const& each) {
    auto const* who = known_site_.find(each.first);
    return who == nullptr || is_online(*who) || each.second.times >= repeats_max;
  });
  for (auto& [joiner, news] : bad_news_) {
    if (now_.value() - news.told.value() < ask_again_ticks) continue;
    news.told = now_;
    ++news.times;
    emit(tell{joiner, base::encode(direct_message{news.what})});
  }
}

void member::take(xcom::member_id const& from, state_sent_message const& what) {
  if (stage_ != stage::copying || what.error == 0 || !donor_ || *donor_ != from) return;
  if (what.number != copy_request_) return;  // about an earlier one
  if (what.error == donor_busy) {
    if (!ask_copy_again_) ask_copy_again_ = now_.plus(ask_again_ticks);
    return run_planner(recovery::clone_donor_busy{from});
  }
  std::string const why = what.error == donor_not_online
                              ? "it is not ONLINE"
                              : "its transfer ended with error " + std::to_string(what.error);
  run_planner(recovery::clone_ended{from, why, request_.has_value()});
}

void member::on(state_was_received const& in) {
  if (in.error != 0 || in.position < 0)
    return refuse("the full copy was not received (error " + std::to_string(in.error) +
                  "): see the lines of the transfer script above");
  if (in.history != state_.history)
    return refuse("the copy received belongs to " + base::to_string(in.history) + ", this group is " +
                  base::to_string(state_.history));
  base_ = in.position;
  held_ = {};
  started_ = true;  // the server completed its start with the copy
  ++copies_;
  report_.copied();
  if (planner_) asked_before_ += planner_->donors_asked();
  emit(say{server::level::info, "recovery: full copy received, at position " + std::to_string(base_)});
  stage_ = stage::choosing;
  donor_.reset();
  planner_.reset();
  observed_since_ = now_;
}

// ---- quorum ----

void member::on(quorum const& in) {
  if (in.have == have_quorum_) return;
  have_quorum_ = in.have;
  if (!started_ || departed_) return;
  // Until delivery begins state_ is the group's, as we were taken in; a server waits to have applied what a view stands at.
  bool const delivers = stage_ == stage::replaying || stage_ == stage::online;
  seqno_t const handed = delivers ? std::max(state_.seqno, base_) : base_;
  if (!in.have) {
    emit(say{server::level::warning, "no majority of the group is reachable: writes are refused until it is"});
    return tell_server(view_installed{view_at(handed, view_status::non_primary)});
  }
  emit(say{server::level::info, "a majority of the group is reachable again"});
  tell_server(resume_at{view_at(handed, view_status::primary)});
  if (stage_ == stage::online) tell_server(caught_up{});
}

void member::on(abandoned const& in) {
  for (auto const seq : awaited_) emit(resolve{seq, 0, {order_outcome::unknown, -1, -1, in.why}});
  awaited_.clear();
}

void member::on(desync_set const& in) {
  desynced_ = in.on;
  tell_caught_up();
}

}  // namespace gr
