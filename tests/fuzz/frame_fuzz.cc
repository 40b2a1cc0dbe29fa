// Goal:   no stream crashes the frame decoder or makes it hold more than its bound; what decodes encodes back.
// Method: raw bytes, and (half of the time) bytes put into frames with right checksums so that the bodies are reached.
#include <cstddef>
#include <cstdint>

#include "xcom/frame.hh"
#include "xcom/serving.hh"

namespace {

using bytes = std::vector<std::uint8_t>;

void append(bytes& to, base::chain const& what) {
  for (auto const& piece : what.pieces) to.insert(to.end(), piece.view().begin(), piece.view().end());
}

bytes framed(std::span<std::uint8_t const> input) {
  bytes stream;
  append(stream, xcom::encode_frame(xcom::hello{}));
  while (input.size() >= 2) {
    std::size_t const length = std::min<std::size_t>(input[1], input.size() - 2);
    append(stream,
           xcom::data_frame({xcom::protocol_highest, base::chain{{base::blob::copy_of(input.subspan(2, length))}}}));
    input = input.subspan(2 + length);
  }
  return stream;
}

void check(xcom::frame_event const& event) {
  auto const* message = std::get_if<xcom::wire_message>(&event);
  if (message == nullptr) return;
  auto const again =
      base::decode<xcom::wire_message>(xcom::encode_message(*message, xcom::protocol_highest).bytes.flat());
  ensure(again.has_value());
  ensure(again->index() == message->index());
  if (auto const* range = std::get_if<xcom::fetched>(message)) (void)xcom::slots_of(*range);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  std::span<std::uint8_t const> const input(data + 2, size - 2);
  bytes const stream = data[0] % 2 == 0 ? framed(input) : bytes(input.begin(), input.end());
  std::size_t const step = std::size_t{data[1]} + 1;
  xcom::frame_decoder decoder;
  for (std::size_t at = 0; at < stream.size(); at += step) {
    auto const events = decoder.feed(std::span(stream).subspan(at, std::min(step, stream.size() - at)));
    ensure(decoder.bytes_held() <= xcom::message_bytes_max + (4U << 20));
    if (!events) return 0;
    for (auto const& each : *events) check(each);
  }
  return 0;
}
