// Goal: the last joins are known after a restart, whatever became of the process or the file.
#include "runtime/join_history.hh"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace {

constexpr std::uint64_t now_ms = 1'700'000'000'000;

struct directory {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("joins-" + std::to_string(::getpid()));
  directory() { std::filesystem::create_directories(path); }
  directory(directory const&) = delete;
  directory& operator=(directory const&) = delete;
  ~directory() { std::filesystem::remove_all(path); }
};

void join(runtime::join_history& history, gr::join_phase end, std::string const& error = {}) {
  gr::join_report report;
  history.expect_another();
  report.begin();
  ASSERT_TRUE(history.take(report, now_ms));
  (void)report.progressed(base::tick_count(1), {});
  (void)report.progressed(base::tick_count(101), {});
  report.end(end, error);
  ASSERT_TRUE(history.take(report, now_ms + 1000));
  ASSERT_TRUE(history.take(report, now_ms + 900'000));
}

TEST(join_history, is_there_after_a_restart_and_holds_the_last_twenty) {
  directory const where;
  for (int life = 0; life < 25; ++life) {
    runtime::join_history history(where.path.string());
    join(history, gr::join_phase::online);
  }
  auto const all = runtime::join_history(where.path.string()).all();
  ASSERT_EQ(all->size(), gr::joins_kept_max);
  EXPECT_EQ(all->front().number, 6U);
  EXPECT_EQ(all->back().number, 25U);
  EXPECT_EQ(all->back().began_ms, static_cast<std::int64_t>(now_ms)) << "it does not move once the join is over";
  EXPECT_EQ(all->back().lasted_ms, 1000);
}

TEST(join_history, a_join_cut_short_says_so) {
  directory const where;
  {
    runtime::join_history history(where.path.string());
    gr::join_report report;
    report.begin();
    ASSERT_TRUE(history.take(report, now_ms));
  }
  auto const all = runtime::join_history(where.path.string()).all();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->back().phase, gr::join_phase::failed);
  EXPECT_EQ(all->back().last_error, "the server ended while it joined");
}

TEST(join_history, damaged_files_cost_the_history_only) {
  directory const where;
  {
    runtime::join_history history(where.path.string());
    join(history, gr::join_phase::failed, "nobody");
  }
  auto const file = where.path / "group_replication.joins.log";
  auto const size = std::filesystem::file_size(file);
  for (std::uintmax_t at = 0; at < size; ++at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    auto const good = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(good ^ 0x55));
    bytes.close();
    EXPECT_TRUE(runtime::join_history(where.path.string()).all()->empty()) << at;
    std::fstream mend(file, std::ios::in | std::ios::out | std::ios::binary);
    mend.seekp(static_cast<std::streamoff>(at));
    mend.put(good);
  }
  EXPECT_EQ(runtime::join_history(where.path.string()).all()->size(), 1U);
}

TEST(join_history, a_directory_that_cannot_be_written_costs_the_file_only) {
  runtime::join_history history("/nowhere/at/all");
  gr::join_report report;
  report.begin();
  EXPECT_FALSE(history.take(report, now_ms));
  EXPECT_EQ(history.all()->size(), 1U);
}

}  // namespace
