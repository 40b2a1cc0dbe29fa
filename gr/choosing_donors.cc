// Whom a member that is not ONLINE yet reads from, and what is told of it. recovery/planner.hh decides.
#include <algorithm>
#include <limits>
#include <utility>

#include "gr/join_facts.hh"
#include "gr/member.hh"

namespace gr {
namespace {

constexpr std::uint64_t hear_others_ticks = 30;     // heartbeats come every 10: by then all reachable ones were heard
constexpr std::uint64_t choose_anyway_ticks = 200;  // with a member of the site silent

bool all_are_heard(std::vector<recovery::candidate> const& members) {
  return std::ranges::all_of(members,
                             [](auto const& each) { return each.state != recovery::member_state::unreachable; });
}

certifier::gtid_set held_by_online(std::vector<recovery::candidate> const& members) {
  certifier::gtid_set all;
  for (auto const& each : members) {
    if (each.state != recovery::member_state::online || !each.is_source()) continue;
    all.add(each.executed);
    all.add(each.received);
  }
  return all;
}

}  // namespace

std::string member::name_of(xcom::member_id const& id) const {
  auto const* who = known_site_.find(id);
  auto const was = names_.find(id);
  if (who == nullptr && was != names_.end()) return was->second;
  auto const name = who == nullptr ? std::string{} : facts_of(*who).name;
  return name.empty() ? to_string(id) : name;
}

certifier::gtid_set member::positions(seqno_t up_to) const {
  certifier::gtid_set set;
  if (up_to > 0) set.add(state_.history, {1, up_to});
  return set;
}

// One whose log serves nobody has nothing of what is missing here, whatever it has received.
certifier::gtid_set member::purged_below(seqno_t first_available) const {
  return positions(first_available < 0 ? std::numeric_limits<seqno_t>::max() : first_available);
}

neighbor const* member::neighbor_of(xcom::member_id const& who) const {
  auto const at = std::ranges::find(last_.others, who, &neighbor::id);
  return at == last_.others.end() ? nullptr : &*at;
}

recovery::candidate member::candidate_of(xcom::site_member const& who) const {
  recovery::candidate row;
  row.id = who.id;
  row.zone = who.zone;
  row.arbiter = who.role == xcom::member_role::arbiter;
  row.votes = who.role != xcom::member_role::non_voting;
  row.primary = roles_.has_primary() && roles_.primary == who.id;
  auto const* const at = neighbor_of(who.id);
  bool const known = at != nullptr && at->facts.history == state_.history;
  bool const heard = known && at->heard;
  row.state = !heard           ? recovery::member_state::unreachable
              : is_online(who) ? recovery::member_state::online
                               : recovery::member_state::recovering;
  if (!known) return row;
  row.executed = positions(at->facts.applied);
  row.received = positions(at->facts.ordered);
  row.purged = purged_below(at->facts.first_available);
  row.donations = at->facts.donations;
  return row;
}

std::vector<recovery::candidate> member::candidates() const {
  std::vector<recovery::candidate> rows;
  for (auto const& each : known_site_.members)
    if (each.id != config_.self) rows.push_back(candidate_of(each));
  return rows;
}

recovery::candidate member::self_as_candidate() const {
  recovery::candidate row;
  row.id = config_.self;
  row.zone = config_.zone;
  row.votes = config_.role != xcom::member_role::non_voting;
  row.state = stage_ == stage::online ? recovery::member_state::online : recovery::member_state::recovering;
  row.executed = positions(std::max(last_.applied, base_));
  row.received = positions(state_.seqno);
  row.purged = purged_below(last_.first_available);
  row.donations = static_cast<std::uint32_t>(helped_.size());
  return row;
}

join_facts member::facts_for_joiners() const {
  join_facts known;
  known.history = state_.history;
  known.ordered = group_at();
  for (auto& each : candidates()) known.members.push_back({each, name_of(each.id)});
  known.members.push_back({self_as_candidate(), config_.facts.name});
  std::ranges::sort(known.members, {}, [](auto const& each) { return each.as.id; });
  known.donor_threshold = config_.recovery.donor_threshold;
  known.clone_threshold = config_.recovery.clone_threshold;
  known.policy = config_.recovery.policy;
  known.named = named_donors();
  return known;
}

// ---- how it is asked for ----

std::vector<xcom::member_id> member::named_donors() const {
  std::vector<xcom::member_id> found;
  for (auto const& name : config_.recovery.donors)
    for (auto const& each : known_site_.members)
      if (each.address == name || base::to_string(each.id.uuid) == name || name_of(each.id) == name)
        found.push_back(each.id);
  return found;
}

recovery::selection_request member::donor_request() const {
  recovery::selection_request request;
  request.self = config_.self;
  request.zone = config_.zone;
  request.donor_threshold = config_.recovery.donor_threshold;
  request.policy = config_.recovery.policy;
  request.named = named_donors();
  return request;
}

recovery::planner_config member::planner_configuration() const {
  auto const& set = config_.recovery;
  recovery::planner_config config;
  config.self = config_.self;
  config.zone = config_.zone;
  config.donor_threshold = set.donor_threshold;
  config.clone_threshold = set.clone_threshold;
  config.policy = set.policy;
  config.named = named_donors();
  config.retry_count = set.retry_count;
  config.reconnect_interval_ticks = set.reconnect_ticks;
  config.progress_deadline_ticks = set.progress_ticks;
  config.can_clone = !returns_ && !config_.server_runs && copies_ == 0;  // a copy is taken at start-up, once
  config.clones_done = copies_;
  config.has_data = base_ >= 0;
  if (set.online_when_certified) config.online_when = recovery::complete_at::certified;
  return config;
}

void member::on(settings_changed const& in) {
  config_.recovery = in.now;
  flow_.set(in.flow);
  if (planner_ && !planner_->finished()) run_planner(recovery::config_changed{planner_configuration()});
}

void member::start_planner() {
  auto const rows = candidates();
  std::uint64_t const waited = now_.value() - observed_since_.value();
  if (waited < hear_others_ticks || (!all_are_heard(rows) && waited < choose_anyway_ticks)) return;
  returns_ = false;
  planner_.emplace(planner_configuration(), random_);
  random_ = base::prng(random_.next());
  run_planner(recovery::recovery_began{now_, positions(base_), positions(base_), rows});
}

// A restarted or returned member reads what it misses like a joiner does: from the donor the rules choose, not from anybody.
// It needs none to get there: whoever has its next slot sends it.
void member::choose_source() {
  std::uint64_t const waited = now_.value() - observed_since_.value();
  auto const rows = candidates();
  if (waited < (all_are_heard(rows) ? hear_others_ticks / 2 : hear_others_ticks)) return;
  auto request = donor_request();
  request.missing = held_by_online(rows);
  request.missing.remove(positions(std::max(state_.seqno, base_)));
  if (request.missing.empty() || recovery::select_donors(rows, request, random_).order.empty()) return;
  returns_ = true;
  planner_.emplace(planner_configuration(), random_);
  random_ = base::prng(random_.next());
  auto const received = positions(std::max(state_.seqno, base_));
  run_planner(recovery::recovery_began{now_, positions(std::max(last_.applied, base_)), received, rows});
}

// ---- what the planner hears and says ----

// Where we stand comes first: what the others say may have it choose a donor for what is missing now.
void member::move_planner() {
  if (stage_ == stage::replaying)
    run_planner(recovery::own_progress{positions(std::max(last_.applied, base_)),
                                       positions(std::max(state_.seqno, base_)), last_.sated, last_.delivered.value()});
  run_planner(recovery::positions_heard{candidates()});
  if (stage_ == stage::replaying && transfer_until_ && donor_ && state_.seqno >= *transfer_until_) {
    transfer_until_.reset();
    run_planner(recovery::transfer_ended{*donor_, {}});
  }
  if (stage_ != stage::closed) run_planner(recovery::ticked{now_});
}

// First who is there now: the next donor is chosen among these.
void member::tell_planner_of_site() {
  if (!config_.recovery.donors.empty()) run_planner(recovery::config_changed{planner_configuration()});
  run_planner(recovery::view_installed{candidates()});
}

void member::run_planner(recovery::event const& in) {
  std::vector<recovery::action> actions;
  auto const failures = planner_->failures();
  planner_->step(in, actions);
  if (planner_->failures() > failures)
    emit(say{server::level::warning, "recovery: donor " + name_of(planner_->last_failed()->donor) +
                                         " failed: " + planner_->last_failed()->why});
  for (auto const& each : actions) std::visit([this](auto const& what) { perform(what); }, each);
}

void member::perform(recovery::report_decision const& what) {
  chosen_why_ = what.why;
  donor_order_ = what.order;
  join_decision decision;
  decision.method = recovery::to_string(what.what);
  decision.why = what.why;
  emit(say{server::level::info, "recovery: " + decision.method + ": " + what.why});
  for (auto const& row : what.rows) {
    auto const& told = decision.donors.emplace_back(row_of(row, what));
    names_[row.candidate] = told.name;
    emit(say{server::level::info, "recovery: candidate " + told.name + ": lag " + std::to_string(told.lag) + ", " +
                                      told.verdict + (told.why.empty() ? "" : ", " + told.why)});
  }
  report_.decided(std::move(decision));
}

donor_row member::row_of(recovery::decision const& row, recovery::report_decision const& from) const {
  donor_row told;
  told.id = row.candidate.uuid;
  told.name = name_of(row.candidate);
  told.lag = row.lag;
  told.verdict = recovery::to_string(row.verdict);
  told.why = row.why;
  auto const place = std::ranges::find(from.order, row.candidate);
  if (place != from.order.end()) told.rank = static_cast<std::uint32_t>(place - from.order.begin()) + 1;
  told.chosen = from.chosen == row.candidate;
  if (auto const* const who = known_site_.find(row.candidate)) {
    auto const as = candidate_of(*who);
    told.state = recovery::to_string(as.state);
    told.zone = as.zone;
    told.donations = as.donations;
  }
  auto const* const at = neighbor_of(row.candidate);
  if (at == nullptr) return told;
  told.log_from = at->facts.first_available;
  told.log_up_to = at->facts.ordered;
  return told;
}

// The donor, and those who would be asked after it: a range of the log comes from each.
std::vector<xcom::member_id> member::sources() const {
  std::vector<xcom::member_id> found;
  if (!donor_) return found;
  found.push_back(*donor_);
  auto each = std::ranges::find(donor_order_, *donor_);
  while (each != donor_order_.end() && ++each != donor_order_.end() && found.size() < config_.recovery.donors_at_once)
    found.push_back(*each);
  return found;
}

void member::perform(recovery::start_log_transfer const& what) {
  ensure(stage_ != stage::online);
  donor_ = what.donor;
  source_name_ = name_of(what.donor);
  transfer_until_ = 0;
  for (auto const& [history, intervals] : what.missing.intervals())
    transfer_until_ = std::max<seqno_t>(*transfer_until_, intervals.back().last);
  emit(say{server::level::info, "recovery: incremental, from donor " + name_of(what.donor)});
  if (stage_ == stage::replaying) return emit(to_node{xcom::change_sources{sources()}});
  stage_ = stage::asking;
  ask_for_history();
}

void member::perform(recovery::stop_log_transfer const&) {
  donor_.reset();
  transfer_until_.reset();
  if (stage_ == stage::replaying || stage_ == stage::online) emit(to_node{xcom::change_sources{}});
}

void member::perform(recovery::declare_online const&) {
  if (returns_) return;  // the log itself says when
  if (stage_ == stage::choosing) return ask_anybody_for_history();
  if (!online_at_) online_at_ = std::max(base_, std::min(state_.seqno, last_.applied));
}

// A server that runs would ask for one, if it had just been started.
bool member::only_a_copy_helps() const {
  if (!config_.server_runs) return false;
  recovery::method_request request;
  request.self = config_.self;
  request.own = positions(base_);
  request.has_data = base_ >= 0;
  return recovery::choose_method(candidates(), request).what == recovery::method::clone;
}

void member::perform(recovery::leave const& what) {
  // Asked again it would miss the same, and more.
  if (!returns_ && only_a_copy_helps())
    return refuse("this server runs and can take no full copy, and nothing else helps: " + what.why + ". Restart it");
  if (!returns_) return refuse(what.why, true);
  emit(say{server::level::warning, "recovery: " + what.why + ". The log is read from whoever has it"});
  donor_.reset();
  transfer_until_.reset();
  emit(to_node{xcom::change_sources{}});
}

// ---- what is told of it ----

// By the group, as far as it is known here.
seqno_t member::group_at() const {
  bool const delivers = stage_ == stage::replaying || stage_ == stage::online;
  seqno_t highest = delivers ? state_.seqno : base_;
  for (auto const& each : last_.others)
    if (each.facts.history == state_.history && known_site_.find(each.id) != nullptr)
      highest = std::max({highest, each.facts.ordered, each.facts.applied});
  return highest;
}

join_phase member::phase_now() const {
  if (resume_from_) return join_phase::waiting_for_majority;
  if (planner_ && !planner_->finished()) {
    if (planner_->pauses()) return join_phase::pausing;
    if (planner_->waits()) return join_phase::waiting;
  }
  switch (stage_) {
    case stage::comparing: return join_phase::comparing;
    case stage::copying: return join_phase::copying;
    case stage::asking: return join_phase::asking;
    case stage::online: return join_phase::online;
    case stage::closed: return join_phase::failed;
    case stage::replaying: break;
    default: return join_phase::choosing;
  }
  if (state_.seqno >= group_at()) return join_phase::applying;
  return donor_ ? join_phase::fetching : join_phase::local;
}

join_progress member::progress_now() const {
  join_progress now;
  now.phase = phase_now();
  bool const replays = stage_ == stage::replaying || stage_ == stage::online;
  std::string const log = source_name_.empty() ? "own log" : "incremental";
  if (replays) now.method = copies_ > 0 ? "full copy, incremental" : log;
  if (stage_ == stage::copying || (copies_ > 0 && !replays)) now.method = "full copy";
  if (stage_ == stage::asking && copies_ == 0) now.method = "incremental";
  if (donor_) {
    now.donor = donor_->uuid;
    now.donor_name = name_of(*donor_);
  }
  seqno_t const applied = std::max(last_.applied, base_);
  if (replays) now.done = std::max<seqno_t>(0, applied - replay_from_);
  if (replays) now.received = std::max<seqno_t>(0, state_.seqno - replay_from_);
  if (!last_.others.empty()) now.left = std::max<seqno_t>(0, group_at() - std::max<seqno_t>(0, applied));
  now.attempts_max = config_.recovery.retry_count;
  now.attempts = asked_before_;
  if (!planner_) return now;
  now.attempts += planner_->donors_asked();
  if (auto const& failed = planner_->last_failed()) now.last_error = name_of(failed->donor) + ": " + failed->why;
  return now;
}

void member::report_progress() {
  if (!report_.runs()) return;
  if (auto line = report_.progressed(now_, progress_now())) emit(say{server::level::info, std::move(*line)});
}

}  // namespace gr
