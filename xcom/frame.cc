#include "xcom/frame.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

namespace xcom {

namespace {

bool is_before_joining(wire_message const& what) {
  return std::holds_alternative<join_request>(what) || std::holds_alternative<join_answer>(what) ||
         std::holds_alternative<join_refused>(what);
}

constexpr std::uint32_t frame_magic = 0x31515267;  // "gRQ1"
constexpr std::size_t block_bytes = 64U << 10;
constexpr std::size_t small_frame_bytes = 32U << 10;
static_assert(frame_header_bytes + small_frame_bytes <= block_bytes);

std::uint32_t crc_of_head(std::uint16_t protocol, frame_kind kind) {
  std::array<std::uint8_t, 3> const raw{static_cast<std::uint8_t>(protocol), static_cast<std::uint8_t>(protocol >> 8U),
                                        static_cast<std::uint8_t>(kind)};
  return base::crc32c(0, raw);
}

base::chain make_frame(frame_kind kind, std::uint16_t protocol, base::chain body) {
  base::writer out;
  out(frame_magic, static_cast<std::uint32_t>(body.size()), body.crc(crc_of_head(protocol, kind)), protocol, kind);
  base::chain frame = out.finish();
  for (auto& piece : body.pieces) frame.pieces.push_back(std::move(piece));
  return frame;
}

template <class Body> base::chain encode_body(Body const& body, std::uint16_t protocol) {
  base::writer out(protocol);
  out(body);
  return out.finish();
}

}  // namespace

// ---------------------------------------------------------------------------------------------------------------------
// Sending
// ---------------------------------------------------------------------------------------------------------------------

// Hello and rejection begin alike in every protocol; what a later one adds comes behind.
base::chain encode_frame(hello const& what) {
  return make_frame(frame_kind::hello, protocol_lowest, encode_body(what, protocol_lowest));
}

base::chain encode_frame(rejected const& what) {
  return make_frame(frame_kind::rejected, protocol_lowest, encode_body(what, protocol_lowest));
}

std::uint16_t protocol_for(wire_message const& what, std::uint16_t of_site) {
  return is_before_joining(what) ? protocol_lowest : of_site;
}

encoded_message encode_message(wire_message const& what, std::uint16_t protocol) {
  protocol = protocol_for(what, protocol);
  return {protocol, encode_body(what, protocol)};
}

base::chain data_frame(encoded_message message) {
  ensure(message.bytes.size() <= frame_body_bytes_max);
  return make_frame(frame_kind::data, message.protocol, std::move(message.bytes));
}

chunked_message::chunked_message(std::uint32_t number, encoded_message message)
    : number_(number), total_(message.bytes.size()), protocol_(message.protocol), message_(std::move(message.bytes)) {
  ensure(total_ <= message_bytes_max);
}

base::chain chunked_message::next() {
  ensure(!done());
  std::size_t const length = std::min(chunk_bytes, total_ - sent_);
  base::writer out;
  out(number_, static_cast<std::uint32_t>(total_), static_cast<std::uint32_t>(sent_));
  base::chain body = out.finish();
  for (auto& piece : take(length).pieces) body.pieces.push_back(std::move(piece));
  sent_ += length;
  return make_frame(frame_kind::chunk, protocol_, std::move(body));
}

base::chain chunked_message::take(std::size_t length) {
  base::chain taken;
  while (length > 0) {
    auto& piece = message_.pieces[piece_];
    std::size_t const here = std::min(length, piece.size() - piece_offset_);
    taken.pieces.push_back(piece.slice(piece_offset_, here));
    piece_offset_ += here;
    length -= here;
    if (piece_offset_ < piece.size()) continue;
    piece = {};  // what is sent need not wait in memory for the rest
    ++piece_;
    piece_offset_ = 0;
  }
  return taken;
}

// ---------------------------------------------------------------------------------------------------------------------
// Receiving
// ---------------------------------------------------------------------------------------------------------------------

frame_decoder::frame_decoder(protocol_range speaks)
    : speaks_(speaks), block_(std::make_unique_for_overwrite<std::uint8_t[]>(block_bytes)) {}

std::span<std::uint8_t> frame_decoder::space() {
  if (direct_) {
    auto& into = *direct_->into;
    return {into.bytes.get() + into.filled, direct_->ends - into.filled};
  }
  if (begin_ > 0) {
    std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return {block_.get() + end_, block_bytes - end_};
}

void frame_decoder::filled(std::size_t bytes) {
  if (direct_) {
    direct_->into->filled += bytes;
    ensure(direct_->into->filled <= direct_->ends);
  } else {
    end_ += bytes;
    ensure(end_ <= block_bytes);
  }
}

base::result<std::vector<frame_event>> frame_decoder::feed(std::span<std::uint8_t const> bytes) {
  std::vector<frame_event> events;
  do {
    auto const into = space();
    std::size_t const taken = std::min(into.size(), bytes.size());
    if (taken > 0) std::memcpy(into.data(), bytes.data(), taken);
    filled(taken);
    bytes = bytes.subspan(taken);
    for (;;) {
      auto event = next();
      if (!event) return event.error();
      if (!*event) break;
      events.push_back(std::move(**event));
    }
  } while (!bytes.empty());
  return events;
}

base::result<std::optional<frame_event>> frame_decoder::next() {
  if (failed_) return *failed_;
  auto event = next_event();
  if (!event) failed_ = event.error();
  return event;
}

base::result<std::optional<frame_event>> frame_decoder::next_event() {
  for (;;) {
    if (direct_) {
      if (direct_->into->filled < direct_->ends) return std::optional<frame_event>{};
      auto event = finish_direct();
      if (!event || *event) return event;
      continue;
    }
    if (end_ - begin_ < frame_header_bytes) return std::optional<frame_event>{};
    auto head = parse_header();
    if (!head) return head.error();
    std::size_t const there = end_ - begin_ - frame_header_bytes;
    if (head->kind == frame_kind::chunk) {
      if (there < chunk_header_bytes) return std::optional<frame_event>{};
      if (auto done = begin_chunk(*head); !done) return done.error();
    } else if (head->length > small_frame_bytes) {
      if (auto done = begin_large(*head); !done) return done.error();
    } else {
      if (there < head->length) return std::optional<frame_event>{};
      return take_small(*head);
    }
  }
}

base::result<frame_decoder::header> frame_decoder::parse_header() {
  base::reader in(base::blob(nullptr, block_.get() + begin_, frame_header_bytes));
  std::uint32_t found = 0;
  header head;
  in(found, head.length, head.crc, head.protocol, head.kind);
  if (found != frame_magic) return base::fail("the bytes are not those of a group replication connection");
  if (auto done = check(head); !done) return done.error();
  return head;
}

base::result<void> frame_decoder::check(header const& head) const {
  bool const opens = head.kind == frame_kind::hello || head.kind == frame_kind::rejected;
  bool const known = opens || head.kind == frame_kind::data || head.kind == frame_kind::chunk;
  if (!known) return base::fail("a frame of unknown kind " + std::to_string(static_cast<unsigned>(head.kind)));
  if (!greeted_ && !opens) return base::fail("a message came before the hello");
  if (greeted_ && opens) return base::fail("a second hello came");
  std::size_t const most = opens ? hello_bytes_max : frame_body_bytes_max;
  if (head.length > most) {
    return base::fail("a frame of " + std::to_string(head.length) + " bytes; at most " + std::to_string(most) +
                      " are allowed");
  }
  if (head.kind == frame_kind::chunk && head.length <= chunk_header_bytes) return base::fail("an empty chunk");
  return {};
}

base::result<void> frame_decoder::begin_large(header const& head) {
  begin_ += frame_header_bytes;
  large_ = {std::make_shared_for_overwrite<std::uint8_t[]>(head.length), head.length, 0};
  read_directly({head, 0, 0, head.length, crc_of_head(head.protocol, head.kind), &large_});
  return {};
}

base::result<void> frame_decoder::begin_chunk(header const& head) {
  std::uint8_t const* const at = block_.get() + begin_ + frame_header_bytes;
  base::reader in(base::blob(nullptr, at, chunk_header_bytes));
  std::uint32_t message = 0;
  std::uint32_t total = 0;
  std::uint32_t offset = 0;
  in(message, total, offset);
  auto part = part_for(message, total, offset);
  if (!part) return part.error();
  std::size_t const length = head.length - chunk_header_bytes;
  if (length > (*part)->size - (*part)->filled) return base::fail("a chunk reaches beyond the end of its message");
  std::uint32_t const crc = base::crc32c(crc_of_head(head.protocol, head.kind), {at, chunk_header_bytes});
  begin_ += frame_header_bytes + chunk_header_bytes;
  read_directly({head, message, (*part)->filled, (*part)->filled + length, crc, *part});
  return {};
}

// Memory is asked for before the bytes arrive, but only touched as they do; the sum of what is asked for is bounded.
base::result<frame_decoder::buffer*> frame_decoder::part_for(std::uint32_t message, std::uint32_t total,
                                                             std::uint32_t offset) {
  auto const known = parts_.find(message);
  if (known != parts_.end()) {
    if (known->second.size != total || known->second.filled != offset) return base::fail("a chunk is out of order");
    return &known->second;
  }
  if (offset != 0) return base::fail("a message lacks its first chunk");
  std::size_t held = total;
  for (auto const& [number, part] : parts_) held += part.size;
  if (held > message_bytes_max || parts_.size() >= parts_held_max) {
    return base::fail("messages in pieces of " + std::to_string(held) + " bytes in all; at most " +
                      std::to_string(message_bytes_max) + " are allowed");
  }
  std::shared_ptr<std::uint8_t[]> bytes(new (std::nothrow) std::uint8_t[total]);
  if (!bytes) return base::fail("no memory for a message of " + std::to_string(total) + " bytes");
  return &(parts_[message] = {std::move(bytes), total, 0});
}

// What the block already holds of the body goes over first.
void frame_decoder::read_directly(direct_body body) {
  std::size_t const there = std::min(end_ - begin_, body.ends - body.begins);
  if (there > 0) std::memcpy(body.into->bytes.get() + body.begins, block_.get() + begin_, there);
  begin_ += there;
  body.into->filled = body.begins + there;
  direct_ = body;
}

base::result<std::optional<frame_event>> frame_decoder::finish_direct() {
  direct_body const body = *direct_;
  direct_.reset();
  std::span<std::uint8_t const> const bytes(body.into->bytes.get() + body.begins, body.ends - body.begins);
  if (base::crc32c(body.crc, bytes) != body.head.crc) return base::fail("the checksum of a frame does not match");
  if (body.into->filled < body.into->size) return std::optional<frame_event>{};
  buffer whole = std::exchange(*body.into, {});
  if (body.head.kind == frame_kind::chunk) parts_.erase(body.message);
  std::uint8_t const* const data = whole.bytes.get();
  auto event = decode(frame_kind::data, body.head.protocol, base::blob(std::move(whole.bytes), data, whole.size));
  if (!event) return event.error();
  return std::optional<frame_event>(std::move(*event));
}

base::result<std::optional<frame_event>> frame_decoder::take_small(header const& head) {
  std::span<std::uint8_t const> const bytes(block_.get() + begin_ + frame_header_bytes, head.length);
  if (base::crc32c(crc_of_head(head.protocol, head.kind), bytes) != head.crc)
    return base::fail("the checksum of a frame does not match");
  auto event = decode(head.kind, head.protocol, base::blob::copy_of(bytes));
  begin_ += frame_header_bytes + head.length;
  if (!event) return event.error();
  return std::optional<frame_event>(std::move(*event));
}

namespace {

base::result<frame_event> as_event(auto decoded) {
  if (!decoded) return base::fail("a frame cannot be read: " + decoded.error().text);
  return frame_event(std::move(*decoded));
}

}  // namespace

base::result<frame_event> frame_decoder::decode(frame_kind kind, std::uint16_t protocol, base::blob const& body) {
  if (kind == frame_kind::rejected) return as_event(base::decode<rejected>(body));
  // What is said before joining is in the lowest protocol, whoever says it.
  bool const speaks_it = protocol == protocol_lowest || speaks_.holds(protocol);
  if (kind == frame_kind::data && !speaks_it) return frame_event(unreadable{protocol});
  if (kind == frame_kind::data) return as_event(base::decode<wire_message>(body, protocol));
  greeted_ = true;
  return decode_hello(body);
}

// With nothing in common, what both speak is all that is read of it. A later program may say more behind what we know.
base::result<frame_event> frame_decoder::decode_hello(base::blob const& body) {
  base::reader in(body);
  hello said;
  in(said.speaks);
  if (!in.failed() && !said.speaks.meets(speaks_)) return frame_event(hello{.speaks = said.speaks});
  in = base::reader(body);
  in(said);
  if (in.failed() || (in.left() != 0 && said.speaks.highest <= protocol_highest))
    return base::fail("a frame cannot be read: a malformed hello");
  return frame_event(std::move(said));
}

std::size_t frame_decoder::bytes_held() const {
  std::size_t held = block_bytes + large_.size;
  for (auto const& [number, part] : parts_) held += part.size;
  return held;
}

}  // namespace xcom
