#include "gr/beginning.hh"

#include <algorithm>

#include "base/uuid.hh"
#include "gr/giving_up_place.hh"

namespace gr {
namespace {

bool has_data(found_at_start const& found) { return found.data && found.data->seqno >= 0; }

bool data_is_ahead(found_at_start const& found) { return found.data->seqno > found.verdicts.at_most; }

// The log and the data belong together only when the data's position can be reached from a checkpoint of the log.
bool data_fits(found_at_start const& found) {
  return holds_history(found.log) && has_data(found) &&
         own_beginning(found.checkpoints, found.verdicts, found.data->seqno).has_value() &&
         history_of(found.checkpoints) == found.data->group;
}

bool is_moved(xcom::recovered_log const& log, std::string const& address) {
  auto const* self = log.at.find(log.last.self);
  return self != nullptr && self->address != address;
}

// Whether what the log's member said before is in the log.
bool remembers(xcom::recovered_log const& log, bool same_host_boot, durability durable) {
  return durable == durability::disk || (durable == durability::os && log.whole && same_host_boot);
}

std::string how_it_does_not_fit(found_at_start const& found) {
  std::string const what = "the agreed log in the data directory does not fit the server's data and is not used: ";
  if (!has_data(found)) return what + "the position of the data is not known";
  if (history_of(found.checkpoints) != found.data->group)
    return what + "the data has the history " + base::to_string(found.data->group) + ", the log " +
           base::to_string(history_of(found.checkpoints));
  auto const at = std::to_string(found.data->seqno);
  if (data_is_ahead(found))
    return what + "the data stands at " + at + ", the log ends at " + std::to_string(found.verdicts.at_most) +
           (found.durable == durability::memory ? ", since it was written behind" : ", as after a failure of the host");
  return what + "the data stands at " + at + ", and the log does not reach back to it";
}

beginning_choice alone(found_at_start const& found) {
  if (data_fits(found) && !data_is_ahead(found)) return {beginning::go_on_alone, server::level::info, {}};
  if (holds_history(found.log) && has_data(found))
    return {beginning::found_group, server::level::warning, how_it_does_not_fit(found)};
  return {beginning::found_group, server::level::info, {}};
}

std::string why_new_incarnation(xcom::recovered_log const& log, std::string const& address, durability durable) {
  std::string const what = "this member comes back as a new incarnation: ";
  if (is_moved(log, address))
    return what + "the data directory is of the member at " + log.at.find(log.last.self)->address +
           ", and this one is at " + address;
  if (durable == durability::memory)
    return what + "with group_replication_durability=MEMORY it does not know what it promised before";
  return what + (log.whole ? "the host was restarted, and what its log had not on disk may be gone"
                           : "a part of its log is gone");
}

}  // namespace

char const* to_string(durability durable) {
  switch (durable) {
    case durability::memory: return "MEMORY";
    case durability::os: return "OS";
    case durability::disk: break;
  }
  return "DISK";
}

std::optional<durability> durability_named(std::string_view name) {
  for (auto const each : {durability::memory, durability::os, durability::disk})
    if (name == to_string(each)) return each;
  return std::nullopt;
}

bool holds_history(xcom::recovered_log const& log) {
  return !log.empty && !log.last.group.is_nil() && log.decided.value() > 0;
}

beginning_choice choose_beginning(found_at_start const& found) {
  if (found.bootstrap) return alone(found);
  if (!holds_history(found.log)) return {};
  bool const moved = is_moved(found.log, found.address);
  bool const knows = remembers(found.log, found.same_host_boot, found.durable);
  // What lost nothing it said may still lack verdicts the data has: the newest, or all up to where a copy stands. The slots
  // they are about are the group's, and it judges them again.
  bool const fits = data_fits(found) && (knows || !data_is_ahead(found));
  if (!fits && !moved && knows && others_may_need_the_vote(found.log))
    return {beginning::come_back_to_leave, server::level::info, {}};
  if (found.log.at.find(found.log.last.self) == nullptr)
    return {beginning::ask_to_join, server::level::info,
            "this member had left the group: it asks to be taken in again"};
  // Written behind, a log may always lack what the data holds already; that it is not used is no news then.
  if (!fits && found.durable != durability::memory)
    return {beginning::ask_to_join, server::level::warning, how_it_does_not_fit(found)};
  if (knows && !moved) return {beginning::come_back, server::level::info, {}};
  return {beginning::ask_to_join, server::level::warning, why_new_incarnation(found.log, found.address, found.durable)};
}

beginning_choice choose_arbiters_beginning(xcom::recovered_log const& log, std::string const& address,
                                           bool same_host_boot, durability durable) {
  if (!holds_history(log) || log.at.find(log.last.self) == nullptr) return {};
  if (remembers(log, same_host_boot, durable) && !is_moved(log, address))
    return {beginning::come_back, server::level::info, {}};
  return {beginning::ask_to_join, server::level::warning, why_new_incarnation(log, address, durable)};
}

std::optional<own_start> own_beginning(std::span<xcom::checkpoint const> checkpoints, judged const& verdicts,
                                       seqno_t data) {
  // Not at_least while at_most reaches the data: a checkpoint right behind that view may be all that is left of the log.
  auto const position = data <= verdicts.at_most ? data : verdicts.at_least;
  if (auto const from = beginning_for(checkpoints, position, verdicts.bound)) return own_start{*from, verdicts.slot};
  // As it was when a copy had brought the data there: the others have the verdicts up to where it stands.
  if (auto const from = copied_at(checkpoints, data)) return own_start{*from, no_slot_is_after};
  return std::nullopt;
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
  seen.sated = node.is_sated();
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
  // One position lower: whether the last slot was a view, its note does not say.
  auto const own = beginning_for(checkpoints, durable - 1);
  auto const held = self.held();
  auto const others = held ? newest_at_or_below(checkpoints, held->bound) : own;
  if (!own || !others) return std::nullopt;
  xcom::slot_no needed = std::min(own->slot, others->slot);
  for (auto const& each : node.current_site().members) {
    if (each.id == node.config().self) continue;
    auto const at = node.peers().find(each.id);
    needed = std::min(needed, at == node.peers().end() ? xcom::slot_no{} : at->second.last.decided);
  }
  return needed;
}

}  // namespace gr
