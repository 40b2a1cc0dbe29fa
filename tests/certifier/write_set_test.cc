#include "certifier/write_set.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/prng.hh"

namespace {

using certifier::hash_path;
using certifier::key;
using certifier::key_kind;
using certifier::row_hash;
using certifier::write_set;
using path = std::vector<std::string_view>;

std::vector<key> keys_of(write_set const& set) { return {set.keys().begin(), set.keys().end()}; }

TEST(hash_path, tells_apart_where_parts_end) {
  EXPECT_NE(hash_path(path{"a", "bc"}), hash_path(path{"ab", "c"}));
  EXPECT_NE(hash_path(path{"abc"}), hash_path(path{"ab", "c"}));
  EXPECT_NE(hash_path(path{"a"}), hash_path(path{"a", ""}));
  EXPECT_NE(hash_path(path{"", "a"}), hash_path(path{"a", ""}));
  EXPECT_NE(hash_path(path{}), hash_path(path{""}));
  EXPECT_EQ(hash_path(path{"a", "bc"}), hash_path(path{"a", "bc"}));
}

// Members of different builds compare these: a change here is a change of the protocol.
TEST(hash_path, is_the_same_in_every_build) {
  std::string const thousand(1000, 'x');
  EXPECT_EQ(hash_path(path{"shop"}), 0xc383f922067863e4ULL);
  EXPECT_EQ(hash_path(path{"shop", "orders"}), 0xe0e52be2eb23af11ULL);
  EXPECT_EQ(hash_path(path{"shop", "orders", std::string_view("\0\x01\0\0\0", 5)}), 0xeec0577277fe4014ULL);
  EXPECT_EQ(hash_path(path{thousand}), 0x7fae1d35869a57a3ULL);
}

TEST(write_set, a_row_also_touches_its_table_and_database) {
  write_set set;
  set.add(path{"shop", "orders", "1"}, key_kind::exclusive);
  EXPECT_EQ(keys_of(set), (std::vector<key>{{hash_path(path{"shop"}), key_kind::shared},
                                            {hash_path(path{"shop", "orders"}), key_kind::shared},
                                            {hash_path(path{"shop", "orders", "1"}), key_kind::exclusive}}));
}

TEST(write_set, prefixes_are_added_once) {
  write_set set;
  for (auto const* row : {"1", "2", "3"}) set.add(path{"shop", "orders", row}, key_kind::update);
  EXPECT_EQ(set.keys().size(), 5U);
  set.add(path{"shop", "items", "1"}, key_kind::update);
  EXPECT_EQ(set.keys().size(), 7U);
}

TEST(write_set, a_path_met_twice_keeps_its_strongest_kind) {
  write_set set;
  set.add(path{"shop"}, key_kind::reference);
  set.add(path{"shop"}, key_kind::exclusive);
  set.add(path{"shop"}, key_kind::update);
  EXPECT_EQ(keys_of(set), (std::vector<key>{{hash_path(path{"shop"}), key_kind::exclusive}}));
  set.add(path{"shop", "orders"}, key_kind::shared);
  EXPECT_EQ(set.keys()[0].kind, key_kind::exclusive);
}

TEST(write_set, is_empty_again_once_cleared) {
  write_set set;
  for (row_hash hash = 0; hash < 100; ++hash) set.add({hash, key_kind::exclusive});
  set.clear();
  EXPECT_TRUE(set.keys().empty());
  EXPECT_EQ(set.bytes(), 0U);
  set.add({5, key_kind::shared});
  EXPECT_EQ(keys_of(set), (std::vector<key>{{5, key_kind::shared}}));
}

// Goal: short sets that are scanned and long ones that are looked up behave alike. Method: a map beside it.
TEST(write_set, holds_what_a_map_holds) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    base::prng random(seed);
    auto const names = random.between(1, 300);
    write_set set;
    std::map<row_hash, key_kind> twin;
    for (auto adds = random.between(0, 500); adds > 0; --adds) {
      key const one{random.below(names) << random.below(2) * 40, static_cast<key_kind>(random.below(4))};
      set.add(one);
      auto& kind = twin.try_emplace(one.hash, one.kind).first->second;
      kind = std::max(kind, one.kind);
    }
    ASSERT_EQ(set.keys().size(), twin.size()) << "seed " << seed;
    for (auto const& each : set.keys()) ASSERT_EQ(twin.at(each.hash), each.kind) << "seed " << seed;
  }
}

TEST(write_set, decodes_to_what_was_encoded) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    base::prng random(seed);
    write_set set;
    for (auto adds = random.below(100); adds > 0; --adds)
      set.add({random.next(), static_cast<key_kind>(random.below(4))});
    auto const bytes = set.encode();
    EXPECT_EQ(bytes.size(), set.bytes());
    auto const decoded = write_set::decode(bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, keys_of(set));
  }
}

TEST(write_set, refuses_bytes_that_no_write_set_encodes_to) {
  write_set set;
  set.add({1, key_kind::exclusive});
  set.add({2, key_kind::shared});
  auto const bytes = set.encode();
  EXPECT_EQ(write_set::decode(bytes.slice(0, 17)).error().text, "malformed write set: 17 bytes are no multiple of 9");
  std::vector<std::uint8_t> raw(bytes.view().begin(), bytes.view().end());
  raw[17] = 4;
  EXPECT_EQ(write_set::decode(base::blob(raw)).error().text,
            "malformed write set: key 2 has unknown kind 4, allowed are 0 .. 3");
}

// The length alone decides, before anything is read or allocated: so the bytes may be claimed without being there.
TEST(write_set, refuses_more_keys_than_allowed) {
  base::blob const claimed(nullptr, nullptr, (certifier::write_set_items_max + 1) * 9);
  EXPECT_EQ(write_set::decode(claimed).error().text, "malformed write set: 67108865 keys, at most 67108864 allowed");
}

}  // namespace
