// Goal: the record of a join says what a person needs: phase, progress, rate, what failed; bounded, and still once it is over.
#include "gr/join_report.hh"

#include <gtest/gtest.h>

namespace {

using base::tick_count;

gr::join_progress applied(std::int64_t done, std::int64_t left) {
  gr::join_progress now;
  now.phase = gr::join_phase::fetching;
  now.method = "incremental";
  now.donor_name = "n2";
  now.done = done;
  now.left = left;
  now.attempts = 1;
  return now;
}

TEST(join_report, rate_and_eta_come_from_the_last_seconds) {
  gr::join_report report;
  report.begin();
  for (std::uint64_t second = 0; second <= 20; ++second) {
    auto const done = static_cast<std::int64_t>(second <= 10 ? second * 1000 : 10'000 + (second - 10) * 100);
    (void)report.progressed(tick_count(100 + second * 100), applied(done, 500));
  }
  EXPECT_EQ(report.record().lasted_ms, 20'000);
  EXPECT_GE(report.record().rate, 100);
  EXPECT_LE(report.record().rate, 200) << "what it was at first is forgotten";
  EXPECT_GE(report.record().eta_ms, 2'500);
  EXPECT_LE(report.record().eta_ms, 5'000);
}

TEST(join_report, bytes_left_go_by_those_that_came) {
  gr::join_report report;
  report.begin();
  auto now = applied(10, 90);
  (void)report.progressed(tick_count(1), now);
  EXPECT_EQ(report.record().bytes_left, -1) << "nothing came yet";
  report.read(2'000);
  now.received = 20;
  (void)report.progressed(tick_count(2), now);
  EXPECT_EQ(report.record().bytes_left, 8'000);
  now.received = 100;
  (void)report.progressed(tick_count(3), now);
  EXPECT_EQ(report.record().bytes_left, 0) << "all is here, and yet to be applied";
  report.end(gr::join_phase::online, "");
  EXPECT_EQ(report.record().bytes_left, 0);
}

TEST(join_report, the_eta_of_a_few_large_transactions_comes_from_all_of_the_join) {
  gr::join_report report;
  report.begin();
  (void)report.progressed(tick_count(1), applied(0, 8));
  std::string last;
  for (std::uint64_t second = 1; second <= 60; ++second)
    if (auto line = report.progressed(tick_count(second * 100), applied(second < 40 ? 1 : 2, second < 40 ? 7 : 6)))
      last = *line;
  EXPECT_EQ(report.record().rate, 0);
  EXPECT_NEAR(static_cast<double>(report.record().eta_ms), 180'000, 5'000);
  EXPECT_NE(last.find("2 of 8 transactions applied, less than one a second, about 16"), std::string::npos) << last;
}

TEST(join_report, nothing_is_said_of_a_short_join_and_a_line_every_five_seconds_of_a_long_one) {
  gr::join_report report;
  report.begin();
  int lines = 0;
  std::string last;
  for (std::uint64_t tick = 1; tick < 1'700; ++tick)
    if (auto line = report.progressed(tick_count(tick), applied(static_cast<std::int64_t>(tick) * 10, 5'000))) {
      ++lines;
      last = *line;
      EXPECT_GE(tick, 500U);
    }
  EXPECT_EQ(lines, 3);
  EXPECT_EQ(
      last,
      "recovery: INCREMENTAL from n2 after 15 s: 15010 of 20010 transactions applied, 1000 a second, about 5 s left");
}

TEST(join_report, an_unknown_rest_has_no_eta) {
  gr::join_report report;
  report.begin();
  (void)report.progressed(tick_count(1), applied(0, -1));
  (void)report.progressed(tick_count(300), applied(100, -1));
  EXPECT_EQ(report.record().eta_ms, -1);
}

TEST(join_report, a_join_that_is_over_does_not_change) {
  gr::join_report report;
  EXPECT_FALSE(report.runs());
  report.begin();
  (void)report.progressed(tick_count(1), applied(0, 10));
  auto last_words = applied(0, 10);
  last_words.phase = gr::join_phase::failed;
  (void)report.progressed(tick_count(2), last_words);
  EXPECT_TRUE(report.runs()) << "only end() ends it";
  report.end(gr::join_phase::failed, "nobody can help");
  auto const changes = report.changes();
  (void)report.progressed(tick_count(900), applied(7, 3));
  report.decided({});
  report.end(gr::join_phase::online, {});
  EXPECT_EQ(report.changes(), changes);
  EXPECT_EQ(report.record().phase, gr::join_phase::failed);
  EXPECT_EQ(report.record().last_error, "nobody can help");
  EXPECT_EQ(report.record().done, 0);
  report.begin();
  EXPECT_TRUE(report.runs());
  EXPECT_TRUE(report.record().last_error.empty());
  EXPECT_EQ(report.joins(), 2U);
}

TEST(join_report, the_first_decision_and_the_newest_are_kept) {
  gr::join_report report;
  report.begin();
  for (int made = 1; made <= 25; ++made) report.decided({0, 0, "incremental", std::to_string(made), {}});
  auto const& kept = report.record().decisions;
  ASSERT_EQ(kept.size(), gr::decisions_kept_max);
  EXPECT_EQ(kept.front().number, 1U);
  EXPECT_EQ(kept[1].number, 17U);
  EXPECT_EQ(kept.back().number, 25U);
  EXPECT_EQ(report.record().why, "25");
}

TEST(join_report, records_survive_their_codec) {
  gr::join_report report;
  report.begin();
  report.decided(
      {0, 0, "clone", "no data", {{base::make_uuid(1, 2), "n1", "ONLINE", 3, 4, 5, 6, 7, 1, true, "kept", "lag 3"}}});
  report.end(gr::join_phase::online, {});
  auto const again = base::decode<gr::join_record>(base::encode(report.record()));
  ASSERT_TRUE(again);
  EXPECT_EQ(base::encode(*again), base::encode(report.record()));
  EXPECT_EQ(again->decisions.at(0).donors.at(0).name, "n1");
}

}  // namespace
