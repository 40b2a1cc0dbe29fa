#include "recovery/method.hh"

#include <gtest/gtest.h>

#include "tests/recovery/fixture.hh"

namespace recovery::test {
namespace {

struct question {
  std::vector<candidate> members;
  std::string own;
  std::uint64_t clone_threshold = clone_threshold_max;
  bool can_clone = true;
  unsigned clones_done = 0;
};

method_choice ask(question const& about) {
  return choose_method(about.members, {.self = member(99),
                                       .own = set(about.own),
                                       .clone_threshold = about.clone_threshold,
                                       .can_clone = about.can_clone,
                                       .clones_done = about.clones_done});
}

candidate no_copy(candidate who) {
  who.cloneable = false;
  return who;
}
candidate received(candidate who, std::string_view what) {
  who.received = set(what);
  return who;
}

TEST(method, decides_in_the_documented_order) {
  auto const whole = online(1, "a:1-100");
  auto const short_log = purged(online(2, "a:1-100"), "a:1-50");
  auto const recovering = in_state(online(3, "a:1-100"), member_state::recovering);
  struct row {
    char const* what;
    question about;
    method expected;
  };
  std::vector<row> const rows{
      {"gap below the threshold", {{whole}, "a:1-10", 91}, method::log_transfer},
      {"gap equal to the threshold", {{whole}, "a:1-10", 90}, method::clone},
      {"threshold 1 and nothing missing", {{whole}, "a:1-100", 1}, method::log_transfer},
      {"threshold 1 and one missing", {{whole}, "a:1-99", 1}, method::clone},
      {"the default threshold", {{whole}, ""}, method::log_transfer},
      {"gap over it, nobody to clone from", {{no_copy(whole)}, "", 1}, method::log_transfer},
      {"gap over it, cannot take one", {{whole}, "", 1, false}, method::log_transfer},
      {"gap over it, right after a clone", {{whole}, "", 1, true, 1}, method::log_transfer},
      {"purged inside the gap", {{short_log}, "a:1-49"}, method::clone},
      {"purged up to the gap", {{short_log}, "a:1-50"}, method::log_transfer},
      {"purged, somebody else has it", {{short_log, whole}, ""}, method::log_transfer},
      {"purged, right after a clone", {{short_log}, "", 1, true, 1}, method::clone},
      {"purged, after too many clones", {{short_log}, "", 1, true, clones_in_a_row_max}, method::leave},
      {"purged, cannot clone", {{short_log}, "", 1, false}, method::leave},
      {"purged, cannot clone, one is recovering", {{short_log, recovering}, "", 1, false}, method::wait},
      {"only recovering ones", {{recovering}, ""}, method::wait},
      {"only an arbiter", {{arbiter(whole)}, ""}, method::leave},
      {"an arbiter does not hide purged logs", {{arbiter(whole), short_log}, ""}, method::clone},
      {"an arbiter is no clone donor", {{arbiter(whole), no_copy(short_log)}, ""}, method::leave},
      {"unreachable ones cannot help", {{in_state(whole, member_state::unreachable)}, ""}, method::leave},
  };
  for (auto const& each : rows) {
    auto const choice = ask(each.about);
    EXPECT_EQ(choice.what, each.expected) << each.what << ": " << choice.why;
    EXPECT_FALSE(choice.why.empty()) << each.what;
  }
}

TEST(method, counts_what_online_members_received_and_all_sources) {
  auto const ahead = received(online(1, "a:1-10,b:1-5"), "a:11-20");
  auto const starting = in_state(online(2, "c:1-1000"), member_state::recovering);
  auto const choice = ask({{ahead, starting}, "a:1-4"});
  EXPECT_EQ(choice.missing, set("a:5-20,b:1-5"));
}

}  // namespace
}  // namespace recovery::test
