// The transport on loopback sockets: what arrives, in which order, and what is said when something is wrong.
#include "runtime/transport.hh"

#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <filesystem>
#include <fstream>

#include "runtime/send_queue.hh"
#include "runtime/tcp.hh"
#include "tests/runtime/transport_node.hh"

namespace runtime {
namespace {

using namespace std::chrono_literals;

TEST_F(transport_test, messages_arrive_in_order_with_their_sender) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  for (int each = 0; each < 100; ++each) a.link->send(b.address(), words(std::to_string(each)));
  b.link->send(a.address(), words("back"));
  ASSERT_TRUE(until([&] { return b.messages.size() == 100 && a.messages.size() == 1; }));
  for (std::size_t each = 0; each < 100; ++each) EXPECT_EQ(b.texts()[each], std::to_string(each));
  EXPECT_EQ(b.messages[0].first, (xcom::member_id{base::make_uuid(1, 1), 1}));
  EXPECT_EQ(b.link->counters().messages_received, 100U);
}

TEST_F(transport_test, small_and_large_ordered_messages_keep_their_order) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  std::vector<std::size_t> const sizes = {10, 5U << 20, 20, 300000, 30, 70000, 2048, 40};
  for (auto const size : sizes) a.link->send(b.address(), words(size));
  ASSERT_TRUE(until([&] { return b.messages.size() == sizes.size(); }));
  for (std::size_t each = 0; each < sizes.size(); ++each) EXPECT_EQ(b.texts()[each].size(), sizes[each]);
}

// Goal: a message of 200 MB does not hold up heartbeats. Method: one heartbeat per millisecond while it is on its way.
TEST_F(transport_test, heartbeats_pass_a_message_of_200_mb) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  std::size_t const size = 200'000'000;
  auto const began = std::chrono::steady_clock::now();
  a.link->send(b.address(), words(size));
  std::uint64_t beats = 0;
  std::size_t most_waiting = 0;
  auto last_beat = began;
  ASSERT_TRUE(until(
      [&] {
        if (!b.texts().empty()) return true;
        auto const now = std::chrono::steady_clock::now();
        if (now - last_beat > 1ms) {
          last_beat = now;
          a.link->send(b.address(), heartbeat_number(++beats));
        }
        std::uint64_t const heard = b.messages.empty() ? 0 : std::get<xcom::heartbeat>(b.messages.back().second).count;
        most_waiting = std::max<std::size_t>(most_waiting, beats - heard);
        return false;
      },
      60s));
  auto const took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(b.texts().front().size(), size);
  EXPECT_GT(beats, 10U);
  EXPECT_LT(most_waiting, beats / 2 + 5) << "heartbeats waited for the big message";
  RecordProperty("milliseconds", static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
  RecordProperty("most_waiting", static_cast<int>(most_waiting));
}

// What a strand that is busy leaves where it is, the sender keeps.
TEST_F(transport_test, what_is_not_read_waits_at_its_sender) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  a.link->send(b.address(), words("first"));
  ASSERT_TRUE(until([&] { return b.messages.size() == 1; }));
  b.link->hold_reading(true);
  for (int each = 0; each < 200; ++each) a.link->send(b.address(), words(100'000));
  pause(300ms);
  EXPECT_LT(b.messages.size(), 5U) << "what was asked for before is still read";
  EXPECT_GT(a.link->bytes_queued(b.address()), 1'000'000U) << "the kernels hold some of it";
  b.link->hold_reading(false);
  ASSERT_TRUE(until([&] { return b.messages.size() == 201; }));
}

TEST_F(transport_test, a_large_message_is_seen_to_arrive) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  a.link->send(b.address(), words(50U << 20));
  bool seen = false;
  ASSERT_TRUE(until([&] {
    auto const from = b.link->arriving();
    seen = seen || (from.size() == 1 && from.front().uuid == base::make_uuid(1, 1));
    return !b.messages.empty();
  }));
  EXPECT_TRUE(seen);
  EXPECT_TRUE(b.link->arriving().empty());
}

TEST_F(transport_test, another_group_is_refused_and_both_sides_say_so) {
  node a(io, 1, "blue");
  node b(io, 2, "green");
  a.listen();
  b.listen();
  a.link->send(b.address(), words("hello?"));
  ASSERT_TRUE(until([&] { return !a.rejected.empty(); }));
  EXPECT_EQ(a.rejected[0].first, b.address());
  for (auto const* part : {"'blue'", "'green'"}) {
    EXPECT_NE(a.rejected[0].second.find(part), std::string::npos) << a.rejected[0].second;
    ASSERT_FALSE(b.lines.empty());
    EXPECT_NE(b.lines[0].find(part), std::string::npos) << b.lines[0];
  }
  EXPECT_NE(b.lines[0].find(a.address()), std::string::npos);
  EXPECT_TRUE(b.messages.empty());
  EXPECT_TRUE(a.lost.empty()) << "refused is not lost";
  a.link->send(b.address(), words("and now?"));
  ASSERT_TRUE(until([&] { return a.rejected.size() == 2; }));
  EXPECT_EQ(b.lines.size(), 1U) << "the same complaint is logged once in a while";
}

TEST_F(transport_test, who_is_not_on_the_allowlist_is_told_so_and_is_let_in_once_it_is) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  b.link->allow({});
  a.link->send(b.address(), words("hello?"));
  ASSERT_TRUE(until([&] { return !a.rejected.empty(); }));
  for (auto const& told : {a.rejected[0].second, b.lines.at(0)}) {
    EXPECT_NE(told.find("127.0.0.1"), std::string::npos) << told;
    EXPECT_NE(told.find("group_replication_ip_allowlist"), std::string::npos) << told;
  }
  EXPECT_TRUE(b.messages.empty());
  EXPECT_EQ(b.link->counters().connections_refused, 1U);
  b.link->allow(*gr::allowlist::parse("127.0.0.1"));
  a.link->send(b.address(), words("and now?"));
  ASSERT_TRUE(until([&] {
    if (b.texts().empty()) a.link->send(b.address(), words("and now?"));
    return !b.texts().empty();
  }));
}

TEST_F(transport_test, a_large_message_does_not_hide_the_refusal) {
  node a(io, 1, "blue");
  node b(io, 2, "green");
  a.listen();
  b.listen();
  a.link->send(b.address(), words(50U << 20));
  ASSERT_TRUE(until([&] { return !a.rejected.empty(); }));
}

TEST_F(transport_test, the_same_server_uuid_twice_is_refused) {
  node a(io, 1);
  node b(io, 1);
  a.listen();
  b.listen();
  a.link->send(b.address(), words("me"));
  ASSERT_TRUE(until([&] { return !a.rejected.empty(); }));
  EXPECT_NE(a.rejected[0].second.find("same server uuid"), std::string::npos);
  a.link->send(a.address(), words("to myself"));
  ASSERT_TRUE(until([&] { return a.messages.size() == 1; })) << "a member may find itself among its seeds";
}

TEST_F(transport_test, garbage_costs_the_connection_and_nothing_else) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  tcp::socket stranger(io);
  stranger.connect({asio::ip::make_address("127.0.0.1"), b.link->port()});
  asio::write(stranger, asio::buffer(std::string("GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n")));
  ASSERT_TRUE(until([&] { return b.link->counters().connections_refused == 1; }));
  ASSERT_FALSE(b.lines.empty());
  EXPECT_NE(b.lines[0].find("127.0.0.1"), std::string::npos);
  a.link->send(b.address(), words("still there?"));
  EXPECT_TRUE(until([&] { return b.messages.size() == 1; }));
}

TEST_F(transport_test, who_says_nothing_is_sent_away) {
  node b(io, 2);
  b.listen();
  std::deque<tcp::socket> silent;
  for (int each = 0; each < 70; ++each) {
    silent.emplace_back(io).connect({asio::ip::make_address("127.0.0.1"), b.link->port()});
  }
  ASSERT_TRUE(until([&] { return b.link->counters().connections_refused == 6; })) << "64 strangers are the limit";
  ASSERT_TRUE(until([&] { return b.lines.size() == 65; }));
  EXPECT_NE(b.lines.back().find("hello"), std::string::npos);
}

TEST_F(transport_test, a_peer_that_dies_is_reported_at_once_and_found_again) {
  node a(io, 1);
  auto b = std::make_unique<node>(io, 2);
  a.listen();
  b->listen();
  std::string const address = b->address();
  a.link->send(address, words("one"));
  ASSERT_TRUE(until([&] { return b->messages.size() == 1; }));
  auto const died = std::chrono::steady_clock::now();
  b.reset();
  ASSERT_TRUE(until([&] { return !a.lost.empty(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - died, 500ms);
  EXPECT_EQ(a.lost[0], address);
  pause(200ms);
  EXPECT_EQ(a.lost.size(), 1U) << "nobody sends, nobody dials";

  node again(io, 2, "g", address);
  again.listen();
  ASSERT_TRUE(until([&] {
    if (!again.messages.empty()) return true;
    a.link->send(address, words("two"));
    return false;
  }));
}

TEST_F(transport_test, a_peer_that_never_was_is_reported_once_per_backoff) {
  node a(io, 1);
  a.listen();
  std::string const nobody = "127.0.0.1:1";
  auto const began = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - began < 700ms) {
    a.link->send(nobody, heartbeat_number(1));
    pause(5ms);
  }
  EXPECT_GE(a.lost.size(), 3U);
  EXPECT_LE(a.lost.size(), 8U) << "20, 40, 80, 160, 320 ms, ...";
  EXPECT_EQ(a.lines.size(), 1U);
  a.link->send("nonsense", words("x"));
  ASSERT_TRUE(until([&] { return a.lines.size() == 2; }));
  EXPECT_NE(a.lines[1].find("host:port"), std::string::npos);
}

TEST_F(transport_test, host_names_are_looked_up) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  a.link->send("localhost:" + std::to_string(b.link->port()), words("by name"));
  ASSERT_TRUE(until([&] { return b.messages.size() == 1; }));
}

TEST_F(transport_test, a_full_queue_drops_the_newest_and_counts_it) {
  node a(io, 1, "g", "127.0.0.1:0", 1U << 20);
  a.listen();
  std::string const nobody = "127.0.0.1:1";
  for (int each = 0; each < 5; ++each) a.link->send(nobody, words(400000));
  EXPECT_EQ(a.link->counters().dropped_full, 3U);
  EXPECT_LE(a.link->bytes_queued(nobody), 1U << 20);
  ASSERT_TRUE(until([&] { return !a.lost.empty(); }));
  EXPECT_EQ(a.link->counters().dropped_lost, 2U);
  EXPECT_EQ(a.link->bytes_queued(nobody), 0U);
}

TEST_F(transport_test, a_port_in_use_is_an_error_for_a_person) {
  node a(io, 1);
  a.listen();
  node b(io, 2, "g", a.address());
  auto const done = b.link->listen();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find(a.address()), std::string::npos);
  EXPECT_NE(done.error().text.find("in use"), std::string::npos) << done.error().text;
  EXPECT_FALSE(node(io, 3, "g", "192.0.2.1:5").link->listen());
  EXPECT_FALSE(node(io, 3, "g", "127.0.0.1").link->listen());
}

TEST_F(transport_test, forgetting_and_closing_inside_a_callback_is_fine) {
  node a(io, 1);
  auto b = std::make_unique<node>(io, 2);
  a.listen();
  b->listen();
  bool gone = false;
  transport_config config;
  config.listen_address = "127.0.0.1:0";
  config.group_name = "g";
  config.self = {base::make_uuid(3, 3), 1};
  config.allowed = *gr::allowlist::parse("AUTOMATIC");
  std::unique_ptr<transport> third;
  third = std::make_unique<transport>(io, config,
                                      transport_callbacks{[&](auto const&, auto) {
                                                            third.reset();
                                                            gone = true;
                                                          },
                                                          {},
                                                          {},
                                                          {}});
  ASSERT_TRUE(third->listen());
  a.link->send(third->self_address(), words("x"));
  a.link->send(third->self_address(), words("y"));
  a.link->send(b->address(), words("z"));
  ASSERT_TRUE(until([&] { return gone && b->messages.size() == 1; }));
  a.link->forget(b->address());
  EXPECT_FALSE(a.link->is_connected(b->address()));
  pause(50ms);
}

TEST_F(transport_test, no_socket_is_inherited) {
  node a(io, 1);
  node b(io, 2);
  a.listen();
  b.listen();
  a.link->send(b.address(), words("x"));
  ASSERT_TRUE(until([&] { return b.messages.size() == 1; }));
  int sockets = 0;
  for (auto const& each : std::filesystem::directory_iterator("/proc/self/fdinfo")) {
    std::error_code bad;
    auto const target = std::filesystem::read_symlink("/proc/self/fd/" + each.path().filename().string(), bad);
    if (bad || !target.string().starts_with("socket:")) continue;
    ++sockets;
    std::ifstream info(each.path());
    std::string word;
    while (info >> word && word != "flags:") {}
    info >> word;
    EXPECT_NE(std::stoul(word, nullptr, 8) & 02000000U, 0U) << each.path();
  }
  EXPECT_GE(sockets, 4);
}

TEST(send_queue, urgent_comes_first_and_only_the_newest_heartbeat_waits) {
  send_queue queue(1U << 30);
  ASSERT_TRUE(queue.push(words(600000), xcom::protocol_highest));
  ASSERT_TRUE(queue.push(heartbeat_number(1), xcom::protocol_highest));
  ASSERT_TRUE(queue.push(heartbeat_number(2), xcom::protocol_highest));
  xcom::frame_decoder decoder;
  ASSERT_TRUE(decoder.feed(xcom::encode_frame(xcom::hello{}).flat().view()));
  std::vector<xcom::frame_event> events;
  while (!queue.empty()) {
    auto found = decoder.feed(queue.take(1).flat().view());
    ASSERT_TRUE(found);
    for (auto& each : *found) events.push_back(std::move(each));
  }
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(std::get<xcom::heartbeat>(std::get<xcom::wire_message>(events[0])).count, 2U);
  EXPECT_EQ(queue.bytes(), 0U);
}

TEST(send_queue, history_never_starves_and_never_hinders) {
  send_queue queue(1U << 30);
  xcom::fetched history;
  history.range.body = base::blob(std::vector<std::uint8_t>(900000));
  ASSERT_TRUE(queue.push(history, xcom::protocol_highest));
  ASSERT_TRUE(queue.push(words(900000), xcom::protocol_highest));
  std::size_t const both = queue.take(xcom::chunk_bytes).size();
  EXPECT_GT(both, 2 * xcom::chunk_bytes);
  EXPECT_LT(both, 3 * xcom::chunk_bytes);
}

TEST(addresses, are_parsed_or_explained) {
  EXPECT_EQ(to_string(*parse_address("h:1")), "h:1");
  EXPECT_EQ(to_string(*parse_address("[::1]:33061")), "[::1]:33061");
  EXPECT_EQ(parse_address(":5")->host, "");
  for (auto const* bad : {"", "h", "h:", "h:65536", "h:1x"}) {
    auto const parsed = parse_address(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_NE(parsed.error().text.find("port"), std::string::npos);
  }
}

}  // namespace
}  // namespace runtime
