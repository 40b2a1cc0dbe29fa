// Names in the allowlist: looked up when nothing else lets somebody in, and not for everybody who knocks.
#include "runtime/admission.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace runtime {
namespace {

using namespace std::chrono_literals;

class admission_test : public ::testing::Test {
 protected:
  static gr::ip_address ip(char const* text) { return *gr::parse_ip(text); }
  void ask(admission& door, char const* who) {
    door.judge(ip(who), [this](bool allowed) { answers.push_back(allowed); });
  }
  bool wait_for(std::size_t count) {
    auto const deadline = std::chrono::steady_clock::now() + 20s;
    while (answers.size() < count && std::chrono::steady_clock::now() < deadline) {
      io.restart();
      io.run_one_for(10ms);
    }
    return answers.size() == count;
  }

  boost::asio::io_context io;
  std::vector<bool> answers;
};

TEST_F(admission_test, networks_are_answered_at_once) {
  auto const door = std::make_shared<admission>(io, *gr::allowlist::parse("10.0.0.0/8, localhost"));
  ask(*door, "10.1.1.1");
  EXPECT_EQ(answers, std::vector<bool>{true});
}

TEST_F(admission_test, a_name_stands_for_the_network_around_its_addresses) {
  auto const door = std::make_shared<admission>(io, *gr::allowlist::parse("localhost/0"));
  ask(*door, "203.0.113.1");
  EXPECT_TRUE(answers.empty()) << "nobody waits for a lookup";
  ASSERT_TRUE(wait_for(1));
  EXPECT_TRUE(answers[0]) << "localhost is 127.0.0.1, and /0 around it is everybody";
  ask(*door, "203.0.113.2");
  EXPECT_EQ(answers.size(), 2U) << "what was found is kept";
}

TEST_F(admission_test, all_who_wait_get_their_own_answer_and_a_refused_one_does_not_start_lookups) {
  auto const door = std::make_shared<admission>(io, *gr::allowlist::parse("localhost/8, no-such-host.invalid"));
  ask(*door, "203.0.113.1");
  ask(*door, "127.200.0.1");  // this host
  ask(*door, "203.0.113.2");
  ASSERT_TRUE(wait_for(3));
  EXPECT_EQ(std::count(answers.begin(), answers.end(), true), 1);
  ask(*door, "203.0.113.3");
  EXPECT_EQ(answers.size(), 4U) << "looked up a moment ago";
  EXPECT_FALSE(answers[3]);
}

TEST_F(admission_test, another_list_counts_for_those_who_wait) {
  auto const door = std::make_shared<admission>(io, *gr::allowlist::parse("no-such-host.invalid"));
  ask(*door, "203.0.113.1");
  door->set(*gr::allowlist::parse("203.0.113.0/24"));
  ASSERT_TRUE(wait_for(1));
  EXPECT_TRUE(answers[0]);
}

TEST_F(admission_test, nobody_is_answered_after_the_end) {
  auto const door = std::make_shared<admission>(io, *gr::allowlist::parse("localhost"));
  ask(*door, "203.0.113.1");
  door->close();
  io.run_for(200ms);
  EXPECT_TRUE(answers.empty());
}

}  // namespace
}  // namespace runtime
