#include "clone/swap.hh"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/prng.hh"

namespace cloning {
namespace {

// A file system of three directories that stops working after so many changes, as when the process is killed there.
class dying_files final : public swap_files {
 public:
  bool holds(room where, std::string const& name) override { return rooms_[where].contains(name); }
  base::result<void> move(room from, room to, std::string const& name) override {
    if (dies()) return base::fail("killed");
    rooms_[to][name] = rooms_[from].at(name);
    rooms_[from].erase(name);
    return {};
  }
  base::result<void> link_aside(std::string const& name) override {
    if (dies()) return base::fail("killed");
    rooms_[room::aside][name] = rooms_[room::data].at(name);
    return {};
  }
  base::result<void> guard(std::string const& name) override {
    if (dies()) return base::fail("killed");
    rooms_[room::data][name] = "guard";
    return {};
  }
  base::result<void> sync() override {
    if (dies()) return base::fail("killed");
    return {};
  }

  void die_after(int changes) { left_ = changes; }
  void put(room where, std::string const& name, std::string const& content) { rooms_[where][name] = content; }
  std::map<std::string, std::string>& in(room where) { return rooms_[where]; }

 private:
  bool dies() { return left_-- <= 0; }
  std::map<room, std::map<std::string, std::string>> rooms_;
  int left_ = 1 << 30;
};

struct example {
  dying_files files;
  swap_journal plan;
  std::map<std::string, std::string> old_data, new_data;
};

// Names that are only old, only new, and in both; and two that stay.
example make_example(base::prng& random, bool had_data) {
  example made;
  made.plan = {"ibdata1", had_data, "old", {}, {}};
  made.new_data["ibdata1"] = "new";
  made.files.put(room::fresh, "ibdata1", "new");
  if (had_data) {
    made.old_data["ibdata1"] = "old";
    made.files.put(room::data, "ibdata1", "old");
  }
  for (int each = 0; each < 6; ++each) {
    auto const name = "db" + std::to_string(each);
    auto const kind = random.below(3);
    if (had_data && kind != 1) {
      made.files.put(room::data, name, "old");
      made.old_data[name] = "old";
      made.plan.out.push_back(name);
    }
    if (kind != 0) {
      made.files.put(room::fresh, name, "new");
      made.new_data[name] = "new";
      made.plan.in.push_back(name);
    }
  }
  made.files.put(room::data, "error.err", "stays");
  return made;
}

void check_openable(example& at) {
  auto data = at.files.in(room::data);
  EXPECT_EQ(data["error.err"], "stays");
  data.erase("error.err");
  if (!data.contains("ibdata1")) {
    // Nothing was there, and the first step was not taken: still nothing is.
    EXPECT_TRUE(data.empty());
    return;
  }
  auto const anchor = data.at("ibdata1");
  if (anchor == "old") { EXPECT_EQ(data, at.old_data); }
  if (anchor == "new") {
    EXPECT_EQ(data, at.new_data);
    if (at.plan.anchor_leaves) { EXPECT_EQ(at.files.in(room::aside), at.old_data); }
  }
}

// Goal: killed at any step, any number of times, who opens the directory finds the old data, the new, or the guard; and
// carrying on always ends with the new data in place and the old whole beside it.
TEST(swap, killed_anywhere_it_is_old_or_new_or_guarded) {
  base::prng random(21);
  for (int round = 0; round < 2000; ++round) {
    auto at = make_example(random, round % 5 != 0);
    for (;;) {
      at.files.die_after(static_cast<int>(random.below(12)));
      bool const ended = carry_out(at.plan, at.files).has_value();
      check_openable(at);
      if (ended) break;
    }
    EXPECT_EQ(at.files.in(room::data).at("ibdata1"), "new");
    EXPECT_TRUE(at.files.in(room::fresh).empty());
    EXPECT_EQ(at.files.in(room::aside), at.old_data);
  }
}

TEST(journal, it_is_read_back_as_it_was_written) {
  swap_journal const plan{"ibdata1", true, "old", {"mysql", "d"}, {"mysql", "undo001"}};
  auto const back = parse_journal(journal_bytes(plan));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, plan);
}

TEST(journal, damage_and_paths_are_refused) {
  auto const good = journal_bytes({"ibdata1", true, "old", {"mysql"}, {"mysql"}});
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(parse_journal(good.slice(0, length)));
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::vector<std::uint8_t> bytes(good.view().begin(), good.view().end());
    bytes[at] ^= 0x10;
    EXPECT_FALSE(parse_journal(base::blob(std::move(bytes))));
  }
  EXPECT_FALSE(parse_journal(journal_bytes({"ibdata1", true, "old", {"../x"}, {}})));
  EXPECT_FALSE(parse_journal(journal_bytes({"", true, "old", {}, {}})));
  EXPECT_FALSE(parse_journal(journal_bytes({"ibdata1", true, "..", {}, {}})));
}

}  // namespace
}  // namespace cloning
