// Frames: what is sent comes out whole however the stream is cut, and nothing else gets through.
#include "xcom/frame.hh"

#include <gtest/gtest.h>

#include <array>

#include "base/prng.hh"

namespace xcom {
namespace {

using bytes = std::vector<std::uint8_t>;

hello const greeting{{}, "group", "host:33061", {base::make_uuid(1, 2), 3}, 4};

void append(bytes& to, base::chain const& what) {
  for (auto const& piece : what.pieces) to.insert(to.end(), piece.view().begin(), piece.view().end());
}

wire_message words(std::size_t size, std::uint8_t fill) { return direct{base::blob(bytes(size, fill))}; }

base::blob const& payload_of(frame_event const& event) {
  return std::get<direct>(std::get<wire_message>(event)).payload;
}

void append(bytes& to, wire_message const& what) {
  auto encoded = encode_message(what, protocol_highest);
  if (encoded.bytes.size() <= chunk_bytes) return append(to, data_frame(std::move(encoded)));
  chunked_message pieces(7, std::move(encoded));
  while (!pieces.done()) append(to, pieces.next());
}

std::string error_of(bytes const& stream) {
  frame_decoder decoder;
  auto events = decoder.feed(stream);
  return events ? "" : events.error().text;
}

bytes greeted() {
  bytes stream;
  append(stream, encode_frame(greeting));
  return stream;
}

TEST(frame, a_hello_comes_out_as_it_went_in) {
  frame_decoder decoder;
  auto events = decoder.feed(greeted());
  ASSERT_TRUE(events);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(std::get<hello>(events->front()), greeting);
}

TEST(frame, messages_of_all_sizes_survive_any_cut_of_the_stream) {
  base::prng random(5);
  std::vector<std::size_t> const sizes = {
      0, 1, 2000, 3000, 32U << 10, (32U << 10) + 1, chunk_bytes - 5, chunk_bytes, 3 * chunk_bytes + 1};
  for (int round = 0; round < 40; ++round) {
    bytes stream = greeted();
    for (auto const size : sizes) append(stream, words(size, static_cast<std::uint8_t>(size)));
    frame_decoder decoder;
    std::vector<frame_event> all;
    for (std::size_t at = 0; at < stream.size();) {
      std::size_t const most = random.chance(1, 2) ? 40 : 100000;
      std::size_t const length = std::min<std::size_t>(random.between(1, most), stream.size() - at);
      auto events = decoder.feed(std::span(stream).subspan(at, length));
      ASSERT_TRUE(events) << events.error().text;
      for (auto& each : *events) all.push_back(std::move(each));
      at += length;
    }
    ASSERT_EQ(all.size(), sizes.size() + 1);
    for (std::size_t each = 0; each < sizes.size(); ++each) {
      EXPECT_EQ(payload_of(all[each + 1]), base::blob(bytes(sizes[each], static_cast<std::uint8_t>(sizes[each]))));
    }
  }
}

TEST(frame, small_messages_pass_a_big_one_and_two_big_ones_interleave) {
  bytes stream = greeted();
  chunked_message first(1, encode_message(words(900000, 1), protocol_highest));
  chunked_message second(2, encode_message(words(600000, 2), protocol_highest));
  while (!first.done() || !second.done()) {
    if (!first.done()) append(stream, first.next());
    append(stream, wire_message(heartbeat{}));
    if (!second.done()) append(stream, second.next());
  }
  frame_decoder decoder;
  auto events = decoder.feed(stream);
  ASSERT_TRUE(events) << events.error().text;
  ASSERT_EQ(events->size(), 7U);
  EXPECT_TRUE(std::holds_alternative<heartbeat>(std::get<wire_message>(events->at(1))));
  EXPECT_EQ(payload_of(events->at(4)).size(), 600000U);
  EXPECT_EQ(payload_of(events->at(5)).size(), 900000U);
  EXPECT_LT(decoder.bytes_held(), 100000U) << "nothing stays behind";
}

TEST(frame, every_flipped_bit_is_noticed) {
  bytes stream = greeted();
  append(stream, words(50, 9));
  for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
    bytes damaged = stream;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << bit % 8));
    frame_decoder decoder;
    auto events = decoder.feed(damaged);
    EXPECT_FALSE(events && events->size() == 2) << bit;
  }
}

TEST(frame, order_and_limits_are_kept) {
  EXPECT_NE(error_of(bytes(64, 'G')).find("not those of"), std::string::npos);
  bytes stream;
  append(stream, words(5, 1));
  EXPECT_NE(error_of(stream).find("before the hello"), std::string::npos);
  stream = greeted();
  append(stream, encode_frame(greeting));
  EXPECT_NE(error_of(stream).find("second hello"), std::string::npos);
  hello wide = greeting;
  wide.group_name = std::string(5000, 'x');
  stream.clear();
  append(stream, encode_frame(wide));
  EXPECT_NE(error_of(stream).find("at most 4096"), std::string::npos);
}

// Writes a chunk header that says what it likes; its checksum is never reached.
bytes lying_chunk(std::uint32_t total, std::uint32_t offset) {
  bytes stream = greeted();
  chunked_message honest(1, encode_message(words(300000, 1), protocol_highest));
  bytes frame;
  append(frame, honest.next());
  std::memcpy(frame.data() + frame_header_bytes + 4, &total, 4);
  std::memcpy(frame.data() + frame_header_bytes + 8, &offset, 4);
  stream.insert(stream.end(), frame.begin(), frame.end());
  return stream;
}

TEST(frame, a_chunk_that_lies_is_refused) {
  EXPECT_NE(error_of(lying_chunk(300000, 7)).find("first chunk"), std::string::npos);
  EXPECT_NE(error_of(lying_chunk(0xffffffffU, 0)).find("at most"), std::string::npos);
  EXPECT_NE(error_of(lying_chunk(1000, 0)).find("beyond the end"), std::string::npos);
  EXPECT_NE(error_of(lying_chunk(300001, 0)).find("checksum"), std::string::npos);
}

TEST(frame, too_many_messages_in_pieces_are_refused) {
  bytes stream = greeted();
  for (std::uint32_t number = 0; number <= parts_held_max; ++number) {
    append(stream, chunked_message(number, encode_message(words(300000, 1), protocol_highest)).next());
  }
  EXPECT_NE(error_of(stream).find("in pieces"), std::string::npos);
}

TEST(frame, a_hello_of_another_protocol_is_told_by_its_number) {
  hello later = greeting;
  later.speaks = {7, 9};
  bytes stream;
  append(stream, encode_frame(later));
  frame_decoder decoder;
  auto events = decoder.feed(stream);
  ASSERT_TRUE(events);
  EXPECT_EQ(std::get<hello>(events->front()).speaks, later.speaks);
  EXPECT_EQ(std::get<hello>(events->front()).group_name, "") << "more is not known of it";
}

TEST(frame, a_hello_of_a_newer_program_may_say_more) {
  hello newer = greeting;
  newer.speaks.highest = protocol_highest + 1;
  auto const whole = encode_frame(newer).flat();
  std::vector<std::uint8_t> body(whole.view().begin() + frame_header_bytes, whole.view().end());
  body.push_back(1);
  base::writer head;
  std::array<std::uint8_t, 3> const kind{protocol_lowest, 0, static_cast<std::uint8_t>(frame_kind::hello)};
  head(std::uint32_t{0x31515267}, static_cast<std::uint32_t>(body.size()), base::crc32c(base::crc32c(0, kind), body),
       protocol_lowest, frame_kind::hello);
  bytes stream;
  append(stream, head.finish());
  stream.insert(stream.end(), body.begin(), body.end());
  frame_decoder decoder;
  auto events = decoder.feed(stream);
  ASSERT_TRUE(events) << events.error().text;
  EXPECT_EQ(std::get<hello>(events->front()), newer);
}

heartbeat with_links() {
  heartbeat said;
  said.count = 7;
  said.linked = {{base::make_uuid(1, 2), 3}};
  return said;
}

wire_message heard_by(frame_decoder& decoder, wire_message const& what, std::uint16_t protocol) {
  bytes stream = greeted();
  append(stream, data_frame(encode_message(what, protocol)));
  auto events = decoder.feed(stream);
  return events && events->size() == 2 ? std::get<wire_message>(events->back()) : wire_message(direct{});
}

TEST(frame, a_message_says_what_its_protocol_can_say) {
  for (std::uint16_t protocol : {protocol_lowest, protocol_with_links}) {
    frame_decoder decoder;
    auto const heard = heard_by(decoder, with_links(), protocol);
    ASSERT_TRUE(std::holds_alternative<heartbeat>(heard));
    EXPECT_EQ(std::get<heartbeat>(heard).count, 7U);
    EXPECT_EQ(std::get<heartbeat>(heard).linked.empty(), protocol < protocol_with_links);
  }
}

TEST(frame, what_an_old_program_cannot_read_does_not_keep_it_from_what_it_can) {
  frame_decoder old({1, 1});
  bytes stream = greeted();
  append(stream, data_frame(encode_message(with_links(), 2)));
  append(stream, data_frame(encode_message(join_refused{"too old"}, 2)));
  auto const events = old.feed(stream);
  ASSERT_TRUE(events) << events.error().text;
  ASSERT_EQ(events->size(), 3U);
  EXPECT_EQ(std::get<unreadable>(events->at(1)).protocol, 2);
  EXPECT_EQ(std::get<join_refused>(std::get<wire_message>(events->at(2))).reason, "too old");
}

TEST(frame, what_is_said_before_joining_is_said_in_the_lowest_protocol) {
  EXPECT_EQ(encode_message(join_refused{"no"}, protocol_highest).protocol, protocol_lowest);
  EXPECT_EQ(encode_message(refuse{}, protocol_highest).protocol, protocol_highest);
}

}  // namespace
}  // namespace xcom
