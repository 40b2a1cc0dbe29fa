#include "sim/swarm.hh"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace sim {
namespace {

void add(swarm_report& to, run_report const& one) {
  ++to.seeds;
  to.count.add(one.count);
  to.simulated_micros += one.simulated.value();
  to.slots += one.slots;
  to.messages += one.messages;
  to.site_changes += one.site_changes;
  if (!one.failure.empty()) to.failed.push_back(one);
}

}  // namespace

swarm_report run_swarm(swarm_options const& options, std::function<void(swarm_report const&)> const& each_done) {
  swarm_report all;
  std::mutex guard;
  std::atomic<std::uint64_t> next{0};
  auto const work = [&] {
    for (;;) {
      auto const mine = next++;
      if (mine >= options.seeds) return;
      auto const one = run_seed({options.first + mine, options.servers, nullptr});
      std::lock_guard const lock(guard);
      add(all, one);
      if (all.failed.size() >= options.failures_max) next = options.seeds;
      each_done(all);
    }
  };
  std::vector<std::jthread> workers;
  for (unsigned each = 0; each < std::max(1U, options.jobs); ++each) workers.emplace_back(work);
  workers.clear();
  std::sort(all.failed.begin(), all.failed.end(),
            [](auto const& left, auto const& right) { return left.seed < right.seed; });
  return all;
}

std::string repeat_line(std::uint64_t seed, member_range servers) {
  member_range const usual;
  auto line = fmt::format("./dev sim --seed {} --seeds 1", seed);
  if (servers.least != usual.least || servers.most != usual.most)
    line += fmt::format(" --members {}..{}", servers.least, servers.most);
  return line;
}

}  // namespace sim
