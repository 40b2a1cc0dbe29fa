#include "certifier/write_set.hh"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace certifier {
namespace {

constexpr std::size_t key_bytes = 9;
constexpr std::size_t scanned_keys_max = 16;  // up to here a scan of keys_ beats a table
constexpr std::uint32_t slot_free = 0;        // others hold 1 + the place in keys_

constexpr row_hash root_of_paths = 0x51756f72617465ULL;

// Each part is hashed with all before it as the seed, so a path gives the hashes of its prefixes on the way. The length
// goes into the seed: what belongs to which part is part of the hash. XXH3 is the same in every xxHash from 0.8.0 on.
row_hash extend_path(row_hash before, std::string_view part) {
  return XXH3_64bits_withSeed(part.data(), part.size(), before + part.size() * 0x9e3779b97f4a7c15ULL);
}

}  // namespace

row_hash hash_path(std::span<std::string_view const> parts) {
  row_hash hash = root_of_paths;
  for (auto const part : parts) hash = extend_path(hash, part);
  return hash;
}

void write_set::add(std::span<std::string_view const> parts, key_kind kind) {
  row_hash hash = root_of_paths;
  for (std::size_t done = 0; done < parts.size(); ++done) {
    hash = extend_path(hash, parts[done]);
    add({hash, done + 1 == parts.size() ? kind : key_kind::shared});
  }
}

void write_set::add(key one) {
  auto& place = place_of(one.hash);
  if (place != slot_free) {
    auto& held = keys_[place - 1];
    held.kind = std::max(held.kind, one.kind);
    return;
  }
  keys_.push_back(one);
  place = static_cast<std::uint32_t>(keys_.size());
  if (keys_.size() > scanned_keys_max && keys_.size() * 2 > slots_.size()) rebuild_slots();
}

std::uint32_t& write_set::place_of(row_hash hash) {
  if (slots_.empty()) {
    auto const found = std::find_if(keys_.begin(), keys_.end(), [&](key const& held) { return held.hash == hash; });
    scanned_ = found == keys_.end() ? slot_free : static_cast<std::uint32_t>(found - keys_.begin()) + 1;
    return scanned_;
  }
  std::size_t const mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at] != slot_free && keys_[slots_[at] - 1].hash != hash) at = (at + 1) & mask;
  return slots_[at];
}

void write_set::rebuild_slots() {
  slots_.assign(std::bit_ceil(keys_.size() * 4), slot_free);
  for (std::size_t place = 0; place < keys_.size(); ++place)
    place_of(keys_[place].hash) = static_cast<std::uint32_t>(place + 1);
}

void write_set::clear() {
  keys_.clear();
  slots_.clear();
}

std::span<key const> write_set::keys() const { return keys_; }

std::size_t write_set::bytes() const { return keys_.size() * key_bytes; }

base::blob write_set::encode() const {
  std::vector<std::uint8_t> out(bytes());
  auto* at = out.data();
  for (auto const& each : keys_) {
    std::memcpy(at, &each.hash, sizeof each.hash);
    at[sizeof each.hash] = static_cast<std::uint8_t>(each.kind);
    at += key_bytes;
  }
  return base::blob(std::move(out));
}

base::result<std::vector<key>> write_set::decode(base::blob const& bytes) {
  std::size_t const count = bytes.size() / key_bytes;
  if (bytes.size() % key_bytes != 0)
    return base::fail("malformed write set: " + std::to_string(bytes.size()) + " bytes are no multiple of " +
                      std::to_string(key_bytes));
  if (count > write_set_items_max)
    return base::fail("malformed write set: " + std::to_string(count) + " keys, at most " +
                      std::to_string(write_set_items_max) + " allowed");
  std::vector<key> keys(count);
  for (std::size_t done = 0; done < count; ++done) {
    auto const* const at = bytes.data() + done * key_bytes;
    std::memcpy(&keys[done].hash, at, sizeof keys[done].hash);
    keys[done].kind = static_cast<key_kind>(at[sizeof keys[done].hash]);
    if (keys[done].kind > key_kind::exclusive)
      return base::fail("malformed write set: key " + std::to_string(done + 1) + " has unknown kind " +
                        std::to_string(at[sizeof keys[done].hash]) + ", allowed are 0 .. 3");
  }
  return keys;
}

}  // namespace certifier
