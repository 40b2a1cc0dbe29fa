// What the server could not apply: its thread waits here for what the group makes of it.
#include <utility>

#include "runtime/live_group.hh"

namespace runtime {

gr::failure_settlement live_group::settle_failure(gr::seqno_t seqno, std::string const& error, gr::failed_work what) {
  auto const answer = std::make_shared<ticket<gr::failure_settlement>>();
  bool const posted = post([this, seqno, error, what, answer] {
    if (gave_up_ || !member_) return answer->answer({gr::failure_outcome::unknown, "this member has left the group"});
    waiting_for_verdict_[seqno] = answer;
    step_member(gr::apply_failed{seqno, error, what});
  });
  if (!posted) return {gr::failure_outcome::unknown, "this member has left the group"};
  return answer->wait();
}

void live_group::on(gr::apply_settled const& what) {
  auto const at = waiting_for_verdict_.find(what.seqno);
  if (at == waiting_for_verdict_.end()) return;
  at->second->answer(what.how);
  waiting_for_verdict_.erase(at);
}

void live_group::end_waits_for_verdicts(std::string const& why) {
  for (auto const& [seqno, who] : std::exchange(waiting_for_verdict_, {}))
    who->answer({gr::failure_outcome::unknown, why});
}

void live_group::on(gr::data_differs const& what) { server_.note_data_differs(what.why); }

}  // namespace runtime
