// Goal: the whole decision, how a joiner catches up and from whom, can be read as a table, with the values at every edge.
// Method: a planner is asked once for each row; what it orders first is compared with the row's last column.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/recovery/fixture.hh"

namespace recovery::test {
namespace {

struct joiner {
  std::string own;
  std::uint64_t clone_threshold = clone_threshold_max;
  std::uint64_t donor_threshold = donor_threshold_max;
  bool can_clone = true;
  bool has_data = true;
  unsigned clones_done = 0;
  std::vector<member_id> named = {};
};

std::string numbers_of(std::vector<member_id> const& order) {
  std::string text;
  for (auto const& each : order) text += " " + std::to_string(each.incarnation);
  return text;
}

// "log 2 1": the donors that would be asked for their logs, best first. "clone 1", "wait", "leave", "online".
std::string decide(std::vector<candidate> const& members, joiner const& who) {
  planner_config config;
  config.self = member(99);
  config.policy = donor_policy::balanced;
  config.clone_threshold = who.clone_threshold;
  config.donor_threshold = who.donor_threshold;
  config.can_clone = who.can_clone;
  config.has_data = who.has_data;
  config.clones_done = who.clones_done;
  config.named = who.named;
  planner asked(config, base::prng(1));
  std::vector<action> out;
  asked.step(recovery_began{tick_count(0), set(who.own), set(who.own), members}, out);
  std::string order;
  for (auto const& each : out)
    if (auto const* told = std::get_if<report_decision>(&each)) order = numbers_of(told->order);
  if (out.empty()) return "nothing";
  struct {
    std::string const& order;
    std::string operator()(start_log_transfer const&) const { return "log" + order; }
    std::string operator()(start_clone const&) const { return "clone" + order; }
    std::string operator()(report_decision const& what) const { return std::string(to_string(what.what)); }
    std::string operator()(declare_online const&) const { return "online"; }
    std::string operator()(leave const&) const { return "leave"; }
    std::string operator()(stop_log_transfer const&) const { return "stop"; }
    std::string operator()(stop_clone const&) const { return "stop"; }
  } const tell{order};
  return std::visit(tell, out.back());
}

candidate received(candidate who, std::string_view what) {
  who.received = set(what);
  return who;
}
candidate no_copy(candidate who) {
  who.cloneable = false;
  return who;
}
candidate recovering(candidate who) { return in_state(std::move(who), member_state::recovering); }

TEST(decision, table) {
  auto const whole = online(1, "a:1-100");
  auto const other = online(2, "a:1-100");
  struct row {
    char const* what;
    std::vector<candidate> members;
    joiner who;
    char const* expected;
  };
  std::vector<row> const rows{
      // How: the gap against clone_threshold.
      {"one below", {whole}, {"a:1-10", 91}, "log 1"},
      {"equal", {whole}, {"a:1-10", 90}, "clone 1"},
      {"one above", {whole}, {"a:1-10", 89}, "clone 1"},
      {"threshold 1, nothing missing", {whole}, {"a:1-100", 1}, "online"},
      {"threshold 1, one missing", {whole}, {"a:1-99", 1}, "clone 1"},
      {"the greatest threshold, one below it", {online(1, "a:1-9223372036854775806")}, {""}, "log 1"},
      {"the greatest threshold, reached", {online(1, "a:1-9223372036854775807")}, {""}, "clone 1"},
      {"all sources count together", {online(1, "a:1-50,b:1-50")}, {"", 100}, "clone 1"},
      {"all sources together, one below", {online(1, "a:1-50,b:1-50")}, {"", 101}, "log 1"},
      {"what only the joiner has makes no gap smaller", {online(1, "a:1-100")}, {"c:1-500", 100}, "clone 1"},
      {"the gap is over all ONLINE members", {online(1, "a:1-60"), online(2, "b:1-40")}, {"", 100}, "clone 1 2"},
      {"what they only received counts", {received(online(1, "a:1-50"), "a:51-100")}, {"", 100}, "clone 1"},
      {"what RECOVERING ones hold does not", {whole, recovering(online(2, "b:1-500"))}, {"a:1-50", 51}, "log 1"},
      {"nobody holds anything", {online(1, ""), online(2, "")}, {""}, "online"},
      // How: whose log reaches back far enough.
      {"purged up to the gap", {purged(whole, "a:1-40")}, {"a:1-40"}, "log 1"},
      {"purged the first of the gap", {purged(whole, "a:1-41")}, {"a:1-40"}, "clone 1"},
      {"purged the last of the gap", {purged(whole, "a:100")}, {"a:1-40"}, "clone 1"},
      {"purged of another source", {purged(whole, "b:1-500")}, {"a:1-40"}, "log 1"},
      {"purged, and another is not", {purged(whole, "a:1-41"), other}, {"a:1-40"}, "log 2"},
      {"each purged another part",
       {purged(online(1, "a:1-50,b:1-50"), "a:1"), purged(online(2, "a:1-50,b:1-50"), "b:1")},
       {""},
       "clone 1 2"},
      {"purged, and no copy is possible here",
       {purged(whole, "a:1-41")},
       {.own = "a:1-40", .can_clone = false},
       "leave"},
      {"purged, and nobody can be copied", {no_copy(purged(whole, "a:1-41"))}, {"a:1-40"}, "leave"},
      {"purged, and a RECOVERING one has it",
       {purged(whole, "a:1-41"), recovering(other)},
       {.own = "a:1-40", .can_clone = false},
       "wait"},
      {"purged, and a copy is better than waiting",
       {purged(whole, "a:1-41"), recovering(other)},
       {"a:1-40"},
       "clone 1"},
      // How: a threshold that is reached, and no copy.
      {"reached, this server cannot", {whole}, {.own = "", .clone_threshold = 1, .can_clone = false}, "log 1"},
      {"reached, nobody can be copied", {no_copy(whole)}, {"", 1}, "log 1"},
      {"reached, only one can be copied", {no_copy(whole), other}, {"", 1}, "clone 2"},
      {"reached, right after a clone", {whole}, {.own = "", .clone_threshold = 1, .clones_done = 1}, "log 1"},
      {"purged right after a clone", {purged(whole, "a:1-41")}, {.own = "a:1-40", .clones_done = 1}, "clone 1"},
      {"purged after three clones", {purged(whole, "a:1-41")}, {.own = "a:1-40", .clones_done = 3}, "leave"},
      // How: a server without data.
      {"no data", {whole, other}, {.own = "", .has_data = false}, "clone 1 2"},
      {"no data, and no copy", {no_copy(whole)}, {.own = "", .has_data = false}, "leave"},
      {"no data, all others RECOVERING", {recovering(whole)}, {.own = "", .has_data = false}, "wait"},
      {"no data, all others as empty", {recovering(online(1, ""))}, {.own = "", .has_data = false}, "leave"},
      // Who is no donor.
      {"only RECOVERING ones", {recovering(whole)}, {""}, "wait"},
      {"alone", {}, {"a:1-5"}, "online"},
      {"only an arbiter", {arbiter(whole)}, {"a:1-5"}, "leave"},
      {"an arbiter hides no purged log", {arbiter(whole), purged(other, "a:1-50")}, {""}, "clone 2"},
      {"an arbiter is not copied", {arbiter(whole), no_copy(purged(other, "a:1-50"))}, {""}, "leave"},
      {"only one without a vote", {without_vote(whole)}, {"a:1-5"}, "leave"},
      {"one without a vote hides no purged log", {without_vote(whole), purged(other, "a:1-50")}, {""}, "clone 2"},
      {"one without a vote is not copied", {without_vote(whole), no_copy(purged(other, "a:1-50"))}, {""}, "leave"},
      {"one without a vote is not waited for",
       {recovering(without_vote(whole))},
       {.own = "", .has_data = false},
       "leave"},
      {"an unreachable one may speak again", {in_state(whole, member_state::unreachable)}, {"a:1-5"}, "wait"},
      // Whom: donor_threshold.
      {"one below", {whole, online(2, "a:1-91")}, {.own = "a:1-5", .donor_threshold = 10}, "log 1 2"},
      {"equal", {whole, online(2, "a:1-90")}, {.own = "a:1-5", .donor_threshold = 10}, "log 1"},
      {"threshold 1", {whole, online(2, "a:1-99"), online(3, "a:1-100")}, {.own = "", .donor_threshold = 1}, "log 1 3"},
      {"nobody is close: all",
       {online(1, "a:1-100"), online(2, "b:1-100")},
       {.own = "", .donor_threshold = 1},
       "log 1 2"},
      {"what was only received makes nobody closer",
       {whole, received(online(2, "a:1-90"), "a:91-100")},
       {.own = "a:1-5", .donor_threshold = 10},
       "log 1"},
      {"the joiner's own set plays no part",
       {whole, online(2, "a:1-90")},
       {.own = "a:1-90", .donor_threshold = 10},
       "log 1"},
      {"a copy is chosen by it, too",
       {whole, online(2, "a:1-90")},
       {.own = "", .clone_threshold = 1, .donor_threshold = 10},
       "clone 1"},
      {"a purged log sets no standard",
       {purged(online(1, "a:1-400"), "a:1-350"), online(2, "a:1-280"), online(3, "a:1-200")},
       {.own = "a:1-100", .donor_threshold = 50},
       "log 2"},
      // Whom: named.
      {"named, though far behind",
       {whole, other, online(3, "a:1-20")},
       {.own = "a:1-5", .donor_threshold = 10, .named = {member(3), member(2)}},
       "log 3 2 1"},
      {"named, and cannot serve", {whole, purged(other, "a:1-50")}, {.own = "a:1-5", .named = {member(2)}}, "log 1"},
      {"named for a copy", {whole, other}, {.own = "", .has_data = false, .named = {member(2)}}, "clone 2 1"},
  };
  for (auto const& each : rows) EXPECT_EQ(decide(each.members, each.who), each.expected) << each.what;
}

}  // namespace
}  // namespace recovery::test
