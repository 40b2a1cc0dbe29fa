#include "certifier/gtid_set.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/codec.hh"
#include "base/prng.hh"

namespace {

using certifier::gno_max;
using certifier::gtid_set;
using certifier::interval;

constexpr char const* a_text = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr char const* b_text = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

base::uuid const a = *base::parse_uuid(a_text);
base::uuid const b = *base::parse_uuid(b_text);

// "A" and "B" in the tables below stand for the two uuids.
std::string spelled(std::string text) {
  for (auto const& [letter, uuid] : {std::pair{'A', a_text}, {'B', b_text}})
    for (auto at = text.find(letter); at != std::string::npos; at = text.find(letter)) text.replace(at, 1, uuid);
  return text;
}
gtid_set set_of(std::string const& text) { return *gtid_set::parse(spelled(text)); }

TEST(gtid_set, parses_what_mysql_accepts_and_prints_its_normal_form) {
  struct {
    char const* text;
    char const* normal;
  } const table[] = {
      {"", ""},
      {" \n", ""},
      {",", ""},
      {",,A:1,,", "A:1"},
      {"A:1", "A:1"},
      {"A:1-5:7", "A:1-5:7"},
      {"A:7:1-5", "A:1-5:7"},
      {"A:1-5:6", "A:1-6"},
      {"A:1-5:3-9:9", "A:1-9"},
      {"B:1,A:1", "A:1,B:1"},
      {"A:1,B:3,A:2", "A:1-2,B:3"},
      {" A : 1 - 5 : 7 ,\n B:3 ", "A:1-5:7,B:3"},
      {"A:1-9223372036854775807", "A:1-9223372036854775807"},
      {"A:9223372036854775807:9223372036854775806", "A:9223372036854775806-9223372036854775807"},
      {"A:007", "A:7"},
      {"A:5-5", "A:5"},
  };
  for (auto const& [text, normal] : table) {
    auto const parsed = gtid_set::parse(spelled(text));
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().text;
    EXPECT_EQ(parsed->text(), spelled(normal)) << text;
  }
}

TEST(gtid_set, accepts_upper_case_uuids) {
  EXPECT_EQ(gtid_set::parse("3E11FA47-71CA-11E1-9E33-C80AA9429562:1")->text(), spelled("A:1"));
}

TEST(gtid_set, says_what_is_wrong_with_a_text_and_where) {
  struct {
    char const* text;
    char const* error;
  } const table[] = {
      {"x", "a uuid expected at position 1"},
      {" 3e11fa47", "a uuid expected at position 2"},
      {"A:1,B", "':' expected at position 76"},
      {"A", "':' expected at position 37"},
      {"A-1", "':' expected at position 37"},
      {"A:", "a number 1 .. 9223372036854775807 expected at position 38"},
      {"A:x", "a number 1 .. 9223372036854775807 expected at position 38"},
      {"A:0", "a number 1 .. 9223372036854775807 expected at position 38"},
      {"A:-3", "a number 1 .. 9223372036854775807 expected at position 38"},
      {"A:+3", "a number 1 .. 9223372036854775807 expected at position 38"},
      {"A:9223372036854775808", "a number 1 .. 9223372036854775807 expected at position 38"},
      {"A:1:", "a number 1 .. 9223372036854775807 expected at position 40"},
      {"A:5-3", "an end of the interval 5 .. 9223372036854775807 expected at position 40"},
      {"A:5-", "an end of the interval 5 .. 9223372036854775807 expected at position 40"},
      {"A:5--7", "an end of the interval 5 .. 9223372036854775807 expected at position 40"},
      {"A:5-9223372036854775808", "an end of the interval 5 .. 9223372036854775807 expected at position 40"},
      {"A:1-2-3", "',', ':' or the end expected at position 41"},
      {"A:1 B:2", "',', ':' or the end expected at position 40"},
      {"A:1;", "',', ':' or the end expected at position 39"},
  };
  for (auto const& [text, error] : table) {
    auto const parsed = gtid_set::parse(spelled(text));
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().text, std::string("not a GTID set: ") + error) << text;
  }
}

TEST(gtid_set, count_saturates) {
  EXPECT_EQ(gtid_set().count(), 0U);
  EXPECT_EQ(set_of("A:1-5:7").count(), 6U);
  EXPECT_EQ(set_of("A:1-9223372036854775807").count(), 0x7fffffffffffffffU);
  EXPECT_EQ(set_of("A:1-9223372036854775807,B:1-9223372036854775807").count(), UINT64_MAX - 1);
  auto full = set_of("A:1-9223372036854775807,B:1-9223372036854775807");
  base::uuid third = b;
  ++third.bytes[0];
  full.add(third, {1, 1});
  EXPECT_EQ(full.count(), UINT64_MAX);
  full.add(third, {2, 100});
  EXPECT_EQ(full.count(), UINT64_MAX);
}

TEST(gtid_set, works_at_the_greatest_number) {
  gtid_set set;
  set.add(a, {gno_max, gno_max});
  set.add(a, {gno_max - 1, gno_max - 1});
  EXPECT_EQ(set.intervals().at(a), (std::vector<interval>{{gno_max - 1, gno_max}}));
  set.add(a, {1, gno_max});
  EXPECT_EQ(set.intervals().at(a), (std::vector<interval>{{1, gno_max}}));
  EXPECT_TRUE(set.contains(a, gno_max));
  EXPECT_FALSE(set.contains(a, 0));
  set.remove(set_of("A:9223372036854775807"));
  EXPECT_EQ(set.intervals().at(a), (std::vector<interval>{{1, gno_max - 1}}));
  EXPECT_FALSE(set.contains(a, gno_max));
  set.remove(set_of("A:1-9223372036854775807"));
  EXPECT_TRUE(set.empty());
}

TEST(gtid_set, operations_with_itself_are_sound) {
  auto set = set_of("A:1-5,B:7");
  auto const before = set;
  set.add(set);
  EXPECT_EQ(set, before);
  EXPECT_TRUE(set.is_subset_of(set));
  EXPECT_TRUE(set.intersects(set));
  set.remove(set);
  EXPECT_TRUE(set.empty());
  EXPECT_FALSE(set.intersects(set));
  EXPECT_TRUE(set.is_subset_of(set));
}

using twin = std::set<std::pair<base::uuid, std::int64_t>>;

struct both {
  gtid_set real;
  twin dumb;
};

constexpr std::int64_t number_max = 14;

interval random_interval(base::prng& random) {
  auto const first = static_cast<std::int64_t>(random.between(1, number_max));
  return {first, static_cast<std::int64_t>(random.between(static_cast<std::uint64_t>(first), number_max))};
}

both random_set(base::prng& random) {
  both made;
  for (auto adds = random.below(6); adds > 0; --adds) {
    auto const source = random.chance(1, 2) ? a : b;
    auto const what = random_interval(random);
    made.real.add(source, what);
    for (auto each = what.first; each <= what.last; ++each) made.dumb.emplace(source, each);
  }
  return made;
}

void expect_same(gtid_set const& real, twin const& dumb, std::uint64_t seed) {
  ASSERT_EQ(real.count(), dumb.size()) << "seed " << seed;
  for (auto const& source : {a, b})
    for (std::int64_t gno = 0; gno <= number_max + 1; ++gno)
      ASSERT_EQ(real.contains(source, gno), dumb.contains({source, gno})) << "seed " << seed << " number " << gno;
  for (auto const& [source, list] : real.intervals()) {
    ASSERT_FALSE(list.empty());
    for (std::size_t at = 1; at < list.size(); ++at)
      ASSERT_LT(list[at - 1].last + 1, list[at].first) << "seed " << seed;
  }
  ASSERT_EQ(*gtid_set::parse(real.text()), real);
  ASSERT_EQ(*base::decode<gtid_set>(base::encode(real)), real);
}

TEST(gtid_set, behaves_as_a_set_of_numbers) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    base::prng random(seed);
    auto const left = random_set(random);
    auto const right = random_set(random);
    twin united = left.dumb;
    united.insert(right.dumb.begin(), right.dumb.end());
    twin rest;
    std::set_difference(left.dumb.begin(), left.dumb.end(), right.dumb.begin(), right.dumb.end(),
                        std::inserter(rest, rest.end()));
    expect_same(left.real, left.dumb, seed);
    expect_same(union_of(left.real, right.real), united, seed);
    expect_same(difference_of(left.real, right.real), rest, seed);
    ASSERT_EQ(left.real.is_subset_of(right.real), rest.empty()) << "seed " << seed;
    ASSERT_EQ(left.real.intersects(right.real), rest.size() != left.dumb.size()) << "seed " << seed;
    ASSERT_EQ(left.real == right.real, left.dumb == right.dumb) << "seed " << seed;
  }
}

struct wire {  // what fields() writes, without the invariants
  std::vector<std::pair<base::uuid, std::vector<interval>>> sources;

  template <class Codec> void fields(Codec& codec) { codec(sources); }
};

TEST(gtid_set, decoding_refuses_what_breaks_the_invariants) {
  using sources = std::vector<std::pair<base::uuid, std::vector<interval>>>;
  struct {
    char const* why;
    sources list;
  } const table[] = {
      {"no intervals", {{a, {}}}},
      {"number 0", {{a, {{0, 1}}}}},
      {"negative", {{a, {{-5, -1}}}}},
      {"descending interval", {{a, {{5, 3}}}}},
      {"overlapping", {{a, {{1, 5}, {5, 6}}}}},
      {"touching", {{a, {{1, 5}, {6, 6}}}}},
      {"descending list", {{a, {{5, 6}, {1, 2}}}}},
      {"uuid twice", {{a, {{1, 1}}}, {a, {{3, 3}}}}},
      {"uuids descending", {{b, {{1, 1}}}, {a, {{3, 3}}}}},
      {"after the greatest", {{a, {{1, gno_max}, {3, 3}}}}},
  };
  for (auto const& [why, list] : table)
    EXPECT_FALSE(base::decode<gtid_set>(base::encode(wire{list})).has_value()) << why;
  EXPECT_TRUE(base::decode<gtid_set>(base::encode(wire{{{a, {{1, 5}, {7, gno_max}}}, {b, {{1, 1}}}}})).has_value());
}

TEST(gtid_set_death, an_interval_is_ascending_from_1) {
  gtid_set set;
  EXPECT_DEATH(set.add(a, {0, 5}), "is_valid");
  EXPECT_DEATH(set.add(a, {5, 4}), "is_valid");
}

}  // namespace
