// What is done beside the strand: in its order, with nothing of the strand's in between, and nothing lost when it ends.
#include "runtime/stepping.hh"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "runtime/node_settings.hh"
#include "tests/runtime/transport_node.hh"

namespace runtime {
namespace {

using namespace std::chrono_literals;

using aside_test = transport_test;

TEST_F(aside_test, what_comes_meanwhile_waits_and_keeps_its_order) {
  aside one(io);
  std::promise<void> go_on;
  std::string happened;
  one.begin([&] { go_on.get_future().wait(); }, [&] { happened += "done "; });
  EXPECT_TRUE(one.busy());
  one.when_free([&] { happened += "first "; });
  one.when_free([&] { happened += "second "; });
  EXPECT_EQ(happened, "");
  go_on.set_value();
  ASSERT_TRUE(until([&] { return happened.ends_with("second "); }));
  EXPECT_EQ(happened, "done first second ");
  one.when_free([&] { happened += "at once"; });
  EXPECT_EQ(happened, "done first second at once");
}

TEST_F(aside_test, what_waits_may_begin_the_next_and_the_rest_waits_for_that) {
  aside one(io);
  std::string happened;
  one.begin([] {}, [&] { happened += "done "; });
  one.when_free([&] { one.begin([] {}, [&] { happened += "again "; }); });
  one.when_free([&] { happened += "last"; });
  ASSERT_TRUE(until([&] { return happened.ends_with("last"); }));
  EXPECT_EQ(happened, "done again last");
}

TEST_F(aside_test, its_end_waits_for_the_work_and_calls_nothing_back) {
  bool called = false;
  std::atomic<bool> done = false;
  {
    aside one(io);
    std::promise<void> begun;
    one.begin(
        [&] {
          begun.set_value();
          std::this_thread::sleep_for(50ms);
          done = true;
        },
        [&] { called = true; });
    begun.get_future().wait();
  }
  EXPECT_TRUE(done);
  io.restart();
  io.poll();
  EXPECT_FALSE(called);
}

TEST_F(aside_test, what_the_work_throws_is_thrown_on_the_strand) {
  aside one(io);
  one.begin([] { throw std::runtime_error("no memory"); }, [] {});
  EXPECT_THROW(until([&] { return !one.busy(); }), std::runtime_error);
}

// A group of one: every message it is handed becomes a slot, and is delivered.
class stepping_test : public transport_test {
 protected:
  stepping_test()
      : machine(config(), xcom::begin_group{log, entry(), {}}, base::prng(1)),
        steps(io, {[this] { return &machine; }, [this] { return net; },
                   [this](xcom::action const& what) { perform(what); }, [this] { sync(); }}) {
    for (std::uint64_t each = 1; each < 100; ++each) steps.push(xcom::ticked{base::tick_count(each)});
    steps.push(xcom::start_delivery{});
    steps.settle();
    EXPECT_TRUE(machine.is_leader()) << machine.describe();
  }
  static xcom::node_config config() {
    xcom::node_config made;
    made.self = {base::make_uuid(1, 1), 1};
    return made;
  }
  static xcom::site_member entry() { return {config().self, "h1:1", xcom::member_role::voter, 50, 1, {}, 0, {}}; }
  void submit(char const* text) {
    steps.push(
        xcom::submitted{machine.next_seq().plus(steps.submissions_waiting()), base::blob::copy_of(std::string(text))});
  }
  void perform(xcom::action const& what) {
    if (std::holds_alternative<xcom::persist_accepted>(what)) {
      happened += "write ";
      if (every_write) return every_write();
      if (!slow) return;
      steps.do_aside(
          1, [this] { go_on.get_future().wait(); }, [this] { happened += "written "; });
    } else if (auto const* given = std::get_if<xcom::deliver>(&what)) {
      if (auto const* all = std::get_if<xcom::batch>(given->what.get()))
        for (auto const& each : all->messages) happened += std::string(each.payload.text()) + " ";
    }
  }

  void sync() {
    if (!unsynced) return;
    unsynced = false;
    steps.do_aside(
        0, [] {}, [this] { happened += "synced "; });
  }

  bool unsynced = false;
  std::function<void()> every_write;
  base::uuid const log = base::make_uuid(9, 9);
  bool slow = false;
  std::promise<void> go_on;
  std::string happened;
  transport* net = nullptr;
  xcom::node machine;
  stepping steps;
};

TEST_F(stepping_test, carries_out_what_a_step_asks_for_in_order) {
  happened.clear();
  submit("a");
  submit("b");
  steps.settle();
  EXPECT_EQ(happened, "write a b ");
}

TEST_F(stepping_test, nothing_is_done_before_what_stands_ahead_of_it_is_written) {
  happened.clear();
  slow = true;
  submit("a");
  steps.settle();
  EXPECT_TRUE(steps.busy());
  slow = false;
  submit("b");
  EXPECT_EQ(steps.submissions_waiting(), 1U);
  steps.settle();
  EXPECT_EQ(happened, "write ") << "neither the rest of this step nor the next one";
  go_on.set_value();
  ASSERT_TRUE(until([&] { return happened.ends_with("b "); }));
  EXPECT_EQ(happened, "write written a write b ");
}

TEST_F(stepping_test, what_is_delivered_waits_for_the_sync) {
  happened.clear();
  submit("a");
  unsynced = true;
  steps.settle();
  EXPECT_EQ(happened, "write ");
  ASSERT_TRUE(until([&] { return !steps.busy(); }));
  EXPECT_EQ(happened, "write synced a ");
}

// One that is always busy, as a donor with many questions is, or a disk that is slower than what comes.
TEST_F(stepping_test, who_waits_comes_before_the_next_step) {
  int steps_left = 50;
  int steps_before = 0;
  bool served = false;
  std::function<void()> again = [&] {
    if (--steps_left == 0) return;
    steps.push(
        xcom::submitted{machine.next_seq().plus(steps.submissions_waiting()), base::blob::copy_of(std::string("x"))});
  };
  every_write = [&] {
    steps.do_aside(
        0, [] {}, again);
  };
  submit("a");
  steps.settle();
  ASSERT_TRUE(steps.busy());
  std::function<void()> waiter = [&] {
    if (!served) steps_before = 50 - steps_left;
    served = true;
  };
  steps.when_free(waiter);
  ASSERT_TRUE(until([&] { return steps_left == 0 && !steps.busy(); }));
  EXPECT_TRUE(served);
  EXPECT_EQ(steps_before, 1) << "steps that came first";
}

// Two real connections: what the others hear of one that is busy, and that it does not last.
TEST_F(stepping_test, who_is_busy_says_so_for_as_long_as_its_work_may_take) {
  node other(io, 2);
  other.listen();
  node own(io, 1);
  own.listen();
  net = own.link.get();
  auto second = entry();
  second.id = {base::make_uuid(2, 2), 1};
  second.address = other.address();
  xcom::site const both{1, {entry(), second}, {}};
  machine =
      xcom::node(config(), xcom::begin_again{log, entry(), both, {}, {}, xcom::slot_no(1), {}, false}, base::prng(1));
  slow = true;
  steps.push(xcom::ticked{tick_now()});
  steps.settle();
  xcom::ballot const by{3, second.id};
  auto const beat = [&] { steps.hear(second.id, xcom::heartbeat{.log = log, .count = 1}); };
  beat();
  steps.push(xcom::received{
      second.id, xcom::accept{log,
                              by,
                              xcom::slot_no(1),
                              {},
                              {{xcom::slot_no(1), by, std::make_shared<xcom::value const>(xcom::no_op{})}}}});
  steps.settle();
  ASSERT_TRUE(steps.busy());
  auto const began = std::chrono::steady_clock::now();
  auto const heard = [&] { return other.messages.size(); };
  ASSERT_TRUE(until([&] {
    beat();
    (void)steps.keep_alive();
    return heard() >= 5;
  })) << "one each 100 ms";
  ASSERT_TRUE(until([&] {
    beat();
    (void)steps.keep_alive();
    return std::chrono::steady_clock::now() - began > 1500ms;
  }));
  auto const in_time = heard();
  EXPECT_LE(in_time, 12U);
  auto const speaks_again = [&] {
    beat();
    (void)steps.keep_alive();
    return heard() > in_time;
  };
  EXPECT_FALSE(until(speaks_again, 500ms)) << "one byte should not take so long";
  go_on.set_value();
  ASSERT_TRUE(until([&] { return !steps.busy(); }));
}

}  // namespace
}  // namespace runtime
