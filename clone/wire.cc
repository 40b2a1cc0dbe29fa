#include "clone/wire.hh"

#include <cstring>

namespace cloning {
namespace {

std::uint32_t number_at(std::span<std::uint8_t const> from, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, from.data() + offset, sizeof value);
  return value;
}

}  // namespace

base::chain frame_of(message const& what) {
  base::writer body;
  body(what);
  auto bytes = body.finish();
  base::writer head;
  head(static_cast<std::uint32_t>(bytes.size()), bytes.crc());
  base::chain frame;
  frame.pieces.push_back(head.finish_flat());
  frame.pieces.insert(frame.pieces.end(), bytes.pieces.begin(), bytes.pieces.end());
  return frame;
}

std::span<std::uint8_t> frame_reader::space() {
  if (!in_body_) return std::span(head_).subspan(filled_);
  return std::span(body_).subspan(filled_);
}

void frame_reader::took(std::size_t bytes) {
  ensure(bytes <= space().size());
  filled_ += bytes;
}

base::result<std::size_t> frame_reader::open_body() {
  auto const length = number_at(head_, 0);
  if (length == 0 || length > body_bytes_max)
    return base::fail("a frame of " + std::to_string(length) + " bytes, allowed are 1 to " +
                      std::to_string(body_bytes_max));
  body_ = std::vector<std::uint8_t>(length);
  in_body_ = true;
  filled_ = 0;
  return std::size_t{length};
}

base::result<std::optional<message>> frame_reader::next() {
  if (!in_body_) {
    if (filled_ < frame_head_bytes) return std::optional<message>{};
    if (auto const opened = open_body(); !opened) return opened.error();
  }
  if (filled_ < body_.size()) return std::optional<message>{};
  in_body_ = false;
  filled_ = 0;
  base::blob const body(std::move(body_));
  body_ = {};
  if (base::crc32c(0, body.view()) != number_at(head_, 4)) return base::fail("a frame whose checksum does not hold");
  auto decoded = base::decode<message>(body);
  if (!decoded) return decoded.error();
  return std::optional<message>(std::move(*decoded));
}

}  // namespace cloning
