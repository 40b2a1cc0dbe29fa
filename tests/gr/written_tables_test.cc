// Goal: a person is told exactly the tables of the transactions asked for. Method: a log in memory, written by a member's rules,
// in which the rows of a transaction are the names of its tables.
#include "gr/written_tables.hh"

#include <gtest/gtest.h>

#include <iterator>
#include <memory>
#include <sstream>
#include <utility>

#include "gr/messages.hh"
#include "gr/packed_rows.hh"
#include "tests/xcom/memory_files.hh"

namespace {

xcom::member_id const origin{base::make_uuid(3, 3), 1};

std::vector<std::string> words(base::blob const& rows) {
  std::istringstream in{std::string(rows.text())};
  return {std::istream_iterator<std::string>(in), {}};
}

struct written {
  xcom::agreed_log log{{}, std::make_shared<xcom::testing::memory_files>()};
  gr::replicated_state state{base::make_uuid(1, 2), 0, 0, 1};
  std::uint64_t slots = 0, messages = 0;

  written() {
    EXPECT_TRUE(log.open());
    EXPECT_TRUE(log.begin({base::make_uuid(5, 5), origin, 1}, false));
    EXPECT_TRUE(log.store({xcom::slot_no(0), {}, {}, base::encode(state)}));
  }
  xcom::message message(gr::ordered_message const& what) {
    return {origin, xcom::origin_seq(++messages), base::encode(what)};
  }
  void slot(std::vector<std::string> const& rows, std::vector<std::uint32_t> failed = {}, std::uint64_t pack_from = 0) {
    xcom::batch all;
    all.messages.push_back(message(gr::stable_message{state.seqno}));
    for (auto const& each : rows) {
      gr::write_set_message what;
      what.data = base::blob::copy_of(each);
      gr::pack_rows(what, pack_from);
      all.messages.push_back(message(what));
    }
    add(all, std::move(failed));
    state.seqno += static_cast<gr::seqno_t>(rows.size());
  }
  void add(xcom::value const& what, std::vector<std::uint32_t> failed = {}) {
    gr::slot_note const note{state, std::move(failed), 0};
    EXPECT_TRUE(log.learned({xcom::slot_no(++slots), std::make_shared<xcom::value const>(what), base::encode(note)}));
  }
  gr::written_tables above(gr::seqno_t above, gr::seqno_t up_to) {
    auto const found = gr::tables_written(log, above, up_to, words);
    EXPECT_TRUE(found);
    return *found;
  }
};

TEST(written_tables, exactly_those_of_the_range_and_not_what_failed) {
  written all;
  all.slot({"d.a", "d.b d.a"});       // 1 2
  all.add(xcom::site_change{});       // takes none here
  all.slot({"d.c", "d.d", ""}, {1});  // 3 (4 failed) 5
  all.slot({"d.e"});                  // 6
  EXPECT_EQ(all.above(0, 6), (gr::written_tables{{{"d.a", 2}, {"d.b", 1}, {"d.c", 1}, {"d.e", 1}}, 5, 1}));
  EXPECT_EQ(all.above(1, 3), (gr::written_tables{{{"d.a", 1}, {"d.b", 1}, {"d.c", 1}}, 2, 0}));
  EXPECT_EQ(all.above(3, 4), gr::written_tables{});
  EXPECT_EQ(all.above(4, 5), (gr::written_tables{{}, 1, 1}));
  EXPECT_EQ(all.above(5, 100), (gr::written_tables{{{"d.e", 1}}, 1, 0}));
  EXPECT_EQ(all.above(6, 100), gr::written_tables{});
}

TEST(written_tables, packed_rows_are_unpacked) {
  written all;
  std::string many;
  for (int each = 0; each < 100; ++each) many += "shop.orders ";
  all.slot({many}, {}, 10);
  EXPECT_EQ(all.above(0, 1).tables.at("shop.orders"), 100U) << "as often as it is named";
}

TEST(written_tables, a_log_without_any_says_nothing) {
  written all;
  EXPECT_EQ(all.above(0, 10), gr::written_tables{});
  EXPECT_EQ(gr::describe({}), "");
  all.slot({"d.a"});
  EXPECT_EQ(gr::tables_written(all.log, 0, 1, {})->without_rows, 1U) << "nobody can name tables";
}

TEST(written_tables, the_most_written_come_first_and_not_all_are_named) {
  EXPECT_EQ(gr::describe({{{"d.a", 1}, {"d.b", 60}}, 62, 1}),
            "d.b (60 transactions), d.a (1), and 1 statement without rows");
  EXPECT_EQ(gr::describe({{}, 2, 2}), "2 statements without rows");
  gr::written_tables many;
  for (int each = 10; each < 32; ++each) many.tables["d.t" + std::to_string(each)] = 1;
  auto const text = gr::describe(many);
  EXPECT_NE(text.find("d.t29 (1), 2 other tables"), std::string::npos) << text;
}

}  // namespace
