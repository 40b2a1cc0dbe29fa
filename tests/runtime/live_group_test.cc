// The whole driver on loopback sockets, with its threads: three groups in this process below three small servers.
#include "runtime/live_group.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <filesystem>
#include <iostream>
#include <map>

#include "base/ensure.hh"
#include "certifier/write_set.hh"
#include "tests/runtime/certificates.hh"

namespace runtime {
namespace {

using namespace std::chrono_literals;
using gr::seqno_t;

template <class Claim> bool within(std::chrono::milliseconds most, Claim claim) {
  auto const deadline = std::chrono::steady_clock::now() + most;
  while (!claim()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

// Free when it was asked for; taken by nobody else as long as the kernel hands out others first.
unsigned free_port() {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

struct temporary_directory {
  std::string path;
  temporary_directory() {
    path = (std::filesystem::temp_directory_path() / "quorate-live-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) ADD_FAILURE() << "no temporary directory";
  }
  temporary_directory(temporary_directory const&) = delete;
  temporary_directory& operator=(temporary_directory const&) = delete;
  ~temporary_directory() { std::filesystem::remove_all(path); }
};

class small_server;

// Who can copy from whom, as the state transfer scripts can.
struct hall {
  std::mutex mutex;
  std::map<std::string, small_server*> by_name;
};

// Applies at once, on the strand. What it holds is the write sets by position; where there is none a view took the position,
// or a transaction that failed.
std::shared_ptr<gr::option_store> all_write() {
  auto made = std::make_shared<gr::option_store>();
  EXPECT_TRUE(
      made->set("group_replication_single_primary_mode", "OFF", gr::option_store::moment::before_start).has_value());
  return made;
}

class small_server final : public gr::server {
 public:
  small_server(hall& among, std::string name) : among_(among), name_(std::move(name)), port_(free_port()) {
    std::lock_guard const lock(among_.mutex);
    among_.by_name[name_] = this;
  }
  ~small_server() override {
    group.reset();
    std::lock_guard const lock(among_.mutex);
    among_.by_name.erase(name_);
  }
  small_server(small_server const&) = delete;
  small_server& operator=(small_server const&) = delete;

  // Without seeds it begins the group.
  base::result<void> start(std::vector<std::string> const& seeds) {
    gr::group_options how;
    how.data_dir = directory_.path;
    how.node_name = name_;
    how.incoming = "127.0.0.1:1";
    how.listen_host = how.own_host = "127.0.0.1";
    how.listen_port = how.own_port = port_;
    how.options = options;
    how.connect_patience = connect_patience;
    if (seqno_t const at = committed_; at >= 0) {
      std::lock_guard const lock(mutex_);
      how.start = {history_, at};
    }
    how.server_runs = runs;
    online = closed = false;
    group = std::make_unique<live_group>(how, *this);
    return group->connect({"g", seeds, seeds.empty()});
  }
  gr::ordered commit(std::string const& row, std::string const& what) {
    std::array<std::string_view, 3> const path{"db", "t", row};
    certifier::write_set keys;
    keys.add(path, certifier::key_kind::exclusive);
    gr::local_write_set one;
    one.trx = ++last_trx_;
    one.flags = gr::flag_start | gr::flag_end;
    one.last_seen = committed_;
    one.keys = keys.encode();
    one.data = base::blob::copy_of(what);
    {
      std::lock_guard const lock(mutex_);
      under_way_[one.trx] = what;
    }
    return group->order(std::move(one));
  }

  void deliver(gr::server_event event) override {
    std::visit([this](auto const& each) { on(each); }, event);
  }
  void note_ordered(std::uint64_t trx, gr::ordered const& verdict) override {
    std::lock_guard const lock(mutex_);
    auto const mine = under_way_.extract(trx);
    if (verdict.outcome == gr::order_outcome::passed) rows_[verdict.seqno] = mine.mapped();
    committed_ = std::max<seqno_t>(committed_, verdict.seqno);
  }
  [[nodiscard]] seqno_t last_committed() const override { return committed_; }
  void log(level, std::string const& line) override {
    std::lock_guard const lock(mutex_);
    lines_ += name_ + ": " + line + "\n";
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::map<seqno_t, std::string> rows() {
    std::lock_guard const lock(mutex_);
    return rows_;
  }
  [[nodiscard]] std::string lines() {
    std::lock_guard const lock(mutex_);
    return lines_;
  }

  std::shared_ptr<gr::option_store> const options = all_write();
  std::unique_ptr<live_group> group;
  std::chrono::milliseconds connect_patience{60'000};
  bool runs = false;  // has been up before it starts
  std::atomic<std::uint64_t> copies_asked{0};
  std::atomic<bool> online{false};
  std::atomic<bool> closed{false};
  std::atomic<bool> breaks_a_claim{false};
  std::atomic<bool> never_done_copying{false};

 private:
  template <class Event> void on(Event const&) {}
  void on(gr::resume_at const& event) { takes(event.own); }
  void on(gr::view_installed const& event) { takes(event.now); }
  void on(gr::remote_write_set const& event) {
    if (breaks_a_claim) base::throw_broken_claim("rows are in order", std::source_location::current());
    std::lock_guard const lock(mutex_);
    if (!event.failed) rows_[event.seqno] = std::string(event.data.text());
    committed_ = std::max<seqno_t>(committed_, event.seqno);
  }
  void on(gr::state_needed const&) {
    ++copies_asked;
    group->state_requested(base::blob::copy_of(name_));
  }
  void on(gr::donate_state const& event) {
    if (never_done_copying) return;
    std::lock_guard const lock(among_.mutex);
    among_.by_name.at(std::string(event.request.text()))->take_copy(history_, event.position, rows());
    group->state_sent(event.position, 0);
  }
  void on(gr::caught_up const&) { online = true; }
  void on(gr::group_closed const&) { closed = true; }

  void takes(gr::view const& now) {
    if (now.status != gr::view_status::primary) return;
    std::lock_guard const lock(mutex_);
    history_ = now.group;
    committed_ = std::max<seqno_t>(committed_, now.seqno);
  }
  void take_copy(base::uuid const& history, seqno_t position, std::map<seqno_t, std::string> rows) {
    {
      std::lock_guard const lock(mutex_);
      history_ = history;
      rows_ = std::move(rows);
      committed_ = position;
    }
    group->state_received(history, position, 0);
  }

  hall& among_;
  std::string const name_;
  unsigned const port_;
  temporary_directory directory_;
  std::atomic<std::uint64_t> last_trx_{0};
  std::atomic<seqno_t> committed_{-1};
  std::mutex mutex_;
  base::uuid history_;
  std::map<std::uint64_t, std::string> under_way_;
  std::map<seqno_t, std::string> rows_;
  std::string lines_;
};

class live_group_test : public ::testing::Test {
 protected:
  void SetUp() override {
    for (char const* name : {"a", "b", "c"}) servers.push_back(std::make_unique<small_server>(among, name));
    start(0, {});
    start(1, {servers[0]->address()});
    start(2, {servers[0]->address(), servers[1]->address()});
  }
  void TearDown() override {
    for (auto const& each : servers) each->group->disconnect();
    if (HasFailure())
      for (auto const& each : servers) std::cerr << each->lines();
  }
  void start(std::size_t which, std::vector<std::string> const& seeds) {
    auto const done = servers[which]->start(seeds);
    if (!done) ADD_FAILURE() << done.error().text;
    EXPECT_TRUE(within(60s, [&] { return servers[which]->online.load(); })) << which << " does not come online";
  }
  // Commits `each` times from two threads a server; how many passed.
  std::uint64_t load(std::vector<std::size_t> const& on, int each) {
    std::atomic<std::uint64_t> passed{0};
    std::vector<std::thread> clients;
    for (auto const which : on)
      for (int client = 0; client < 2; ++client)
        clients.emplace_back([&, which, client] {
          for (int count = 0; count < each; ++count) {
            auto const text = std::to_string(which) + "/" + std::to_string(client) + "/" + std::to_string(count);
            passed += servers[which]->commit(text, text).outcome == gr::order_outcome::passed ? 1 : 0;
          }
        });
    for (auto& client : clients) client.join();
    return passed;
  }
  bool all_equal(std::vector<std::size_t> const& which) {
    return within(10s, [&] {
      return std::ranges::all_of(which, [&](auto each) { return servers[each]->rows() == servers[which[0]]->rows(); });
    });
  }

  hall among;
  std::vector<std::unique_ptr<small_server>> servers;
};

TEST_F(live_group_test, writes_from_every_member_arrive_everywhere_in_one_order) {
  EXPECT_EQ(load({0, 1, 2}, 100), 600U);
  EXPECT_TRUE(all_equal({0, 1, 2}));
  EXPECT_EQ(servers[0]->rows().size(), 600U);
}

TEST_F(live_group_test, a_member_leaves_and_comes_back_under_load) {
  std::thread others([&] { EXPECT_EQ(load({0, 1}, 200), 800U); });
  servers[2]->group->disconnect();
  EXPECT_TRUE(servers[2]->closed);
  EXPECT_EQ(servers[2]->commit("x", "x").outcome, gr::order_outcome::not_sent);
  start(2, {servers[0]->address(), servers[1]->address()});
  others.join();
  EXPECT_TRUE(all_equal({0, 1, 2}));
}

// However much it misses: a copy would have to replace the data it serves, and what a log still has it can read there.
TEST_F(live_group_test, a_server_that_runs_comes_back_without_a_copy) {
  auto& back = *servers[2];
  back.group->disconnect();
  EXPECT_EQ(load({0, 1}, 50), 200U);
  ASSERT_TRUE(
      back.options->set("group_replication_clone_threshold", "20", gr::option_store::moment::running).has_value());
  auto const before = back.copies_asked.load();
  back.runs = true;
  start(2, {servers[0]->address(), servers[1]->address()});
  EXPECT_EQ(back.copies_asked, before);
  EXPECT_TRUE(all_equal({0, 1, 2}));
}

// The process stays up, nobody waits for ever, and the two others go on.
TEST_F(live_group_test, a_broken_claim_ends_the_membership_and_nothing_else) {
  servers[2]->breaks_a_claim = true;
  std::atomic<bool> stop{false};
  std::thread client([&] {
    while (!stop) (void)servers[2]->commit("mine", "mine");
  });
  EXPECT_EQ(load({0, 1}, 50), 200U);
  EXPECT_TRUE(within(10s, [&] { return servers[2]->closed.load(); }));
  stop = true;
  client.join();
  auto const after = servers[2]->commit("late", "late");
  EXPECT_EQ(after.outcome, gr::order_outcome::not_sent);
  EXPECT_NE(after.why.find("rows are in order"), std::string::npos) << after.why;
  EXPECT_EQ(servers[2]->group->status().state, "ERROR");
  EXPECT_FALSE(servers[2]->group->causal_position(1s));
  EXPECT_NE(servers[2]->lines().find("please report it"), std::string::npos);
  EXPECT_EQ(load({0, 1}, 10), 40U);
  EXPECT_TRUE(all_equal({0, 1}));
}

// The server may be up already, and its transfer script a client: with mysqldump it is.
TEST_F(live_group_test, a_member_that_is_copied_to_refuses_reads_and_writes_at_once) {
  for (auto const& each : servers) each->never_done_copying = true;
  auto& joiner = *servers.emplace_back(std::make_unique<small_server>(among, "d"));
  ASSERT_TRUE(joiner.start({servers[0]->address()}));
  auto const began = std::chrono::steady_clock::now();
  auto const read = joiner.group->causal_position(30s);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("brought up to date"), std::string::npos) << read.error().text;
  EXPECT_EQ(joiner.commit("x", "x").outcome, gr::order_outcome::not_sent);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

// As a server shuts down: clients still commit, and every one of them is answered.
TEST_F(live_group_test, whoever_commits_while_the_group_closes_is_answered) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  clients.reserve(4);
  for (int each = 0; each < 4; ++each)
    clients.emplace_back([&, each] {
      while (!stop) (void)servers[1]->commit(std::to_string(each), "x");
    });
  std::thread twice([&] { servers[1]->group->disconnect(); });
  servers[1]->group->disconnect();
  twice.join();
  stop = true;
  for (auto& client : clients) client.join();
  EXPECT_TRUE(servers[1]->closed);
}

// A human has to decide then, and on what: what going on from here would lose.
TEST_F(live_group_test, who_finds_no_majority_says_who_was_there_and_how_far) {
  EXPECT_EQ(load({0}, 5), 10U);
  ASSERT_TRUE(all_equal({0, 1, 2}));
  for (auto const& each : servers) each->group.reset();
  servers[0]->connect_patience = 3s;
  auto const alone = servers[0]->start({servers[1]->address()});
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().text.find("\n  " + servers[0]->address() + " (this one): position 13"), std::string::npos)
      << alone.error().text;
  EXPECT_NE(alone.error().text.find("\n  " + servers[1]->address() + ": not heard"), std::string::npos)
      << alone.error().text;
  servers[0]->connect_patience = 60s;
  std::thread first([&] { EXPECT_TRUE(servers[0]->start({servers[1]->address()})); });
  EXPECT_TRUE(servers[1]->start({servers[0]->address()}));
  first.join();
  EXPECT_TRUE(servers[2]->start({servers[0]->address()}));
}

// ---- TLS ----

void secure(small_server& one, certificates const& made, std::string const& name, std::string const& authority = "ca") {
  for (auto const& [option, value] :
       {std::pair{"mode", std::string("VERIFY_CA")}, std::pair{"cert", made.path(name + ".pem")},
        std::pair{"key", made.path(name + ".key")}, std::pair{"ca", made.path(authority + ".pem")}})
    ASSERT_TRUE(one.options->set(std::string("group_replication_ssl_") + option, value,
                                 gr::option_store::moment::before_start));
}

// Goal: certificates are looked at when connections are made, so one that has expired can be in a group for long; it must not
// keep others from coming in. Method: a joiner whose first seed shows a certificate that nobody accepts.
TEST(live_group, a_seed_that_cannot_be_trusted_does_not_keep_a_joiner_from_the_others) {
  certificates made;
  made.make_authority("other");
  made.issue("good", "IP:127.0.0.1");
  made.issue("bad", "IP:127.0.0.1", 10, "other");
  hall among;
  small_server founder(among, "founder");
  small_server stranger(among, "stranger");
  small_server joiner(among, "joiner");
  secure(founder, made, "good");
  secure(stranger, made, "bad", "other");
  secure(joiner, made, "good");
  ASSERT_TRUE(founder.start({}));
  ASSERT_TRUE(stranger.start({}));
  auto const alone = joiner.start({stranger.address(), joiner.address()});
  ASSERT_FALSE(alone);
  for (auto const& part : {stranger.address(), std::string("CN = bad"), std::string("not accepted")})
    EXPECT_NE(alone.error().text.find(part), std::string::npos) << alone.error().text;
  auto const joined = joiner.start({stranger.address(), founder.address()});
  EXPECT_TRUE(joined) << joined.error().text;
  EXPECT_NE(joiner.lines().find("no TLS connection to " + stranger.address()), std::string::npos);
}

TEST(live_group, new_certificates_are_taken_or_refused_while_it_runs) {
  certificates made;
  made.issue("one", "IP:127.0.0.1");
  made.issue("old", "IP:127.0.0.1", -1);
  hall among;
  small_server server(among, "a");
  secure(server, made, "one");
  ASSERT_TRUE(server.start({}));
  EXPECT_TRUE(server.group->reload_certificates());
  secure(server, made, "old");
  auto const refused = server.group->reload_certificates();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("has expired"), std::string::npos) << refused.error().text;
  auto const never = small_server(among, "b").start({});
  EXPECT_TRUE(never) << "without TLS nothing is read";
}

TEST(live_group, who_cannot_use_tls_does_not_take_part) {
  certificates made;
  made.issue("old", "IP:127.0.0.1", -1);
  hall among;
  small_server server(among, "a");
  secure(server, made, "old");
  auto const refused = server.start({});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("old.pem"), std::string::npos) << refused.error().text;
}

}  // namespace
}  // namespace runtime
