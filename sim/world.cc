#include "sim/world.hh"

#include <fmt/format.h>

namespace sim {

void statistics::add(statistics const& more) {
  auto* to = &steps;
  auto const* from = &more.steps;
  static_assert(sizeof(statistics) % sizeof(std::uint64_t) == 0, "counters only");
  for (std::size_t each = 0; each < sizeof(statistics) / sizeof(std::uint64_t); ++each) to[each] += from[each];
}

std::string statistics::describe() const {
  return fmt::format(
      "faults: {} crashes, {} power failures, {} lost disks, {} pauses, {} held up, {} full disks, {} that let some "
      "writes through or are low, {} partitions, {} "
      "one-way cuts, "
      "{} clogs, {} slow links, {} bad weathers, {} slow appliers, {} leaves, {} leaders half heard, {} late words, {} "
      "successors unheard, {} rules asked for, {} hand-overs, {} members that damage what they send, {} "
      "words not understood, {} roles asked for, {} positions spoiled\n"
      "answers: {} restarts, {} joins ({} kept their log), {} expulsions, {} copies ({} exchanges finished by the next "
      "start), {} histories lost, {} gave up ({} came back while they ran, in {} attempts; {} ended), {} "
      "diverged, {} splits, {} "
      "leader changes, {} log reads served, {} found damaged, {} purges, {} stepped aside, {} failed to apply ({} gave "
      "it up, "
      "{} members were quarantined)\n"
      "load: {} submitted, {} acknowledged, {} conflicts, {} with unknown outcome, {} causal reads, {} applied "
      "everywhere, {} held back by flow control, {} steps",
      crashes, power_failures, wipes, pauses, hold_ups, disks_full, disks_in_trouble, partitions, one_way_cuts, clogs,
      slow_links, bad_links, slow_appliers, leaves, half_heard, late_words, unheard_successors, rules_asked, hand_overs,
      damages, unreadable, roles_asked, spoiled, restarts, joins, kept_logs, expulsions, clones, exchanges_finished,
      histories_lost, gave_up, came_back, attempts_to_return, acted_on_exit, diverged, splits, leader_changes, served,
      ranges_damaged, purges, stepped_aside, failures, given_up, quarantined, submitted, acknowledged, conflicts,
      unknown, reads, everywhere, held_back, steps);
}

void world::trace(std::string const& who, std::string const& line) const {
  if (trace_to == nullptr) return;
  auto const now = clock.now().value();
  fmt::print(trace_to, "{:4}.{:06} {:3} {}\n", now / 1'000'000, now % 1'000'000, who, line);
}

}  // namespace sim
