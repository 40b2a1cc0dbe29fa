#include "base/uuid.hh"

namespace base {
namespace {

constexpr std::size_t text_length = 36;

bool is_dash_position(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

result<uuid> parse_uuid(std::string_view text) {
  if (text.size() != text_length)
    return fail("'" + std::string(text) + "' is not a UUID: it has " + std::to_string(text.size()) +
                " characters, a UUID has 36");
  uuid parsed;
  std::size_t nibble = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_dash_position(at)) {
      if (text[at] == '-') continue;
      return fail("'" + std::string(text) + "' is not a UUID: '-' expected at position " + std::to_string(at + 1));
    }
    int const value = digit_value(text[at]);
    if (value < 0)
      return fail("'" + std::string(text) + "' is not a UUID: hexadecimal digit expected at position " +
                  std::to_string(at + 1));
    auto& byte = parsed.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
    ++nibble;
  }
  return parsed;
}

std::string to_string(uuid const& id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(text_length);
  for (auto const byte : id.bytes) {
    if (is_dash_position(text.size())) text += '-';
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

uuid make_uuid(std::uint64_t high, std::uint64_t low) {
  uuid made;
  std::memcpy(made.bytes.data(), &high, 8);
  std::memcpy(made.bytes.data() + 8, &low, 8);
  made.bytes[6] = static_cast<std::uint8_t>((made.bytes[6] & 0x0f) | 0x40);
  made.bytes[8] = static_cast<std::uint8_t>((made.bytes[8] & 0x3f) | 0x80);
  return made;
}

uuid make_time_uuid(std::uint64_t milliseconds, std::uint64_t high, std::uint64_t low) {
  auto made = make_uuid(high, low);
  for (int at = 0; at < 6; ++at)
    made.bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(milliseconds >> (8 * (5 - at)));
  made.bytes[6] = static_cast<std::uint8_t>((made.bytes[6] & 0x0f) | 0x70);
  return made;
}

}  // namespace base
