#include "gr/beginning.hh"

#include <algorithm>

#include "base/uuid.hh"
#include "gr/giving_up_place.hh"
#include "gr/history.hh"

namespace gr {
namespace {

bool has_data(found_at_start const& found) { return found.data && found.data->seqno >= 0; }

// The log and the data belong together only when the data's position can be reached from a checkpoint of the log, by
// verdicts that stand in the log.
bool data_fits(found_at_start const& found) {
  return holds_history(found.log) && has_data(found) &&
         beginning_for(found.checkpoints, found.data->seqno).has_value() &&
         history_of(found.checkpoints) == found.data->group && found.data->seqno <= found.judged;
}

bool is_moved(found_at_start const& found) {
  auto const* self = found.log.at.find(found.log.last.self);
  return self != nullptr && self->address != found.address;
}

std::string how_it_does_not_fit(found_at_start const& found) {
  std::string const what = "the agreed log in the data directory does not fit the server's data and is not used: ";
  if (!has_data(found)) return what + "the position of the data is not known";
  if (history_of(found.checkpoints) != found.data->group)
    return what + "the data has the history " + base::to_string(found.data->group) + ", the log " +
           base::to_string(history_of(found.checkpoints));
  auto const at = std::to_string(found.data->seqno);
  if (found.data->seqno > found.judged)
    return what + "the data stands at " + at + ", the log ends at " + std::to_string(found.judged) +
           ", as after a failure of the host";
  return what + "the data stands at " + at + ", and the log does not reach back to it";
}

beginning_choice alone(found_at_start const& found) {
  if (data_fits(found)) return {beginning::go_on_alone, server::level::info, {}};
  if (holds_history(found.log) && has_data(found))
    return {beginning::found_group, server::level::warning, how_it_does_not_fit(found)};
  return {beginning::found_group, server::level::info, {}};
}

std::string why_new_incarnation(found_at_start const& found) {
  std::string const what = "this member comes back as a new incarnation: ";
  if (is_moved(found))
    return what + "the data directory is of the member at " + found.log.at.find(found.log.last.self)->address +
           ", and this server is at " + found.address;
  return what + (found.log.whole ? "the host was restarted, and what its log had not on disk may be gone"
                                 : "a part of its log is gone");
}

}  // namespace

bool holds_history(xcom::recovered_log const& log) {
  return !log.empty && !log.last.group.is_nil() && log.decided.value() > 0;
}

beginning_choice choose_beginning(found_at_start const& found) {
  if (found.bootstrap) return alone(found);
  if (!holds_history(found.log)) return {};
  bool const fits = data_fits(found);
  bool const moved = is_moved(found);
  bool const host_remembers = found.same_host_boot || found.disk_durability;
  if (!fits && !moved && host_remembers && others_may_need_the_vote(found.log))
    return {beginning::come_back_to_leave, server::level::info, {}};
  if (found.log.at.find(found.log.last.self) == nullptr)
    return {beginning::ask_to_join, server::level::info,
            "this member had left the group: it asks to be taken in again"};
  if (!fits) return {beginning::ask_to_join, server::level::warning, how_it_does_not_fit(found)};
  bool const whole = found.disk_durability || (found.log.whole && host_remembers);
  if (whole && !moved) return {beginning::come_back, server::level::info, {}};
  return {beginning::ask_to_join, server::level::warning, why_new_incarnation(found)};
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
