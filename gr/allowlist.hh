// Who may connect to a member's group endpoint: group_replication_ip_allowlist. A value; looks nothing up itself.
//
//   AUTOMATIC          this host, and the private networks of RFC 1918, RFC 4193 and the link-local ones
//   10.1.0.0/16        a network; 10.1.2.3 or fd00::7: one address
//   db1.example/24     a name, whose addresses somebody else looks up; the network around each of them
//
// Entries are separated by commas. What parse() makes always lets this host (loopback) in: who is on it has other ways to the
// data. A default one lets nobody in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace gr {

// Version 6; version 4 mapped into it (::ffff:a.b.c.d), so that a socket that serves both compares alike.
using ip_address = std::array<std::uint8_t, 16>;
std::optional<ip_address> parse_ip(std::string_view text);

class allowlist {
 public:
  struct network {
    ip_address address{};
    unsigned bits = 128;  // of the mapped form: 96 more than a version 4 prefix says
  };
  struct name {
    std::string host;
    std::optional<unsigned> bits;  // as written, for the version of the address that is found; none: that address only
  };

  // Errors: the entry that is no address, network or name, and what would be one.
  static base::result<allowlist> parse(std::string_view text);

  // By its networks, names aside. Cost: one comparison per entry.
  [[nodiscard]] bool allows(ip_address const& who) const;
  // Looked up, a name stands for `found`: does that let `who` in?
  [[nodiscard]] static bool allows(name const& by, ip_address const& found, ip_address const& who);
  [[nodiscard]] std::span<name const> names() const { return names_; }

 private:
  base::result<void> add(std::string_view entry);

  std::vector<network> networks_;
  std::vector<name> names_;
};

}  // namespace gr
