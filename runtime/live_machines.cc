// Carrying out what the machines say, in the order they say it.
#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <utility>

#include "gr/beginning.hh"
#include "gr/giving_up_place.hh"
#include "gr/history.hh"
#include "gr/isolation.hh"
#include "gr/join_facts.hh"
#include "gr/messages.hh"
#include "runtime/live_group.hh"
#include "runtime/log_keeping.hh"
#include "runtime/node_settings.hh"
#include "xcom/serving.hh"

namespace runtime {
namespace {

using gr::server;

constexpr std::uint64_t status_every_ticks = 10;
constexpr std::uint64_t look_around_ticks = 100;
constexpr std::uint64_t say_waits_ticks = 500;  // 5 s
constexpr std::uint64_t unheard_leader_ticks = 500;
constexpr std::uint64_t unheard_leader_again_ticks = 6000;

std::string addresses_of(xcom::site const& at) {
  std::string all;
  for (auto const& each : at.members) all.append(all.empty() ? "" : ", ").append(each.address);
  return all;
}

}  // namespace

void live_group::step_node(xcom::event what) {
  steps_->push(std::move(what));
  settle();
}

void live_group::step_member(gr::member_event const& what) {
  if (!member_) return;
  std::vector<gr::member_action> actions;
  member_->step(what, actions);
  owes_word_.store(member_->owes_word(), std::memory_order_release);
  for (auto const& each : actions) perform(each);
}

void live_group::perform(xcom::action const& what) {
  std::visit([this](auto const& each) { on(each); }, what);
}

void live_group::perform(gr::member_action const& what) {
  std::visit([this](auto const& each) { on(each); }, what);
}

// A member that cannot write its log must not answer for what it has not stored: it stops taking part, also when it is on
// its way out already.
void live_group::log_failed(base::result<void> const& done) {
  if (done) return;
  if (net_) net_->close();
  unheard_ = true;
  close_group("the agreed log cannot be written: " + done.error().text, true);
}

void live_group::write(xcom::value const& what, std::function<base::result<void>()> how) {
  write_slot(*steps_, log_in_use(), what, std::move(how), [this](auto const& done) { log_failed(done); });
}

void live_group::sync() {
  sync_before_answering(*steps_, log_in_use(), [this](auto const& done) { log_failed(done); });
}

void live_group::on(xcom::persist_promise const& what) {
  unsynced_ = true;
  log_failed(log_->promise(what.promised));
}
void live_group::on(xcom::persist_accepted const& what) {
  unsynced_ = true;
  write(*what.slot.what, [this, &what] { return log_->accepted(what.slot); });
}
void live_group::on(xcom::persist_learned const& what) {
  write(*what.slot.what, [this, &what] { return log_->learned(what.slot); });
}
void live_group::on(xcom::persist_decided const& what) {
  ++count_.slots_decided;
  log_failed(log_->decided(what.up_to));
}

void live_group::on(xcom::send const& what) {
  if (net_ && !gr::isolated()) net_->send(what.address, what.what);
}

void live_group::on(xcom::serve_log const& what) {
  // Asked again for what is being packed: the answer is on its way.
  if (!packing_.emplace(what.address, what.asked.from).second) return;
  auto const found = std::make_shared<xcom::served>();
  steps_->do_aside(
      what.asked.bytes_max, [this, &what, found] { *found = xcom::serve(*log_, what); },
      [this, &what, found] { pack_and_send(what.address, std::move(*found)); });
}

// Packing needs neither the log nor the machines, and takes longer than reading.
void live_group::pack_and_send(std::string const& address, xcom::served what) {
  if (!what.error.empty()) say(server::level::error, "cannot serve another member from the log: " + what.error);
  auto const key = std::pair(address, what.answer.from);
  auto const made = std::make_shared<xcom::served>(std::move(what));
  packer_->run([made, how = recovery_packing_of(*options_.options)] { made->answer = pack(std::move(*made), how); },
               [this, key, made] {
                 packing_.erase(key);
                 if (net_) net_->send(key.first, made->answer);
               });
}

void live_group::on(xcom::read_log const& what) {
  auto const slots = std::make_shared<base::result<std::vector<xcom::decided_slot>>>(base::fail("not read"));
  steps_->do_aside(
      what.bytes_max,
      [this, &what, up_to = node_->decided(), slots] { *slots = log_->read(what.from, up_to, what.bytes_max); },
      [this, &what, slots] {
        if (!*slots) return close_group(slots->error().text);
        steps_->push(xcom::log_read{what.from, std::move(**slots)});
      });
}

void live_group::on(xcom::deliver const& what) { step_member(what); }

void live_group::on(xcom::store_checkpoint const& what) {
  if (member_->is_closed()) return;
  auto at = what.at;
  at.app = member_->state_blob();
  log_failed(log_->store(at));
  unsynced_ = true;
  sync();  // a founder without its first one would not come back to the group it founded
}

void live_group::on(xcom::send_welcome const& what) {
  if (member_->is_closed()) return;  // it asks again, and another answers
  auto answer = what.what;
  answer.at.app = member_->state_blob();
  if (net_) net_->send(what.address, std::move(answer));
}

void live_group::on(xcom::site_installed const& what) {
  step_member(what);
  protocol_ = what.at.rules.protocol;
  if (net_) net_->speak(what.at.rules.protocol);
  if (what.at.rules.since == what.at.version)
    say(server::level::info, "the group's rules from now on: " + xcom::to_string(what.at.rules));
  std::vector<std::string> gone;
  for (auto const& [address, known] : peers_known_) {
    bool const there = std::any_of(what.at.members.begin(), what.at.members.end(),
                                   [&](auto const& each) { return each.address == address; });
    if (!there) gone.push_back(address);
  }
  for (auto const& each : gone) peers_known_.erase(each);
  for (auto const& each : what.at.members) peers_known_[each.address] = true;
  std::string all;
  for (auto const& each : what.at.members)
    all += (all.empty() ? "" : ", ") + xcom::to_string(each.id) + " at " + each.address;
  say(server::level::info, "site " + std::to_string(what.at.version) + " is in force after slot " +
                               std::to_string(what.slot.value()) + ": " + all);
}

void live_group::on(xcom::joined const& what) {
  bool const again = own_place_.has_value();
  auto const held = what_is_held();
  bool const same_log = what.log == log_name_;
  log_name_ = what.log;
  if (again && !same_log) return close_group("the group that answered is another one: start the server again");
  if (auto const right = check_group(*options_.options, gr::state_of(what.at).history); !right)
    return close_group(right.error().text);
  // What it decided beyond our place, or beside the group's slots, must not come to stand among them.
  bool const keeps = again && log_->decided_up_to() <= own_place_->slot && own_place_->slot < what.at.slot;
  // As long as it speaks for the incarnation before, that may be one that forgot: then note_host_boot() would be a lie.
  if (auto const begun = log_->begin({log_name_, self_, boot_}, keeps); !begun) return log_failed(begun);
  // Where our log's decided slots begin. Not a place to deliver from (gr/history.hh).
  auto taken_in = what.at;
  taken_in.app = {};
  log_failed(log_->store(taken_in));
  log_failed(log_->sync());
  note_host_boot();
  unsynced_ = true;
  log_failed(log_->promise(what.promised));
  if (again) {
    step_member(gr::taken_in_again{self_, boot_, what.at, *own_place_, log_name_, held});
  } else {
    step_member(gr::taken_in{what.at, log_name_, held});
  }
}

// Said by the log before it is begun anew, and remembered beside it until it was compared.
gr::held_history live_group::what_is_held() {
  if (auto const before = read_set_aside(options_.data_dir)) return *before;
  bool const has_data = options_.start && options_.start->seqno >= 0;
  if (!own_place_ && !has_data) return {};
  auto const held = own_place_
                        ? gr::what_log_holds(*log_, log_name_, {own_place_->slot, gr::state_of(*own_place_).digest})
                        : gr::what_log_holds(*log_, log_name_, *options_.start);
  if (!held) say(server::level::error, "what this server's data rests on cannot be read: " + held.error().text);
  if (!held || held->marks.empty()) return {};
  log_failed(set_aside(options_.data_dir, *held));
  if (late_) log_failed(late_->drain());
  if (auto kept = keep_segments(options_.data_dir); !kept) say(server::level::warning, kept.error().text);
  return *held;
}

void live_group::on(xcom::expelled const& what) {
  if (closing_ || gave_up_) return finish_leaving();
  // This may run inside a handler of the very transport that has to be replaced.
  boost::asio::post(io_, [this, at = what.at] {
    steps_->when_free([this, at] {
      if (closing_ || gave_up_) return finish_leaving();
      join_again(at);
      settle();
    });
  });
}

void live_group::on(xcom::split_off const& what) {
  say(server::level::error, "there are two groups now: " + addresses_of(what.at) +
                                " went on without this member, which a minority can only have been forced to "
                                "(group_replication_force_members, pc.bootstrap). This member has a majority and goes "
                                "on as well. Choose one of the two, stop the servers of the other, and start them "
                                "again: they take a full copy");
}

void live_group::on(xcom::join_failed const& what) {
  close_group("the group does not take this member in: " + what.reason, true);
}

void live_group::on(xcom::left const&) {
  if (closing_) return finish_leaving();
  if (gives_up_place_ || steps_aside_since_) on(xcom::expelled{node_->current_site()});
}

void live_group::on(xcom::quorum_changed const& what) {
  majority_lost_ = what.have ? base::tick_count{} : now_;
  step_member(gr::quorum{what.have, what.reachable});
}

void live_group::on(xcom::leader_changed const& what) {
  ++leader_changes_;
  say(server::level::info, what.leader ? "messages are ordered by " + xcom::to_string(*what.leader)
                                       : std::string("no leader orders messages now"));
}

// A restarted member whose site the group has left behind, and that nobody can bring up to date, begins anew like an
// expelled one.
void live_group::on(xcom::history_lost const& what) {
  if (gives_up_place_ || (member_ && member_->waits_for_majority())) return on(xcom::expelled{node_->current_site()});
  step_member(gr::history_gone{what.wanted});
}

void live_group::on(xcom::damaged_range const& what) {
  say(server::level::warning, "what " + xcom::to_string(what.from) + " sent of the log from slot " +
                                  std::to_string(what.wanted.value()) + " on is damaged: " + what.why +
                                  ". Another member is asked");
}

void live_group::on(xcom::received_direct const& what) {
  step_member(gr::told{what.from, what.payload, log_->checkpoints()});
}

void live_group::on(gr::submit const& what) { steps_->push(xcom::submitted{next_seq(), what.payload}); }

// The number of the next own message once what waits before it was taken.
xcom::origin_seq live_group::next_seq() const { return node_->next_seq().plus(steps_->submissions_waiting()); }

void live_group::on(gr::tell const& what) {
  auto const* who = node_->current_site().find(what.to);
  if (who != nullptr && net_) net_->send(who->address, xcom::direct{what.payload});
}

void live_group::on(gr::resolve const& what) {
  auto const at = waiting_.find(what.seq.value());
  if (at == waiting_.end()) return;
  if (what.trx != 0 && what.outcome.seqno >= 0) server_.note_ordered(what.trx, what.outcome);
  at->second->answer(what.outcome);
  waiting_.erase(at);
}

void live_group::on(gr::write_note const& what) { log_failed(log_->note(what.slot, what.note)); }

// Whom this member can be a donor to is said with the next observation, and not after the next look at the log.
void live_group::on(gr::keep_checkpoint const& what) {
  log_failed(log_->store(what.at));
  first_available_ = gr::first_available(log_->checkpoints(), member_->held());
}

void live_group::on(gr::compare_held const& what) {
  auto const found = gr::compare(*log_, log_name_, what.asked.held);
  if (!found) say(server::level::error, "cannot compare another member's data with the log: " + found.error().text);
  step_member(
      gr::held_compared{what.who, what.asked, log_name_, found ? *found : gr::comparison{}, log_->checkpoints()});
}

void live_group::on(gr::forget_held const& what) {
  forget_set_aside(options_.data_dir, what.diverged ? old_segments::keep : old_segments::remove);
}

// The log itself has been begun anew; what was before it lies aside.
void live_group::on(gr::name_tables const& what) {
  auto const found = tables_set_aside(options_.data_dir, what.from - 1, what.up_to, options_.names);
  std::string const which = "this server's transactions from " + std::to_string(what.from) + " to " +
                            std::to_string(what.up_to) + ", which the group does not have, wrote to ";
  if (!found) return say(server::level::warning, which + "tables that cannot be read: " + found.error().text);
  if (found->transactions == 0)
    return say(server::level::warning, which +
                                           "tables that nobody can tell: they are not in its agreed log any more. A "
                                           "binary log of this server would have them");
  say(server::level::warning, which + gr::describe(*found));
}

void live_group::on(gr::to_server const& what) {
  if (gave_up_) return;
  if (std::holds_alternative<gr::connected_to_group>(what.what) && connecting_) {
    server_.deliver(what.what);
    connecting_->answer({});
    return connecting_.reset();
  }
  server_.deliver(what.what);
}

void live_group::on(gr::refused const& what) { server_.note_refused(what.what); }

void live_group::on(gr::to_node const& what) { steps_->push(what.what); }

void live_group::on(gr::take_role const& what) {
  renew_lease();
  show_roles_in_options();
  server_.take_role(what.now);
}

void live_group::on(gr::say const& what) { say(what.how, what.text); }

void live_group::on(gr::give_up const& what) { close_group(what.why, what.may_return); }

// ---- time ----

void live_group::arm_timer() {
  timer_.expires_after(tick_length);
  timer_.async_wait([this](boost::system::error_code const& stopped) {
    if (stopped || !node_) return;
    tick();
    if (!gave_up_ || steps_->busy() || is_still_leaving()) arm_timer();
  });
}

void live_group::tick() {
  if (steps_->busy()) {
    if (!unheard_ && !gr::isolated() && steps_->keep_alive()) renew_lease();
    return steps_->tick_when_free([this] {
      if (node_) tick();
    });
  }
  now_ = tick_now();
  follow_options();
  steps_->tick(now_);
  finish_tick(0);
}

// Any of it may end with something done aside; the rest comes behind that.
void live_group::finish_tick(std::size_t from) {
  static constexpr std::array parts{&live_group::observe,
                                    &live_group::settle,
                                    &live_group::follow_flow,
                                    &live_group::give_place_up,
                                    &live_group::check_majority,
                                    &live_group::check_forcing,
                                    &live_group::check_protocol_change,
                                    &live_group::look_around,
                                    &live_group::publish_if_due};
  for (std::size_t each = from; each < parts.size(); ++each) {
    if (steps_->busy()) return steps_->when_free([this, each] { finish_tick(each); });
    if (!node_ || gave_up_) return settle();  // who gave up has something to say
    (this->*parts[each])();
  }
}

// A group that goes on, and one link that does not work: nothing else would say why this server stays outside.
void live_group::tell_of_unheard_leader() {
  auto const leader = node_->unheard_leader();
  if (leader.empty()) return unheard_leader_due_.reset();
  if (!unheard_leader_due_) unheard_leader_due_ = now_.plus(unheard_leader_ticks);
  if (now_ < *unheard_leader_due_) return;
  unheard_leader_due_ = now_.plus(unheard_leader_again_ticks);
  say(server::level::warning,
      "not taken in yet: members answer and name " + leader +
          " as their leader, which takes members in, but it does not answer. Can this server reach it, and is " +
          own_address_ + " reached from there?");
}

// For what a second is soon enough.
void live_group::look_around() {
  if (now_.value() - looked_around_.value() < look_around_ticks) return;
  looked_around_ = now_;
  tell_of_unheard_leader();
  purge_log();
  steps_->when_free([this] {
    if (node_ && !gave_up_) watch_disk();
  });
}

void live_group::publish_if_due() {
  bool const new_roles = member_->roles() != roles_shown_ || member_->role() != role_shown_;
  if (new_roles || now_.value() % status_every_ticks == 0) publish_status();
}

void live_group::give_place_up() {
  if (!gives_up_place_) return;
  if (gr::nobody_needs_the_vote(node_->current_site(), self_, node_->peers()) &&
      ++waits_for_anybody_ == gr::lonely_ticks)
    return join_again(node_->current_site());
  if (!node_->have_quorum() || node_->is_leaving()) return;
  if (gr::may_give_up_place(node_->current_site(), self_, node_->peers())) return step_node(xcom::leave_group{});
  if (++waits_to_leave_ == say_waits_ticks)
    say(server::level::warning,
        "waiting for a majority of the others, with a member among them that knows where its data stands. When all "
        "were killed, "
        "start them with --wsrep_start_position=<what mariadbd --wsrep-recover prints>");
}

void live_group::observe() {
  auto seen = gr::observe(*node_, now_, server_.last_visible(), first_available_);
  seen.open_transactions = server_.open_transactions();
  step_member(seen);
  renew_lease();
}

// Commits under way when the majority went do not wait for ever: their outcome is unknown, and that is what they are told.
void live_group::check_majority() {
  if (majority_lost_ == base::tick_count{} || (waiting_.empty() && waiting_everywhere_.empty())) return;
  auto const patience = options_.options->number("group_replication_unreachable_majority_timeout");
  if (patience == 0) return;
  auto const ticks = static_cast<std::uint64_t>(patience) / base::tick_milliseconds;
  if (now_.value() - majority_lost_.value() >= ticks)
    answer_all_as_unknown(
        "the majority of the group was lost while this transaction was under way; it may or may not be committed");
}

// The log keeps what this member needs to come back by itself, whatever its size and age.
void live_group::purge_log() {
  first_available_ = gr::first_available(log_->checkpoints(), member_->held());
  // What was applied when the log was looked at last, a second ago, is on the server's disk by now.
  auto const durable = std::exchange(applied_before_, server_.last_committed());
  retention_.look(now_, node_->decided(), gr::members_with_data(*node_));
  auto const needed = gr::log_needed_from(log_->checkpoints(), durable, *member_, *node_);
  if (!needed) return;
  log_->retain(static_cast<std::uint64_t>(options_.options->number("group_replication_log_retention_size")));
  log_failed(log_->purge(*needed, aged_log()));
  if (std::exchange(log_begins_, log_->begins()) != log_->begins()) step_node(xcom::log_purged{log_->begins()});
}

std::uint64_t live_group::disk_limit() const {
  return static_cast<std::uint64_t>(options_.options->number("group_replication_disk_watermark"));
}

void live_group::watch_disk() {
  auto const room = free_bytes(options_.data_dir);
  if (!room || !node_->have_quorum() || node_->is_leaving() || steps_aside_since_) return;
  bool const others = std::ranges::any_of(node_->current_site().members, [this](xcom::site_member const& each) {
    return each.id != self_ && each.role != xcom::member_role::arbiter && gr::is_online(each);
  });
  auto const found = disk_.look({*room, disk_limit(), node_->is_leader(), others});
  if (!found) return;
  auto const text = describe_room(options_.data_dir, *room, disk_limit());
  if (*found == disk_watch::verdict::getting_low) return say(server::level::warning, text);
  close_group(text, true);
  settle();
}

xcom::slot_no live_group::aged_log() const {
  auto const age = options_.options->number("group_replication_log_retention_time");
  if (age == 0) return {};
  return retention_.aged(now_, ticks_of(age).value(), log_->checkpoints());
}

// What is ordered is answered when it is delivered, so before that nobody may wait for it: a state transfer script that reads
// on a joiner with wsrep_sync_wait set would hold up the very copy that delivery begins after.
std::string live_group::why_refused() const {
  bool const takes_part = node_ && member_ && !closing_ && !gave_up_ && node_->is_member() && node_->have_quorum();
  if (!takes_part) return "this member has no majority of the group";
  if (steps_aside_since_) return "this member is too far behind, and leaves the group until it has caught up";
  return node_->is_delivering() ? "" : "this member is still being brought up to date";
}

void live_group::describe_links(xcom::site_member const& of, gr::member_row& row) const {
  auto const& site = node_->current_site();
  for (auto const& each : node_->unlinked(of.id)) row.unlinked.push_back(site.find(each)->address);
  auto const at = node_->peers().find(of.id);
  if (at == node_->peers().end()) return;
  row.suspicions = at->second.suspicions;
  row.silent_ms =
      static_cast<std::int64_t>((now_.value() - std::min(now_, at->second.heard).value()) * base::tick_milliseconds);
}

void live_group::keep_joins() {
  if (!joins_) return;
  if (auto const kept = joins_->take(member_->report(), milliseconds_now()); !kept && !std::exchange(joins_lost_, true))
    say(server::level::warning, kept.error().text);
}

void live_group::publish_status() {
  keep_joins();
  auto next = std::make_shared<gr::group_status>();
  auto const& state = member_->state();
  next->group = state.history;
  next->self = own_uuid_;
  next->last_ordered = state.seqno;
  next->stable = state.forgotten;
  next->first_available = first_available_;
  next->connected = node_->is_member() && !gave_up_;
  next->have_quorum = node_->have_quorum();
  next->online = member_->online();
  next->donating = member_->donating();
  next->view_number = state.view_number;
  next->state = gave_up_ ? "ERROR" : member_->state_name();
  next->roles = describe_roles();
  roles_shown_ = member_->roles();
  role_shown_ = member_->role();
  next->recovery = member_->recovery_line();
  if (joins_) next->joins = joins_->all();
  if (next->connected) next->for_joiners = std::make_shared<gr::join_facts const>(member_->facts_for_joiners());
  auto const& rules = node_->current_site().rules;
  next->protocol = rules.protocol;
  next->write_concurrency = rules.horizon;
  next->each_zone = node_->current_site().waits_for_zones();
  auto const leader = node_->leader();
  for (auto const& each : node_->current_site().members) {
    auto const facts = base::decode<gr::member_facts>(each.app);
    gr::member_row row;
    row.id = each.id.uuid;
    row.group_address = each.address;
    if (facts) {
      auto const colon = facts->incoming.rfind(':');
      row.host = facts->incoming.substr(0, colon);
      if (colon != std::string::npos)
        row.port = static_cast<unsigned>(std::strtoul(facts->incoming.c_str() + colon + 1, nullptr, 10));
      row.version = facts->server_version;
      row.state = facts->status == gr::member_status::online ? "ONLINE" : "RECOVERING";
    }
    bool const arbiter = each.role == xcom::member_role::arbiter;
    row.role = arbiter ? "ARBITRATOR" : member_->roles().may_write(each.id) ? "PRIMARY" : "SECONDARY";
    if (arbiter) row.state = "ONLINE";
    row.votes = xcom::has_vote(each.role);
    row.zone = each.zone;
    row.is_self = each.id == self_;
    row.is_leader = leader == each.id;
    if (row.is_self) {
      row.applied = server_.last_committed();
      if (!next->have_quorum) row.state = "ONLINE";
    } else {
      auto const at = node_->peers().find(each.id);
      bool const heard =
          at != node_->peers().end() && at->second.spoke && !at->second.suspected && !at->second.link_down;
      if (!heard) row.state = "UNREACHABLE";
      if (at != node_->peers().end())
        if (auto const live = base::decode<gr::live_facts>(at->second.last.app)) row.applied = live->applied;
    }
    describe_links(each, row);
    next->members.push_back(std::move(row));
  }
  next->count = member_->count();
  next->count.replicated = count_.replicated;
  next->count.replicated_bytes = count_.replicated_bytes;
  next->count.key_bytes = count_.key_bytes;
  next->count.data_bytes = count_.data_bytes;
  next->count.slots_decided = node_->decided().value();
  next->count.leader_changes = leader_changes_;
  next->count.log_bytes = log_->bytes();
  next->count.send_queue = node_->undelivered_own();
  count_.send_queue_max = std::max(count_.send_queue_max, next->count.send_queue);
  count_.send_queue_sum += next->count.send_queue;
  ++count_.send_queue_looks;
  next->count.send_queue_max = count_.send_queue_max;
  next->count.send_queue_sum = count_.send_queue_sum;
  next->count.send_queue_looks = count_.send_queue_looks;
  next->count.receive_queue =
      static_cast<std::uint64_t>(std::max<gr::seqno_t>(0, state.seqno - server_.last_committed()));
  server_.note_backlog(next->count.receive_queue);
  next->count.cert_index_rows = member_->cert_rows();
  describe_flow(*next);
  std::lock_guard const lock(status_mutex_);
  status_ = std::move(next);
}

}  // namespace runtime
