// A server that is out of its group and runs: the steps of gr::exit_policy, as gr/mariadb/role_exits.cc carries them out.
#include <fmt/format.h>

#include <algorithm>

#include "gr/history.hh"
#include "sim/failure.hh"
#include "sim/server.hh"

namespace sim {
namespace {

constexpr micros look_every = milliseconds(100);
constexpr std::uint64_t looks_most = 50;  // at whether it has left: then it lets go of its files all the same

}  // namespace

void server::set_exits(gr::exit_settings const& set, base::prng dice) {
  exit_settings_ = set;
  exit_dice_ = dice;
}

gr::exit_policy::moment server::since_boot() const {
  return std::chrono::milliseconds(world_.clock.now().value() / 1000);
}

// Who gave up says that it leaves, and goes when the group has taken note; unless there is nobody to say it to.
bool server::is_still_leaving() const { return node_ && !unheard_ && node_->is_member() && node_->is_leaving(); }

// ---- what happens ----

void server::dropped(std::string const& why, bool may_return) {
  exit_watch_.dropped();
  carry_out(exits_.dropped(why, may_return, since_boot(), exit_settings_));
  wait_for_next_step();
}

void server::note_caught_up() {
  auto const steps = exits_.online();
  if (exit_watch_.online()) {
    ++world_.count.came_back;
    world_.trace(name_, "came back");
  }
  carry_out(steps);
}

void server::wait_for_next_step() {
  auto const due = exits_.due();
  if (!due) return;
  auto const left = std::max<std::int64_t>(0, (*due - since_boot()).count());
  after_in_process(milliseconds(static_cast<std::uint64_t>(left)), [this] {
    auto const steps = exits_.passed(since_boot(), exit_settings_);
    if (steps.empty()) return;  // it was done, or is due later, and waited for
    carry_out(steps);
    wait_for_next_step();
  });
}

// It leaves in order, where others go on: live_group::watch_disk.
void server::watch_disk() {
  if (!disk_low_ || closing_ || gave_up_ || steps_aside_ || !node_->have_quorum() || node_->is_leaving()) return;
  bool const others = std::ranges::any_of(node_->current_site().members, [this](auto const& each) {
    return each.id != self_ && each.role != xcom::member_role::arbiter && gr::is_online(each);
  });
  if (!others) return;
  give_up("too little room on its disk", true);
  drain();
}

// ---- what it does about it ----

void server::carry_out(std::vector<gr::exit_step> const& steps) {
  for (auto const& each : steps) std::visit([this](auto const& step) { on(step); }, each);
}

void server::on(gr::hold_writes const&) { read_only_ = true; }

void server::on(gr::release_writes const&) { read_only_ = false; }

void server::on(gr::come_back const& step) {
  exit_watch_.tries_again(name_, exit_settings_.tries);
  ++world_.count.attempts_to_return;
  world_.trace(name_, fmt::format("attempt {} of {} to come back", step.attempt, exit_settings_.tries));
  leave_first(0);
}

// The service that watches over the process starts it again; a person restarts a server that only stays out, some time.
void server::on(gr::act_on_exit const& step) {
  exit_watch_.acts(name_);
  ++world_.count.acted_on_exit;
  bool const ends = step.what == gr::exit_action::abort_server;
  world_.trace(name_, fmt::format("{} for good: {}", ends ? "ends" : "stays out", step.why));
  if (ends)
    return after_in_process(micros(0), [this] {
      flush();
      stop();
    });
  after_in_process(milliseconds(exit_dice_.between(100, 5000)), [this] { start(); });
}

// ---- coming back ----

// As provider::join does it: what it was in the group before lets go of its files and its address first.
void server::leave_first(std::uint64_t looks) {
  if (!is_still_leaving() || looks == looks_most) return connect_again();
  after_in_process(look_every, [this, looks] { leave_first(looks + 1); });
}

void server::connect_again() {
  end_life();
  make_engine(true);
  world_.trace(name_, fmt::format("looks for its group again, data at {}", engine_->position()));
  check(!quarantined_, [&] { return name_ + " does not come back with data that is not the group's"; });
  try {
    connect();
  } catch (cannot_begin const& why) { connect_failed(why.what()); }
}

void server::connect_failed(std::string const& why) {
  world_.trace(name_, "could not join the group: " + why);
  end_life();
  make_engine(true);
  engine_->close();
  gave_up_ = true;
  dropped(why, true);
}

void server::after_in_process(micros delay, std::function<void()> what) {
  world_.clock.after(delay, [this, process = process_, what = std::move(what)] {
    if (process != process_) return;
    when_awake([this, process, what] {
      if (process == process_) what();
    });
  });
}

}  // namespace sim
