// Goal: what the provider says and answers without a server. Method: a group that does as it is told.
#include "gr/mariadb/provider.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <vector>

namespace gr::mariadb {
namespace {

std::vector<std::string> logged;
void keep_line(int, char const* line) { logged.emplace_back(line); }

base::result<gr::seqno_t> next_position = base::fail("not told");

struct turns {  // what the group was asked for, and what happens while somebody waits for its turn
  std::vector<std::uint64_t> waited, hurried, ordered;
  std::size_t bytes = 0;
  std::function<void()> meanwhile = [] {};
  bool hurries = false;  // after that
  std::function<gr::ordered(std::uint64_t)> order = [](std::uint64_t) { return gr::ordered{}; };
};
turns asked;

class told_group final : public gr::group {
 public:
  base::result<void> connect(gr::connect_request const&) override { return {}; }
  void disconnect() override {}
  void wait_for_turn(std::uint64_t trx, std::size_t bytes, std::function<bool()> const& hurries) override {
    asked.waited.push_back(trx);
    asked.bytes += bytes;
    asked.meanwhile();
    asked.hurries = hurries();
  }
  void hurry(std::uint64_t trx) override { asked.hurried.push_back(trx); }
  gr::ordered order(gr::local_write_set what) override {
    asked.ordered.push_back(what.trx);
    return asked.order(what.trx);
  }
  void order_later(gr::local_write_set) override {}
  base::result<gr::seqno_t> causal_position(std::chrono::milliseconds) override { return next_position; }
  void state_requested(base::result<base::blob>) override {}
  void state_sent(gr::seqno_t, int) override {}
  void state_received(base::uuid const&, gr::seqno_t, int) override {}
  void set_desynced(bool) override {}
  base::result<void> force_members(std::string const&) override { return base::fail("it has all its members"); }
  base::result<void> change_protocol(std::string const&) override {
    return base::fail("it has no others to speak with");
  }
  base::result<void> await_everywhere(gr::seqno_t, std::chrono::milliseconds) override { return {}; }
  void note_progress() override {}
  [[nodiscard]] gr::group_status status() const override { return {}; }
};

std::unique_ptr<gr::group> make_told_group(gr::group_options const&, gr::server&) {
  return std::make_unique<told_group>();
}

class connected_provider : public testing::Test {
 protected:
  void SetUp() override {
    data_dir_ = std::filesystem::temp_directory_path() / "quorate_provider_test_XXXXXX";
    ASSERT_NE(::mkdtemp(data_dir_.data()), nullptr);
    logged.clear();
    asked = {};
    wsrep_init_args args{};
    args.data_dir = data_dir_.c_str();
    args.options = "base_port=4567";
    args.logger_cb = keep_line;
    ASSERT_EQ(provider_.init(args), abi::ok);
    ASSERT_EQ(provider_.connect("shop", "gcomm://", "", true), abi::ok);
  }
  void TearDown() override { std::filesystem::remove_all(data_dir_); }

  static std::size_t count_lines(std::string const& with) {
    return static_cast<std::size_t>(
        std::ranges::count_if(logged, [&](auto const& line) { return line.find(with) != std::string::npos; }));
  }

  abi::status certify(std::uint64_t trx, std::uint32_t flags) {
    wsrep_ws_handle handle{trx, nullptr};
    std::string const row = "a row";
    wsrep_buf const part{row.data(), row.size()};
    EXPECT_EQ(provider_.append_data(handle, {&part, 1}, abi::ordered_data), abi::ok);
    wsrep_trx_meta meta{};
    auto const answer = provider_.certify(7, handle, flags, meta);
    provider_.release(handle);
    return answer;
  }

  std::string data_dir_;
  provider provider_{make_told_group, shared_state::instance()};
};

// Clients poll a server without majority, many times a second and with every read: that must not fill the error log.
TEST_F(connected_provider, reads_that_fail_alike_are_logged_once_until_one_succeeds) {
  wsrep_gtid position{};
  next_position = base::fail("no majority");
  for (int poll = 0; poll < 5; ++poll) EXPECT_EQ(provider_.sync_wait(nullptr, 1, &position), abi::conn_fail);
  EXPECT_EQ(count_lines("causal read"), 1U);
  next_position = provider_.last_committed();
  EXPECT_EQ(provider_.sync_wait(nullptr, 1, &position), abi::ok);
  next_position = base::fail("no majority");
  EXPECT_EQ(provider_.sync_wait(nullptr, 1, &position), abi::conn_fail);
  EXPECT_EQ(count_lines("causal read"), 2U);
}

TEST_F(connected_provider, a_transaction_waits_for_its_turn_before_it_is_ordered) {
  asked.meanwhile = [] { EXPECT_TRUE(asked.ordered.empty()); };
  certify(5, flag_start | flag_end);
  EXPECT_EQ(asked.waited, std::vector<std::uint64_t>{5});
  EXPECT_EQ(asked.bytes, 5U);
  EXPECT_EQ(asked.ordered, std::vector<std::uint64_t>{5});
  EXPECT_FALSE(asked.hurries);
}

// The group says what a transaction's position is before that transaction's thread does: whoever stops the server at a position,
// or leaves the group and writes it down, must not pass by one whose thread had no processor yet.
TEST_F(connected_provider, a_position_counts_from_the_moment_the_group_gave_it) {
  using std::chrono::milliseconds;
  std::future<std::int64_t> paused;
  asked.order = [&](std::uint64_t trx) {
    gr::ordered const verdict{gr::order_outcome::passed, 0, -1, ""};
    provider_.note_ordered(trx, verdict);
    paused = std::async(std::launch::async, [this] { return provider_.pause(); });
    bool const passed_by = paused.wait_for(milliseconds(50)) == std::future_status::ready;
    EXPECT_FALSE(passed_by);
    if (passed_by) provider_.resume();
    return verdict;
  };
  certify(5, flag_start | flag_end);
  EXPECT_EQ(paused.get(), 0);
  provider_.resume();
}

// What is rolled back frees what others wait for.
TEST_F(connected_provider, a_rollback_waits_for_no_turn) {
  certify(5, flag_rollback);
  EXPECT_TRUE(asked.waited.empty());
}

TEST_F(connected_provider, ddl_waits_for_its_turn) {
  std::string const statement = "CREATE TABLE t";
  wsrep_buf const part{statement.data(), statement.size()};
  wsrep_trx_meta meta{};
  provider_.to_execute_start(7, {}, {&part, 1}, 0, meta);
  EXPECT_EQ(asked.waited.size(), 1U);
  EXPECT_EQ(asked.bytes, statement.size());
}

// An applier wants the locks of one that waits for its turn: it is told to go, and is never ordered.
TEST_F(connected_provider, brute_force_ends_the_wait_for_a_turn) {
  std::int64_t victim_seqno = 0;
  asked.meanwhile = [&] { EXPECT_EQ(provider_.abort_certification(9, 5, &victim_seqno), abi::ok); };
  EXPECT_EQ(certify(5, flag_start | flag_end), abi::conn_fail);
  EXPECT_TRUE(asked.hurries) << "so that one who has not begun to wait does not";
  EXPECT_EQ(asked.hurried, std::vector<std::uint64_t>{5});
  EXPECT_TRUE(asked.ordered.empty());
  EXPECT_EQ(victim_seqno, -1);
}

}  // namespace
}  // namespace gr::mariadb
