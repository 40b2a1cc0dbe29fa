// Goal: what a process writes survives it, what it syncs survives the power, and nothing else is promised.
#include "sim/disk.hh"

#include <gtest/gtest.h>

#include "sim/failure.hh"

namespace {

base::chain chain_of(std::string const& text) { return {{base::blob::copy_of(text)}}; }

std::string content(sim::disk& of, std::uint64_t segment) {
  auto const all = of.read_all(segment);
  return all ? std::string(all->text()) : "(none)";
}

TEST(disk, appended_bytes_are_there_for_the_next_process) {
  sim::disk disk("n1", base::prng(1));
  ASSERT_TRUE(disk.append(1, chain_of("one ")));
  ASSERT_TRUE(disk.append(1, chain_of("two")));
  EXPECT_EQ(content(disk, 1), "one two");
  EXPECT_EQ(disk.read(1, 4, 3)->text(), "two");
  EXPECT_FALSE(disk.read(1, 4, 4));
}

TEST(disk, a_process_killed_in_a_write_leaves_a_part_of_it) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    sim::disk disk("n1", base::prng(seed));
    ASSERT_TRUE(disk.append(1, chain_of("kept")));
    disk.kill_in_next_append();
    EXPECT_THROW((void)disk.append(1, chain_of("torn")), sim::process_killed);
    EXPECT_TRUE(std::string("kepttor").starts_with(content(disk, 1)));
    EXPECT_GE(content(disk, 1).size(), 4U);
    EXPECT_TRUE(disk.append(1, chain_of("next process")));
  }
}

TEST(disk, a_power_failure_keeps_what_was_synced) {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    sim::disk disk("n1", base::prng(seed));
    ASSERT_TRUE(disk.append(1, chain_of("synced")));
    ASSERT_TRUE(disk.sync(1));
    ASSERT_TRUE(disk.append(1, chain_of("not synced")));
    ASSERT_TRUE(disk.append(2, chain_of("neither")));
    disk.lose_power();
    EXPECT_TRUE(content(disk, 1).starts_with("synced"));
    lost = lost || content(disk, 1) != "syncednot synced";
  }
  EXPECT_TRUE(lost);
}

TEST(disk, a_full_disk_refuses_and_changes_nothing) {
  sim::disk disk("n1", base::prng(1));
  ASSERT_TRUE(disk.append(1, chain_of("held")));
  disk.set_full(true);
  EXPECT_FALSE(disk.append(1, chain_of("more")));
  EXPECT_FALSE(disk.append(2, chain_of("more")));
  EXPECT_EQ(content(disk, 1), "held");
  EXPECT_EQ(disk.list(), std::vector<std::uint64_t>{1});
}

}  // namespace
