// Goal:   no stream crashes the clone's frame decoder, makes it hold more than a frame, or unpacks to what its hash is not of;
//         what decodes encodes back. The same for the journal of a swap.
// Method: raw bytes, and (half of the time) bytes put into a frame with a right checksum so that the messages are reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "clone/packing.hh"
#include "clone/swap.hh"
#include "clone/wire.hh"

namespace {

using bytes = std::vector<std::uint8_t>;

bytes framed(std::span<std::uint8_t const> body) {
  base::writer head;
  head(static_cast<std::uint32_t>(body.size()), base::crc32c(0, body));
  auto const front = head.finish_flat();
  bytes stream(front.view().begin(), front.view().end());
  stream.insert(stream.end(), body.begin(), body.end());
  return stream;
}

void check(cloning::message const& what) {
  auto const again = base::decode<cloning::message>(base::encode(what));
  ensure(again.has_value());
  ensure(again->index() == what.index());
  auto const* packed = std::get_if<cloning::chunk>(&what);
  if (packed == nullptr) return;
  auto const unpacked = cloning::unpack(*packed);
  if (!unpacked) return;
  ensure(unpacked->size() == packed->bytes && unpacked->size() <= cloning::chunk_bytes_max);
  ensure(cloning::hash_of(unpacked->view()) == packed->hash);
}

void read(bytes const& stream, std::size_t step) {
  cloning::frame_reader reader;
  for (std::size_t at = 0; at < stream.size();) {
    auto const space = reader.space();
    ensure(!space.empty() && space.size() <= cloning::body_bytes_max);
    auto const piece = std::min({step, space.size(), stream.size() - at});
    std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), piece, space.begin());
    reader.took(piece);
    at += piece;
    auto const next = reader.next();
    if (!next) return;
    if (*next) check(**next);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 3) return 0;
  std::span<std::uint8_t const> const input(data + 2, size - 2);
  read(data[0] % 2 == 0 ? framed(input) : bytes(input.begin(), input.end()), std::size_t{data[1]} + 1);
  if (auto const plan = cloning::parse_journal(base::blob::copy_of(input))) {
    auto const again = cloning::parse_journal(cloning::journal_bytes(*plan));
    ensure(again.has_value() && *again == *plan);
  }
  return 0;
}
