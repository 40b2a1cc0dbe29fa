// Whole groups under chaos, by seed: small enough to run with every build. The large swarm is `./dev sim`.
#include "sim/swarm.hh"

#include <gtest/gtest.h>

namespace {

TEST(swarm, fifty_seeds_keep_every_promise) {
  sim::swarm_options options;
  options.seeds = 50;
  auto const all = sim::run_swarm(options, [](auto const&) {});
  for (auto const& each : all.failed) {
    ADD_FAILURE() << each.failure << "\n"
                  << each.setting << "\n"
                  << each.dump << "repeat with: " << sim::repeat_line(each.seed, options.servers);
  }
  EXPECT_EQ(all.seeds, 50U);
  EXPECT_GT(all.messages, 0U);
}

// Faults that no machine shows alone. The seeds say nothing any more once scenarios are drawn differently, and cost
// nothing until then.
TEST(swarm, seeds_that_failed_once) {
  for (
      std::uint64_t const seed : {
          1984U,   // only who was let go knew that its leaving had been decided, and had been killed while saying so
          26223U,  // a member that had given up went on keeping checkpoints, with the state it had when it did
          36562U,  // a member that was another now offered a beginning from its own log, and said that it does not serve it
          38122U,  // a donor was chosen for what had been missing a tick before
          47906U,  // two members that recovered waited for each other to write a note that neither could write
      }) {
    sim::run_options options;
    options.seed = seed;
    auto const done = sim::run_seed(options);
    EXPECT_TRUE(done.failure.empty()) << done.failure << "\n" << done.dump;
  }
}

// The whole point of a seed. The history is a digest of every message and verdict delivered.
TEST(swarm, equal_seeds_give_equal_histories) {
  sim::run_options options;
  options.seed = 7;
  auto const first = sim::run_seed(options);
  auto const second = sim::run_seed(options);
  EXPECT_EQ(first.history, second.history);
  EXPECT_EQ(first.count.steps, second.count.steps);
  EXPECT_EQ(first.simulated, second.simulated);
  options.seed = 8;
  EXPECT_NE(sim::run_seed(options).history, first.history);
}

TEST(swarm, the_repeat_line_names_only_what_is_unusual) {
  EXPECT_EQ(sim::repeat_line(12, {}), "./dev sim --seed 12 --seeds 1");
  EXPECT_EQ(sim::repeat_line(12, {5, 5}), "./dev sim --seed 12 --seeds 1 --members 5..5");
}

}  // namespace
