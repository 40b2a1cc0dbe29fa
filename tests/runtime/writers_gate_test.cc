// Goal: clients wait for their turn in the order they came, no longer than they said, and whoever must not wait does not.
// Method: real threads at a gate whose ticks come from the test.
#include "runtime/writers_gate.hh"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using runtime::writers_gate;

bool never() { return false; }
gr::flow_allowance transactions(double rate) { return {rate, gr::no_flow_limit}; }
base::tick_count tick(std::uint64_t number) { return base::tick_count(number); }

void wait_for_waiting(writers_gate const& gate, std::uint64_t count) {
  auto const end = std::chrono::steady_clock::now() + 20s;
  while (gate.count().waiting != count && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  ASSERT_EQ(gate.count().waiting, count);
}

// Nothing is left of what was saved up.
void close_to_all(writers_gate& gate) {
  gate.allow(transactions(1), tick(1));
  gate.pass(1000, 1, 1h, never);
}

TEST(writers_gate, without_a_limit_nobody_waits) {
  writers_gate gate;
  for (std::uint64_t trx = 0; trx < 1000; ++trx) gate.pass(trx, 1U << 30, 1h, never);
  EXPECT_EQ(gate.count().waits, 0U);
}

TEST(writers_gate, first_come_first_served_as_time_brings_it) {
  writers_gate gate;
  close_to_all(gate);
  std::mutex mutex;
  std::vector<std::uint64_t> order;
  std::vector<std::jthread> clients;
  for (std::uint64_t trx = 1; trx <= 5; ++trx) {
    clients.emplace_back([&, trx] {
      gate.pass(trx, 1, 1h, never);
      std::lock_guard const lock(mutex);
      order.push_back(trx);
    });
    wait_for_waiting(gate, trx);
  }
  for (std::uint64_t left = 5; left > 0; --left) {
    gate.allow(transactions(1), tick(1 + 100 * (6 - left)));
    wait_for_waiting(gate, left - 1);
    auto const end = std::chrono::steady_clock::now() + 20s;
    for (std::size_t there = 0; there < 6 - left && std::chrono::steady_clock::now() < end;) {
      std::this_thread::sleep_for(1ms);
      std::lock_guard const lock(mutex);
      there = order.size();
    }
  }
  clients.clear();
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
  auto const count = gate.count();
  EXPECT_EQ(count.waits, 5U);
  EXPECT_GT(count.held_ns, 0U);
  EXPECT_GE(count.waited_ns, count.held_ns);
}

TEST(writers_gate, nobody_waits_longer_than_it_said) {
  writers_gate gate;
  close_to_all(gate);
  auto const began = std::chrono::steady_clock::now();
  gate.pass(1, 1, 50ms, never);
  EXPECT_GE(std::chrono::steady_clock::now() - began, 50ms);
  EXPECT_EQ(gate.count().waiting, 0U);
}

TEST(writers_gate, who_hurries_goes_at_once_and_the_others_wait_on) {
  writers_gate gate;
  close_to_all(gate);
  std::atomic<bool> victim_hurries = false;
  std::jthread other([&] { gate.pass(1, 1, 1h, never); });
  wait_for_waiting(gate, 1);
  std::jthread victim([&] { gate.pass(2, 1, 1h, [&] { return victim_hurries.load(); }); });
  wait_for_waiting(gate, 2);
  victim_hurries = true;
  gate.hurry(2);
  victim.join();
  EXPECT_EQ(gate.count().waiting, 1U);
  gate.pass(3, 1, 1h, [] { return true; });  // asked before it came
  gate.open();
}

TEST(writers_gate, an_open_gate_holds_nobody) {
  writers_gate gate;
  close_to_all(gate);
  std::vector<std::jthread> clients;
  for (std::uint64_t trx = 1; trx <= 4; ++trx) clients.emplace_back([&, trx] { gate.pass(trx, 1, 1h, never); });
  wait_for_waiting(gate, 4);
  gate.open();
  clients.clear();
  EXPECT_EQ(gate.count().waiting, 0U);
}

// Many at once, with ticks, hurries and openings in between: everybody gets through, and the counters add up.
TEST(writers_gate, nobody_is_forgotten_in_a_crowd) {
  writers_gate gate;
  std::atomic<bool> over = false;
  std::jthread ticks([&] {
    for (std::uint64_t now = 1; !over; ++now) {
      gate.allow(transactions(now % 40 == 0 ? gr::no_flow_limit : 20'000), tick(now));
      if (now % 97 == 0) gate.open();
      gate.hurry(now % 8);
      std::this_thread::sleep_for(1ms);
    }
  });
  std::vector<std::jthread> clients;
  for (std::uint64_t client = 0; client < 8; ++client)
    clients.emplace_back([&, client] {
      for (int each = 0; each < 500; ++each) gate.pass(client, 10, 1h, never);
    });
  clients.clear();
  over = true;
  ticks.join();
  EXPECT_EQ(gate.count().waiting, 0U);
}

}  // namespace
