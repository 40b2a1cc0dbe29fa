// What a transaction touched, as the certifier sees it: 64-bit hashes of key paths, each with a kind.
// Shape: one entry per distinct path and kind; a row key (db, table, row image) also yields a shared touch of (db) and
//        (db, table), so that DDL's exclusive table key meets every row below it (added here, once per distinct prefix).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/blob.hh"
#include "base/result.hh"

namespace certifier {

using row_hash = std::uint64_t;

enum class key_kind : std::uint8_t { shared = 0, reference = 1, update = 2, exclusive = 3 };  // the wsrep order

struct key {
  row_hash hash;
  key_kind kind;
  friend bool operator==(key const&, key const&) = default;
};

// The hash of a key path: parts are length-prefixed, so ("a","bc") and ("ab","c") differ. Same on every member and build.
row_hash hash_path(std::span<std::string_view const> parts);

// Collects keys as the server hands them in. A path met twice keeps its strongest kind.
class write_set {
 public:
  // Cost: one hash per part, one flat-map lookup per part.
  void add(std::span<std::string_view const> parts, key_kind kind);
  void add(key one);
  void clear();
  [[nodiscard]] std::span<key const> keys() const;
  [[nodiscard]] std::size_t bytes() const;  // encoded

  // 9 bytes a key, in the order added.
  [[nodiscard]] base::blob encode() const;
  // Errors: length no multiple of 9, unknown kind, more than write_set_items_max keys.
  static base::result<std::vector<key>> decode(base::blob const& bytes);

 private:
  // Where `hash` is in keys_, counted from 1; 0 when it is not there yet. Valid until keys_ grows.
  std::uint32_t& place_of(row_hash hash);
  void rebuild_slots();

  std::vector<key> keys_;
  std::vector<std::uint32_t> slots_;  // an open hash table of places; empty while keys_ is short enough to scan
  std::uint32_t scanned_ = 0;         // what place_of refers to while it scans
};

inline constexpr std::size_t write_set_items_max = 64U << 20;

}  // namespace certifier
