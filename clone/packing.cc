#include "clone/packing.hh"

#include <string>

#include "base/ensure.hh"

namespace cloning {

chunk pack(std::uint64_t number, base::blob const& bytes, packing how) {
  ensure(!bytes.empty() && bytes.size() <= chunk_bytes_max);
  return {base::pack(bytes, how), number};
}

base::result<base::blob> unpack(chunk const& packed) {
  auto bytes = base::unpack(packed, chunk_bytes_max);
  if (bytes && bytes->empty()) bytes = base::fail("is empty");
  if (!bytes) return base::fail("chunk " + std::to_string(packed.number) + " " + bytes.error().text);
  return bytes;
}

}  // namespace cloning
