// Goal: what donor selection promises holds for any members, not only for those somebody thought of.
// Method: random members and requests; lags are counted by a twin made of std::set.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/recovery/fixture.hh"

namespace recovery::test {
namespace {

using numbers = std::set<std::pair<char, std::int64_t>>;

struct asked {
  std::vector<candidate> members;
  std::vector<numbers> executed;  // beside them
  selection_request request;
};

numbers some_numbers(base::prng& chance) {
  numbers made;
  for (char const letter : {'a', 'b'}) {
    auto const last = static_cast<std::int64_t>(chance.below(30));
    for (std::int64_t number = 1; number <= last; ++number)
      if (!chance.chance(1, 10)) made.insert({letter, number});
  }
  return made;
}

gtid_set as_set(numbers const& from) {
  gtid_set made;
  for (auto const& [letter, number] : from) made.add(source(letter), {number, number});
  return made;
}

asked make(base::prng& chance) {
  asked made;
  auto const count = chance.below(8);
  for (std::uint64_t number = 0; number < count; ++number) {
    auto const executed = some_numbers(chance);
    candidate who;
    who.id = member(chance.chance(1, 12) ? 99 : number + 1);
    who.state = chance.chance(1, 5) ? static_cast<member_state>(chance.below(5)) : member_state::online;
    who.executed = as_set(executed);
    who.received = as_set(some_numbers(chance));
    if (chance.chance(1, 5)) who.purged = set("a:1-5");
    who.arbiter = chance.chance(1, 8);
    who.votes = !chance.chance(1, 8);
    who.compatible = !chance.chance(1, 8);
    who.cloneable = !chance.chance(1, 8);
    who.primary = chance.chance(1, 4);
    who.zone = static_cast<std::uint32_t>(chance.below(2));
    who.donations = static_cast<std::uint32_t>(chance.below(3));
    made.members.push_back(who);
    made.executed.push_back(executed);
  }
  made.request.self = member(99);
  made.request.kind = chance.chance(1, 3) ? transfer_kind::clone : transfer_kind::log;
  made.request.missing = set(chance.chance(1, 2) ? "a:4-20" : "a:6-20,b:1-3");
  made.request.donor_threshold = chance.between(1, 25);
  made.request.policy = chance.chance(1, 2) ? donor_policy::random : donor_policy::balanced;
  return made;
}

bool serves(candidate const& who, selection_request const& request) {
  bool const is_source = who.id != request.self && !who.arbiter && who.votes && who.state == member_state::online;
  if (request.kind == transfer_kind::clone) return is_source && who.cloneable;
  return is_source && who.compatible && !who.purged.intersects(request.missing);
}

// Of each member; SIZE_MAX for one that cannot serve.
std::vector<std::size_t> lags_by_twin(asked const& about) {
  numbers all;
  for (std::size_t at = 0; at < about.members.size(); ++at)
    if (serves(about.members[at], about.request)) all.insert(about.executed[at].begin(), about.executed[at].end());
  std::vector<std::size_t> lags;
  for (std::size_t at = 0; at < about.members.size(); ++at)
    lags.push_back(serves(about.members[at], about.request) ? all.size() - about.executed[at].size() : SIZE_MAX);
  return lags;
}

TEST(donor_properties, kept_are_those_below_the_threshold_or_all_that_serve) {
  base::prng chance(71);
  for (int round = 0; round < 20'000; ++round) {
    auto const about = make(chance);
    auto const lags = lags_by_twin(about);
    auto const close = [&](std::size_t lag) { return lag < about.request.donor_threshold; };
    bool const nobody_is_close = std::ranges::none_of(lags, close);
    base::prng random(chance.next());
    auto const found = select_donors(about.members, about.request, random);
    ASSERT_EQ(found.rows.size(), about.members.size());
    std::multiset<member_id> expected;
    for (std::size_t at = 0; at < lags.size(); ++at) {
      bool const kept = lags[at] != SIZE_MAX && (nobody_is_close || close(lags[at]));
      ASSERT_EQ(found.rows[at].verdict == donor_verdict::kept, kept) << round;
      if (lags[at] != SIZE_MAX) { ASSERT_EQ(found.rows[at].lag, lags[at]) << round; }
      if (kept) expected.insert(about.members[at].id);
    }
    ASSERT_EQ((std::multiset<member_id>(found.order.begin(), found.order.end())), expected) << round;
  }
}

TEST(donor_properties, the_most_advanced_is_always_eligible) {
  base::prng chance(72);
  for (int round = 0; round < 20'000; ++round) {
    auto const about = make(chance);
    auto const lags = lags_by_twin(about);
    auto const best = std::ranges::min_element(lags);
    if (best == lags.end() || *best == SIZE_MAX) continue;
    base::prng random(1);
    auto const& id = about.members[static_cast<std::size_t>(best - lags.begin())].id;
    auto const order = select_donors(about.members, about.request, random).order;
    ASSERT_NE(std::ranges::find(order, id), order.end()) << round;
  }
}

TEST(donor_properties, the_same_question_and_seed_give_the_same_answer) {
  base::prng chance(73);
  for (int round = 0; round < 5'000; ++round) {
    auto const about = make(chance);
    base::prng first(static_cast<std::uint64_t>(round));
    base::prng second(static_cast<std::uint64_t>(round));
    auto const one = select_donors(about.members, about.request, first);
    auto const other = select_donors(about.members, about.request, second);
    ASSERT_EQ(one.order, other.order);
    ASSERT_EQ(one.rows, other.rows);
  }
}

// BALANCED draws nothing: the order members are listed in, and the generator, make no difference.
TEST(donor_properties, balanced_depends_on_the_members_alone) {
  base::prng chance(74);
  for (int round = 0; round < 5'000; ++round) {
    auto about = make(chance);
    about.request.policy = donor_policy::balanced;
    base::prng random(chance.next());
    auto const one = select_donors(about.members, about.request, random).order;
    chance.shuffle(about.members);
    ASSERT_EQ(select_donors(about.members, about.request, random).order, one) << round;
  }
}

}  // namespace
}  // namespace recovery::test
