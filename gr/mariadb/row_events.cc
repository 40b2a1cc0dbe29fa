#include "gr/mariadb/row_events.hh"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace gr::mariadb {
namespace {

// The head of every event: time 4 bytes, type 1, server 4, length of the whole event 4, position 4, flags 2.
constexpr std::size_t type_at = 4;
constexpr std::size_t length_at = 9;
constexpr std::size_t head_bytes = 19;
// A table map: table number 6 bytes, flags 2; then the names, each with its length in a byte before it and a 0 behind it.
constexpr std::uint8_t table_map_type = 19;
constexpr std::size_t names_at = head_bytes + 8;

std::size_t length_of(std::string_view event) {
  std::size_t length = 0;
  for (std::size_t at = 4; at-- > 0;) length = length << 8 | static_cast<std::uint8_t>(event[length_at + at]);
  return length;
}

std::optional<std::string> next_name(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  std::size_t const length = static_cast<std::uint8_t>(rest.front());
  if (rest.size() < length + 2) return std::nullopt;
  std::string name(rest.substr(1, length));
  rest.remove_prefix(length + 2);
  return name;
}

std::optional<table_name> table_mapped(std::string_view event) {
  if (static_cast<std::uint8_t>(event[type_at]) != table_map_type || event.size() < names_at) return std::nullopt;
  event.remove_prefix(names_at);
  auto schema = next_name(event);
  auto table = schema ? next_name(event) : std::nullopt;
  if (!table) return std::nullopt;
  return table_name{std::move(*schema), std::move(*table)};
}

certifier::row_hash hash_of(table_name const& name) {
  std::array<std::string_view, 2> const path{name.schema, name.table};
  return certifier::hash_path(path);
}

}  // namespace

std::vector<table_name> tables_in(base::blob const& events) {
  std::vector<table_name> found;
  std::string_view rest = events.text();
  while (rest.size() >= head_bytes) {
    auto const length = length_of(rest);
    if (length < head_bytes || length > rest.size()) break;
    auto named = table_mapped(rest.substr(0, length));
    if (named && std::ranges::find(found, *named) == found.end()) found.push_back(std::move(*named));
    rest.remove_prefix(length);
  }
  return found;
}

std::vector<table_name> tables_of_key(std::vector<table_name> const& written, std::span<certifier::key const> keys,
                                      certifier::row_hash key) {
  auto const place_of = [&](certifier::row_hash hash) { return std::ranges::find(keys, hash, &certifier::key::hash); };
  auto const at = place_of(key);
  std::vector<table_name> possible;
  for (auto const& each : written) {
    auto const hash = hash_of(each);
    if (hash == key) return {each};
    if (place_of(hash) < at) possible.push_back(each);
  }
  return possible;
}

}  // namespace gr::mariadb
