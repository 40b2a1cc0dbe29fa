// What a driver does: hands events to the node and carries out the actions, in order.
#include <fmt/format.h>

#include <algorithm>

#include "gr/beginning.hh"
#include "gr/history.hh"
#include "sim/describe.hh"
#include "sim/failure.hh"
#include "sim/server.hh"
#include "xcom/serving.hh"

namespace sim {
namespace {

constexpr std::uint64_t purge_every_ticks = 100;

}  // namespace

void server::receive(xcom::member_id const& from, std::uint16_t protocol, xcom::wire_message const& what) {
  if (!is_running() || !node_ || unheard_) return;
  if (paused_) {
    if (held_up_) node_->hear({from, what});
    stalled_.emplace_back([this, from, protocol, what] { receive(from, protocol, what); });
  } else if (protocol != xcom::protocol_lowest && !speaks_.holds(protocol)) {
    // The group went on to a newer protocol while this one was away with an old program.
    ++world_.count.unreadable;
    if (!node_->is_member()) return;
    install({});
    fail("a message in protocol " + std::to_string(protocol));
  } else {
    post(xcom::received{from, what});
  }
}

void server::post(xcom::event what) {
  if (!node_) return;
  inbox_.push_back(std::move(what));
  guarded([this] { drain(); });
}

// A process killed in the middle of what it does: everything that was under way ends, then the process.
void server::guarded(std::function<void()> const& what) {
  if (guarded_) return what();
  guarded_ = true;
  bool killed = false;
  try {
    what();
  } catch (process_killed const&) { killed = true; }
  guarded_ = false;
  if (!killed) return;
  stepping_ = false;
  crash();
}

void server::drain() {
  if (stepping_) return;
  stepping_ = true;
  while (!inbox_.empty() && node_) step();
  stepping_ = false;
}

// One event a step, or now and then everything that waits: both must come to the same.
void server::step() {
  ++world_.count.steps;
  std::size_t const take = random_.chance(1, 8) ? inbox_.size() : 1;
  events_.assign(std::make_move_iterator(inbox_.begin()),
                 std::make_move_iterator(inbox_.begin() + static_cast<std::ptrdiff_t>(take)));
  inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(take));
  actions_.clear();
  node_->step(events_, actions_);
  if (world_.traces()) {
    bool const dull = actions_.empty() && events_.size() == 1 &&
                      (std::holds_alternative<xcom::ticked>(events_.front()) ||
                       std::holds_alternative<xcom::app_facts>(events_.front()));
    for (auto const& each : events_)
      if (!dull) world_.trace(name_, sim::describe(each));
  }
  for (auto& each : actions_) {
    carry_out(each);
    if (!node_) return;
  }
}

void server::carry_out(xcom::action& what) {
  if (world_.traces()) world_.trace(name_, "  -> " + sim::describe(what));
  if (actions_to_crash_ && (*actions_to_crash_)-- == 0) {
    actions_to_crash_.reset();
    if (!torn_write_) throw process_killed();
    disk_->kill_in_next_append();
  }
  std::visit([this](auto& each) { perform(each); }, what);
}

// A member that cannot write its log must not answer for what it does not hold: it says nothing any more. True: it was written.
bool server::demand(base::result<void> const& done) {
  if (done) return true;
  world_.trace(name_, "log: " + done.error().text);
  if (beginning_) throw cannot_begin(done.error().text);
  unheard_ = true;
  give_up("the agreed log cannot be written: " + done.error().text, true);
  return false;
}

void server::perform(xcom::persist_promise const& what) {
  unsynced_ = true;
  if (demand(log_->promise(what.promised))) world_.watch.promised(self_, what.promised);
}

void server::perform(xcom::persist_accepted const& what) {
  unsynced_ = true;
  if (demand(log_->accepted(what.slot))) world_.watch.accepted(self_, what.slot);
}

void server::perform(xcom::persist_learned const& what) {
  if (demand(log_->learned(what.slot))) world_.watch.learned(self_, what.slot);
}

void server::perform(xcom::persist_decided const& what) {
  if (demand(log_->decided(what.up_to))) world_.watch.decided(self_, what.up_to);
}

// With durability DISK nothing leaves this server, to others or to a client, before what it rests on is synced.
void server::sync_before_answering() {
  if (!unsynced_ || world_.with.durable != durability::disk) return;
  unsynced_ = false;
  if (demand(log_->sync()) && acceptor_) world_.watch.synced(*acceptor_);
}

void server::send_out(std::string const& address, xcom::wire_message what) {
  sync_before_answering();
  if (auto const* said = std::get_if<xcom::heartbeat>(&what)) {
    said_ = *said;
    said_at_ = now_;
  }
  put_on_wire(address, std::move(what));
}

void server::put_on_wire(std::string const& address, xcom::wire_message what) {
  if (unheard_) return;
  world_.watch.said(self_, what);
  // Before it belongs to a site nobody says in what else.
  bool const joining = !node_ || !node_->is_member();
  auto const protocol = joining ? speaks_.lowest : node_->current_site().rules.protocol;
  world_.net.send(address_, self_, address, protocol, std::move(what));
}

void server::perform(xcom::send& what) { send_out(what.address, std::move(what.what)); }

// One byte is another one, or the end is missing: what a broken memory or proxy makes of what its checksums have passed.
base::packed_bytes server::damaged(base::packed_bytes const& good) {
  auto bytes = std::vector<std::uint8_t>(good.body.view().begin(), good.body.view().end());
  if (random_.chance(1, 4))
    bytes.pop_back();
  else
    bytes[random_.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + random_.below(255));
  auto made = good;
  made.body = base::blob(std::move(bytes));
  return made;
}

void server::perform(xcom::serve_log const& what) {
  ++world_.count.served;
  if (log_unreadable_) {
    xcom::fetched nothing{what.asked.log, what.asked.from, log_->begins(), what.decided, {}};
    return send_out(what.address, std::move(nothing));
  }
  auto found = xcom::serve(*log_, what);
  check(found.error.empty(), "a whole log can be read: " + found.error);
  auto answer = xcom::pack(std::move(found), base::packing::lz4);
  if (damages_ && !answer.range.body.empty()) answer.range = damaged(answer.range);
  send_out(what.address, std::move(answer));
}

void server::perform(xcom::read_log const& what) {
  auto slots = log_->read(what.from, node_->decided(), what.bytes_max);
  check(slots.has_value(), "a whole log can be read: " + (slots ? "" : slots.error().text));
  after(micros(random_.below(2000)), [this, at = generation_, from = what.from, slots = std::move(*slots)] {
    if (at == generation_) post(xcom::log_read{from, slots});
  });
}

void server::perform(xcom::deliver const& what) {
  sync_before_answering();
  bool const gave_up = gave_up_;
  note_ = what.note;
  step_member(what);
  bool const for_cause = quarantined_ || unheard_;
  check(gave_up || !gave_up_ || for_cause || !std::holds_alternative<xcom::batch>(*what.what),
        [&] { return name_ + " can judge what it delivers: " + last_words_; });
  if (!gave_up_)
    world_.watch.delivered(
        self_, what.slot, *what.what,
        {note_, member_->state(), member_->roles(), member_->votes(), index_began_, member_->digest()});
}

void server::perform(xcom::store_checkpoint const& what) {
  if (member_->is_closed()) return;
  auto whole = what.at;
  whole.app = member_->state_blob();
  demand(log_->store(whole));
  unsynced_ = true;
  sync_before_answering();
}

void server::perform(xcom::send_welcome const& what) {
  if (member_->is_closed()) return;
  auto whole = what.what;
  whole.at.app = member_->state_blob();
  send_out(what.address, std::move(whole));
}

void server::perform(xcom::site_installed const& what) { step_member(what); }

void server::perform(xcom::joined const& what) {
  ++world_.count.joins;
  bool const again = own_place_.has_value();
  if (again) ++world_.count.kept_logs;
  auto const held = what_is_held(again);
  bool const keeps = again && log_->decided_up_to() <= own_place_->slot && own_place_->slot < what.at.slot;
  log_name_ = what.log;
  if (!demand(log_->begin({log_name_, self_, boot_}, keeps))) return;
  // It says which site is in force. Nobody can begin to deliver from it.
  auto taken_in = what.at;
  taken_in.app = {};
  demand(log_->store(taken_in));
  demand(log_->sync());  // whatever the durability: this incarnation must be known to have begun
  noted_host_boot_ = host_boot_;
  acceptor_ = self_;
  forgot_ = asked_for_vote_ = false;
  bool const knows = demand(log_->promise(what.promised));
  world_.watch.joined(self_, knows ? what.promised : xcom::ballot{}, what.at.slot);
  unsynced_ = true;
  was_online_ = false;
  donors_tried_.clear();
  if (again) {
    step_member(gr::taken_in_again{self_, boot_, what.at, *own_place_, log_name_, held});  // its index goes on, too
  } else {
    step_member(gr::taken_in{what.at, log_name_, held});
  }
}

// Said by the log before it is begun anew, and remembered beside it until it was compared.
gr::held_history server::what_is_held(bool again) {
  if (!data_.live) held_aside_.reset();
  if (held_aside_ || !data_.live) return held_aside_.value_or(gr::held_history{});
  auto held =
      again ? gr::what_log_holds(*log_, log_name_, gr::landmark{own_place_->slot, gr::state_of(*own_place_).digest})
            : gr::what_log_holds(*log_, log_name_, {data_.live->history(), data_.live->position()});
  check(held.has_value(), "a log that opens can be read");
  if (!held->marks.empty()) held_aside_ = *held;
  return *held;
}

void server::perform(xcom::expelled const& what) {
  ++world_.count.expulsions;
  if (closing_) return after(micros(0), [this] { finish_leaving(); });
  if (gave_up_) return;
  after(micros(random_.below(1000)), [this, at = what.at] {
    guarded([&] {
      if (!gave_up_) join_again(at);
    });
  });
}

void server::perform(xcom::split_off const&) { ++world_.count.splits; }

void server::perform(xcom::join_failed const& what) {
  give_up("the group does not take this member in: " + what.reason, true);
}

void server::perform(xcom::left const&) {
  if (closing_) return after(micros(0), [this] { finish_leaving(); });
  if (gave_up_) return;
  if (steps_aside_) --world_.count.expulsions;  // it went by itself
  if (gives_up_place_ || steps_aside_) perform(xcom::expelled{node_->current_site()});
}

void server::perform(xcom::quorum_changed const& what) {
  majority_lost_ = what.have ? base::tick_count{} : now_;
  step_member(gr::quorum{what.have, what.reachable});
}

void server::perform(xcom::leader_changed const&) { ++world_.count.leader_changes; }

// A restarted member whose site the group has left behind, and that nobody can bring up to date, begins anew like an
// expelled one.
void server::perform(xcom::history_lost const& what) {
  ++world_.count.histories_lost;
  if (gives_up_place_ || member_->waits_for_majority()) return perform(xcom::expelled{node_->current_site()});
  step_member(gr::history_gone{what.wanted});
}

void server::perform(xcom::damaged_range const& what) {
  ++world_.count.ranges_damaged;
  if (world_.traces()) world_.trace(name_, "got damaged bytes from " + xcom::to_string(what.from) + ": " + what.why);
}

void server::perform(xcom::received_direct const& what) {
  step_member(gr::told{what.from, what.payload, log_->checkpoints()});
}

void server::purge() {
  if (now_.value() - purged_at_.value() < purge_every_ticks) return;
  purged_at_ = now_;
  if (engine_->up()) flush();  // as a server does every second
  first_available_ = gr::first_available(log_->checkpoints(), member_->held());
  auto const applied = std::exchange(applied_before_, engine_->position());
  auto const needed = gr::log_needed_from(log_->checkpoints(), applied, *member_, *node_);
  if (!needed) return;
  demand(log_->purge(*needed));
  ++world_.count.purges;
  check_promised_history();
  if (std::exchange(log_begins_, log_->begins()) != log_->begins()) post(xcom::log_purged{log_->begins()});
}

}  // namespace sim
