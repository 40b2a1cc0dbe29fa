// Goal: what users write is understood or refused with a reason, and files are read back as written.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "gr/mariadb/address.hh"
#include "gr/mariadb/state_file.hh"
#include "gr/options.hh"

namespace gr::mariadb {
namespace {

using moment = gr::option_store::moment;

TEST(address, takes_galeras_and_our_own_scheme) {
  auto const parsed = parse_cluster_address("gcomm://h1:5000,h2,[::1]:7?pc.weight=3&evs.suspect_timeout=PT2S");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->seeds, (std::vector<std::string>{"h1:5000", "h2:4567", "[::1]:7"}));
  EXPECT_EQ(parsed->options, "pc.weight=3;evs.suspect_timeout=PT2S");
  EXPECT_TRUE(parse_cluster_address("gr://")->seeds.empty());
}

TEST(address, refuses_with_the_reason) {
  for (auto const* bad :
       {"", "h1:4567", "ftp://h1", "gcomm://h1:0", "gcomm://h1:70000", "gcomm://h1:x", "gcomm://[::1", "gr://:5"})
    EXPECT_FALSE(parse_cluster_address(bad).has_value()) << bad;
  EXPECT_NE(parse_cluster_address("gcomm://h1:70000").error().text.find("1 .. 65535"), std::string::npos);
}

TEST(options, a_list_is_applied_as_a_whole_or_not_at_all) {
  gr::option_store store;
  EXPECT_FALSE(store.set_all("pc.weight = 7; nonsense = 1", moment::running).has_value());
  EXPECT_EQ(store.number("group_replication_member_weight"), 50);
  ASSERT_TRUE(store.set_all("pc.weight = 7; gcache.size = 256M;", moment::running).has_value());
  EXPECT_EQ(store.number("group_replication_member_weight"), 7);
  EXPECT_EQ(store.number("gcache.size"), 256 << 20);
  EXPECT_NE(store.print().find("gcache.size = 256M; "), std::string::npos);
}

TEST(options, a_refusal_names_option_value_and_range) {
  gr::option_store store;
  auto const text = store.set("pc.weight", "101", moment::running).error().text;
  for (auto const* part : {"pc.weight", "101", "0 .. 100"}) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(options, durations_come_in_seconds_and_in_iso_8601) {
  gr::option_store store;
  for (auto const* same : {"PT1M2.5S", "62.5", "pt62.5s"}) {
    ASSERT_TRUE(store.set("repl.causal_read_timeout", same, moment::running).has_value()) << same;
    EXPECT_EQ(store.number("repl.causal_read_timeout"), 62500);
  }
  for (auto const* bad : {"", "P", "PT", "PTS", "1x", "-1", "PT5", "inf"})
    EXPECT_FALSE(store.set("repl.causal_read_timeout", bad, moment::running).has_value()) << bad;
}

TEST(options, what_is_fixed_is_refused_with_the_reason) {
  gr::option_store store;
  for (auto const& spec : gr::option_table()) {
    if (spec.why_fixed.empty() || spec.kind != gr::option_kind::boolean) continue;
    auto const refused = store.set(spec.name, spec.initial == "ON" ? "OFF" : "ON", moment::before_start);
    ASSERT_FALSE(refused.has_value()) << spec.name;
    EXPECT_NE(refused.error().text.find(spec.why_fixed), std::string::npos);
  }
}

TEST(options, choices_are_taken_in_either_case_and_others_refused_with_their_list) {
  gr::option_store store;
  auto const paper = store.set("group_replication_durability", "PAPER", moment::before_start);
  ASSERT_FALSE(paper.has_value());
  EXPECT_NE(paper.error().text.find("MEMORY"), std::string::npos) << paper.error().text;
  EXPECT_TRUE(store.set("group_replication_durability", "MEMORY", moment::before_start).has_value());
  EXPECT_TRUE(store.set("group_replication_durability", "disk", moment::before_start).has_value());
  auto const remarks = store.set_all("gcs.max_packet_size=64K", moment::before_start);
  ASSERT_TRUE(remarks.has_value()) << remarks.error().text;
  EXPECT_EQ(remarks->size(), 1U);
}

TEST(options, galeras_limit_of_flow_control_is_the_appliers_threshold) {
  gr::option_store store;
  auto const remarks = store.set_all("gcs.fc_limit=32", moment::running);
  ASSERT_TRUE(remarks.has_value()) << remarks.error().text;
  EXPECT_TRUE(remarks->empty());
  EXPECT_EQ(store.number("group_replication_flow_control_applier_threshold"), 32);
}

TEST(options, what_cannot_be_otherwise_says_why) {
  gr::option_store store;
  auto const refused = store.set("group_replication_arbitrator", "ON", moment::before_start);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("grarb"), std::string::npos) << refused.error().text;
  EXPECT_TRUE(store.set("group_replication_paxos_single_leader", "1", moment::running).has_value());
  EXPECT_FALSE(store.set("group_replication_paxos_single_leader", "0", moment::running).has_value());
}

TEST(options, a_groups_name_is_a_uuid) {
  gr::option_store store;
  auto const refused = store.set("group_replication_group_name", "shop", moment::before_start);
  ASSERT_FALSE(refused.has_value());
  for (auto const* part : {"group_replication_group_name", "shop", "UUID"})
    EXPECT_NE(refused.error().text.find(part), std::string::npos) << refused.error().text;
  for (auto const* fine : {"", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"})
    EXPECT_TRUE(store.set("group_replication_group_name", fine, moment::before_start).has_value()) << fine;
}

std::string warnings_of(base::result<std::vector<gr::option_remark>> const& remarks) {
  std::string text;
  for (auto const& each : *remarks)
    if (each.how == gr::server::level::warning) text += each.text + '\n';
  return text;
}

// Goal: of two settings of one option the later wins, and says so, under whatever names they came.
TEST(options, contradictions_are_warnings_that_name_both) {
  gr::option_store store;
  ASSERT_TRUE(store.set("group_replication_member_weight", "12", moment::before_start).has_value());
  EXPECT_EQ(warnings_of(store.set_all("pc.weight = 12; pc.weight=12", moment::before_start)), "");
  auto const over = warnings_of(store.set_all("pc.weight = 33", moment::before_start));
  for (auto const* part : {"pc.weight", "33", "12"}) EXPECT_NE(over.find(part), std::string::npos) << over;
  EXPECT_EQ(store.number("group_replication_member_weight"), 33);
  auto const within =
      warnings_of(store.set_all("gcache.size=1G; group_replication_message_cache_size=2G", moment::running));
  for (auto const* part : {"gcache.size", "group_replication_message_cache_size", "1G", "2G"})
    EXPECT_NE(within.find(part), std::string::npos) << within;
  EXPECT_EQ(store.text("gcache.size"), "2G");
  EXPECT_EQ(warnings_of(store.set_all("gcache.size=1G", moment::running)), "") << "a new value, and no contradiction";
  EXPECT_EQ(warnings_of(store.set_all("group_replication_ssl_mode=REQUIRED; socket.ssl=yes", moment::before_start)), "")
      << "the switch yields";
}

// Goal: Galera's switch and our mode are one setting, and turning TLS on twice never weakens it.
TEST(options, galeras_switch_for_tls_sets_our_mode) {
  gr::option_store store;
  auto const mode_after = [&](std::string_view list) {
    auto const done = store.set_all(list, moment::running);
    return done ? store.text("group_replication_ssl_mode") : done.error().text;
  };
  EXPECT_EQ(mode_after("socket.ssl = yes"), "VERIFY_CA");
  EXPECT_NE(store.print().find("socket.ssl = yes; "), std::string::npos);
  EXPECT_EQ(mode_after("socket.ssl = no"), "DISABLED");
  EXPECT_NE(store.print().find("socket.ssl = no; "), std::string::npos);
  EXPECT_EQ(mode_after("group_replication_ssl_mode = verify_identity; socket.ssl = yes"), "VERIFY_IDENTITY");
  EXPECT_EQ(mode_after(store.print()), "VERIFY_IDENTITY") << "clients save what is printed and set it again";
  EXPECT_EQ(mode_after("group_replication_ssl_mode = REQUIRED"), "REQUIRED");
  EXPECT_EQ(mode_after("socket.ssl = 1"), "REQUIRED");
  auto const wrong = mode_after("socket.ssl = maybe");
  for (auto const* part : {"socket.ssl", "maybe", "ON or OFF"}) EXPECT_NE(wrong.find(part), std::string::npos) << wrong;
  EXPECT_EQ(mode_after("socket.ssl_ca = /etc/ca.pem"), "REQUIRED");
  EXPECT_EQ(store.text("group_replication_ssl_ca"), "/etc/ca.pem");
}

TEST(options, a_command_is_carried_out_when_it_is_given_and_keeps_no_value) {
  gr::option_store store;
  auto const early = store.set("group_replication_force_members", "a:1", moment::before_start);
  ASSERT_FALSE(early.has_value());
  EXPECT_NE(early.error().text.find("running member"), std::string::npos) << early.error().text;
  EXPECT_FALSE(store.set("pc.bootstrap", "1", moment::running).has_value()) << "nobody is there to carry it out";
  std::vector<std::string> given;
  store.carry_out_with([&](gr::option_spec const& which, std::string const& text) -> base::result<void> {
    given.push_back(std::string(which.name) + "=" + text);
    return text == "b:1" ? base::result<void>(base::fail("b:1 is not reachable")) : base::result<void>{};
  });
  EXPECT_TRUE(store.set("group_replication_force_members", "a:1", moment::running).has_value());
  EXPECT_EQ(store.text("group_replication_force_members"), "");
  auto const refused = store.set_all("group_replication_force_members=b:1;debug=1", moment::running);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().text.find("b:1 is not reachable"), std::string::npos) << refused.error().text;
  EXPECT_FALSE(store.flag("debug")) << "all of a list or nothing";
  EXPECT_TRUE(store.set_all("pc.bootstrap=yes", moment::running).has_value());
  EXPECT_EQ(given.back(), "pc.bootstrap=ON");
}

TEST(options, what_has_no_effect_is_accepted_with_a_remark) {
  gr::option_store store;
  auto const remarks = store.set_all("evs.send_window=512", moment::running);
  ASSERT_TRUE(remarks.has_value());
  EXPECT_EQ(remarks->size(), 1U);
}

TEST(options, a_size_under_galeras_name_is_brought_into_range) {
  gr::option_store store;
  auto const remarks = store.set_all("gcache.size=10M", moment::before_start);
  ASSERT_TRUE(remarks.has_value());
  EXPECT_EQ(remarks->size(), 1U);
  EXPECT_EQ(store.number("gcache.size"), 128 << 20);
  EXPECT_FALSE(store.set("group_replication_message_cache_size", "10M", moment::before_start).has_value());
  EXPECT_FALSE(store.set_all("gcache.size=0.5G", moment::before_start).has_value());
  EXPECT_TRUE(store.set_all("gcache.size=1G", moment::running)->empty());
}

TEST(options, what_is_printed_can_be_set_again) {
  gr::option_store store;
  ASSERT_TRUE(store.set_all("repl.causal_read_timeout=PT1S; gcache.size=256M", moment::running).has_value());
  auto const before = store.print();
  auto const again = store.set_all(before, moment::running);
  ASSERT_TRUE(again.has_value()) << again.error().text;
  EXPECT_TRUE(again->empty());
  EXPECT_EQ(store.print(), before);
  EXPECT_FALSE(store.set("group_replication_arbitrator", "ON", moment::running).has_value());
}

struct state_file : testing::Test {
  void SetUp() override {
    dir = testing::TempDir() + "state_file_XXXXXX";
    ASSERT_NE(::mkdtemp(dir.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(dir); }
  std::string dir;
};

TEST_F(state_file, is_read_back_as_written) {
  EXPECT_FALSE(read_state_file(dir)->has_value());
  saved_state const state{base::make_uuid(1, 2), 77, false, true};
  ASSERT_TRUE(write_state_file(dir, state).has_value());
  auto const read = **read_state_file(dir);
  EXPECT_EQ(read.group, state.group);
  EXPECT_EQ(read.seqno, 77);
  EXPECT_FALSE(read.safe_to_bootstrap);
  EXPECT_TRUE(read.diverged);
}

TEST_F(state_file, a_broken_line_is_named) {
  std::ofstream(dir + "/grastate.dat") << "# GALERA saved state\nversion: 2.1\nuuid: nothing\n";
  auto const read = read_state_file(dir);
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().text.find("line 3"), std::string::npos);
}

}  // namespace
}  // namespace gr::mariadb
