// A chunk's bytes smaller, and whether they are still the same when they are large again.
// Cost: on one core of 2020, zstd (level 1) about 400 MB/s one way and 1 GB/s back, lz4 700 MB/s and 3 GB/s, the hash 15 GB/s.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/blob.hh"
#include "base/result.hh"
#include "clone/wire.hh"

namespace cloning {

digest hash_of(std::span<std::uint8_t const> bytes);

// "ZSTD", "LZ4", "NONE". Errors: any other word.
base::result<packing> parse_packing(std::string_view word);

// ensure: 1 to chunk_bytes_max bytes. What does not shrink goes as it is.
chunk pack(std::uint64_t number, base::blob const& bytes, packing how);

// Errors: an unknown way, a size out of range, bytes that do not unpack, another size or another hash than said.
base::result<base::blob> unpack(chunk const& packed);

}  // namespace cloning
