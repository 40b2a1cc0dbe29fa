#include "base/codec.hh"

#include <gtest/gtest.h>

#include "base/prng.hh"
#include "base/ticks.hh"
#include "base/uuid.hh"

namespace {

using base::blob;

enum class colour : std::uint16_t { red = 1, green = 0x0203 };

struct ping {
  std::uint32_t number = 0;
  friend bool operator==(ping const&, ping const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(number); }
};

struct note {
  std::string text;
  friend bool operator==(note const&, note const&) = default;
  template <class Codec> void fields(Codec& codec) { codec(text); }
};

// One of everything the codec knows.
struct everything {
  bool flag = false;
  std::uint8_t small = 0;
  std::int64_t number = 0;
  colour tone = colour::red;
  base::tick_count when;
  base::uuid id;
  std::string text;
  blob bytes;
  std::vector<std::uint16_t> list;
  std::vector<note> notes;
  std::optional<std::uint32_t> maybe;
  std::pair<std::int32_t, std::string> both;
  std::variant<ping, note> either;

  friend bool operator==(everything const&, everything const&) = default;
  template <class Codec> void fields(Codec& codec) {
    codec(flag, small, number, tone, when, id, text, bytes, list, notes, maybe, both, either);
  }
};

std::string random_text(base::prng& random, std::size_t size_max) {
  std::string text(random.between(0, size_max), '\0');
  for (auto& each : text) each = static_cast<char>(random.below(256));
  return text;
}

everything random_everything(base::prng& random) {
  everything made;
  made.flag = random.chance(1, 2);
  made.small = static_cast<std::uint8_t>(random.next());
  made.number = static_cast<std::int64_t>(random.next());
  made.tone = random.chance(1, 2) ? colour::red : colour::green;
  made.when = base::tick_count(random.next());
  made.id = base::make_uuid(random.next(), random.next());
  made.text = random_text(random, 40);
  made.bytes = blob::copy_of(random_text(random, random.chance(1, 4) ? 6000 : 40));
  for (auto left = random.below(5); left > 0; --left) made.list.push_back(static_cast<std::uint16_t>(random.next()));
  for (auto left = random.below(4); left > 0; --left) made.notes.push_back({random_text(random, 9)});
  if (random.chance(1, 2)) made.maybe = static_cast<std::uint32_t>(random.next());
  made.both = {static_cast<std::int32_t>(random.next()), random_text(random, 5)};
  if (random.chance(1, 2))
    made.either = ping{static_cast<std::uint32_t>(random.next())};
  else
    made.either = note{random_text(random, 12)};
  return made;
}

blob bytes_of(std::initializer_list<int> list) {
  std::vector<std::uint8_t> raw;
  for (auto const each : list) raw.push_back(static_cast<std::uint8_t>(each));
  return blob(std::move(raw));
}

TEST(codec, decodes_to_what_was_encoded) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    base::prng random(seed);
    auto const made = random_everything(random);
    auto const decoded = base::decode<everything>(base::encode(made));
    ASSERT_TRUE(decoded.has_value()) << "seed " << seed << ": " << decoded.error().text;
    ASSERT_EQ(*decoded, made) << "seed " << seed;
  }
}

// Goal: no cut goes unnoticed or is read past. Method: every proper prefix of valid bytes, each in memory of its own.
TEST(codec, refuses_bytes_cut_short_anywhere) {
  base::prng random(3);
  auto made = random_everything(random);
  made.bytes = blob::copy_of(std::string_view("some bytes"));
  auto const whole = base::encode(made);
  for (std::size_t size = 0; size < whole.size(); ++size)
    ASSERT_FALSE(base::decode<everything>(blob::copy_of(whole.slice(0, size).view())).has_value()) << size;
}

TEST(codec, what_decodes_from_damaged_bytes_encodes_back_to_them) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    base::prng random(seed);
    auto const whole = base::encode(random_everything(random));
    std::vector<std::uint8_t> raw(whole.view().begin(), whole.view().end());
    for (auto hits = random.between(1, 3); hits > 0; --hits)
      raw[random.below(raw.size())] = static_cast<std::uint8_t>(random.next());
    auto const decoded = base::decode<everything>(blob(raw));
    if (decoded.has_value()) { ASSERT_EQ(base::encode(*decoded), blob(raw)) << "seed " << seed; }
  }
}

TEST(codec, writes_little_endian_with_lengths_of_four_bytes) {
  EXPECT_EQ(base::encode(ping{0x01020304}), bytes_of({4, 3, 2, 1}));
  EXPECT_EQ(base::encode(note{"ab"}), bytes_of({2, 0, 0, 0, 'a', 'b'}));
  base::writer out;
  out(colour::green, true, std::variant<ping, note>(note{""}), std::optional<std::uint8_t>(7));
  EXPECT_EQ(out.finish_flat(), bytes_of({3, 2, 1, 1, 0, 0, 0, 0, 1, 7}));
}

TEST(codec, says_where_bytes_are_wrong) {
  EXPECT_EQ(base::decode<ping>(bytes_of({1, 2, 3})).error().text, "malformed bytes at offset 0");
  EXPECT_EQ(base::decode<ping>(bytes_of({1, 2, 3, 4, 5})).error().text, "1 bytes left over at offset 4");
  EXPECT_EQ(base::decode<note>(bytes_of({2, 0, 0, 0, 'a'})).error().text, "malformed bytes at offset 4");
}

TEST(codec, refuses_values_no_writer_writes) {
  base::reader flag(bytes_of({2}));
  bool truth = false;
  flag(truth);
  EXPECT_TRUE(flag.failed());
  base::reader kind(bytes_of({2, 0, 0, 0, 0}));
  std::variant<ping, note> either;
  kind(either);
  EXPECT_TRUE(kind.failed());
  base::reader presence(bytes_of({9, 1}));
  std::optional<std::uint8_t> maybe;
  presence(maybe);
  EXPECT_TRUE(presence.failed());
  EXPECT_FALSE(maybe.has_value());
}

TEST(codec, refuses_counts_the_bytes_left_cannot_hold) {
  base::reader in(bytes_of({255, 255, 255, 255, 1, 2, 3}));
  std::vector<note> notes;
  in(notes);
  EXPECT_TRUE(in.failed());
  EXPECT_TRUE(notes.empty());
}

TEST(codec, stays_failed_and_yields_zeros) {
  base::reader in(bytes_of({1, 2}));
  std::uint32_t first = 9;
  std::uint8_t second = 9;
  std::string text = "x";
  in(first, second, text);
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(first, 0U);
  EXPECT_EQ(second, 0U);
  EXPECT_EQ(text, "");
  EXPECT_EQ(in.finish().error().text, "malformed bytes at offset 0");
}

TEST(codec, big_blobs_are_gathered_and_not_copied) {
  auto const big = blob::copy_of(std::string(5000, 'x'));
  base::writer out;
  out(std::uint8_t{1}, big, std::uint8_t{2});
  auto const gathered = out.finish();
  ASSERT_EQ(gathered.pieces.size(), 3U);
  EXPECT_EQ(gathered.pieces[1].data(), big.data());
  EXPECT_EQ(gathered.size(), 5006U);
  EXPECT_EQ(gathered.flat().size(), 5006U);
  EXPECT_EQ(gathered.crc(), base::crc32c(0, gathered.flat().view()));
  base::reader in(gathered.flat());
  std::uint8_t first = 0;
  blob middle;
  in(first, middle);
  EXPECT_EQ(middle, big);
}

}  // namespace
