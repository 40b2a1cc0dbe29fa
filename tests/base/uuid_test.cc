#include "base/uuid.hh"

#include <gtest/gtest.h>

#include "base/prng.hh"

namespace {

TEST(uuid, prints_what_it_parsed) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    base::prng random(seed);
    auto const id = base::make_uuid(random.next(), random.next());
    ASSERT_EQ(*base::parse_uuid(base::to_string(id)), id);
  }
  EXPECT_EQ(base::to_string(*base::parse_uuid("3E11FA47-71ca-11E1-9e33-C80AA9429562")),
            "3e11fa47-71ca-11e1-9e33-c80aa9429562");
  EXPECT_EQ(base::to_string(base::uuid{}), "00000000-0000-0000-0000-000000000000");
}

TEST(uuid, says_what_is_wrong_with_a_text_and_where) {
  struct {
    char const* text;
    char const* error;
  } const table[] = {
      {"", "'' is not a UUID: it has 0 characters, a UUID has 36"},
      {"3e11fa47", "'3e11fa47' is not a UUID: it has 8 characters, a UUID has 36"},
      {"3e11fa47x71ca-11e1-9e33-c80aa9429562",
       "'3e11fa47x71ca-11e1-9e33-c80aa9429562' is not a UUID: '-' expected at position 9"},
      {"3e11fa47-71ca-11e1-9e33-c80aa942956g",
       "'3e11fa47-71ca-11e1-9e33-c80aa942956g' is not a UUID: hexadecimal digit expected at position 36"},
      {"3e11-a47-71ca-11e1-9e33-c80aa9429562",
       "'3e11-a47-71ca-11e1-9e33-c80aa9429562' is not a UUID: hexadecimal digit expected at position 5"},
  };
  for (auto const& [text, error] : table) {
    auto const parsed = base::parse_uuid(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().text, error);
  }
}

TEST(uuid, made_ones_are_version_4) {
  for (std::uint64_t const bits : {std::uint64_t{0}, UINT64_MAX}) {
    auto const text = base::to_string(base::make_uuid(bits, bits));
    EXPECT_EQ(text[14], '4') << text;
    EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos) << text;
  }
}

TEST(uuid, is_ordered_by_its_bytes_as_its_text_is) {
  base::prng random(5);
  for (int draw = 0; draw < 200; ++draw) {
    auto const left = base::make_uuid(random.next(), random.next());
    auto const right = base::make_uuid(random.next(), random.next());
    ASSERT_EQ(left < right, base::to_string(left) < base::to_string(right));
  }
  EXPECT_TRUE(base::uuid{}.is_nil());
  EXPECT_FALSE(base::make_uuid(0, 0).is_nil());
}

TEST(uuid, of_a_later_time_sorts_behind) {
  base::prng random(7);
  auto const early = base::make_time_uuid(1795232753588, random.next(), random.next());
  auto const late = base::make_time_uuid(1795232753589, random.next(), random.next());
  EXPECT_LT(early, late);
  EXPECT_EQ(base::to_string(early)[14], '7');
}

}  // namespace
