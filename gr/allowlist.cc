#include "gr/allowlist.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/ensure.hh"

namespace gr {
namespace {

constexpr unsigned mapped_bits = 96;  // of ::ffff:0:0/96, ahead of a version 4 address
constexpr ip_address mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};

constexpr std::array<std::string_view, 2> this_host{"127.0.0.0/8", "::1"};
constexpr std::array<std::string_view, 6> private_networks{"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16",
                                                           "169.254.0.0/16", "fc00::/7",      "fe80::/10"};

bool is_version_4(ip_address const& address) {
  return std::equal(mapped_prefix.begin(), mapped_prefix.begin() + mapped_bits / 8, address.begin());
}

bool within(ip_address const& who, ip_address const& net, unsigned bits) {
  unsigned const whole = bits / 8;
  if (!std::equal(net.begin(), net.begin() + whole, who.begin())) return false;
  if (bits % 8 == 0) return true;
  auto const mask = static_cast<std::uint8_t>(0xff00U >> bits % 8);
  return ((who[whole] ^ net[whole]) & mask) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

bool is_automatic(std::string_view entry) {
  constexpr std::string_view word = "AUTOMATIC";
  return std::ranges::equal(
      entry, word, [](char left, char right) { return std::toupper(static_cast<unsigned char>(left)) == right; });
}

// A host name by RFC 1123, and no list of digits and dots: that was meant to be an address.
bool is_name(std::string_view text) {
  bool const known_letters = std::ranges::all_of(text, [](char each) {
    return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '.' || each == '-' || each == '_';
  });
  bool const has_letter =
      std::ranges::any_of(text, [](char each) { return std::isalpha(static_cast<unsigned char>(each)) != 0; });
  return known_letters && has_letter && text.size() <= 253 && text.front() != '-' && text.front() != '.';
}

std::optional<unsigned> parse_bits(std::string_view digits, unsigned most) {
  unsigned bits = 0;
  auto const [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (digits.empty() || bad != std::errc{} || end != digits.data() + digits.size() || bits > most) return std::nullopt;
  return bits;
}

base::error unreadable(std::string_view entry) {
  return base::fail(
      "'" + std::string(entry) +
      "' is no entry of an allowlist. Allowed, separated by commas: AUTOMATIC; an IPv4 or IPv6 address or "
      "host name, with or without /bits (0..32 for IPv4, 0..128 for IPv6)");
}

}  // namespace

std::optional<ip_address> parse_ip(std::string_view text) {
  std::string const copy(text);  // inet_pton wants its NUL, and stops at any other
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  ip_address address = mapped_prefix;
  if (::inet_pton(AF_INET, copy.c_str(), address.data() + mapped_bits / 8) == 1) return address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.data()) == 1) return address;
  return std::nullopt;
}

base::result<allowlist> allowlist::parse(std::string_view text) {
  allowlist made;
  for (bool more = true; more;) {
    auto const comma = text.find(',');
    if (auto done = made.add(trimmed(text.substr(0, comma))); !done) return done.error();
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
  }
  for (auto const& each : this_host) ensure(made.add(each).has_value());
  return made;
}

base::result<void> allowlist::add(std::string_view entry) {
  if (is_automatic(entry)) {
    for (auto const& each : private_networks) ensure(add(each).has_value());
    return {};
  }
  auto const slash = entry.find('/');
  bool const has_bits = slash != std::string_view::npos;
  auto const host = entry.substr(0, slash);
  auto const digits = has_bits ? entry.substr(slash + 1) : std::string_view{};
  if (auto const address = parse_ip(host)) {
    unsigned const ahead = host.find(':') == std::string_view::npos ? mapped_bits : 0;
    auto const bits = has_bits ? parse_bits(digits, 128 - ahead) : 128 - ahead;
    if (!bits) return unreadable(entry);
    networks_.push_back({*address, *bits + ahead});
    return {};
  }
  auto const bits = has_bits ? parse_bits(digits, 128) : std::nullopt;
  if (host.empty() || !is_name(host) || (has_bits && !bits)) return unreadable(entry);
  names_.push_back({std::string(host), bits});
  return {};
}

bool allowlist::allows(ip_address const& who) const {
  return std::ranges::any_of(networks_, [&](network const& each) { return within(who, each.address, each.bits); });
}

bool allowlist::allows(name const& by, ip_address const& found, ip_address const& who) {
  unsigned const ahead = is_version_4(found) ? mapped_bits : 0;
  unsigned const bits = by.bits ? std::min(*by.bits, 128 - ahead) + ahead : 128;
  return within(who, found, bits);
}

}  // namespace gr
