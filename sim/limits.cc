#include "sim/limits.hh"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace sim {
namespace {

constexpr std::array flow_modes{"DISABLED", "QUOTA", "MAJORITY"};

template <class T> T one_of(base::prng& random, std::initializer_list<T> choices) {
  return *(choices.begin() + static_cast<std::ptrdiff_t>(random.below(choices.size())));
}

void choose_node(base::prng& random, xcom::node_config& node) {
  node.heartbeat_ticks = base::tick_count(one_of<std::uint64_t>(random, {5, 10, 20}));
  node.suspect_ticks = base::tick_count(node.heartbeat_ticks.value() * one_of<std::uint64_t>(random, {5, 10}));
  node.expel_ticks = base::tick_count(one_of<std::uint64_t>(random, {100, 300, 500, 100000}));
  node.election_spread_ticks = base::tick_count(one_of<std::uint64_t>(random, {10, 15, 30}));
  node.resend_ticks = base::tick_count(one_of<std::uint64_t>(random, {10, 30}));
  node.rules.horizon = one_of<std::uint32_t>(random, {1, 2, 4, 10, 100});
  node.batch_bytes_max = one_of<std::size_t>(random, {100, 1000, 1U << 20});
  node.batch_messages_max = one_of<std::size_t>(random, {1, 3, 4096});
  node.cache_bytes_max = one_of<std::size_t>(random, {300, 3000, 1U << 20});
  node.fetch_bytes_max = one_of<std::uint32_t>(random, {200, 4000, 4U << 20});
  node.undelivered_bytes_max = one_of<std::size_t>(random, {500, 5000, 64U << 20});
  node.checkpoint_bytes = one_of<std::uint64_t>(random, {500, 5000, 50000});
}

void choose_log(base::prng& random, limits& to) {
  to.log.segment_bytes = one_of<std::uint64_t>(random, {1000, 8000, 1U << 20});
  to.log.retain_bytes = one_of<std::uint64_t>(random, {4000, 50000, 1U << 30});
  to.durable = random.chance(1, 4) ? durability::disk : durability::os;
}

void choose_links(base::prng& random, limits& to) {
  to.links.delay_min = micros(one_of<std::uint64_t>(random, {20, 100, 1000, 20000}));
  to.links.delay_max = micros(to.links.delay_min.value() * one_of<std::uint64_t>(random, {1, 2, 10}));
  if (random.chance(1, 3)) to.links.loss_ppm = one_of<std::uint32_t>(random, {100, 10000, 100000});
  if (random.chance(1, 3)) to.links.repeat_ppm = one_of<std::uint32_t>(random, {1000, 100000});
  if (random.chance(1, 3)) to.links.reorder_ppm = one_of<std::uint32_t>(random, {1000, 100000, 500000});
  to.links.reorder_max = milliseconds(random.between(1, 50));
  to.encode_ppm = one_of<std::uint32_t>(random, {0, 100000, 1000000});
}

void choose_load(base::prng& random, limits& to) {
  to.rows = one_of<std::uint64_t>(random, {4, 64, 1000});
  to.keys_max = random.between(1, 6);
  to.payload_max = one_of<std::size_t>(random, {40, 200, 2000});
  to.payload_huge = random.chance(1, 4) ? 20000 : 0;
  to.pack_from = random.chance(1, 4) ? 100 : 0;
  to.think_time = micros(one_of<std::uint64_t>(random, {4000, 20000, 100000}));
  to.in_flight_max = one_of<std::size_t>(random, {1, 5, 50});
  to.apply_time = micros(one_of<std::uint64_t>(random, {10, 200, 2000}));
}

// Bounds that a slow applier meets within seconds. The floor is always given: it is what clients count on.
void choose_flow(base::prng& random, gr::flow_settings& to) {
  using enum gr::flow_mode;
  to.mode = one_of(random, {quota, quota, quota, majority, disabled});
  to.certifier_threshold = one_of<std::uint64_t>(random, {50, 1000});
  to.applier_threshold = one_of<std::uint64_t>(random, {20, 100, 1000});
  to.applier_bytes = one_of<std::uint64_t>(random, {0, 20000, 32U << 20});
  to.lag_ticks = one_of<std::uint64_t>(random, {0, 100, 6000});
  to.min_quota = one_of<std::uint64_t>(random, {10, 100});
  to.min_recovery_quota = one_of<std::uint64_t>(random, {0, 0, 20});
  to.max_quota = random.chance(1, 8) ? 50 : 0;
  to.member_quota_percent = random.chance(1, 8) ? 30 : 0;
  to.period_ticks = one_of<std::uint64_t>(random, {100, 300});
  to.hold_percent = one_of<unsigned>(random, {0, 10, 50});
  to.release_percent = one_of<unsigned>(random, {0, 50, 500});
  to.quarantine_ticks = one_of<std::uint64_t>(random, {0, 50, 200});
}

void choose_member(base::prng& random, limits& to) {
  to.member.recovery.donor_threshold = one_of<std::uint64_t>(random, {1, 20, recovery::donor_threshold_max});
  to.member.recovery.clone_threshold = one_of<std::uint64_t>(random, {20, 500, recovery::clone_threshold_max});
  to.member.recovery.policy = random.chance(1, 2) ? recovery::donor_policy::random : recovery::donor_policy::balanced;
  to.member.recovery.progress_ticks = one_of<std::uint64_t>(random, {100, 500, 3000});
  to.member.recovery.retry_count = one_of<std::uint64_t>(random, {2, 10});
  to.member.recovery.reconnect_ticks = one_of<std::uint64_t>(random, {50, 500});
  to.member.recovery.online_when_certified = random.chance(1, 4);
  to.member.stable_every_ticks = one_of<std::uint64_t>(random, {5, 100});
  choose_flow(random, to.member.flow);
  to.majority_ticks = one_of<std::uint64_t>(random, {0, 50, 500});
  to.copy_time = milliseconds(one_of<std::uint64_t>(random, {5, 500, 3000}));
}

// Patience shorter than a round trip is a setting that cannot work, not a rare path.
void give_time_for_a_round_trip(limits& to) {
  constexpr std::uint64_t tick_micros = base::tick_milliseconds * 1000;
  auto const round_trip = base::tick_count(2 * to.links.delay_max.value() / tick_micros + 2);
  to.node.resend_ticks = std::max(to.node.resend_ticks, round_trip);
  // One answer brings one round trip's load at least, or nobody would ever catch up.
  constexpr std::uint64_t fast_micros = 400;
  constexpr std::uint64_t slow_micros = 20'000;
  if (to.links.delay_max.value() > slow_micros) to.in_flight_max = std::min<std::size_t>(to.in_flight_max, 5);
  if (to.links.delay_max.value() > fast_micros) to.node.fetch_bytes_max = std::max(to.node.fetch_bytes_max, 1U << 20);
  to.node.suspect_ticks = std::max(to.node.suspect_ticks, to.node.heartbeat_ticks.plus(2 * round_trip.value()));
}

// Most runs have a few kinds of fault only: what always comes together hides what each does alone.
void choose_faults(base::prng& random, limits& to) {
  auto const maybe = [&](std::uint32_t weight) { return random.chance(1, 2) ? weight : 0; };
  to.faults.crash = maybe(10);
  to.faults.crash_in_write = maybe(5);
  to.faults.crash_all = maybe(1);
  to.faults.power = maybe(3);
  to.faults.disk_full = maybe(2);
  to.faults.partition = maybe(5);
  to.faults.one_way = maybe(5);
  to.faults.clog = maybe(5);
  to.faults.slow_link = maybe(3);
  to.faults.pause = maybe(5);
  to.faults.slow_applier = maybe(3);
  to.faults.leave = maybe(3);
  to.faults.bad_links = maybe(2);
  to.faults.wipe = maybe(2);
  to.faults.half_heard = maybe(3);
  to.faults.late_words = maybe(3);
  to.faults.unheard_successor = maybe(3);
  to.faults.rules = maybe(3);
  to.faults.hand_over = maybe(3);
  to.faults.damage = maybe(3);
  to.faults.spoil = to.old_programs ? 0 : maybe(2);
  to.fault_every = milliseconds(one_of<std::uint64_t>(random, {100, 500, 2000, 5000}));
  to.chaos = seconds(random.between(4, 20));
}

// One leader after the other, and nothing else: what one leaves to the next shows only where many follow each other.
void choose_storm_of_elections(base::prng& random, std::size_t least, limits& to) {
  constexpr base::tick_count hardly_ever(100000);
  to.faults = {};
  to.faults.half_heard = 6;
  to.faults.late_words = 2;
  to.faults.unheard_successor = 4;
  to.faults.one_way = 2;
  to.fault_every = milliseconds(one_of<std::uint64_t>(random, {300, 1000}));
  to.servers = std::max(least, std::min<std::size_t>(to.servers, 5));
  to.initial = to.servers;
  to.node.expel_ticks = hardly_ever;
  to.node.suspect_ticks = base::tick_count(std::min<std::uint64_t>(to.node.suspect_ticks.value(), 50));
  to.think_time = micros(std::min(to.think_time.value(), milliseconds(20).value()));
}

}  // namespace

limits choose_limits(base::prng& random, member_range servers) {
  limits chosen;
  chosen.servers = random.between(servers.least, servers.most);
  chosen.initial = random.between(1, chosen.servers);
  choose_node(random, chosen.node);
  if (random.chance(1, 4)) chosen.zones = one_of<std::uint32_t>(random, {2, 3});
  chosen.node.rules.each_zone = random.chance(1, 2);
  chosen.old_programs = random.chance(1, 4);
  choose_log(random, chosen);
  choose_links(random, chosen);
  choose_load(random, chosen);
  choose_member(random, chosen);
  choose_faults(random, chosen);
  if (random.chance(1, 6)) choose_storm_of_elections(random, servers.least, chosen);
  chosen.node.leave_out_bytes_min = one_of<std::size_t>(random, {1, 200, 4096});
  give_time_for_a_round_trip(chosen);
  return chosen;
}

void choose_roles(base::prng random, limits& to) {
  if (to.old_programs || random.chance(1, 2)) return;
  to.mode = random.chance(3, 4) ? gr::primary_mode::single : gr::primary_mode::multi;
  to.elects = static_cast<gr::election_mode>(random.below(3));
  bool const only_faults = to.mode == gr::primary_mode::single && random.chance(1, 4);
  to.faults.roles = only_faults ? 0 : static_cast<std::uint32_t>(random.between(5, 40));
}

gr::exit_settings choose_exits(base::prng& random) {
  using enum gr::exit_action;
  gr::exit_settings chosen;
  chosen.tries = one_of<std::uint64_t>(random, {0, 1, 2, 3, 5});
  chosen.interval = std::chrono::seconds(one_of<std::uint64_t>(random, {1, 3, 10, 20}));
  chosen.action = one_of(random, {read_only, abort_server, offline_mode});
  return chosen;
}

micros choose_troubles(base::prng& random) {
  if (!random.chance(1, 3)) return micros(0);
  return milliseconds(one_of<std::uint64_t>(random, {500, 2000, 5000}));
}

std::string limits::describe() const {
  return fmt::format(
      "servers {} (first {}) in {} zones{}{}, horizon {}, batch {} bytes / {} messages, cache {}, fetch {}, "
      "undelivered {}, leave out {}, checkpoint "
      "{}, "
      "segment {}, retain {}, durability {}, delay {}..{} us, loss {} repeat {} reorder {} ppm, heartbeat {} suspect "
      "{} "
      "expel {} ticks, {} by {}, think {} us, apply {} us, flow control {} within {} transactions at least {} in {} "
      "ticks "
      "quarantine {}, donor threshold {}, clone threshold {}, copy {} ms, chaos {} s",
      servers, initial, zones, node.rules.each_zone ? ", each has to acknowledge" : "",
      old_programs ? ", some with an old program" : "", node.rules.horizon, node.batch_bytes_max,
      node.batch_messages_max, node.cache_bytes_max, node.fetch_bytes_max, node.undelivered_bytes_max,
      node.leave_out_bytes_min, node.checkpoint_bytes, log.segment_bytes, log.retain_bytes,
      durable == durability::os ? "OS" : "DISK", links.delay_min.value(), links.delay_max.value(), links.loss_ppm,
      links.repeat_ppm, links.reorder_ppm, node.heartbeat_ticks.value(), node.suspect_ticks.value(),
      node.expel_ticks.value(), gr::to_string(mode), gr::to_string(elects), think_time.value(), apply_time.value(),
      flow_modes.at(static_cast<std::size_t>(member.flow.mode)), member.flow.applier_threshold, member.flow.min_quota,
      member.flow.period_ticks, member.flow.quarantine_ticks, member.recovery.donor_threshold,
      member.recovery.clone_threshold, copy_time.value() / 1000, chaos.value() / 1'000'000);
}

}  // namespace sim
