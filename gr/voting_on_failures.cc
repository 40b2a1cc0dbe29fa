// What this server, or another one, could not apply: the words, the verdict, and what follows from it here (gr/apply_votes.hh).
#include "gr/member.hh"

#include <algorithm>
#include <utility>

namespace gr {
namespace {

constexpr std::uint64_t say_again_ticks = 100;

std::string members_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " member" : " members"); }

std::string text_of(apply_verdict const& verdict) {
  auto const who = std::to_string(verdict.agree) + " of " + members_text(verdict.of.electors.size());
  if (verdict.outcome == was_applied) return who + " applied it";
  if (verdict.outcome == statement_failed) return who + " could not carry it out either";
  return who + " could not apply it either, for the same reason";
}

// Statements fail for their own reasons all the time.
server::level level_of(apply_outcome outcome) {
  return outcome == statement_failed ? server::level::info : server::level::warning;
}

}  // namespace

// Arbiters hold no rows, who recovers has not come to everything yet, and from who has no vote nobody takes a copy.
std::vector<xcom::member_id> member::electors() const {
  std::vector<xcom::member_id> all;
  for (auto const& each : site_.members)
    if (each.role == xcom::member_role::voter && is_online(each)) all.push_back(each.id);
  return all;
}

void member::on(apply_failed const& in) {
  bool const is_statement = in.what == failed_work::statement;
  auto const outcome = is_statement ? statement_failed : outcome_of(in.error);
  failed_here_[in.seqno] = {in.error, outcome};
  if (auto const known = verdicts_.find(in.seqno); known != verdicts_.end()) {
    auto const verdict = known->second;
    verdicts_.erase(known);
    return settle(in.seqno, verdict);
  }
  if (known_site_.rules.protocol < xcom::protocol_with_votes) return settle_without_vote(in.seqno);
  // Who recovers mostly finds the verdict further on in the log. It speaks, a moment later, if there is none.
  if (stage_ != stage::online) {
    spoken_[in.seqno] = now_;
    return;
  }
  emit(say{level_of(outcome), "transaction " + std::to_string(in.seqno) + " cannot be applied here: " + in.error +
                                  ". The others are asked what became of it there"});
  speak(in.seqno, outcome);
}

// One that has applied it, and can be copied, is enough to know that this member's data is not the group's. A statement failed
// there too, as far as anybody knows.
void member::settle_without_vote(seqno_t seqno) {
  auto const failed = failed_here_.extract(seqno).mapped();
  std::string const why = "this server cannot apply transaction " + std::to_string(seqno) + " (" + failed.error +
                          "), and the group speaks a protocol without a vote on that";
  if (failed.outcome == statement_failed) return emit(apply_settled{seqno, {failure_outcome::unknown, why}});
  bool const applied_elsewhere = std::ranges::any_of(last_.others, [&](auto const& each) {
    auto const* const who = site_.find(each.id);
    bool const can_be_copied = who != nullptr && who->role == xcom::member_role::voter && is_online(*who);
    return can_be_copied && each.facts.history == state_.history && each.facts.applied >= seqno;
  });
  if (!applied_elsewhere) return emit(apply_settled{seqno, {failure_outcome::unknown, why}});
  if (!differs_) differs_ = why;
  tell_if_data_differs();
  emit(apply_settled{seqno, {failure_outcome::differs, why}});
}

void member::speak(seqno_t seqno, apply_outcome outcome) {
  auto& sent = spoken_[seqno];
  if (sent != base::tick_count{} && now_.value() - sent.value() < say_again_ticks) return;
  sent = now_;
  auto const failed = failed_here_.find(seqno);
  auto const text =
      failed == failed_here_.end() ? std::string() : failed->second.error.substr(0, apply_report_text_max);
  order(apply_report_message{state_.history, seqno, outcome, text});
}

// A word may get lost with a leader, or be spoken by the process before this one, which failed where this one did not.
void member::tick_votes() {
  while (!verdicts_.empty() && verdicts_.begin()->first <= last_.applied) {
    auto const [seqno, verdict] = *verdicts_.begin();
    verdicts_.erase(verdicts_.begin());
    if (verdict.outcome != was_applied && !differs_)
      differs_ = "this server has applied transaction " + std::to_string(seqno) + ", and " + text_of(verdict);
  }
  tell_if_data_differs();
  if (differs_ || !last_.have_quorum) return;
  settle_what_is_stuck();
  for (auto const& [seqno, failed] : failed_here_) {
    auto const* const vote = votes_.find(seqno);
    if (vote == nullptr || vote->said_by(config_.self.uuid) != failed.outcome) speak(seqno, failed.outcome);
  }
  for (auto const& vote : votes_.open()) {
    if (!vote.asks(config_.self) || failed_here_.contains(vote.seqno) || applied_here() < vote.seqno) continue;
    auto const said = vote.said_by(config_.self.uuid);
    // What is in the data already when a process begins, and was said to have failed, did not get there without a verdict.
    if (said == was_applied || (said && vote.seqno <= base_)) continue;
    speak(vote.seqno, was_applied);
  }
}

void member::take(xcom::message const& from, apply_report_message const& what) {
  if (what.history != state_.history || what.seqno <= 0 || what.seqno > state_.seqno) return;
  if (what.outcome != was_applied && votes_.find(what.seqno) == nullptr && from.origin != config_.self)
    emit(say{level_of(what.outcome),
             name_of(from.origin) + " cannot apply transaction " + std::to_string(what.seqno) + ": " + what.what});
  if (auto const verdict = votes_.say({from.origin, what.outcome}, what.seqno, electors())) return heed(*verdict);
  bool const nobody_votes = votes_.find(what.seqno) == nullptr;
  if (nobody_votes && from.origin == config_.self && failed_here_.contains(what.seqno)) settle_as_unknown(what.seqno);
  settle_what_is_stuck();
}

void member::follow_site_with_votes() {
  if (votes_.open().empty()) return;
  for (auto const& verdict : votes_.keep_only(electors())) heed(verdict);
  settle_what_is_stuck();
}

// Every member gets to know of it at the same slot; what is done about it depends on what became of the transaction here.
void member::heed(apply_verdict const& verdict) {
  auto const seqno = verdict.of.seqno;
  spoken_.erase(seqno);
  emit(say{server::level::info, "transaction " + std::to_string(seqno) + ": " + text_of(verdict)});
  if (failed_here_.contains(seqno)) return settle(seqno, verdict);
  if (seqno > applied_here()) {
    verdicts_.emplace(seqno, verdict);
    return;
  }
  if (verdict.outcome == was_applied) return;
  if (seqno <= base_) {
    // Data from before this life. Nothing behind a verdict is applied to data that contradicts it; and who could not apply the
    // transaction either said so before it went on.
    if (base_ > state_.seqno || verdict.of.said_by(config_.self.uuid) == verdict.outcome) return;
  }
  differs_ = "this server has applied transaction " + std::to_string(seqno) + ", and " + text_of(verdict);
}

// It may have been this member alone that had applied it: what its database lost since, nobody else has.
bool member::is_held_elsewhere(apply_verdict const& verdict) const {
  return std::ranges::any_of(verdict.of.words, [&](auto const& each) {
    return each.who.uuid != config_.self.uuid && each.outcome == verdict.outcome && verdict.of.asks(each.who);
  });
}

void member::settle(seqno_t seqno, apply_verdict const& verdict) {
  auto const failed = failed_here_.at(seqno);
  auto const what = "transaction " + std::to_string(seqno) + " (" + failed.error + "): " + text_of(verdict);
  if (verdict.outcome != failed.outcome && !is_held_elsewhere(verdict)) return settle_as_unknown(seqno);
  failed_here_.erase(seqno);
  if (verdict.outcome == failed.outcome) return emit(apply_settled{seqno, {failure_outcome::given_up, what}});
  if (!differs_) differs_ = "this server cannot apply " + what;
  tell_if_data_differs();
  emit(apply_settled{seqno, {failure_outcome::differs, what}});
}

// The only copy there is does not go on without what it was sent, nor is it thrown away.
void member::settle_as_unknown(seqno_t seqno) {
  auto const failed = failed_here_.extract(seqno).mapped();
  emit(apply_settled{
      seqno, {failure_outcome::unknown, failed.error + ": no other member with data has applied it, or failed alike"}});
}

void member::settle_what_is_stuck() {
  for (auto const& vote : votes_.open()) {
    auto const failed = failed_here_.find(vote.seqno);
    if (failed == failed_here_.end() || !vote.is_stuck()) continue;
    if (vote.said_by(config_.self.uuid) == failed->second.outcome) settle_as_unknown(vote.seqno);
  }
}

// Ahead of the note on the slot that says so: once that is in the log, nobody would look at it again.
void member::tell_if_data_differs() {
  if (!differs_ || std::exchange(differs_told_, true)) return;
  out_->insert(out_->begin(), data_differs{*differs_});
}

}  // namespace gr
