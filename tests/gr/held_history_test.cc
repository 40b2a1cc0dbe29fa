// Goal: equal logs are found equal, and where they part is found within a factor of two. Method: logs in memory, written by a
// member's rules, one of which goes another way from a given slot on.
#include "gr/held_history.hh"

#include <gtest/gtest.h>

#include "gr/history.hh"
#include "tests/xcom/memory_files.hh"

namespace {

base::uuid const history = base::make_uuid(1, 2);
base::uuid const name = base::make_uuid(5, 5);
xcom::member_id const origin{base::make_uuid(3, 3), 1};

// One write set in each slot: slot n is position n.
struct written {
  xcom::agreed_log log{{}, std::make_shared<xcom::testing::memory_files>()};
  gr::replicated_state state{history, 0, 0, 1};

  explicit written(std::uint64_t slots, std::uint64_t other_from = ~0ULL) {
    EXPECT_TRUE(log.open());
    EXPECT_TRUE(log.begin({name, origin, 1}, false));
    EXPECT_TRUE(log.store({xcom::slot_no(0), {}, {}, base::encode(state)}));
    for (std::uint64_t slot = 1; slot <= slots; ++slot) add(slot, slot >= other_from);
  }
  void add(std::uint64_t number, bool other) {
    gr::write_set_message what;
    what.data = base::blob::copy_of((other ? "theirs " : "ours ") + std::to_string(number));
    xcom::batch all;
    all.messages.push_back({origin, xcom::origin_seq(number), base::encode(gr::ordered_message(what))});
    xcom::slot_no const slot(number);
    gr::slot_note note{state, {}, gr::extended(state.digest, slot, all)};
    EXPECT_TRUE(log.learned({slot, std::make_shared<xcom::value const>(all), base::encode(note)}));
    ++state.seqno;
    state.digest = note.digest;
  }
  gr::held_history holds(gr::seqno_t position) {
    auto const held = gr::what_log_holds(log, name, {history, position});
    EXPECT_TRUE(held);
    return *held;
  }
};

TEST(held_history, data_rests_on_the_slot_that_completes_its_position) {
  written mine(100);
  for (std::uint64_t position = 1; position <= 100; ++position)
    EXPECT_EQ(mine.holds(static_cast<gr::seqno_t>(position)).marks.at(0).slot, xcom::slot_no(position));
  EXPECT_EQ(mine.holds(0).marks.at(0), (gr::landmark{xcom::slot_no(0), 0}));
  EXPECT_EQ(mine.holds(120).marks.at(0).slot, xcom::slot_no(100)) << "the host failed, and the log lost its end";
  EXPECT_TRUE(gr::what_log_holds(mine.log, name, {base::make_uuid(8, 8), 50})->marks.empty());
  EXPECT_TRUE(gr::what_log_holds(mine.log, name, gr::start_position{})->marks.empty());
}

TEST(held_history, marks_lie_further_and_further_apart) {
  written mine(100);
  std::vector<std::uint64_t> slots;
  for (auto const& each : mine.holds(90).marks) slots.push_back(each.slot.value());
  EXPECT_EQ(slots, (std::vector<std::uint64_t>{90, 89, 88, 86, 82, 74, 58, 26}));
}

TEST(held_history, what_is_the_same_and_what_is_not) {
  written group(100);
  struct {
    std::uint64_t parted;
    gr::seqno_t agree_up_to;
  } const cases[] = {{1, -1}, {2, -1}, {30, 27}, {59, 57}, {60, 58}, {61, 59}, {100, 59}};
  for (auto const& [parted, agree_up_to] : cases) {
    written other(60, parted);
    auto const found = gr::compare(group.log, name, other.holds(60));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->held, parted > 60 ? gr::likeness::same : gr::likeness::other) << parted;
    EXPECT_EQ(found->agree_up_to, agree_up_to) << parted;
  }
}

TEST(held_history, data_from_before_the_histories_parted_is_the_groups) {
  written group(100);
  written other(60, 40);
  EXPECT_EQ(gr::compare(group.log, name, other.holds(39))->held, gr::likeness::same);
  EXPECT_EQ(gr::compare(group.log, name, other.holds(40))->held, gr::likeness::other);
}

TEST(held_history, what_cannot_be_compared) {
  written group(10);
  written other(60);
  EXPECT_EQ(gr::compare(group.log, name, other.holds(60))->held, gr::likeness::unknown) << "it is not there yet";
  EXPECT_EQ(gr::compare(group.log, base::make_uuid(6, 6), other.holds(5))->held, gr::likeness::unknown);
  EXPECT_EQ(gr::compare(group.log, name, {})->held, gr::likeness::unknown);
}

// A log that was purged up to a checkpoint knows the digest there all the same.
TEST(held_history, a_checkpoint_says_what_was_before_it) {
  written whole(20);
  xcom::agreed_log late({}, std::make_shared<xcom::testing::memory_files>());
  ASSERT_TRUE(late.open());
  ASSERT_TRUE(late.begin({name, origin, 1}, false));
  ASSERT_TRUE(late.store({xcom::slot_no(20), {}, {}, base::encode(whole.state)}));
  EXPECT_EQ(gr::compare(late, name, whole.holds(20))->held, gr::likeness::same);
  EXPECT_EQ(gr::compare(late, name, whole.holds(19))->held, gr::likeness::unknown);
  written other(20, 20);
  EXPECT_EQ(gr::compare(late, name, other.holds(20))->held, gr::likeness::other);
}

// What another build makes of the same slots must be the same: members of one group compare them.
TEST(held_history, the_digest_of_known_slots) {
  std::uint64_t digest = gr::extended(0, xcom::slot_no(1), xcom::no_op{});
  digest = gr::extended(digest, xcom::slot_no(2), xcom::site_change{{1, {{origin, "a:1", {}, 50, 1, {}}}}});
  digest = gr::extended(digest, xcom::slot_no(3),
                        xcom::batch{{{origin, xcom::first_of_boot(1), base::blob::copy_of("payload")}}});
  EXPECT_EQ(digest, 5863680905715772562U);
}

}  // namespace
