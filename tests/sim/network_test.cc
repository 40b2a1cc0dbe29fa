// Goal: each way a link can go wrong does what its name says and nothing else. Method: numbered heartbeats over one link.
#include "sim/network.hh"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

class network_test : public testing::Test {
 protected:
  network_test() : net(clock, base::prng(1), 500'000) {
    net.attach("a:1", [](auto const&, auto, auto const&) {});
    net.attach("b:1", [this](auto const&, auto, xcom::wire_message const& what) {
      arrived.push_back(std::get<xcom::heartbeat>(what).count);
    });
  }
  void send(std::uint64_t count) {
    for (std::uint64_t each = 0; each < count; ++each) {
      xcom::heartbeat numbered;
      numbered.count = ++sent;
      net.send("a:1", {base::make_uuid(1, 1), 1}, "b:1", xcom::protocol_highest, numbered);
    }
  }
  void settle() { clock.run_until(clock.now().plus(sim::seconds(1).value())); }

  sim::scheduler clock;
  sim::network net;
  std::vector<std::uint64_t> arrived;
  std::uint64_t sent = 0;
};

TEST_F(network_test, a_whole_link_delivers_everything_in_order) {
  send(100);
  settle();
  EXPECT_EQ(arrived.size(), 100U);
  EXPECT_TRUE(std::is_sorted(arrived.begin(), arrived.end()));
  EXPECT_GT(net.count().encoded, 0U);
}

TEST_F(network_test, a_cut_goes_one_way_and_loses_what_is_sent_meanwhile) {
  net.cut("b:1", "a:1");
  send(1);
  net.cut("a:1", "b:1");
  send(1);
  net.mend("a:1", "b:1");
  send(1);
  settle();
  EXPECT_EQ(arrived, (std::vector<std::uint64_t>{1, 3}));
}

TEST_F(network_test, a_clogged_link_keeps_everything_until_it_is_freed) {
  net.clog("a:1", "b:1");
  send(5);
  settle();
  EXPECT_TRUE(arrived.empty());
  net.free("a:1", "b:1");
  settle();
  EXPECT_EQ(arrived, (std::vector<std::uint64_t>{1, 2, 3, 4, 5}));
}

TEST_F(network_test, loss_repeats_and_reordering_happen_as_often_as_asked) {
  sim::link_quality bad;
  bad.loss_ppm = 500'000;
  net.set_quality(bad);
  send(1000);
  settle();
  EXPECT_NEAR(static_cast<double>(arrived.size()), 500, 100);

  arrived.clear();
  bad.loss_ppm = 0;
  bad.repeat_ppm = 500'000;
  bad.reorder_ppm = 500'000;
  net.set_quality(bad);
  send(1000);
  settle();
  EXPECT_NEAR(static_cast<double>(arrived.size()), 1500, 100);
  EXPECT_FALSE(std::is_sorted(arrived.begin(), arrived.end()));
}

TEST_F(network_test, healing_ends_every_fault) {
  sim::link_quality bad;
  bad.loss_ppm = 1'000'000;
  net.set_quality(bad);
  net.cut("a:1", "b:1");
  net.set_slow("a:1", "b:1", sim::seconds(100));
  net.heal();
  send(3);
  settle();
  EXPECT_EQ(arrived.size(), 3U);
}

}  // namespace
