// Goal: conflicts are told with the tables they can be about, and every table says the same as JSON that it says as rows.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "gr/mariadb/conflicts.hh"
#include "gr/mariadb/row_events.hh"
#include "gr/mariadb/shared.hh"
#include "gr/mariadb/shown_tables.hh"

namespace gr::mariadb {
namespace {

std::string event(std::uint8_t type, std::string const& body) {
  std::string head(19, '\0');
  head[4] = static_cast<char>(type);
  auto const length = head.size() + body.size();
  for (std::size_t at = 0; at < 4; ++at) head[9 + at] = static_cast<char>(length >> (8 * at) & 0xff);
  return head + body;
}

std::string table_map(std::string const& schema, std::string const& table) {
  auto const counted = [](std::string const& text) {
    return std::string(1, static_cast<char>(text.size())) + text + std::string(1, '\0');
  };
  return event(19, std::string(8, 'x') + counted(schema) + counted(table) + "columns");
}

base::blob blob_of(std::string const& bytes) { return base::blob::copy_of(bytes); }

TEST(row_events, tables_are_named_once_in_the_order_of_their_rows) {
  auto const bytes =
      event(162, "begin") + table_map("shop", "b") + event(23, "row") + table_map("shop", "a") + table_map("shop", "b");
  EXPECT_EQ(tables_in(blob_of(bytes)), (std::vector<table_name>{{"shop", "b"}, {"shop", "a"}}));
}

TEST(row_events, any_bytes_are_survived) {
  auto const whole = table_map("shop", "orders");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_TRUE(tables_in(blob_of(whole.substr(0, length))).empty());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] = '\xff';
    (void)tables_in(blob_of(damaged));
  }
}

struct two_tables : testing::Test {
  certifier::write_set set;
  std::vector<table_name> const written{{"shop", "orders"}, {"shop", "stock"}};

  certifier::row_hash add(std::string_view table, std::string_view row) {
    std::array<std::string_view, 3> const path{"shop", table, row};
    set.add(path, certifier::key_kind::exclusive);
    return certifier::hash_path(path);
  }
};

TEST_F(two_tables, a_table_touched_after_the_key_is_out) {
  auto const order = add("orders", "1");
  auto const stock = add("stock", "1");
  EXPECT_EQ(tables_of_key(written, set.keys(), order), (std::vector<table_name>{{"shop", "orders"}}));
  EXPECT_EQ(tables_of_key(written, set.keys(), stock), written) << "either, as far as hashes tell";
}

TEST_F(two_tables, the_key_of_a_whole_table_is_its_own) {
  (void)add("orders", "1");
  (void)add("stock", "1");
  std::array<std::string_view, 2> const path{"shop", "stock"};
  EXPECT_EQ(tables_of_key(written, set.keys(), certifier::hash_path(path)),
            (std::vector<table_name>{{"shop", "stock"}}));
}

TEST(conflicts, the_newest_are_kept) {
  conflict_list list;
  for (int count = 0; count < 300; ++count) list.add({}, 1'000);
  ASSERT_EQ(list.all().size(), conflicts_kept_max);
  EXPECT_EQ(list.all().back()->number, 300U);
}

std::string cell(table_row const& row, std::string_view name) {
  auto const columns = conflicts_columns();
  for (std::size_t at = 0; at < columns.size(); ++at)
    if (columns[at].name == name) return std::get<std::string>(row.at(at));
  return "no such column";
}

TEST(conflicts, a_row_names_both_sides) {
  refused_write_set what;
  what.history = base::make_uuid(1, 2);
  what.seqno = 12;
  what.winner = 9;
  what.source.node = base::make_uuid(3, 4);
  what.winner_node = base::make_uuid(5, 6);
  what.row = 0xabc;
  what.wanted = certifier::key_kind::update;
  what.held = certifier::key_kind::exclusive;
  what.data = blob_of(table_map("shop", "orders"));
  certifier::write_set keys;
  std::array<std::string_view, 2> const table{"shop", "orders"};
  keys.add(table, certifier::key_kind::shared);
  keys.add({what.row, what.wanted});
  what.keys = keys.encode();
  conflict_list list;
  list.add(what, 1'700'000'000'000);
  list.add_aborted(what.history, what.winner_node, 13, 1'700'000'001'000);
  auto const rows = conflicts_rows(list.all());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(cell(rows[0], "REASON"), "LOCK");
  EXPECT_EQ(cell(rows[0], "REFUSED_GTID"), "");
  EXPECT_EQ(cell(rows[0], "KEY_HASH"), "");
  EXPECT_EQ(cell(rows[1], "REASON"), "CERTIFICATION");
  EXPECT_EQ(cell(rows[1], "SEEN_AT"), "2023-11-14 22:13:20");
  EXPECT_EQ(cell(rows[1], "TABLES"), "shop.orders");
  EXPECT_EQ(cell(rows[1], "KEY_KIND"), "UPDATE");
  EXPECT_EQ(cell(rows[1], "WINNER_KEY_KIND"), "EXCLUSIVE");
  EXPECT_EQ(cell(rows[1], "KEY_HASH"), "0000000000000abc");
  EXPECT_EQ(cell(rows[1], "REFUSED_GTID"), base::to_string(what.history) + ":12");
  EXPECT_EQ(cell(rows[1], "WINNER_MEMBER_ID"), base::to_string(what.winner_node));
}

TEST(shown_tables, are_found_by_either_name) {
  for (auto const& each : shown_tables()) EXPECT_EQ(find_shown_table(each.name), &each);
  EXPECT_EQ(find_shown_table("members"), shown_tables().data());
  EXPECT_NE(find_shown_table("Routing"), nullptr);
  EXPECT_EQ(find_shown_table("mysql.user"), nullptr);
}

TEST(shown_tables, json_has_a_value_for_each_column) {
  auto& options = *shared_state::instance().options();
  ASSERT_TRUE(
      options.set("group_replication_donor_list", "b\xc3\xa4r,\"x\"\\,\xf0\x9f\x90\xbb", option_store::moment::running)
          .has_value());
  for (auto const* name : {"CONFIGURATION", "ROUTING"}) {
    auto const& table = *find_shown_table(name);
    auto const text = rows_as_json(table);
    EXPECT_TRUE(std::ranges::all_of(text, [](char each) { return static_cast<unsigned char>(each) < 0x80; }));
    auto const rows = table.rows();
    auto const parsed = boost::json::parse(text).as_array();
    ASSERT_EQ(parsed.size(), rows.size());
    for (std::size_t at = 0; at < rows.size(); ++at)
      for (std::size_t place = 0; place < rows[at].size(); ++place) {
        auto const& value = parsed[at].at(table.columns()[place].name);
        if (auto const* number = std::get_if<std::int64_t>(&rows[at][place]))
          EXPECT_EQ(value.as_int64(), *number);
        else
          EXPECT_EQ(value.as_string(), std::get<std::string>(rows[at][place]));
      }
  }
}

// Names come from other members' bytes, so they can be anything.
TEST(shown_tables, bytes_that_are_no_text_do_not_break_the_json) {
  auto& options = *shared_state::instance().options();
  for (auto const* broken : {"\x80", "\xe2\x82", "\xff\xfe", "\xc3(", "\xf0\x9f\x90"}) {
    ASSERT_TRUE(options.set("group_replication_donor_list", broken, option_store::moment::running).has_value());
    boost::system::error_code wrong;
    (void)boost::json::parse(rows_as_json(*find_shown_table("CONFIGURATION")), wrong);
    EXPECT_FALSE(wrong) << wrong.message();
  }
}

TEST(shown_tables, without_a_group_a_proxy_is_told_to_stay_away) {
  auto const rows = find_shown_table("ROUTING")->rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][0], table_cell(std::string("NO")));
}

TEST(shown_tables, each_has_a_view) {
  auto const script = views_script();
  for (auto const* name : {"sys.replication_group_members ", "sys.replication_group_conflicts ",
                           "sys.gr_member_routing_candidate_status "})
    EXPECT_NE(script.find(name), std::string::npos) << name;
}

}  // namespace
}  // namespace gr::mariadb
