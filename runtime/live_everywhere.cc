// Consistency AFTER: clients that wait until their transaction can be read at every ONLINE member.
#include <utility>

#include "runtime/live_group.hh"

namespace runtime {

base::result<void> live_group::await_everywhere(gr::seqno_t seqno, std::chrono::milliseconds timeout) {
  auto const answer = std::make_shared<ticket<base::result<void>>>();
  auto const who = ++last_wait_;
  bool const posted = post([this, who, seqno, answer] {
    if (gave_up_ || !member_) return answer->answer(base::fail("this member has left the group"));
    waiting_everywhere_[who] = answer;
    step_member(gr::wait_everywhere{who, seqno});
  });
  if (!posted) return base::fail("this member has left the group");
  if (auto const done = answer->wait_for(timeout)) return *done;
  post([this, who] {
    waiting_everywhere_.erase(who);
    if (member_) step_member(gr::stop_waiting{who});
  });
  return base::fail("within " + std::to_string(timeout.count()) + " ms it was not applied at " +
                    who_has_not_applied(seqno));
}

std::string live_group::who_has_not_applied(gr::seqno_t seqno) const {
  std::string all;
  for (auto const& each : status().members)
    if (!each.is_self && each.role != "ARBITRATOR" && each.applied < seqno)
      all += (all.empty() ? "" : ", ") + each.group_address + " (" + each.state + ", at " +
             std::to_string(each.applied) + ")";
  return all.empty() ? "a member that has applied it by now" : all;
}

void live_group::on(gr::applied_by_all const& what) {
  auto const at = waiting_everywhere_.find(what.who);
  if (at == waiting_everywhere_.end()) return;
  at->second->answer({});
  waiting_everywhere_.erase(at);
}

void live_group::end_waits_everywhere(std::string const& why) {
  for (auto const& [who, answer] : std::exchange(waiting_everywhere_, {})) {
    if (member_) step_member(gr::stop_waiting{who});
    answer->answer(base::fail(why));
  }
}

// Most commits are nobody's business. Where somebody waits for one, the next tick would be late.
void live_group::note_progress() {
  if (!owes_word_.load(std::memory_order_acquire) || progress_posted_.exchange(true)) return;
  post([this] {
    progress_posted_ = false;
    if (member_) step_member(gr::applied_moved{server_.last_visible()});
  });
}

}  // namespace runtime
