// Goal: who gets which event, and what a pause holds back. Method: one thread, take_now() in place of an applier.
#include "gr/mariadb/events.hh"

#include <gtest/gtest.h>

namespace gr::mariadb {
namespace {

gr::server_event write_set(gr::seqno_t seqno) {
  gr::remote_write_set event;
  event.seqno = seqno;
  return event;
}

struct queue {
  queue() {
    gate.open(0);
    events.open();
  }
  gr::seqno_t taken() {
    auto const event = events.take_now();
    return event ? position_of(*event) : -2;
  }
  pause_gate gate;
  event_queue events{gate};
};

TEST(events, nothing_passes_an_exclusive_one_until_it_is_done) {
  queue it;
  it.events.push(write_set(1));
  it.events.push(gr::caught_up{});
  it.events.push(write_set(2));
  EXPECT_EQ(it.taken(), 1);
  EXPECT_EQ(it.taken(), -1);
  EXPECT_EQ(it.taken(), -2);
  it.events.done();
  EXPECT_EQ(it.taken(), 2);
}

TEST(events, a_pause_lets_through_what_a_local_commit_stands_on) {
  queue it;
  it.events.push(write_set(1));
  it.events.push(write_set(3));
  EXPECT_TRUE(it.gate.let_through(2));  // a client has 2 already, so 1 must still come
  EXPECT_EQ(it.gate.pause(), 2);
  EXPECT_EQ(it.taken(), 1);
  EXPECT_EQ(it.taken(), -2);
  it.gate.resume();
  EXPECT_EQ(it.taken(), 3);
}

TEST(events, closing_while_paused_drops_what_is_held_back) {
  queue it;
  it.events.push(write_set(1));
  EXPECT_EQ(it.gate.pause(), 0);
  it.events.push(gr::group_closed{});
  EXPECT_FALSE(it.gate.let_through(2));
  EXPECT_FALSE(it.gate.enter());
  auto const event = it.events.take_now();
  ASSERT_TRUE(event.has_value());
  EXPECT_TRUE(std::holds_alternative<gr::group_closed>(*event));
}

TEST(events, a_thread_of_an_earlier_session_gets_nothing) {
  queue it;
  auto const before = it.events.session();
  it.events.open();
  it.events.push(write_set(1));
  EXPECT_FALSE(it.events.take(before).has_value());
  it.events.close(before);  // too late to close anything
  EXPECT_EQ(it.taken(), 1);
}

}  // namespace
}  // namespace gr::mariadb
