// Goal: whatever a donor does to who recovers from it, and whenever, the joiner ends ONLINE with everything, from another donor.
// Method: one story for each way to fail, each method of recovery and each moment of it; the moments are so close that each step falls
// between two of them. The oracle watches all the while.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

#include "sim/failure.hh"
#include "sim/scenario.hh"

namespace {

struct way_to_fail {
  char const* name;
  char const* what;  // said of the donor as it is at that moment
};

constexpr std::array ways{
    way_to_fail{"dies", "crash donors"},
    way_to_fail{"dies_in_a_write", "crash donors in 1 actions mid-write"},
    way_to_fail{"loses_power", "cut-power donors"},
    way_to_fail{"stands_still", "pause donors"},
    way_to_fail{"is_busy_with_one_thing", "hold-up donors"},
    way_to_fail{"leaves", "leave donors"},
    way_to_fail{"leaves_because_it_cannot_apply", "fail donors"},
    way_to_fail{"is_not_heard_by_the_joiner", "cut donors -> n4"},
    way_to_fail{"does_not_hear_the_joiner", "cut n4 -> donors"},
    way_to_fail{"is_cut_off", "cut donors <-> n4"},
    way_to_fail{"answers_slowly", "slow donors -> n4 by 3s"},
    way_to_fail{"cannot_read_its_log", "break-log donors"},
    way_to_fail{"sends_damaged_bytes", "damage-log donors"},
    way_to_fail{"lies_about_its_log", "boast donors"},
    way_to_fail{"has_a_full_disk", "fill-disk donors"},
};

// Three copies come before: those that the others began with. A cut joiner is put out for a while and comes back; all that is broken is mended after ten seconds, as somebody would.
std::string story(bool copies, char const* what, std::uint64_t moment_ms) {
  return fmt::format(
      "set servers 4\nset think 10ms\nset delay 10ms\nset fetch-bytes 4000\nset copy 200ms\nset suspect 1s\nset expel "
      "1s\n"
      "set donor-patience 500ms\nset reconnect 500ms\nset autorejoin-interval 1s\nset apply 2ms\n"
      "start n1\nafter 1s start n2 n3 n4\nexpect within 30s online all\n"
      "load on n1 n2 n3\nafter 1s crash n4\n{}after 3s start n4\n"
      "after {}ms {}\n"
      "after 6s heal\nresume all\nmend-log all\nstop-damaging all\nbe-honest all\nfree-disk all\nstart all\n"
      "expect within 60s online all\n{}load off all\nexpect within 20s same data\nexpect nothing lost\n",
      copies ? "wipe data n4\n" : "", moment_ms, what,
      copies ? "expect copies at least 4\n" : "expect copies at most 3\n");
}

// After the joiner's start: from when it asks for a donor until it is ONLINE, or a little longer.
struct moments {
  std::uint64_t from_ms, until_ms, step_ms;
};
#ifdef QUORATE_SANITIZED
constexpr std::uint64_t thinned = 4;  // each story takes ten times as long
#else
constexpr std::uint64_t thinned = 1;
#endif

class every_moment : public testing::TestWithParam<way_to_fail> {
 protected:
  static void tell_all(bool copies, moments when) {
    sim::throw_on_broken_claims();
    for (auto moment = when.from_ms; moment < when.until_ms; moment += when.step_ms * thinned) {
      auto const text = story(copies, GetParam().what, moment);
      auto const read = sim::parse_scenario(text);
      ASSERT_TRUE(read) << read.error().text;
      auto const told = sim::tell(*read, 1 + moment, nullptr, [](sim::micros, std::string const&) {});
      EXPECT_EQ(told.failure, "") << text << told.dump;
      if (!told.failure.empty()) return;
    }
  }
};

TEST_P(every_moment, of_reading_the_log) { tell_all(false, {400, 3400, 200}); }

TEST_P(every_moment, of_a_copy_and_what_follows_it) { tell_all(true, {400, 2000, 110}); }

INSTANTIATE_TEST_SUITE_P(donor, every_moment, testing::ValuesIn(ways),
                         [](auto const& each) { return std::string(each.param.name); });

}  // namespace
