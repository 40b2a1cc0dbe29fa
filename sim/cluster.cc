#include "sim/cluster.hh"

#include <fmt/format.h>

#include <algorithm>

#include "sim/failure.hh"

namespace sim {
namespace {

constexpr micros progress_bound = seconds(120);
constexpr micros look_every = milliseconds(100);
constexpr std::uint64_t dice_of_roles = 0x726f6c6573;
constexpr std::uint64_t dice_of_exits = 0x6578697473;
constexpr std::size_t core_voters = 3;  // the first servers always vote
constexpr std::uint64_t probes = 3;
constexpr std::uint64_t load_after_healing = 5;  // times the thinking: who is behind has to catch up

world make_world(run_options const& options) {
  base::prng random(options.seed);
  auto chosen = choose_limits(random, options.servers);
  choose_roles(base::prng(options.seed ^ dice_of_roles), chosen);
  return {std::move(chosen), random};
}

xcom::member_role choose_role(std::size_t number, base::prng& random) {
  if (number >= xcom::site_voters_max) return xcom::member_role::non_voting;
  if (number < core_voters || !random.chance(1, 5)) return xcom::member_role::voter;
  return random.chance(1, 2) ? xcom::member_role::arbiter : xcom::member_role::non_voting;
}

}  // namespace

cluster::cluster(run_options const& options) : options_(options), world_(make_world(options)) {
  throw_on_broken_claims();
  world_.trace_to = options.trace_to;
  world_.net.set_quality(world_.with.links);
  base::prng exits(options.seed ^ dice_of_exits);
  world_.with.trouble_every = choose_troubles(exits);
  for (std::size_t number = 0; number < world_.with.servers; ++number) {
    servers_.push_back(std::make_unique<server>(number, world_, choose_role(number, world_.random)));
    servers_.back()->stand_in(static_cast<std::uint32_t>(number) % world_.with.zones);
    if (world_.with.old_programs && world_.random.chance(1, 2)) servers_.back()->install({1, 1});
    auto const set = choose_exits(exits);
    servers_.back()->set_exits(set, base::prng(exits.next()));
    world_.servers.push_back(servers_.back().get());
  }
  faults_ = std::make_unique<faults>(world_, servers_, base::prng(exits.next()));
}

void cluster::start_servers() {
  servers_.front()->bootstrap();
  for (std::size_t number = 1; number < servers_.size(); ++number) {
    auto const latest = number < world_.with.initial ? seconds(2) : world_.with.chaos;
    world_.clock.after(micros(world_.random.below(latest.value())), [this, number] { servers_[number]->start(); });
  }
  for (auto const& each : servers_) work(*each);
}

void cluster::work(server& which) {
  auto const mean = world_.with.think_time.value() * (healed_ ? load_after_healing : 1);
  auto const wait = world_.random.below(2 * mean + 1);
  world_.clock.after(micros(wait), [this, &which] {
    if (!working_) return;
    // Who stepped aside comes back when the load lets it catch up, and not before.
    bool const rests = healed_ && std::ranges::any_of(servers_, [](auto const& each) { return each->is_away(); });
    if (!rests) which.submit();
    work(which);
  });
}

void cluster::chaos() {
  faults_->begin(world_.with.chaos);
  world_.clock.run_until(world_.with.chaos);
}

void cluster::demand(std::string const& what, micros within, bool (cluster::*holds)() const) {
  auto const deadline = world_.clock.now().plus(within.value());
  while (!(this->*holds)()) {
    check(world_.clock.now() < deadline,
          fmt::format("after healing, within {} simulated seconds, {}", within.value() / 1'000'000, what));
    world_.clock.run_until(world_.clock.now().plus(look_every.value()));
  }
}

bool cluster::all_online() const {
  return std::all_of(servers_.begin(), servers_.end(), [](auto const& each) { return each->is_online(); });
}

bool cluster::right_ones_write() const {
  auto const& roles = world_.watch.newest_roles();
  if (roles.mode == gr::primary_mode::single && !roles.has_primary()) return false;
  return std::all_of(servers_.begin(), servers_.end(),
                     [&](auto const& each) { return each->writes() == roles.may_write(each->id()); });
}

bool cluster::all_equal() const {
  auto const& first = *servers_.front();
  return std::all_of(servers_.begin(), servers_.end(), [&](auto const& each) {
    return each->is_idle() && each->node()->decided() == first.node()->decided() &&
           each->data()->position() == world_.watch.last_position() &&
           each->data()->fingerprint() == first.data()->fingerprint() &&
           each->data()->given_up() == world_.watch.given_up_at(each->data()->position()) &&
           each->node()->current_site().members.size() == servers_.size();
  });
}

bool cluster::none_slowed() const {
  return world_.with.member.flow.max_quota > 0 ||
         std::none_of(servers_.begin(), servers_.end(), [](auto const& each) { return each->slows_writers(); });
}

void cluster::demand_progress() {
  world_.trace("--", "heal");
  faults_->heal();
  healed_ = true;
  // Faults that end by themselves may still end, and a server that was about to die may die: it has to come back.
  world_.clock.run_until(world_.clock.now().plus(seconds(13).value()));
  faults_->heal();
  demand("all servers are online", progress_bound, &cluster::all_online);
  demand("those that may take writes, and no others", progress_bound, &cluster::right_ones_write);
  working_ = false;
  auto const before = world_.watch.messages();
  auto const probe = [this] {
    for (auto const& which : servers_) which->submit();
  };
  for (std::uint64_t each = 0; each < probes; ++each) probe();
  // Where one of all writes, its queue may just be full, or the rows locked.
  bool const one_writes = world_.watch.newest_roles().mode == gr::primary_mode::single;
  for (std::uint64_t each = 0; one_writes && each < probes; ++each) {
    world_.clock.run_until(world_.clock.now().plus(look_every.value()));
    probe();
  }
  demand("all servers have delivered the same", progress_bound, &cluster::all_equal);
  demand("no server slows its clients", progress_bound, &cluster::none_slowed);
  check(world_.watch.messages() > before, "new messages are delivered after healing");
  check(world_.watch.acknowledged_up_to() <= world_.watch.last_position(),
        "what was acknowledged is held by everybody");
}

run_report cluster::run() {
  std::string failure;
  try {
    start_servers();
    chaos();
    demand_progress();
  } catch (std::exception const& broken) { failure = broken.what(); }
  auto result = report();
  result.failure = failure;
  if (!failure.empty()) result.dump = dump();
  return result;
}

run_report cluster::report() const {
  run_report result;
  result.seed = options_.seed;
  result.setting = world_.with.describe();
  result.count = world_.count;
  result.net = world_.net.count();
  result.simulated = world_.clock.now();
  result.slots = world_.watch.frontier().value();
  result.messages = world_.watch.messages();
  result.site_changes = world_.watch.site_changes();
  result.history = world_.watch.history();
  return result;
}

std::string cluster::dump() const {
  auto const now = world_.clock.now().value();
  std::string text =
      fmt::format("at {}.{:06} s, decided up to {}, delivered up to {}\n", now / 1'000'000, now % 1'000'000,
                  world_.watch.frontier().value(), world_.watch.delivered_up_to().value());
  for (auto const& each : servers_) text += each->describe() + "\n";
  return text;
}

run_report run_seed(run_options const& options) {
  try {
    return cluster(options).run();
  } catch (std::exception const& broken) {
    run_report result;
    result.seed = options.seed;
    result.failure = broken.what();
    return result;
  }
}

}  // namespace sim
