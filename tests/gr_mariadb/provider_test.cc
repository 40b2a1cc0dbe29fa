// Goal: what the provider says and answers without a server. Method: a group that does as it is told.
#include "gr/mariadb/provider.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace gr::mariadb {
namespace {

std::vector<std::string> logged;
void keep_line(int, char const* line) { logged.emplace_back(line); }

base::result<gr::seqno_t> next_position = base::fail("not told");

class told_group final : public gr::group {
 public:
  base::result<void> connect(gr::connect_request const&) override { return {}; }
  void disconnect() override {}
  gr::ordered order(gr::local_write_set) override { return {}; }
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

}  // namespace
}  // namespace gr::mariadb
