// What a driver does: hands events to the node and carries out the actions, in order.
#include <fmt/format.h>

#include <algorithm>

#include "sim/describe.hh"
#include "sim/failure.hh"
#include "sim/server.hh"

namespace sim {

void server::receive(xcom::member_id const& from, xcom::wire_message const& what) {
  if (!is_running()) return;
  if (paused_) {
    stalled_.emplace_back([this, from, what] { receive(from, what); });
  } else if (node_) {
    post(xcom::received{from, what});
  }
}

void server::post(xcom::event what) {
  inbox_.push_back(std::move(what));
  if (!stepping_) drain();
}

void server::drain() {
  stepping_ = true;
  try {
    while (!inbox_.empty() && node_) step();
    stepping_ = false;
  } catch (process_killed const&) {
    stepping_ = false;
    crash();
  } catch (...) {
    stepping_ = false;
    throw;
  }
}

// One event a step, or now and then everything that waits: both must come to the same.
void server::step() {
  ++world_.count.steps;
  std::size_t const take = random_.chance(1, 8) ? inbox_.size() : 1;
  std::vector<xcom::event> const events(std::make_move_iterator(inbox_.begin()),
                                        std::make_move_iterator(inbox_.begin() + static_cast<std::ptrdiff_t>(take)));
  inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(take));
  std::vector<xcom::action> actions;
  node_->step(events, actions);
  if (world_.traces()) {
    bool const dull = actions.empty() && events.size() == 1 && std::holds_alternative<xcom::ticked>(events.front());
    for (auto const& each : events)
      if (!dull) world_.trace(name_, sim::describe(each));
  }
  for (auto const& each : actions) carry_out(each);
  if (reborn_) rejoin();
  go_online_if_caught_up();
}

void server::carry_out(xcom::action const& what) {
  if (world_.traces()) world_.trace(name_, "  -> " + sim::describe(what));
  if (actions_to_crash_ && (*actions_to_crash_)-- == 0) {
    actions_to_crash_.reset();
    if (!torn_write_) throw process_killed();
    disk_->kill_in_next_append();
  }
  std::visit([this](auto const& each) { perform(each); }, what);
}

// A log that cannot be written ends the process: it must not answer for what it does not hold.
void server::demand(base::result<void> const& done) {
  if (done) return;
  world_.trace(name_, "log: " + done.error().text);
  throw process_killed();
}

void server::perform(xcom::persist_promise const& what) {
  demand(log_->promise(what.promised));
  world_.watch.promised(node_->config().self, what.promised);
  unsynced_ = true;
}

void server::perform(xcom::persist_accepted const& what) {
  demand(log_->accepted(what.slot));
  world_.watch.accepted(node_->config().self, what.slot);
  unsynced_ = true;
}

void server::perform(xcom::persist_learned const& what) {
  demand(log_->learned(what.slot));
  world_.watch.learned(node_->config().self, what.slot);
}

void server::perform(xcom::persist_decided const& what) {
  demand(log_->decided(what.up_to));
  world_.watch.decided(node_->config().self, what.up_to);
  if (!random_.chance(1, 16)) return;
  purge();
  post(xcom::log_purged{log_->begins()});
}

// With durability DISK nothing leaves this server, to others or to a client, before what it rests on is synced.
void server::sync_before_answering() {
  if (!unsynced_ || world_.with.durable != durability::disk) return;
  demand(log_->sync());
  world_.watch.synced(node_->config().self);
  unsynced_ = false;
}

void server::send_out(std::string const& address, xcom::wire_message what) {
  sync_before_answering();
  world_.net.send(address_, node_->config().self, address, std::move(what));
}

void server::perform(xcom::send const& what) { send_out(what.address, what.what); }

void server::perform(xcom::serve_log const& what) {
  ++world_.count.served;
  xcom::fetched answer{what.asked.log, what.asked.from, log_->begins(), what.decided, {}};
  if (what.asked.from >= log_->begins() && what.asked.from <= what.up_to) {
    auto slots = log_->read(what.asked.from, what.up_to, what.asked.bytes_max);
    check(slots.has_value(), "a whole log can be read: " + (slots ? "" : slots.error().text));
    answer.slots = std::move(*slots);
  }
  send_out(what.address, std::move(answer));
}

void server::perform(xcom::read_log const& what) {
  auto slots = log_->read(what.from, node_->decided(), what.bytes_max);
  check(slots.has_value(), "a whole log can be read: " + (slots ? "" : slots.error().text));
  after(micros(random_.below(2000)), [this, from = what.from, slots = std::move(*slots)] {
    if (node_) post(xcom::log_read{from, slots});
  });
}

void server::perform(xcom::store_checkpoint const& what) {
  if (!app_) return;
  auto whole = what.at;
  whole.app = app_->checkpoint_blob();
  demand(log_->store(whole));
}

void server::perform(xcom::send_welcome const& what) {
  if (!app_) return;
  auto whole = what.what;
  whole.at.app = app_->checkpoint_blob();
  send_out(what.address, std::move(whole));
}

void server::perform(xcom::site_installed const&) {}

void server::perform(xcom::joined const& what) {
  ++world_.count.joins;
  auto const start = own_start();
  bool const keeps = start && log_->decided_up_to() >= data_->slot;
  if (keeps) ++world_.count.kept_logs;
  demand(log_->begin(identity(1), keeps));
  demand(log_->promise(what.promised));
  // It says which site is in force. Nobody can begin to deliver from it: our log will have no verdicts right behind it
  // when a copy of the data brings us further.
  auto where = what.at;
  where.app = {};
  demand(log_->store(where));
  demand(log_->sync());  // whatever the durability: this incarnation must be known to have begun
  incarnation_used_ = incarnation_;
  world_.watch.joined(id(), what.promised, what.at.slot);
  acceptor_ = id();
  power_lost_ = was_online_ = false;
  online_from_ = what.at.slot;
  if (keeps) {
    begin_delivery(*start, any_source());
  } else {
    data_ = flushed_ = std::nullopt;
    clone_later();
  }
}

void server::perform(xcom::expelled const&) {
  ++world_.count.expulsions;
  reborn_ = true;
}

void server::perform(xcom::join_failed const&) { reborn_ = true; }

void server::perform(xcom::left const&) {
  if (afresh_) {
    reborn_ = true;
    return;
  }
  left_ = true;
  throw process_killed();  // it stops, in order or not: its disk looks the same
}

void server::perform(xcom::quorum_changed const&) {}
void server::perform(xcom::leader_changed const&) { ++world_.count.leader_changes; }

// What delivery needs can be cloned around. What the acceptor needs cannot: that incarnation will never catch up.
void server::perform(xcom::history_lost const& what) {
  if (cloning_ || afresh_) return;
  ++world_.count.histories_lost;
  if (what.wanted > node_->decided()) {
    start_afresh();
  } else {
    clone_later();
  }
}

void server::perform(xcom::received_direct const&) {}

// A member that lacks a slot can acknowledge nothing behind it: its vote would be lost with the slot.
xcom::slot_no server::decided_everywhere() const {
  auto lowest = node_->decided();
  for (auto const& member : node_->current_site().members) {
    if (member.id == node_->config().self) continue;
    auto const at = node_->peers().find(member.id);
    lowest = std::min(lowest, at == node_->peers().end() ? xcom::slot_no{} : at->second.last.decided);
  }
  return lowest;
}

// Segments go when they are not needed to start again from where the database certainly stands, nor by a member that is
// behind, nor by one on the way: whoever copies data here and now needs the log from about here on.
void server::purge() {
  bool const wanted = std::any_of(world_.servers.begin(), world_.servers.end(),
                                  [](auto const* each) { return each->is_running() && !each->is_online(); });
  if (!flushed_ || wanted) return;
  auto const start = start_for(log_->checkpoints(), flushed_->slot, flushed_->state);
  if (!start) return;
  demand(log_->purge(std::min(start->slot, decided_everywhere())));
  ++world_.count.purges;
}

}  // namespace sim
