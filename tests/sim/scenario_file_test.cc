// Goal: a scenario file says what is wrong with it and where, whatever is in it; and what it expects is looked at. Method: small
// files by hand, and whole ones spoiled at random.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/prng.hh"
#include "sim/scenario.hh"

namespace {

std::string error_of(std::string const& text) {
  auto const read = sim::parse_scenario(text);
  return read ? "none" : read.error().text;
}

std::vector<std::string> files() {
  std::vector<std::string> found;
  for (auto const* folder : {"/tests/scenarios", "/bench/simulator"})
    for (auto const& each : std::filesystem::directory_iterator(std::string(QUORATE_SOURCE_DIR) + folder))
      found.push_back(each.path().string());
  std::sort(found.begin(), found.end());
  return found;
}

std::string text_of(std::string const& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(scenario_file, says_where_it_is_wrong_and_what_could_stand_there) {
  EXPECT_EQ(error_of("start n1\nstart n4\n"),
            "line 2, column 7: 'n4' found, servers (n1 to n3, all, leader, followers, primary, secondaries, donors) "
            "expected");
  EXPECT_EQ(error_of("cut n1 => n2"), "line 1, column 8: '=>' found, '->' or '<->' expected");
  EXPECT_EQ(error_of("after soon crash n1"),
            "line 1, column 7: 'soon' found, a time up to an hour (10ms, 1.5s, 2min) expected");
  EXPECT_EQ(error_of("wipe n1"), "line 1, column 6: 'n1' found, 'data' or 'log' or 'both' expected");
  EXPECT_EQ(error_of("load on"),
            "line 1, column 8: the end of the line found, servers (n1 to n3, all, leader, followers, primary, "
            "secondaries, donors) expected");
  EXPECT_EQ(error_of("heal everything"), "line 1, column 6: 'everything' found, the end of the line expected");
  EXPECT_EQ(error_of("expect members few"), "line 1, column 16: 'few' found, a number from 0 to 1000000000 expected");
  EXPECT_EQ(error_of("loss 5"), "line 1, column 6: '5' found, a percentage (10%) expected");
}

TEST(scenario_file, names_the_range_of_a_setting) {
  EXPECT_EQ(error_of("set servers 33"), "line 1, column 13: '33' found, a number from 2 to 32 expected");
  EXPECT_EQ(error_of("set durability PAPER"), "line 1, column 16: 'PAPER' found, OS or DISK expected");
  EXPECT_EQ(error_of("set seeds 5..2"),
            "line 1, column 11: '5..2' found, a seed from 0 to 1000000, or two as A..B expected");
  EXPECT_NE(error_of("set wishes 5").find("'seeds' or 'servers' or "), std::string::npos);
  EXPECT_NE(error_of("start n1\nset servers 3").find("settings come before"), std::string::npos);
}

TEST(scenario_file, has_something_to_do) {
  EXPECT_EQ(error_of("# a thought\n\n"), "line 3: a scenario has at least one command");
}

TEST(scenario_file, lists_every_command_when_the_first_word_is_none) {
  auto const text = error_of("explode n1");
  for (auto const* each : {"'start'", "'crash'", "'cut'", "'heal'", "'expect'", "'after'"})
    EXPECT_NE(text.find(each), std::string::npos) << text;
}

TEST(scenario_file, tells_what_it_read) {
  auto const read = sim::parse_scenario(
      "set servers 4\nset seeds 3..5\nafter 1.5s crash n2 leader # now\nexpect within 2min online all\n");
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->with.servers, 4U);
  EXPECT_EQ(read->seeds.last, 5U);
  ASSERT_EQ(read->lines.size(), 2U);
  EXPECT_EQ(read->lines[0].after, sim::milliseconds(1500));
  EXPECT_EQ(read->lines[0].text, "crash n2 leader");
  EXPECT_EQ(read->lines[1].lasting, sim::seconds(120));
}

TEST(scenario_file, nine_servers_vote_at_most_and_as_many_as_it_says) {
  auto const voters = [](std::string const& text) {
    auto const read = sim::parse_scenario(text + "start n1\n");
    return read ? std::ranges::count(read->roles, xcom::member_role::voter) : -1;
  };
  EXPECT_EQ(voters(""), 3);
  EXPECT_EQ(voters("set servers 32\n"), 9);
  EXPECT_EQ(voters("set servers 8\nset voters 3\n"), 3);
  EXPECT_EQ(voters("set servers 5\nset arbiter 5\n"), 4);
}

TEST(scenario_file, what_is_expected_and_is_not_so_fails_in_its_line) {
  auto const read = sim::parse_scenario("start n1\nafter 1s start n2\nexpect within 1s online n3\n");
  ASSERT_TRUE(read) << read.error().text;
  auto const done = sim::tell(*read, 1, nullptr, [](auto, auto const&) {});
  EXPECT_EQ(done.failure, "line 3: expect within 1s online n3: not so after 1.00 simulated seconds");
  EXPECT_FALSE(done.dump.empty());
}

TEST(scenario_file, a_claim_that_should_last_fails_when_it_ends) {
  auto const read = sim::parse_scenario("start n1\nload on n1\nexpect for 5s no progress\n");
  ASSERT_TRUE(read) << read.error().text;
  auto const done = sim::tell(*read, 1, nullptr, [](auto, auto const&) {});
  EXPECT_NE(done.failure.find("line 3: expect for 5s no progress: no more after"), std::string::npos) << done.failure;
}

TEST(scenario_file, all_that_are_kept_can_be_read) {
  EXPECT_GE(files().size(), 11U);
  for (auto const& each : files()) EXPECT_EQ(error_of(text_of(each)), "none") << each;
}

// A word, a byte or a line goes, comes twice, or becomes another: it is read, or refused with a line.
TEST(scenario_file, spoiled_at_random_is_read_or_refused) {
  base::prng random(1);
  auto const known = files();
  for (int round = 0; round < 3000; ++round) {
    auto text = text_of(known[random.below(known.size())]);
    for (auto changes = random.between(1, 4); changes > 0; --changes) {
      auto const at = random.below(text.size());
      auto const length = std::min(random.below(20), text.size() - at);
      auto const piece = text.substr(random.below(text.size()), random.below(20));
      switch (random.below(4)) {
        case 0: text.erase(at, length); break;
        case 1: text.insert(at, piece); break;
        case 2: text[at] = static_cast<char>(random.below(256)); break;
        default: text.replace(at, length, piece);
      }
      if (text.empty()) text = "#";
    }
    auto const read = sim::parse_scenario(text);
    if (read) {
      EXPECT_FALSE(read->lines.empty());
    } else {
      EXPECT_EQ(read.error().text.rfind("line ", 0), 0U) << read.error().text;
    }
  }
}

}  // namespace
