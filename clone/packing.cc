#include "clone/packing.hh"

#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include <cstring>
#include <string>

#include "base/ensure.hh"

namespace cloning {
namespace {

constexpr int zstd_level = 1;  // more than that and the processor, not the network, sets the pace

// 0: does not fit into `into`.
std::size_t pack_into(std::span<std::uint8_t> into, std::span<std::uint8_t const> from, packing how) {
  if (how == packing::zstd) {
    auto const size = ZSTD_compress(into.data(), into.size(), from.data(), from.size(), zstd_level);
    return ZSTD_isError(size) != 0 ? 0 : size;
  }
  int const size =
      LZ4_compress_default(reinterpret_cast<char const*>(from.data()), reinterpret_cast<char*>(into.data()),
                           static_cast<int>(from.size()), static_cast<int>(into.size()));
  return size <= 0 ? 0 : static_cast<std::size_t>(size);
}

bool unpack_into(std::span<std::uint8_t> into, std::span<std::uint8_t const> from, packing how) {
  if (how == packing::zstd) return ZSTD_decompress(into.data(), into.size(), from.data(), from.size()) == into.size();
  int const size = LZ4_decompress_safe(reinterpret_cast<char const*>(from.data()), reinterpret_cast<char*>(into.data()),
                                       static_cast<int>(from.size()), static_cast<int>(into.size()));
  return size >= 0 && static_cast<std::size_t>(size) == into.size();
}

base::error wrong(chunk const& which, char const* why) {
  return base::fail("chunk " + std::to_string(which.number) + " " + why);
}

}  // namespace

digest hash_of(std::span<std::uint8_t const> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  digest made;
  static_assert(sizeof canonical.digest == sizeof made);
  std::memcpy(made.data(), canonical.digest, made.size());
  return made;
}

base::result<packing> parse_packing(std::string_view word) {
  if (word == "ZSTD") return packing::zstd;
  if (word == "LZ4") return packing::lz4;
  if (word == "NONE") return packing::none;
  return base::fail("'" + std::string(word) + "' is none of ZSTD, LZ4, NONE");
}

chunk pack(std::uint64_t number, base::blob const& bytes, packing how) {
  ensure(!bytes.empty() && bytes.size() <= chunk_bytes_max);
  chunk made{number, packing::none, static_cast<std::uint32_t>(bytes.size()), hash_of(bytes.view()), bytes};
  if (how == packing::none || bytes.size() < 2) return made;
  std::vector<std::uint8_t> smaller(bytes.size() - 1);
  auto const size = pack_into(smaller, bytes.view(), how);
  if (size == 0) return made;
  smaller.resize(size);
  made.how = how;
  made.body = base::blob(std::move(smaller));
  return made;
}

base::result<base::blob> unpack(chunk const& packed) {
  if (packed.bytes == 0 || packed.bytes > chunk_bytes_max) return wrong(packed, "has a size out of range");
  if (packed.how > packing::zstd) return wrong(packed, "is packed in an unknown way");
  base::blob bytes = packed.body;
  if (packed.how != packing::none) {
    std::vector<std::uint8_t> larger(packed.bytes);
    if (!unpack_into(larger, packed.body.view(), packed.how)) return wrong(packed, "does not unpack");
    bytes = base::blob(std::move(larger));
  }
  if (bytes.size() != packed.bytes) return wrong(packed, "has another size than it says");
  if (hash_of(bytes.view()) != packed.hash) return wrong(packed, "has another hash than it says");
  return bytes;
}

}  // namespace cloning
