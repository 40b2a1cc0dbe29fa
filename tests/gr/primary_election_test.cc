// Goal: everybody who knows the same facts elects the same member, by the rules of the mode. Method: facts by hand, and sets
// at random against the claim that the order is one.
#include "gr/primary_election.hh"

#include <gtest/gtest.h>

#include "base/prng.hh"

namespace {

using gr::election_mode;

gr::primary_candidate candidate(std::uint64_t number, std::uint32_t weight, certifier::interval executed,
                                std::uint64_t backlog = 0) {
  gr::primary_candidate made;
  made.id = {base::make_uuid(number, number), 1};
  made.weight = weight;
  made.server_version = "10.11.19-MariaDB";
  made.executed.add(base::make_uuid(9, 9), executed);
  made.backlog = backlog;
  return made;
}

xcom::member_id id(std::uint64_t number) { return {base::make_uuid(number, number), 1}; }

TEST(primary_election, nobody_is_elected_of_nobody) {
  EXPECT_FALSE(gr::elect_primary({}, election_mode::weight_only).has_value());
}

TEST(primary_election, the_mode_says_what_counts_first) {
  std::vector const all{candidate(1, 50, {1, 100}), candidate(2, 50, {1, 200}), candidate(3, 60, {1, 90})};
  EXPECT_EQ(gr::elect_primary(all, election_mode::weight_only), id(3));
  EXPECT_EQ(gr::elect_primary(all, election_mode::weight_first), id(3));
  EXPECT_EQ(gr::elect_primary(all, election_mode::gtid_first), id(2));
  std::vector const same_weight{all[0], all[1]};
  EXPECT_EQ(gr::elect_primary(same_weight, election_mode::weight_only), id(1));
  EXPECT_EQ(gr::elect_primary(same_weight, election_mode::weight_first), id(2));
}

TEST(primary_election, among_equals_the_shortest_backlog_wins_where_it_matters) {
  std::vector const all{candidate(1, 50, {1, 10}, 5000), candidate(2, 50, {1, 10}, 90), candidate(3, 50, {1, 10}, 0)};
  EXPECT_EQ(gr::elect_primary(all, election_mode::weight_only), id(2));
}

TEST(primary_election, the_oldest_server_version_comes_first) {
  std::vector all{candidate(1, 90, {1, 10}), candidate(2, 10, {1, 10})};
  all[1].server_version = "10.11.9-MariaDB";
  EXPECT_EQ(gr::elect_primary(all, election_mode::weight_only), id(2));
}

// GreatSQL says "less" both ways of two sets of which neither contains the other, and the outcome depends on the sort.
TEST(primary_election, sets_that_do_not_contain_each_other_have_an_order_too) {
  base::prng random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<gr::primary_candidate> all;
    for (std::uint64_t each = 1; each <= 5; ++each) {
      auto const first = static_cast<std::int64_t>(random.between(1, 50));
      all.push_back(candidate(each, 50, {first, first + static_cast<std::int64_t>(random.below(50))}));
    }
    for (auto const mode : {election_mode::gtid_first, election_mode::weight_first}) {
      auto const winner = gr::elect_primary(all, mode);
      ASSERT_TRUE(winner.has_value());
      auto shuffled = all;
      random.shuffle(shuffled);
      EXPECT_EQ(gr::elect_primary(shuffled, mode), winner);
      auto const of_winner = std::ranges::find(all, *winner, &gr::primary_candidate::id);
      for (auto const& each : all)
        EXPECT_FALSE(of_winner->executed.is_subset_of(each.executed) && !(of_winner->executed == each.executed));
    }
  }
}

}  // namespace
