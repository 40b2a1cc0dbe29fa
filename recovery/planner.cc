#include "recovery/planner.hh"

#include <algorithm>
#include <utility>

#include "base/ensure.hh"

namespace recovery {
namespace {

std::string transactions(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " transaction" : " transactions");
}

}  // namespace

planner::planner(planner_config config, base::prng random) : config_(std::move(config)), random_(random) {}

void planner::step(event const& in, std::vector<action>& out) {
  if (finished()) return;
  std::visit([&](auto const& what) { on(what, out); }, in);
}

// ---- events ----
void planner::on(recovery_began const& in, actions& out) {
  ensure(std::holds_alternative<idle>(state_));
  now_ = in.now;
  executed_ = in.executed;
  received_ = in.received;
  members_ = in.members;
  if (alone()) return finish(out);  // nobody has anything this member lacks
  decide(out);
}

void planner::on(view_installed const& in, actions& out) {
  take_members(in.members);
  failed_.clear();
  drop_lost_donor(out);
  if (std::holds_alternative<waiting>(state_) || std::holds_alternative<pausing>(state_)) decide(out);
}

// Who comes ONLINE, perhaps again, is another donor than the one that failed.
void planner::take_members(std::vector<candidate> const& members) {
  for (auto const& each : members) {
    auto const before = std::ranges::find(members_, each.id, &candidate::id);
    bool const was_online = before != members_.end() && before->state != member_state::recovering;
    if (was_online || each.state != member_state::online) continue;
    failed_to_clone_.erase(each.id);
    answered_purged_.erase(each.id);
    if (every_clone_failed_) clone_ruled_out_.clear();
    every_clone_failed_ = false;
  }
  members_ = members;
  for (auto& each : members_)
    if (auto const told = answered_purged_.find(each.id); told != answered_purged_.end()) each.purged.add(told->second);
}

void planner::on(positions_heard const& in, actions& out) {
  take_members(in.members);
  drop_lost_donor(out);
  if (std::holds_alternative<waiting>(state_)) decide(out);
}

void planner::on(own_progress const& in, actions& out) {
  executed_ = in.executed;
  received_ = in.received;
  if (auto* const now = std::get_if<transferring>(&state_)) {
    auto const left = difference_of(now->missing, own()).count();
    if (left < now->left || in.read_upto > read_upto_ || in.sated)
      now->deadline = now_.plus(config_.progress_deadline_ticks);
    now->left = left;
  }
  read_upto_ = in.read_upto;
  // While no donor is asked it may still come, from whoever has it: then nobody needs to be asked any more.
  if (std::holds_alternative<pausing>(state_) && target_.is_subset_of(own())) return all_received(out);
  check_applied(out);
}

void planner::on(transfer_ended const& in, actions& out) {
  auto const* const now = std::get_if<transferring>(&state_);
  if (now == nullptr || now->donor != in.donor) return;
  if (!in.purged.empty()) {
    answered_purged_[in.donor].add(in.purged);
    auto const at = std::ranges::find(members_, in.donor, &candidate::id);
    if (at != members_.end()) at->purged.add(in.purged);
    // It says that it cannot help, so it is not asked again: that is an answer, and costs no attempt.
    if (in.purged.intersects(difference_of(target_, own())) && attempts_ > 0) --attempts_;
  }
  if (!in.error.empty()) return donor_failed(in.donor, in.error, out);
  auto const left = difference_of(target_, own()).count();
  if (left > 0) return donor_failed(in.donor, "its log ended with " + transactions(left) + " still missing", out);
  all_received(out);
}

void planner::on(clone_ended const& in, actions& out) {
  auto const* const now = std::get_if<cloning>(&state_);
  if (now == nullptr || now->donor != in.donor) return;
  only_a_copy_helps_ = only_a_copy_helps_ || in.only_a_copy_helps;
  if (!in.error.empty()) return donor_failed(in.donor, in.error, out);
  state_ = restarting{in.donor};
}

void planner::on(clone_prepared const&, actions&) { only_a_copy_helps_ = true; }

// Another that is free now is better than waiting for the end of a copy that may take hours; else its turn comes.
void planner::on(clone_donor_busy const& in, actions& out) {
  auto const* const now = std::get_if<cloning>(&state_);
  if (now == nullptr || now->donor != in.donor) return;
  auto passed = failed_to_clone_;
  passed.insert(in.donor);
  for (auto const& each : members_)
    if (each.donations > 0) passed.insert(each.id);
  auto found = select(transfer_kind::clone, {});
  auto const* const other = first_untried(found, passed);
  if (other == nullptr) return;
  out.emplace_back(stop_clone{in.donor});
  auto const chosen = *other;
  ask_for_clone(chosen, xcom::to_string(in.donor) + " is busy with another copy", std::move(found), out);
}

void planner::on(clone_refused const& in, actions& out) {
  if (!std::holds_alternative<cloning>(state_)) return;
  clone_ruled_out_ = in.why.empty() ? "refused" : in.why;
  failure_ = clone_ruled_out_;
  decide(out);
}

void planner::on(config_changed const& in, actions&) {
  ensure(in.config.self == config_.self);
  config_ = in.config;
}

void planner::on(ticked const& in, actions& out) {
  ensure(in.now >= now_);
  now_ = in.now;
  if (auto const* const resting = std::get_if<pausing>(&state_); resting != nullptr && now_ >= resting->until) {
    failed_.clear();
    return decide(out);
  }
  auto const* const stuck = std::get_if<transferring>(&state_);
  if (stuck == nullptr || now_ < stuck->deadline) return;
  auto const donor = stuck->donor;
  stop_current(out);
  donor_failed(
      donor,
      "nothing new for " + std::to_string(config_.progress_deadline_ticks * base::tick_milliseconds / 1000) + " s",
      out);
}

// ---- deciding ----
// Starts from the present positions each time: what was a gap of a thousand may have become one for a clone, and the
// donor that was close may have purged its log.
void planner::decide(actions& out) {
  if (alone()) return give_up("every other member has left" + because_of_failures(), out);
  auto choice = choose_method(members_, {.self = config_.self,
                                         .own = own(),
                                         .clone_threshold = config_.clone_threshold,
                                         .can_clone = config_.can_clone && clone_ruled_out_.empty(),
                                         .has_data = config_.has_data,
                                         .clones_done = config_.clones_done});
  target_ = union_of(own(), choice.missing);
  if (only_a_copy_helps_ && choice.what != method::wait) {
    choice.what = method::clone;
    choice.why = "this server waits for a copy since one failed, and takes nothing else";
  }
  switch (choice.what) {
    case method::log_transfer: return begin_log_transfer(choice, out);
    case method::clone: return begin_clone(choice, out);
    case method::wait: return wait(choice, out);
    case method::leave: break;
  }
  if (somebody_is_silent()) {  // no reason to go: it may speak again, and if not, the group takes it out
    choice.why = "nobody who could help is heard now";
    return wait(choice, out);
  }
  out.emplace_back(report_decision{method::leave, choice.why, select(transfer_kind::log, choice.missing).rows});
  // Before the first donor it is final. Later a donor was there a moment ago and may be again: that costs an attempt.
  if (attempts_ == 0) return give_up(choice.why + because_of_failures(), out);
  if (attempts_ < config_.retry_count) ++attempts_;
  pause_or_leave(choice.why, out);
}

void planner::begin_log_transfer(method_choice const& choice, actions& out) {
  if (choice.missing.empty()) {
    out.emplace_back(report_decision{method::log_transfer, "nothing is missing", {}});
    return all_received(out);
  }
  auto found = select(transfer_kind::log, choice.missing);
  auto const* const donor = first_untried(found, failed_);
  if (donor == nullptr || attempts_ >= config_.retry_count) return pause_or_leave("every donor failed", out);
  ++attempts_;
  auto const chosen = *donor;
  out.emplace_back(report_decision{method::log_transfer, choice.why, std::move(found.rows), found.order, chosen});
  out.emplace_back(start_log_transfer{chosen, choice.missing});
  state_ = transferring{chosen, choice.missing, choice.missing.count(), now_.plus(config_.progress_deadline_ticks)};
}

void planner::begin_clone(method_choice const& choice, actions& out) {
  auto found = select(transfer_kind::clone, choice.missing);
  // Who failed to send its log may still be copied, but comes last.
  auto failed_at_anything = failed_to_clone_;
  failed_at_anything.insert(failed_.begin(), failed_.end());
  auto const* donor = first_untried(found, failed_at_anything);
  if (donor == nullptr) donor = first_untried(found, failed_to_clone_);
  if (donor != nullptr) {
    auto const chosen = *donor;
    return ask_for_clone(chosen, choice.why, std::move(found), out);
  }
  if (only_a_copy_helps_)
    return give_up("this server waits for a copy, and nobody is left to clone from" + because_of_failures(), out);
  clone_ruled_out_ = "every donor of a clone failed";
  every_clone_failed_ = true;
  decide(out);
}

void planner::ask_for_clone(member_id const& donor, std::string why, selection found, actions& out) {
  state_ = cloning{donor};
  ++clones_asked_for_;
  out.emplace_back(
      report_decision{method::clone, std::move(why), std::move(found.rows), std::move(found.order), donor});
  out.emplace_back(start_clone{donor});
}

// Looked at again with every heartbeat, but worth a line only once.
void planner::wait(method_choice const& choice, actions& out) {
  if (!std::holds_alternative<waiting>(state_))
    out.emplace_back(report_decision{method::wait, choice.why, select(transfer_kind::log, choice.missing).rows});
  state_ = waiting{choice.why};
}

void planner::pause_or_leave(std::string const& why, actions& out) {
  if (attempts_ >= config_.retry_count)
    return give_up(why + " after " + std::to_string(attempts_) + " of " + std::to_string(config_.retry_count) +
                       " attempts" + because_of_failures(),
                   out);
  state_ = pausing{now_.plus(config_.reconnect_interval_ticks)};
}

// ---- donors ----
void planner::drop_lost_donor(actions& out) {
  auto const* const current = current_donor();
  if (current == nullptr) return;
  auto const why = lost_reason(*current);
  if (why.empty()) return;
  auto const donor = *current;
  stop_current(out);
  donor_failed(donor, why, out);
}

void planner::stop_current(actions& out) {
  if (auto const* const log = std::get_if<transferring>(&state_)) out.emplace_back(stop_log_transfer{log->donor});
  if (auto const* const copy = std::get_if<cloning>(&state_)) out.emplace_back(stop_clone{copy->donor});
}

void planner::donor_failed(member_id const& donor, std::string const& why, actions& out) {
  auto const name = xcom::to_string(donor);  // `donor` may live in the state that decide() replaces
  (std::holds_alternative<cloning>(state_) ? failed_to_clone_ : failed_).insert(donor);
  failure_ = name + ": " + why;
  last_failed_ = donor_failure{donor, why};
  ++failures_;
  decide(out);
}

member_id const* planner::current_donor() const {
  if (auto const* const log = std::get_if<transferring>(&state_)) return &log->donor;
  if (auto const* const copy = std::get_if<cloning>(&state_)) return &copy->donor;
  return nullptr;
}

// UNREACHABLE is a suspicion: the transfer's own connection may well work, and the deadline watches it.
std::string planner::lost_reason(member_id const& donor) const {
  auto const found = std::ranges::find(members_, donor, &candidate::id);
  if (found == members_.end()) return "it left the group";
  bool const serves = found->state == member_state::online || found->state == member_state::unreachable;
  return serves ? std::string{} : "it is " + std::string(to_string(found->state));
}

selection planner::select(transfer_kind kind, gtid_set const& missing) {
  selection_request const request{.kind = kind,
                                  .self = config_.self,
                                  .zone = config_.zone,
                                  .missing = missing,
                                  .donor_threshold = config_.donor_threshold,
                                  .policy = config_.policy,
                                  .named = config_.named};
  return select_donors(members_, request, random_);
}

member_id const* planner::first_untried(selection const& from, std::set<member_id> const& tried) {
  auto const found = std::ranges::find_if(from.order, [&](member_id const& id) { return !tried.contains(id); });
  return found == from.order.end() ? nullptr : &*found;
}

// ---- the end ----
void planner::all_received(actions& out) {
  state_ = applying{target_};
  check_applied(out);
}

void planner::check_applied(actions& out) {
  auto const* const now = std::get_if<applying>(&state_);
  if (now == nullptr) return;
  if (config_.online_when == complete_at::certified || now->until.is_subset_of(executed_)) finish(out);
}

void planner::finish(actions& out) {
  state_ = done{"recovered"};
  out.emplace_back(declare_online{});
}

void planner::give_up(std::string why, actions& out) {
  out.emplace_back(leave{why});
  state_ = done{"left: " + std::move(why)};
}

gtid_set planner::own() const { return union_of(executed_, received_); }

bool planner::somebody_is_silent() const {
  return std::ranges::any_of(members_, [&](candidate const& member) {
    return member.id != config_.self && member.is_source() && member.state == member_state::unreachable;
  });
}

bool planner::alone() const {
  return std::ranges::all_of(members_, [&](candidate const& member) { return member.id == config_.self; });
}

std::string planner::because_of_failures() const {
  return failure_.empty() ? failure_ : " (last failure: " + failure_ + ")";
}

std::string planner::describe() const {
  auto const tries = ", attempt " + std::to_string(attempts_) + " of " + std::to_string(config_.retry_count);
  struct {
    planner const& self;
    std::string const& tries;
    std::string operator()(idle const&) const { return "not started"; }
    std::string operator()(waiting const& now) const { return "waits: " + now.why; }
    std::string operator()(pausing const& now) const {
      auto const left = now.until > self.now_ ? now.until.value() - self.now_.value() : 0;
      return "pauses for " + std::to_string(left) + " ticks" + tries + self.because_of_failures();
    }
    std::string operator()(transferring const& now) const {
      return "incremental from " + xcom::to_string(now.donor) + ", " + transactions(now.left) + " left" + tries;
    }
    std::string operator()(cloning const& now) const { return "clone from " + xcom::to_string(now.donor); }
    std::string operator()(restarting const& now) const {
      return "clone from " + xcom::to_string(now.donor) + " is in place, the server restarts";
    }
    std::string operator()(applying const& now) const {
      return "applies " + transactions(difference_of(now.until, self.executed_).count());
    }
    std::string operator()(done const& now) const { return now.how; }
  } const tell{*this, tries};
  return std::visit(tell, state_);
}

}  // namespace recovery
