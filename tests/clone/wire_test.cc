#include "clone/wire.hh"

#include <gtest/gtest.h>

#include "base/prng.hh"
#include "clone/packing.hh"

namespace cloning {
namespace {

base::blob some_bytes(std::size_t size, base::prng& random) {
  std::vector<std::uint8_t> bytes(size);
  for (auto& each : bytes) each = static_cast<std::uint8_t>(random.next());
  return base::blob(std::move(bytes));
}

std::vector<message> one_of_each() {
  hello first;
  first.secret = "s";
  first.session = base::make_uuid(1, 2);
  first.donor = "db1";
  first.data_bytes = 1U << 30;
  return {first,
          welcome{7},
          refused{"no room"},
          pack(3, base::blob::copy_of(std::string_view("some bytes")), packing::none),
          written{9},
          ended{4, 400, hash_of({})},
          received{},
          failed{"why"},
          alive{12}};
}

// Goal: what is sent is what is heard, however the network cuts it.
// Method: all messages in one stream, handed over in pieces of random size.
TEST(wire, frames_survive_any_cut_of_the_stream) {
  base::prng random(11);
  std::vector<std::uint8_t> stream;
  for (auto const& each : one_of_each()) {
    auto const frame = frame_of(each).flat();
    stream.insert(stream.end(), frame.view().begin(), frame.view().end());
  }
  for (int round = 0; round < 200; ++round) {
    frame_reader reader;
    std::vector<std::size_t> kinds;
    std::span<std::uint8_t const> left(stream);
    while (!left.empty()) {
      auto const space = reader.space();
      auto const piece = std::min({space.size(), left.size(), 1 + static_cast<std::size_t>(random.below(40))});
      std::copy_n(left.begin(), piece, space.begin());
      reader.took(piece);
      left = left.subspan(piece);
      for (;;) {
        auto const next = reader.next();
        ASSERT_TRUE(next);
        if (!*next) break;
        kinds.push_back((*next)->index());
      }
    }
    EXPECT_EQ(kinds, (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  }
}

base::result<std::optional<message>> read_whole(std::span<std::uint8_t const> stream) {
  frame_reader reader;
  for (;;) {
    auto next = reader.next();
    if (!next || *next || stream.empty()) return next;
    auto const space = reader.space();
    auto const piece = std::min(space.size(), stream.size());
    std::copy_n(stream.begin(), piece, space.begin());
    reader.took(piece);
    stream = stream.subspan(piece);
  }
}

// Goal: no byte of a frame may change unnoticed.
TEST(wire, a_flipped_bit_is_never_another_message) {
  base::prng random(12);
  auto const whole = frame_of(pack(0, some_bytes(300, random), packing::none)).flat();
  for (std::size_t at = 0; at < whole.size() * 8; ++at) {
    std::vector<std::uint8_t> bytes(whole.view().begin(), whole.view().end());
    bytes[at / 8] = static_cast<std::uint8_t>(bytes[at / 8] ^ (1U << (at % 8)));
    auto const read = read_whole(bytes);
    EXPECT_TRUE(!read || !*read) << "bit " << at;
  }
}

TEST(wire, a_length_out_of_range_is_refused_before_anything_is_allocated) {
  std::vector<std::uint8_t> const huge{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
  EXPECT_FALSE(read_whole(huge));
  std::vector<std::uint8_t> const empty(8, 0);
  EXPECT_FALSE(read_whole(empty));
}

// Goal: every way of packing gives back the same bytes, of any kind and size.
TEST(packing, what_is_packed_unpacks_to_itself) {
  base::prng random(13);
  for (auto const how : {packing::none, packing::lz4, packing::zstd}) {
    for (std::size_t const size : {std::size_t{1}, std::size_t{2}, std::size_t{100}, std::size_t{1} << 20}) {
      base::blob const zeros(std::vector<std::uint8_t>(size, 0));
      for (auto const& bytes : {zeros, some_bytes(size, random)}) {
        auto const packed = pack(5, bytes, how);
        EXPECT_LE(packed.body.size(), bytes.size());
        auto const back = unpack(packed);
        ASSERT_TRUE(back) << back.error().text;
        EXPECT_EQ(*back, bytes);
      }
    }
  }
}

TEST(packing, damage_is_found) {
  base::prng random(14);
  for (auto const how : {packing::none, packing::lz4, packing::zstd}) {
    auto const good = pack(0, base::blob(std::vector<std::uint8_t>(5000, 'x')), how);
    auto other_size = good;
    other_size.bytes -= 1;
    auto too_large = good;
    too_large.bytes = chunk_bytes_max + 1;
    auto other_hash = good;
    other_hash.hash[3] ^= 1;
    auto other_bytes = good;
    other_bytes.body = some_bytes(good.body.size(), random);
    auto unknown = good;
    unknown.how = static_cast<packing>(9);
    for (auto const& each : {other_size, too_large, other_hash, other_bytes, unknown}) EXPECT_FALSE(unpack(each));
  }
}

}  // namespace
}  // namespace cloning
