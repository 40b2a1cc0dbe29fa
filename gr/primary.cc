// A member's part in who takes the writes: what role changes mean here, and when it has one ordered.
//
// A change counts from its slot on, for everybody. So nothing here has to be right about who is alive: whoever is elected
// too early, or twice, is elected by a message that the log puts in its place.
#include <algorithm>

#include "gr/member.hh"
#include "gr/primary_election.hh"

namespace gr {
namespace {

constexpr std::uint64_t missed_ticks = 10;          // a leader elects another once the primary is not heard for so long
constexpr std::uint64_t facts_ticks = 30;           // for candidates of which nothing was heard yet
constexpr std::uint64_t others_wait_ticks = 50;     // so much longer than the leader, where there is no primary
constexpr std::uint64_t repeat_ticks = 300;         // a change that was handed in is handed in again
constexpr std::uint64_t lend_again_ticks = 500;     // leadership that did not follow the primary
constexpr std::uint64_t target_silent_ticks = 100;  // ends a switch
// A target that is so close is level in no time. Heartbeats say how far it is, so a smaller number would wait for them.
constexpr seqno_t behind_at_most = 2000;

}  // namespace

// ---- what was delivered ----

void member::take(xcom::message const& from, role_message const& what) {
  auto const objection = apply(roles_, what, from.origin, site_, state_.seqno);
  auto const text = gr::describe(what.what, [this](xcom::member_id const& who) { return name_of(who); });
  role_news_ = objection.empty() ? text : "not done: " + text + ": " + objection;
  emit(say{objection.empty() ? server::level::info : server::level::debug,
           role_news_ + " (epoch " + std::to_string(roles_.epoch) + ")"});
  // Done or refused, what this member asked for is over.
  if (objection.empty() || from.origin == config_.self) change_asked_.reset();
  if (objection.empty() && std::holds_alternative<begin_switch>(what.what)) draining_.reset();
  if (from.origin != config_.self || awaited_.erase(from.seq) == 0) return;
  auto const outcome = objection.empty() ? order_outcome::passed : order_outcome::failed;
  emit(resolve{from.seq, 0, {outcome, state_.seqno, state_.seqno, objection}});
}

void member::follow_site_with_roles() {
  auto const before = roles_;
  follow_site(roles_, site_, state_.seqno);
  if (roles_ == before) return;
  role_news_ = roles_.has_primary() ? "the member that was to be the primary is gone" : "the primary is gone";
  emit(say{server::level::info, role_news_ + " (epoch " + std::to_string(roles_.epoch) + ")"});
}

// What speaks against a write set of `origin` at this place of the log; empty: nothing.
std::string member::fence(xcom::member_id const& origin) const {
  if (roles_.may_write(origin)) return {};
  if (!roles_.has_primary()) return "the group has no primary at the moment";
  return "it comes from a secondary; the primary is " + primary_name();
}

std::string member::primary_name() const {
  auto const* const who = site_.find(roles_.primary);
  auto const address = who == nullptr ? std::string{} : facts_of(*who).incoming;
  return name_of(roles_.primary) + (address.empty() ? "" : " at " + address);
}

// ---- what this server may do ----

std::string member::why_not_write() const {
  if (stage_ != stage::online) return "this member is not ONLINE";
  if (roles_.mode == primary_mode::single && !roles_.has_primary())
    return "this member is a secondary, and a primary is being elected";
  if (!roles_.may_write(config_.self)) return "this member is a secondary; the primary is " + primary_name();
  if (roles_.mode == primary_mode::single && !have_quorum_) return "this primary has no majority of the group";
  if (std::max(last_.applied, base_) < roles_.since)
    return "this member takes writes once it has applied what was ordered before it was allowed to";
  return {};
}

server_role member::role_now() const {
  server_role now;
  now.epoch = roles_.epoch;
  now.single = roles_.mode == primary_mode::single;
  now.primary = now.single && stage_ == stage::online && roles_.primary == config_.self;
  now.why_not = why_not_write();
  now.writes = now.why_not.empty();
  now.drains = now.primary && draining_ && draining_->epoch == roles_.epoch && draining_->since.has_value();
  now.lift_read_only = roles_.actions.lift_read_only;
  now.start_channels = roles_.actions.start_channels;
  return now;
}

void member::tell_role() {
  auto now = role_now();
  if (std::exchange(role_told_, true) && now == role_) return;
  role_ = std::move(now);
  emit(take_role{role_});
}

// ---- time ----

void member::tick_roles() {
  if (stage_ == stage::online && have_quorum_ && last_.have_quorum) {
    conduct_switch();
    hold_election();
    lend_leadership();
  }
  tell_role();
}

bool member::is_there(xcom::member_id const& who) const {
  if (who == config_.self) return true;
  auto const* const at = neighbor_of(who);
  return at != nullptr && at->heard;
}

bool member::is_pending(std::optional<asked_for> const& what, std::uint64_t patience) const {
  return what && what->epoch == roles_.epoch && now_.value() - what->at.value() < patience;
}

void member::order_change(role_change what) {
  change_asked_ = {roles_.epoch, now_};
  order(role_message{roles_.epoch, std::move(what)});
}

// As the primary: until the one that follows is level, nothing changes for clients; then what is open may end and nothing
// new begins; then the log hears that this member is silent.
void member::conduct_switch() {
  if (!roles_.switching || roles_.primary != config_.self) return draining_.reset();
  if (!draining_ || draining_->epoch != roles_.epoch) draining_ = draining{roles_.epoch, now_, now_, std::nullopt};
  if (is_pending(change_asked_, repeat_ticks)) return;
  auto const& target = roles_.switching->to;
  auto const patience = roles_.switching->patience_ms / base::tick_milliseconds;
  auto const* const at = neighbor_of(target);
  if (is_there(target)) draining_->heard = now_;
  if (now_.value() - draining_->heard.value() >= target_silent_ticks)
    return order_change(cancel_switch{name_of(target) + " is not heard any more"});
  auto const waited = [&](base::tick_count since) { return now_.value() - since.value() >= patience; };
  seqno_t const behind = at == nullptr ? 0 : state_.seqno - at->facts.applied;
  if (!draining_->since && behind > behind_at_most && waited(draining_->seen) && patience > 0)
    return order_change(cancel_switch{name_of(target) + " has still to apply " + std::to_string(behind) +
                                      " transactions, and would take no writes meanwhile"});
  if (!draining_->since && (behind <= behind_at_most || patience == 0)) draining_->since = now_;
  if (!draining_->since) return;
  bool const silent = last_.open_transactions == 0 && awaited_.empty();
  if (role_.drains && (silent || waited(*draining_->since))) order_change(finish_switch{});
}

// One link may be cut; that the leader does not hear the primary either, although leadership follows the primary, takes a
// majority that did not. Where nobody is the primary, whoever can says who shall be.
void member::hold_election() {
  if (roles_.mode == primary_mode::multi) return primary_missed_.reset();
  if (roles_.has_primary() && is_there(roles_.primary)) return primary_missed_.reset();
  if (!primary_missed_) primary_missed_ = now_;
  if (!last_.leads && roles_.has_primary()) return;
  auto const patience = (roles_.has_primary() ? missed_ticks : 0) + (last_.leads ? 0 : others_wait_ticks);
  auto const missed = now_.value() - primary_missed_->value();
  if (missed < patience || (missed < patience + facts_ticks && !candidates_are_known())) return;
  if (is_pending(change_asked_, repeat_ticks)) return;
  if (roles_.switching && is_there(roles_.switching->to)) return order_change(elect{roles_.switching->to});
  if (auto const winner = elect_primary(primary_candidates(), roles_.elects)) order_change(elect{*winner});
}

// Who was restarted just now hears a vote before the first heartbeat.
bool member::candidates_are_known() const {
  return std::ranges::all_of(site_.members, [this](xcom::site_member const& each) {
    return !can_be_primary(&each) || each.id == roles_.primary || is_there(each.id);
  });
}

std::vector<primary_candidate> member::primary_candidates() const {
  std::vector<primary_candidate> all;
  for (auto const& each : site_.members) {
    if (!can_be_primary(&each) || !is_there(each.id)) continue;
    auto const* const at = neighbor_of(each.id);
    seqno_t const applied = each.id == config_.self ? last_.applied : at->facts.applied;
    all.push_back({each.id, each.weight, facts_of(each).server_version, positions(applied),
                   static_cast<std::uint64_t>(std::max<seqno_t>(0, state_.seqno - applied))});
  }
  return all;
}

// Its own messages are agreed on in one round trip where it orders them itself.
void member::lend_leadership() {
  bool const follows = roles_.mode == primary_mode::single && roles_.has_primary() && roles_.primary != config_.self;
  if (!last_.leads || !follows || !is_there(roles_.primary)) return;
  if (is_pending(leadership_lent_, lend_again_ticks)) return;
  leadership_lent_ = {roles_.epoch, now_};
  emit(to_node{xcom::transfer_leadership{roles_.primary}});
}

// ---- what somebody asks for ----

base::result<xcom::member_id> member::future_primary(std::string const& uuid) const {
  auto const parsed = base::parse_uuid(uuid);
  if (!parsed) return base::fail("'" + uuid + "' is not a uuid; MEMBER_ID of REPLICATION_GROUP_MEMBERS is one");
  auto const* const who = site_.find_uuid(*parsed);
  if (who == nullptr) return base::fail("no member of the group has the uuid " + uuid);
  if (who->role == xcom::member_role::arbiter) return base::fail(uuid + " is an arbiter, which holds no data");
  if (!xcom::has_vote(who->role))
    return base::fail(uuid + " has no vote, and only a member with one can be the primary");
  if (!is_online(*who)) return base::fail("the member " + uuid + " is not ONLINE");
  if (!is_there(who->id)) return base::fail("the member " + uuid + " is not heard at the moment");
  return who->id;
}

base::result<role_message> member::role_change_for(role_request const& wish) const {
  using kind = role_request::kind;
  if (stage_ != stage::online) return base::fail("this member is not ONLINE");
  if (!have_quorum_) return base::fail("this member has no majority of the group");
  if (wish.what == kind::multi_primary) return role_message{roles_.epoch, change_mode{primary_mode::multi, {}}};
  if (wish.what == kind::reset) return role_message{roles_.epoch, reset_actions{}};
  if (wish.what == kind::enable || wish.what == kind::disable) {
    auto const which = member_action_named(wish.name);
    if (!which)
      return base::fail("'" + wish.name + "' is not a member action; they are " +
                        std::string(member_action_names[0].name) + " and " + std::string(member_action_names[1].name));
    return role_message{roles_.epoch, set_action{*which, wish.what == kind::enable}};
  }
  std::optional<xcom::member_id> chosen;
  if (wish.name.empty()) {
    chosen = elect_primary(primary_candidates(), roles_.elects);
    if (!chosen) return base::fail("no member can be the primary");
  } else {
    auto const named = future_primary(wish.name);
    if (!named) return named.error();
    chosen = *named;
  }
  if (wish.what == kind::single_primary) return role_message{roles_.epoch, change_mode{primary_mode::single, *chosen}};
  return role_message{roles_.epoch, begin_switch{*chosen, static_cast<std::uint32_t>(wish.patience.count())}};
}

}  // namespace gr
