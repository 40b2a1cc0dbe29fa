#include "sim/oracle.hh"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "sim/digest.hh"
#include "sim/failure.hh"

namespace sim {
namespace {

std::string text(xcom::ballot const& ballot) {
  return fmt::format("({}, {})", ballot.round, xcom::to_string(ballot.proposer));
}

}  // namespace

void oracle::bootstrapped(xcom::site const& first, gr::group_roles const& roles) {
  first_roles_ = roles;
  sites_[xcom::slot_no(1)] = first;
  for (auto const& each : first.members) entered_[{each.id, each.boot}] = 0;
}

void oracle::forced(std::vector<xcom::member_id> const& who) {
  forced_ = {who.begin(), who.end()};
  xcom::slot_no known;
  for (auto const& each : who) known = std::max(known, acceptors_[each].decided);
  for (auto const& each : newest_site().members)
    if (!forced_.contains(each.id)) lost_.insert(each.id);
  forget_after(known);
}

void oracle::forget_after(xcom::slot_no slot) {
  while (!deliveries_.empty() && deliveries_.rbegin()->first > slot) {
    for (auto const& [origin, last] : deliveries_.rbegin()->second.last_before) last_of_origin_[origin] = last;
    deliveries_.erase(std::prev(deliveries_.end()));
  }
  claims_.erase(claims_.upper_bound(slot), claims_.end());
  sites_.erase(sites_.upper_bound(slot.next()), sites_.end());
  indexes_.erase(indexes_.lower_bound({slot.next(), 0}), indexes_.end());
  frontier_ = std::min(frontier_, slot);
  last_delivered_ = std::min(last_delivered_, slot);
  gr::seqno_t const kept = deliveries_.empty() ? 0 : deliveries_.rbegin()->second.after.seqno;
  positions_.resize(std::min(positions_.size(), static_cast<std::size_t>(kept)));
  std::erase_if(passed_, [&](auto const& each) { return each.second > kept; });
  std::erase_if(entered_, [&](auto const& each) { return each.second > kept; });
  for (auto& [name, applied] : applied_) applied = std::min(applied, kept);
  acknowledged_up_to_ = std::min(acknowledged_up_to_, kept);
  writers_.erase(writers_.upper_bound(newest_roles().epoch), writers_.end());
  twin_.forget_after(slot, kept);
}

void oracle::joined(xcom::member_id const& who, xcom::ballot const& promised, xcom::slot_no decided) {
  check(!acceptors_.contains(who), [&] { return fmt::format("{} joins once", xcom::to_string(who)); });
  acceptors_[who].promised = promised;
  acceptors_[who].decided = decided;
}

// The only voter there is decides by itself, and syncs before anybody hears of it: what power took from it before that was
// decided by nobody.
void oracle::forget_what_nobody_heard_of(acceptor& of, xcom::recovered_log const& found) {
  auto kept = found.decided;
  for (auto const& each : found.undecided)
    if (each.slot == kept.next()) kept = each.slot;
  if (kept >= of.decided || !of.power_took.contains(kept.next())) return;
  if (site_at(kept.next()).voters() != 1 || last_delivered_ > kept) return;
  forget_after(kept);
  of.decided = kept;
  of.held.erase(of.held.upper_bound(kept), of.held.end());
}

void oracle::reopened(xcom::member_id const& who, xcom::recovered_log const& found) {
  if (is_lost(who)) return;
  auto& expected = acceptors_[who];
  auto const name = xcom::to_string(who);
  check(found.promised >= expected.promised, [&] {
    return fmt::format("{} finds its promise {} after a restart, found {}", name, text(expected.promised),
                       text(found.promised));
  });
  for (auto const& [slot, held] : expected.held) {
    if (slot <= found.decided || held.may_be_gone) continue;
    auto const same = [&, slot = slot](auto const& each) { return each.slot == slot; };
    auto const at = std::find_if(found.undecided.begin(), found.undecided.end(), same);
    check(at != found.undecided.end(),
          [&] { return fmt::format("{} finds slot {} after a restart", name, slot.value()); });
    check(digest(*at->what) == held.value && at->accepted_in >= held.in,
          [&] { return fmt::format("{} finds slot {} as it accepted it in {}", name, slot.value(), text(held.in)); });
  }
  forget_what_nobody_heard_of(expected, found);
  expected.power_took.clear();
  expected.promised = found.promised;
  for (auto const& each : found.undecided)
    expected.held[each.slot] = {each.accepted_in, digest(*each.what), each.what, false};
  decided(who, found.decided);
}

void oracle::promised(xcom::member_id const& who, xcom::ballot const& ballot) {
  if (is_lost(who)) return;
  auto& its = acceptors_[who];
  check(ballot >= its.promised,
        [&] { return fmt::format("{} promises {} after {}", xcom::to_string(who), text(ballot), text(its.promised)); });
  its.promised = ballot;
}

void oracle::accepted(xcom::member_id const& who, xcom::accepted_slot const& what) {
  if (is_lost(who)) return;
  auto& its = acceptors_[who];
  auto const name = [&] { return xcom::to_string(who); };
  check(what.accepted_in >= its.promised, [&] {
    return fmt::format("{} accepts slot {} in {} having promised {}", name(), what.slot.value(), text(what.accepted_in),
                       text(its.promised));
  });
  its.promised = what.accepted_in;
  auto& held = its.held[what.slot];
  auto const value = digest(*what.what);
  // What went with the power was never told to anybody: the same ballot may begin anew.
  check(held.in != what.accepted_in || held.value == value || held.may_be_gone, [&] {
    return fmt::format("{} accepts two values for slot {} in {}", name(), what.slot.value(), text(what.accepted_in));
  });
  held = {what.accepted_in, value, what.what, false};
  its.unsynced.push_back(what.slot);
}

void oracle::synced(xcom::member_id const& who) {
  auto& its = acceptors_[who];
  its.synced_promise = its.promised;
  its.unsynced.clear();
}

void oracle::lost_power(xcom::member_id const& who) {
  auto& its = acceptors_[who];
  its.promised = its.synced_promise;
  for (auto const slot : its.unsynced)
    if (auto const at = its.held.find(slot); at != its.held.end()) at->second.may_be_gone = true;
  its.power_took = {its.unsynced.begin(), its.unsynced.end()};
  its.unsynced.clear();
}

void oracle::said(xcom::member_id const& who, xcom::wire_message const& what) const {
  if (is_lost(who)) return;
  auto const* promise = std::get_if<xcom::promise>(&what);
  auto const* accepted = std::get_if<xcom::accepted>(&what);
  if (promise == nullptr && accepted == nullptr) return;
  auto const& ballot = promise != nullptr ? promise->to : accepted->in;
  auto const its = acceptors_.find(who);
  check(its != acceptors_.end() && its->second.promised >= ballot, [&] {
    return fmt::format("{} has its promise {} in the log before it says so", xcom::to_string(who), text(ballot));
  });
}

void oracle::learned(xcom::member_id const& who, xcom::decided_slot const& what) {
  if (is_lost(who)) return;
  auto const value = digest(*what.what);
  claim_decided(who, what.slot, what.what, value);
  auto& its = acceptors_[who];
  if (what.slot <= its.decided) return;
  its.held[what.slot] = {its.held[what.slot].in, value, what.what, false};
  its.unsynced.push_back(what.slot);
}

void oracle::decided(xcom::member_id const& who, xcom::slot_no up_to) {
  if (is_lost(who)) return;
  auto& its = acceptors_[who];
  if (up_to <= its.decided) return;
  for (auto slot = its.decided.next(); slot <= up_to; slot = slot.next()) {
    auto const held = its.held.find(slot);
    check(held != its.held.end(), [&] {
      return fmt::format("{} says slot {} is decided and holds no value for it", xcom::to_string(who), slot.value());
    });
    claim_decided(who, slot, held->second.what, held->second.value);
  }
  its.decided = up_to;
  advance_frontier();
  forget(its);
}

void oracle::claim_decided(xcom::member_id const& who, xcom::slot_no slot, xcom::value_ptr const& what,
                           std::uint64_t value) {
  auto const [at, is_new] = claims_.try_emplace(slot, claim{value, what, who});
  check(at->second.value == value, [&] {
    return fmt::format("slot {} has one value: {} says {:016x}, {} said {:016x}", slot.value(), xcom::to_string(who),
                       value, xcom::to_string(at->second.first_by), at->second.value);
  });
  if (is_new) advance_frontier();
}

void oracle::advance_frontier() {
  for (auto next = claims_.find(frontier_.next()); next != claims_.end() && next->first == frontier_.next(); ++next) {
    check_majority(next->first, next->second);
    frontier_ = next->first;
    if (auto const* change = std::get_if<xcom::site_change>(next->second.what.get())) {
      check(change->next.version == newest_site().version + 1, [&] {
        return fmt::format("the site decided in slot {} counts one up: {}, after {} from slot {} on", frontier_.value(),
                           change->next.version, newest_site().version, sites_.rbegin()->first.value());
      });
      check_site(change->next);
      sites_[frontier_.next()] = change->next;
      ++site_changes_;
      if (std::ranges::all_of(change->next.members, [&](auto const& each) { return forced_.contains(each.id); }))
        forced_.clear();
    }
    next->second.what = nullptr;
  }
}

void oracle::check_majority(xcom::slot_no slot, claim const& decided) const {
  auto const& site = site_at(slot);
  auto const holds = [&](xcom::member_id const& who) {
    auto const at = acceptors_.find(who);
    if (at == acceptors_.end()) return false;
    auto const held = at->second.held.find(slot);
    return held != at->second.held.end() && held->second.value == decided.value;
  };
  auto const holding = static_cast<std::size_t>(std::ranges::count_if(
      site.members, [&](auto const& member) { return xcom::has_vote(member.role) && holds(member.id); }));
  if (!forced_.empty() && std::ranges::all_of(forced_, holds)) return;
  check(holding >= site.majority(), [&] {
    return fmt::format("slot {} is decided (says {}) with a majority: {} of {} hold it", slot.value(),
                       xcom::to_string(decided.first_by), holding, site.voters());
  });
}

void oracle::check_site(xcom::site const& next) {
  for (auto const& each : next.members)
    check(each.speaks.holds(next.rules.protocol),
          [&] { return fmt::format("every member of a site speaks its protocol: {}", xcom::to_string(each.id)); });
  for (auto const& each : next.members)
    for (auto const& other : next.members) {
      if (&each == &other) break;
      check(each.id.uuid != other.id.uuid && each.address != other.address, [&] {
        return fmt::format("a site has each server once: {} and {} at {}", xcom::to_string(other.id),
                           xcom::to_string(each.id), each.address);
      });
    }
}

xcom::site const& oracle::site_at(xcom::slot_no slot) const { return std::prev(sites_.upper_bound(slot))->second; }

void oracle::forget(acceptor& of) const {
  auto const known = std::min(of.decided, frontier_);
  of.held.erase(of.held.begin(), of.held.upper_bound(known));
}

void oracle::delivered(xcom::member_id const& who, xcom::slot_no slot, xcom::value const& what, judged const& as) {
  if (is_lost(who)) return;
  check_index(who, slot, as);
  auto const messages = digest(what);
  auto const note = digest(as.note);
  auto const known_before = deliveries_.find(slot);
  auto const fenced = known_before == deliveries_.end() ? follow_roles(slot, what, as) : std::vector<std::uint32_t>{};
  auto const [at, is_new] =
      deliveries_.try_emplace(slot, delivery{messages, note, as.after, as.roles, as.votes, who, {}});
  if (is_new) {
    history_ = mix(mix(history_, messages), note);
    if (bounds_.empty() || bounds_.rbegin()->second < as.after.forgotten) bounds_[as.after.seqno] = as.after.forgotten;
    note_members(what, as.after.seqno);
    if (auto const* all = std::get_if<xcom::batch>(&what)) {
      auto const verdicts = base::decode<gr::slot_note>(as.note);
      check(verdicts.has_value(), [&] { return fmt::format("the note of slot {} can be read", slot.value()); });
      twin_.judge(slot, *all, *verdicts, fenced);
    }
    return check_order(slot, what);
  }
  auto const& known = at->second;
  auto const names = [&] {
    return fmt::format("slot {} at {} as at {}", slot.value(), xcom::to_string(who), xcom::to_string(known.first_by));
  };
  check(known.messages == messages, [&] { return "the same messages are delivered: " + names(); });
  check(known.note == note, [&] { return "the same verdicts are given: " + names(); });
  check(known.roles == as.roles, [&] { return "the same members may write: " + names(); });
  check(known.votes == as.votes, [&] { return "the same words are known on what failed: " + names(); });
  check(known.after == as.after, [&] {
    return fmt::format("the same state is reached: {}: at {} forgotten {}, there {} and {}", names(), as.after.seqno,
                       as.after.forgotten, known.after.seqno, known.after.forgotten);
  });
}

void oracle::check_index(xcom::member_id const& who, xcom::slot_no slot, judged const& as) {
  auto const [at, is_new] = indexes_.try_emplace({slot, as.index_began}, as.index);
  check(at->second == as.index, [&] {
    return fmt::format("equal prefixes give equal certification indexes: slot {} at {}, begun at {}", slot.value(),
                       xcom::to_string(who), as.index_began);
  });
}

// ---- roles ----

// By what the slot says, message by message; what the member made of it has to come to the same.
std::vector<std::uint32_t> oracle::follow_roles(xcom::slot_no slot, xcom::value const& what, judged const& as) {
  auto roles = newest_roles();
  std::vector<std::uint32_t> fenced;
  if (auto const* all = std::get_if<xcom::batch>(&what)) {
    auto const note = base::decode<gr::slot_note>(as.note);
    gr::seqno_t given_out = note ? note->before.seqno : 0;
    std::uint32_t index = 0;
    for (auto const& each : all->messages) {
      auto const decoded = base::decode<gr::ordered_message>(each.payload);
      if (!decoded) continue;
      if (auto const* change = std::get_if<gr::role_message>(&*decoded))
        (void)gr::apply(roles, *change, each.origin, site_at(slot), given_out);
      if (!std::holds_alternative<gr::write_set_message>(*decoded)) continue;
      ++given_out;
      bool const passed = note && !std::ranges::binary_search(note->failed, index);
      if (!roles.may_write(each.origin)) fenced.push_back(index);
      if (passed) note_writer(slot, roles, each.origin);
      ++index;
    }
  } else if (auto const* change = std::get_if<xcom::site_change>(&what)) {
    gr::follow_site(roles, change->next, as.after.seqno);
  }
  check(as.roles == roles, [&] {
    return fmt::format("slot {} leads to epoch {} and primary {}, not {} and {}", slot.value(), roles.epoch,
                       xcom::to_string(roles.primary), as.roles.epoch, xcom::to_string(as.roles.primary));
  });
  return fenced;
}

void oracle::note_writer(xcom::slot_no slot, gr::group_roles const& roles, xcom::member_id const& who) {
  if (roles.mode == gr::primary_mode::multi) return;
  check(roles.primary == who, [&] {
    return fmt::format("what passes in slot {} comes from the primary {}, not from {}", slot.value(),
                       xcom::to_string(roles.primary), xcom::to_string(who));
  });
  auto const [at, is_new] = writers_.try_emplace(roles.epoch, who);
  check(at->second == who, [&] { return fmt::format("epoch {} has one writer", roles.epoch); });
}

// ---- the database's side ----

void oracle::note_members(xcom::value const& what, gr::seqno_t at) {
  auto const* change = std::get_if<xcom::site_change>(&what);
  if (change == nullptr) return;
  for (auto const& each : change->next.members) entered_.try_emplace({each.id, each.boot}, at);
}

void oracle::ordered(gr::seqno_t seqno, std::uint64_t trx, bool passed) {
  check(seqno >= 1 && seqno <= last_position() + 1,
        [&] { return fmt::format("position {} follows {}", seqno, last_position()); });
  if (seqno > last_position()) positions_.push_back({trx, passed, {}});
  auto& known = positions_[static_cast<std::size_t>(seqno - 1)];
  check(known.passed == passed, [&] { return fmt::format("position {} has one verdict everywhere", seqno); });
  check(trx == 0 || known.trx == 0 || known.trx == trx,
        [&] { return fmt::format("position {} is one transaction: {} and {}", seqno, trx, known.trx); });
  if (trx == 0) return;
  known.trx = trx;
  check(!refused_.contains(trx), [&] { return fmt::format("transaction {} was refused and is at {}", trx, seqno); });
  if (!passed) return;
  auto const [at, is_new] = passed_.try_emplace(trx, seqno);
  check(at->second == seqno,
        [&] { return fmt::format("transaction {} happens once: at {} and {}", trx, at->second, seqno); });
}

void oracle::committed(std::string const& who, database const& after) {
  applied_[who] = std::max(applied_[who], after.position());
  auto& known = positions_.at(static_cast<std::size_t>(after.position() - 1));
  auto const [at, is_new] = known.rows.try_emplace(after.given_up(), after.fingerprint());
  check(at->second == after.fingerprint(),
        [&] { return fmt::format("{} holds the rows of position {} like everybody", who, after.position()); });
}

std::uint64_t oracle::given_up_at(gr::seqno_t at) const {
  std::uint64_t all = 0;
  for (auto const each : given_up_)
    if (each <= at) all = mix(all, static_cast<std::uint64_t>(each));
  return all;
}

void oracle::received_copy(std::string const& who, database const& copy) {
  applied_[who] = std::max(applied_[who], copy.position());
}

void oracle::called_stable(gr::seqno_t up_to, std::vector<std::string> const& online) const {
  for (auto const& each : online) {
    auto const at = applied_.find(each);
    auto const applied = at == applied_.end() ? 0 : at->second;
    check(applied >= up_to, [&] {
      return fmt::format("what is called stable, {}, was applied by {}, which is at {}", up_to, each, applied);
    });
  }
}

gr::seqno_t oracle::bound_at(gr::seqno_t at) const {
  auto const next = bounds_.upper_bound(at);
  return next == bounds_.begin() ? 0 : std::prev(next)->second;
}

std::optional<gr::seqno_t> oracle::position_of(std::uint64_t trx) const {
  auto const at = passed_.find(trx);
  return at == passed_.end() ? std::nullopt : std::optional(at->second);
}

void oracle::acknowledged(std::uint64_t trx, gr::seqno_t seqno) {
  auto const at = passed_.find(trx);
  check(at != passed_.end() && at->second == seqno,
        [&] { return fmt::format("transaction {} is acknowledged at its position {}", trx, seqno); });
  acknowledged_up_to_ = std::max(acknowledged_up_to_, seqno);
}

void oracle::became_online(xcom::member_id const& who, std::uint64_t boot, gr::seqno_t holds) const {
  auto const at = entered_.find({who, boot});
  check(at != entered_.end(),
        [&] { return fmt::format("{} boot {} is ONLINE after a site had it", xcom::to_string(who), boot); });
  check(holds >= at->second, [&] {
    return fmt::format("{} is ONLINE and holds everything from before it came: {}, it came at {}", xcom::to_string(who),
                       holds, at->second);
  });
}

void oracle::check_order(xcom::slot_no slot, xcom::value const& what) {
  check(slot == last_delivered_.next(),
        [&] { return fmt::format("slot {} is delivered first after slot {}", slot.value(), last_delivered_.value()); });
  last_delivered_ = slot;
  auto const* messages = std::get_if<xcom::batch>(&what);
  if (messages == nullptr) return;
  auto& before = deliveries_[slot].last_before;
  for (auto const& each : messages->messages) {
    auto& last = last_of_origin_[each.origin];
    if (std::ranges::find(before, each.origin, [](auto const& known) { return known.first; }) == before.end())
      before.emplace_back(each.origin, last);
    check(xcom::follows(each.seq, last), [&] {
      return fmt::format("message {:x} of {} follows {:x}, in slot {}", each.seq.value(), xcom::to_string(each.origin),
                         last.value(), slot.value());
    });
    last = each.seq;
    ++messages_;
  }
}

bool oracle::site_change_under_way() const {
  return std::any_of(acceptors_.begin(), acceptors_.end(), [&](auto const& each) {
    auto const& held = each.second.held;
    return std::any_of(held.upper_bound(frontier_), held.end(),
                       [](auto const& slot) { return std::holds_alternative<xcom::site_change>(*slot.second.what); });
  });
}

}  // namespace sim
