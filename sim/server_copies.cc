// Full copies of a simulated server: by clone/, as wsrep_sst_clone does it, or as the server's own scripts do, which drop the old data
// first.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "sim/clone_session.hh"
#include "sim/failure.hh"
#include "sim/server.hh"
#include "sim/world.hh"

namespace sim {
namespace {

constexpr int host_unreachable = 113;
constexpr int broken_pipe = 32;
constexpr int rounds_per_copy = 20;
constexpr int steps_per_round = 60;
constexpr int silent_rounds_max = 40;  // then donor and joiner give each other up
constexpr auto next_donor_patience = seconds(20);
constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

}  // namespace

struct server::donation {
  server* joiner = nullptr;
  std::uint64_t its_life = 0;
  std::uint64_t number = 0;
  gr::seqno_t position = -1;
  micros lasts;
  std::optional<database> begun = {};  // some ways to copy stand at the position they began at
  std::shared_ptr<clone_session> session = {};
  int silent_rounds = 0;
  [[nodiscard]] bool is_wanted() const { return its_life == joiner->life_ && number == joiner->copy_number_; }
};

void server::donate(gr::donate_state const& what) {
  auto const at = std::find_if(world_.servers.begin(), world_.servers.end(),
                               [&](auto const* each) { return each->address_ == what.request.text(); });
  check(at != world_.servers.end(), "a state request names a server");
  auto* const joiner = *at;
  auto const position = engine_->position();
  if (!is_linked_with(*joiner) || !joiner->begin_to_receive())
    return after(milliseconds(random_.between(1, 1000)), [=, this] { donation_ended(position, host_unreachable); });
  ++world_.count.clones;
  world_.trace(name_, fmt::format("sends a copy to {} at {}", joiner->name_, position));
  donation made{joiner, joiner->life_, joiner->copy_number_, position,
                micros(random_.between(1000, 2 * world_.with.copy_time.value()))};
  if (random_.chance(1, 2)) made.begun = *data_.live;
  if (!joiner->clones_) return copy_whole(made);
  made.session = std::make_shared<clone_session>(data_.live->image(), base::prng(random_.next()));
  clone_on(made);
}

bool server::is_linked_with(server const& other) const {
  return !world_.net.is_cut(address_, other.address_) && !world_.net.is_cut(other.address_, address_);
}

void server::donation_ended(gr::seqno_t up_to, int error) {
  guarded([&] {
    step_member(gr::state_was_sent{up_to, error});
    drain();
  });
}

// ---- as the server's scripts do it ----

void server::copy_whole(donation const& what) {
  world_.clock.after(what.lasts, [this, what, mine = life_] {
    bool const alive = mine == life_;
    bool const whole = alive && is_linked_with(*what.joiner) && !paused_;
    std::optional<database> copy;
    if (whole) copy = what.begun ? *what.begun : *data_.live;
    if (what.is_wanted()) what.joiner->when_awake([joiner = what.joiner, copy] { joiner->received(copy); });
    if (alive) when_awake([this, what, whole] { donation_ended(what.position, whole ? 0 : broken_pipe); });
  });
}

// ---- by clone ----

void server::clone_on(donation what) {
  world_.clock.after(micros(1 + what.lasts.value() / rounds_per_copy), [this, what, mine = life_]() mutable {
    if (mine != life_) {
      if (what.is_wanted()) what.joiner->clone_lost();
      return;
    }
    auto const end = [&](int error) {
      when_awake([this, position = what.position, error] { donation_ended(position, error); });
    };
    if (!what.is_wanted()) return end(broken_pipe);
    if (paused_ || what.joiner->paused_ || !is_linked_with(*what.joiner)) {
      what.session->cut();
      if (++what.silent_rounds <= silent_rounds_max) return clone_on(what);
      what.joiner->clone_lost();
      return end(broken_pipe);
    }
    what.silent_rounds = 0;
    auto state = clone_session::state::under_way;
    for (int step = 0; step < steps_per_round && state == clone_session::state::under_way; ++step)
      state = what.session->step();
    if (state == clone_session::state::under_way) return clone_on(what);
    bool const arrived = state == clone_session::state::arrived;
    what.joiner->when_awake([what, arrived] {
      if (!what.is_wanted()) return;
      if (!arrived) return what.joiner->received(std::nullopt);
      auto const copy = database::of_image(what.session->received());
      check(copy.has_value(), "a clone that arrived is what was sent");
      what.joiner->exchange_data(*copy);
    });
    end(arrived ? 0 : broken_pipe);
  });
}

// Another donor may come, as the planner chooses; a joiner nobody comes to ends.
void server::clone_lost() {
  after(next_donor_patience, [this, number = copy_number_] {
    if (number == copy_number_ && engine_ && engine_->receives()) received(std::nullopt);
  });
}

// Killed before the journal is on disk, the next start has the old data; from then on the new.
void server::exchange_data(database const& copy) {
  guarded([&] {
    bool const dies = dies_in_exchange_ || (world_.with.faults.crash > 0 && random_.chance(1, 8));
    dies_in_exchange_ = false;
    if (dies) start_later();
    if (dies && random_.chance(1, 10)) throw process_killed();
    data_.exchange.emplace(data_.live.has_value(), copy);
    if (!data_.exchange->carry_on(dies ? random_.below(14) : never)) throw process_killed();
    data_.exchange.reset();
    received(copy);
  });
}

// Before anything of the data is looked at.
void server::finish_exchange() {
  if (!data_.exchange) return;
  while (!data_.exchange->carry_on(random_.chance(1, 3) ? random_.below(6) : never)) continue;
  data_.live = data_.durable = data_.exchange->fresh();
  data_.exchange.reset();
  ++world_.count.exchanges_finished;
  world_.trace(name_, fmt::format("has the clone's data, at {}", data_.live->position()));
  world_.watch.received_copy(name_, *data_.live);
}

// ---- the joiner's end ----

bool server::begin_to_receive() {
  if (!is_running() || paused_ || engine_->up()) return false;
  if (engine_->receives() && !clones_) return false;
  ++copy_number_;
  engine_->begin_to_receive(clones_);
  return true;
}

void server::received(std::optional<database> copy) {
  guarded([&] {
    gr::state_was_received what{{}, -1, 1};
    if (copy) {
      engine_->receive(std::move(*copy));
      what = {data_.live->history(), data_.live->position(), 0};
    }
    step_member(what);
    drain();
  });
}

}  // namespace sim
