// Values as the tables show them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/uuid.hh"

namespace gr::mariadb {

// The server's 64-bit columns are signed.
inline std::int64_t as_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(INT64_MAX)));
}

inline std::string yes_no(bool claim) { return claim ? "YES" : "NO"; }

inline constexpr unsigned why_characters = 512;
// A set of many intervals can be long; what does not fit such a column is cut, and says so.
std::string fitting(std::string text);
std::string id_text(base::uuid const& id);  // nil: nothing
// UTC: "2026-11-21 20:19:00"; 1970: nothing.
std::string time_text(std::chrono::system_clock::time_point when);
std::string time_text(std::int64_t since_1970_ms);
std::string gtid_text(base::uuid const& history, std::int64_t position);  // below 1: nothing

}  // namespace gr::mariadb
