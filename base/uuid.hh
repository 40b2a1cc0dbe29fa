// A 128-bit identity in the order of its bytes, with the usual text form (8-4-4-4-12 hexadecimal digits).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hh"

namespace base {

struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] bool is_nil() const { return *this == uuid{}; }
  friend auto operator<=>(uuid const&, uuid const&) = default;

  template <class Codec> void fields(Codec& codec) { codec(bytes); }
};

// Errors: wrong length, wrong digit or misplaced dash, with the text and the 1-based position.
result<uuid> parse_uuid(std::string_view text);
std::string to_string(uuid const& id);
// A version 4 uuid made of the caller's 128 random bits.
uuid make_uuid(std::uint64_t high, std::uint64_t low);
// A version 7 uuid: later milliseconds (since 1970) sort behind earlier ones, the rest is of the caller's random bits.
uuid make_time_uuid(std::uint64_t milliseconds, std::uint64_t high, std::uint64_t low);

}  // namespace base

template <> struct std::hash<base::uuid> {
  std::size_t operator()(base::uuid const& id) const noexcept {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, id.bytes.data(), 8);
    std::memcpy(&low, id.bytes.data() + 8, 8);
    return static_cast<std::size_t>((high ^ (low >> 32) ^ (low << 32)) * 0x9e3779b97f4a7c15U);
  }
};
