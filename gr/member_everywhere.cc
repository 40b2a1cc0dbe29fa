// Consistency AFTER, in a member: which others a commit waits for, and what this one owes theirs.
#include "gr/member.hh"

namespace gr {

// Every other member that is ONLINE in the newest site known here. Who becomes ONLINE later opens for reads only once it has
// applied all that was ordered before (become_online), and who is expelled has no majority and takes none.
std::vector<xcom::member_id> member::online_others() const {
  std::vector<xcom::member_id> all;
  for (auto const& each : known_site_.members)
    if (each.id != config_.self && each.role != xcom::member_role::arbiter && is_online(each)) all.push_back(each.id);
  return all;
}

void member::on(wait_everywhere const& in) {
  everywhere_.wait(in.who, in.until);
  serve_waiters();
}

void member::on(stop_waiting const& in) { everywhere_.stop(in.who); }

void member::on(applied_moved const& in) {
  last_.applied = std::max(last_.applied, in.applied);
  tell_applied();
}

void member::take(xcom::member_id const& from, applied_message const& what) {
  if (what.history != state_.history) return;
  everywhere_.heard(from, what.up_to);
  serve_waiters();
}

void member::serve_waiters() {
  if (!everywhere_.anybody_waits()) return;
  for (auto const& each : last_.others)
    if (each.facts.history == state_.history) everywhere_.heard(each.id, each.facts.applied);
  for (auto const who : everywhere_.served(online_others())) emit(applied_by_all{who});
}

void member::tell_applied() {
  if (!everywhere_.owes()) return;
  for (auto const& origin : everywhere_.due(last_.applied))
    emit(tell{origin, base::encode(direct_message{applied_message{state_.history, last_.applied}})});
}

}  // namespace gr
