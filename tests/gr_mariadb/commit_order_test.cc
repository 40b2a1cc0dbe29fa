// Goal: positions leave in order and alone, whoever comes when. Method: many threads, random arrival, a plain counter that
// only the gate protects (the thread sanitizer would see a second one inside).
#include "gr/mariadb/commit_order.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/prng.hh"

namespace {

using gr::seqno_t;
using gr::mariadb::commit_order;
using entry = commit_order::entry;
using std::chrono::milliseconds;

std::vector<seqno_t> shuffled(seqno_t last, std::uint64_t seed) {
  std::vector<seqno_t> all;
  for (seqno_t each = 1; each <= last; ++each) all.push_back(each);
  base::prng chance(seed);
  chance.shuffle(all);
  return all;
}

// Every position has its thread, as every client has; some positions are nobody's.
TEST(commit_order, positions_leave_in_order_whatever_the_arrival) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    commit_order gate;
    gate.reset(0);
    std::vector<seqno_t> order;  // unprotected on purpose
    std::vector<std::thread> clients;
    for (auto const seqno : shuffled(100, seed))
      clients.emplace_back([&gate, &order, seqno] {
        if (seqno % 7 == 0) return gate.skip(seqno);
        ASSERT_EQ(gate.enter(seqno), entry::entered);
        order.push_back(seqno);
        gate.leave(seqno);
      });
    for (auto& each : clients) each.join();
    EXPECT_EQ(gate.last_left(), 100);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
    EXPECT_EQ(order.size(), 100U - 14U);
  }
}

TEST(commit_order, positions_that_share_a_slot_do_not_lose_their_wake_up) {
  commit_order gate;
  gate.reset(0);
  std::vector<std::thread> clients;
  for (seqno_t seqno = 1025; seqno >= 1; seqno -= 256)
    clients.emplace_back([&gate, seqno] {
      ASSERT_EQ(gate.enter(seqno), entry::entered);
      gate.leave(seqno);
    });
  for (seqno_t seqno = 1; seqno <= 1025; ++seqno)
    if (seqno % 256 != 1) gate.skip(seqno);
  for (auto& each : clients) each.join();
  EXPECT_EQ(gate.last_left(), 1025);
}

TEST(commit_order, an_interrupt_hits_a_waiting_enter_once) {
  commit_order gate;
  gate.reset(10);
  std::thread client([&gate] {
    ASSERT_EQ(gate.enter(12), entry::interrupted);
    ASSERT_EQ(gate.enter(12), entry::entered);  // the replay
    gate.leave(12);
  });
  EXPECT_TRUE(gate.interrupt(12));
  ASSERT_EQ(gate.enter(11), entry::entered);
  gate.leave(11);
  client.join();
  EXPECT_EQ(gate.last_left(), 12);
}

TEST(commit_order, an_interrupt_before_enter_is_kept_and_can_be_taken_back) {
  commit_order gate;
  gate.reset(10);
  EXPECT_TRUE(gate.interrupt(11));
  EXPECT_EQ(gate.enter(11), entry::interrupted);
  EXPECT_TRUE(gate.interrupt(11));
  gate.clear_interrupt(11);
  EXPECT_EQ(gate.enter(11), entry::entered);
  EXPECT_FALSE(gate.interrupt(11));  // too late, and nothing is left behind
  gate.leave(11);
  EXPECT_FALSE(gate.interrupt(11));
}

TEST(commit_order, waiting_for_a_position_ends_when_it_left_or_at_the_deadline) {
  commit_order gate;
  gate.reset(0);
  EXPECT_TRUE(gate.wait_left(0, commit_order::clock::now()));
  EXPECT_FALSE(gate.wait_left(1, commit_order::clock::now() + milliseconds(5)));
  std::thread waiter([&gate] { gate.wait_left(3); });
  gate.skip(3);
  gate.skip(2);
  EXPECT_EQ(gate.last_left(), 0);
  gate.skip(1);
  waiter.join();
  EXPECT_EQ(gate.last_left(), 3);
}

TEST(commit_order, skipping_behind_somebody_inside_waits_for_him) {
  commit_order gate;
  gate.reset(0);
  ASSERT_EQ(gate.enter(1), entry::entered);
  gate.skip(2);
  EXPECT_EQ(gate.last_left(), 0);
  gate.leave(1);
  EXPECT_EQ(gate.last_left(), 2);
}

TEST(commit_order, a_frozen_gate_lets_nobody_in) {
  commit_order gate;
  gate.reset(0);
  ASSERT_EQ(gate.enter(1), entry::entered);
  std::thread leaver([&gate] { gate.leave(1); });
  EXPECT_EQ(gate.freeze(), 1);
  leaver.join();
  std::thread client([&gate] {
    ASSERT_EQ(gate.enter(2), entry::entered);
    gate.leave(2);
  });
  EXPECT_FALSE(gate.wait_left(2, commit_order::clock::now() + milliseconds(20)));
  gate.thaw();
  client.join();
  EXPECT_EQ(gate.last_left(), 2);
}

// Brute force at random: whoever is interrupted comes again, and still everything leaves in order.
TEST(commit_order, interrupted_positions_come_again_and_keep_the_order) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    commit_order gate;
    gate.reset(0);
    std::vector<seqno_t> order;
    std::vector<std::thread> threads;
    for (auto const seqno : shuffled(60, seed))
      threads.emplace_back([&gate, &order, seqno] {
        while (gate.enter(seqno) == entry::interrupted) std::this_thread::yield();
        order.push_back(seqno);
        gate.leave(seqno);
      });
    threads.emplace_back([&gate, seed] {
      base::prng chance(seed);
      for (int shots = 0; shots < 500; ++shots) gate.interrupt(static_cast<seqno_t>(chance.between(1, 60)));
    });
    for (auto& each : threads) each.join();
    EXPECT_EQ(gate.last_left(), 60);
    EXPECT_EQ(order.size(), 60U);
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

}  // namespace
