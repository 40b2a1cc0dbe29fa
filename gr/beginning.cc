#include "gr/beginning.hh"

#include <algorithm>

#include "gr/giving_up_place.hh"
#include "gr/history.hh"

namespace gr {
namespace {

// The log and the data belong together only when the data's position can be reached from a checkpoint of the log.
bool data_fits(found_at_start const& found) {
  return holds_history(found.log) && found.data && found.data->seqno >= 0 &&
         beginning_for(found.checkpoints, found.data->seqno).has_value() &&
         history_of(found.checkpoints) == found.data->group;
}

}  // namespace

bool holds_history(xcom::recovered_log const& log) {
  return !log.empty && !log.last.group.is_nil() && log.decided.value() > 0;
}

beginning_choice choose_beginning(found_at_start const& found) {
  bool const fits = data_fits(found);
  if (found.bootstrap) return {fits ? beginning::go_on_alone : beginning::found_group, server::level::info, {}};
  bool const has_log = holds_history(found.log);
  bool const in_site = found.log.at.find(found.log.last.self) != nullptr;
  bool const host_remembers = found.same_host_boot || found.disk_durability;
  if (has_log && !fits && host_remembers && others_may_need_the_vote(found.log))
    return {beginning::come_back_to_leave, server::level::info, {}};
  if (fits && in_site) {
    if (found.disk_durability || (found.log.whole && host_remembers))
      return {beginning::come_back, server::level::info, {}};
    return {beginning::ask_to_join, server::level::warning,
            std::string("this member comes back as a new incarnation: ") +
                (found.log.whole ? "the host was restarted, and what its log had not on disk may be gone"
                                 : "a part of its log is gone")};
  }
  if (has_log && !in_site)
    return {beginning::ask_to_join, server::level::info,
            "this member had left the group: it asks to be taken in again"};
  if (has_log)
    return {beginning::ask_to_join, server::level::warning,
            "the agreed log in the data directory does not fit the server's data and is not used"};
  return {};
}

xcom::begin_again coming_back(xcom::recovered_log const& log, xcom::site_member self, bool alone) {
  xcom::begin_again how;
  how.log = log.last.group;
  how.self = std::move(self);
  how.at = log.at;
  if (auto const* before = log.at.find(how.self.id); before != nullptr && !alone) how.self.role = before->role;
  how.promised = log.promised;
  how.decided = log.decided;
  how.log_begins = log.begins;
  how.undecided = log.undecided;
  how.force_alone = alone;
  return how;
}

observed observe(xcom::node const& node, base::tick_count now, seqno_t applied, seqno_t first_available) {
  observed seen;
  seen.now = now;
  seen.applied = applied;
  seen.decided = node.decided();
  seen.delivered = node.delivered();
  seen.leads = node.is_leader();
  seen.have_quorum = node.have_quorum();
  seen.first_available = first_available;
  seen.others.reserve(node.peers().size());
  for (auto const& [id, each] : node.peers()) {
    neighbor other;
    other.id = id;
    other.heard = each.spoke && !each.suspected && !each.link_down && each.last.count > 0;
    auto const facts = base::decode<live_facts>(each.last.app);
    if (facts) other.facts = *facts;
    seen.others.push_back(other);
  }
  return seen;
}

std::optional<xcom::slot_no> log_needed_from(std::span<xcom::checkpoint const> checkpoints, seqno_t durable,
                                             member const& self, xcom::node const& node) {
  auto const from = beginning_for(checkpoints, std::min(durable, self.held_position().value_or(durable)));
  if (!from) return std::nullopt;
  xcom::slot_no needed = from->slot;
  for (auto const& each : node.current_site().members) {
    if (each.id == node.config().self) continue;
    auto const at = node.peers().find(each.id);
    needed = std::min(needed, at == node.peers().end() ? xcom::slot_no{} : at->second.last.decided);
  }
  return needed;
}

}  // namespace gr
