#include "runtime/data_swap.hh"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace runtime {
namespace {

namespace fs = std::filesystem;

struct stopped_here {};

class data_swap : public ::testing::Test {
 protected:
  data_swap() : root_((fs::temp_directory_path() / "swap.XXXXXX").string()) {
    if (::mkdtemp(root_.data()) == nullptr) throw std::runtime_error(root_);
    fill();
  }
  ~data_swap() override {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }

  void write(std::string const& name, std::string const& text) const {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    std::ofstream(root_ + "/" + name) << text;
  }
  [[nodiscard]] std::string read(std::string const& name) const {
    std::ifstream in(root_ + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] bool exists(std::string const& name) const { return fs::exists(root_ + "/" + name); }

  void fill() const {
    for (auto const* name : {"ibdata1", "undo001", "mysql/user.frm", "shop/t.ibd", "grastate.dat", "ddl_recovery.log"})
      write(name, "old");
    for (auto const* name : {"host.err", "group_replication.00000001.log", "ssl/ca.pem"}) write(name, "own");
    for (auto const* name : {"ibdata1", "mysql/user.frm", "other/t.ibd", "grastate.dat", "xtrabackup_info"})
      write(std::string(".clone/new/") + name, "new");
  }
  void check_new_in_place() const {
    for (auto const* name : {"ibdata1", "mysql/user.frm", "other/t.ibd", "grastate.dat"}) EXPECT_EQ(read(name), "new");
    for (auto const* name : {"host.err", "group_replication.00000001.log", "ssl/ca.pem"}) EXPECT_EQ(read(name), "own");
    for (auto const* name : {"shop", "undo001", "ddl_recovery.log", "xtrabackup_info", ".clone/new", ".clone/journal"})
      EXPECT_FALSE(exists(name)) << name;
  }
  void check_old_aside() const {
    for (auto const* name : {"ibdata1", "undo001", "mysql/user.frm", "shop/t.ibd", "grastate.dat", "ddl_recovery.log"})
      EXPECT_EQ(read(std::string(".clone/old/") + name), "old") << name;
  }
  // What a kill at that step leaves. False: there is no such step.
  [[nodiscard]] bool stop_at(int step) const {
    try {
      EXPECT_TRUE(swap_data(root_, "ibdata1", [&](std::string_view) {
        if (step-- == 0) throw stopped_here{};
      }));
    } catch (stopped_here const&) { return true; }
    return false;
  }

  std::string root_;
};

TEST_F(data_swap, new_data_comes_and_the_servers_own_files_stay) {
  EXPECT_FALSE(stop_at(1000));
  check_new_in_place();
  check_old_aside();
}

// Goal: from whatever step it was stopped at, the next start ends it, and until then it can be told from a whole directory.
TEST_F(data_swap, stopped_at_any_step_it_is_finished_later) {
  for (int step = 0; step < 100; ++step) {
    if (!stop_at(step)) {
      EXPECT_GT(step, 10);
      return;
    }
    EXPECT_TRUE(is_half_swapped(root_));
    auto const anchor = read("ibdata1");
    if (anchor == "old") { EXPECT_EQ(read("shop/t.ibd"), "old"); }
    auto const finished = finish_swap(root_);
    ASSERT_TRUE(finished && *finished) << "step " << step;
    check_new_in_place();
    check_old_aside();
    fs::remove_all(root_);
    fs::create_directory(root_);
    fill();
  }
  FAIL() << "it never ends";
}

TEST_F(data_swap, an_empty_directory_keeps_nothing_aside) {
  for (auto const* name : {"ibdata1", "undo001", "mysql", "shop", "grastate.dat", "ddl_recovery.log"})
    fs::remove_all(root_ + "/" + name);
  EXPECT_FALSE(stop_at(1000));
  check_new_in_place();
  EXPECT_FALSE(exists(".clone/old"));
}

// Goal: a member that was never ONLINE with its clone does not lose what it had before the first of them.
TEST_F(data_swap, the_oldest_data_is_the_one_that_is_kept) {
  EXPECT_FALSE(stop_at(1000));
  write(".clone/new/ibdata1", "newer");
  EXPECT_FALSE(stop_at(1000));
  EXPECT_EQ(read("ibdata1"), "newer");
  check_old_aside();
  EXPECT_FALSE(exists(".clone/discarded"));
}

TEST_F(data_swap, old_data_is_settled_as_asked) {
  EXPECT_FALSE(stop_at(1000));
  auto const kept = settle_old_data(root_, keep_old::always);
  ASSERT_TRUE(kept && *kept);
  EXPECT_FALSE(exists(".clone/old"));
  int found = 0;
  for (auto const& each : fs::directory_iterator(root_ + "/.clone"))
    found += each.path().filename().string().starts_with("kept.") ? 1 : 0;
  EXPECT_EQ(found, 1);
  write(".clone/old/ibdata1", "old");
  auto const removed = settle_old_data(root_, keep_old::until_online);
  ASSERT_TRUE(removed && *removed);
  EXPECT_FALSE(exists(".clone/old"));
}

TEST_F(data_swap, nothing_is_settled_in_the_middle_of_a_swap) {
  EXPECT_TRUE(stop_at(6));
  auto const settled = settle_old_data(root_, keep_old::until_online);
  ASSERT_TRUE(settled);
  EXPECT_FALSE(*settled);
  EXPECT_TRUE(exists(".clone/old/ibdata1"));
}

TEST_F(data_swap, a_damaged_journal_is_an_error_and_nothing_moves) {
  EXPECT_TRUE(stop_at(6));
  write(".clone/journal", "damaged");
  EXPECT_FALSE(finish_swap(root_));
  EXPECT_TRUE(exists(".clone/new/ibdata1"));
  EXPECT_EQ(read(".clone/old/ibdata1"), "old");
}

TEST_F(data_swap, one_at_a_time) {
  auto const first = clone_lock::take(root_, std::chrono::milliseconds(0));
  ASSERT_TRUE(first);
  EXPECT_FALSE(clone_lock::take(root_, std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace runtime
