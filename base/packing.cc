#include "base/packing.hh"

#include <lz4.h>
#include <xxhash.h>
#include <zstd.h>

#include <cstring>
#include <limits>
#include <string>

#include "base/ensure.hh"

namespace base {
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

// More than the format can make of so few bytes is not allocated for.
bool may_become(packed_bytes const& packed) {
  constexpr std::uint64_t lz4_ratio_max = 255;
  constexpr std::uint64_t zstd_ratio_max = 128U << 10;  // a block of one byte's repeats
  auto const ratio = packed.how == packing::lz4 ? lz4_ratio_max : zstd_ratio_max;
  return packed.bytes <= ratio * packed.body.size();
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

result<packing> parse_packing(std::string_view word) {
  if (word == "ZSTD") return packing::zstd;
  if (word == "LZ4") return packing::lz4;
  if (word == "NONE") return packing::none;
  return fail("'" + std::string(word) + "' is none of ZSTD, LZ4, NONE");
}

packed_bytes pack(blob const& bytes, packing how) {
  ensure(bytes.size() <= std::numeric_limits<std::int32_t>::max());
  packed_bytes made{packing::none, static_cast<std::uint32_t>(bytes.size()), hash_of(bytes.view()), bytes};
  if (how == packing::none || bytes.size() < 2) return made;
  std::vector<std::uint8_t> smaller(bytes.size() - 1);
  auto const size = pack_into(smaller, bytes.view(), how);
  if (size == 0) return made;
  smaller.resize(size);
  made.how = how;
  made.body = blob(std::move(smaller));
  return made;
}

result<blob> unpack(packed_bytes const& packed, std::uint32_t bytes_max) {
  if (packed.bytes > bytes_max) return fail("has a size out of range");
  if (packed.how > packing::zstd) return fail("is packed in an unknown way");
  blob bytes = packed.body;
  if (packed.how != packing::none) {
    if (!may_become(packed)) return fail("has a size out of range");
    std::vector<std::uint8_t> larger(packed.bytes);
    if (!unpack_into(larger, packed.body.view(), packed.how)) return fail("does not unpack");
    bytes = blob(std::move(larger));
  }
  if (bytes.size() != packed.bytes) return fail("has another size than it says");
  if (hash_of(bytes.view()) != packed.hash) return fail("has another hash than it says");
  return bytes;
}

}  // namespace base
