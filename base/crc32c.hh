// CRC-32C (Castagnoli), for every frame and every log record.
// Cost: where the processor has AVX-512 with VPCLMULQDQ about 20 bytes per cycle from 512 bytes on, with SSE4.2 about 8, with a
//       table elsewhere.
#pragma once

#include <cstdint>
#include <span>

namespace base {

// Continues `crc` (0 to begin) over `bytes`: crc32c(crc32c(0, a), b) == crc32c(0, a followed by b).
std::uint32_t crc32c(std::uint32_t crc, std::span<std::uint8_t const> bytes);

// The table form, whatever the processor has: the tests' twin of the fast one.
std::uint32_t crc32c_portable(std::uint32_t crc, std::span<std::uint8_t const> bytes);

}  // namespace base
