// Bytes to values and back, for frames and log records. A struct lists its fields once:
//
//   struct fetch { slot_no from; std::uint32_t bytes_max;  template <class Codec> void fields(Codec& c) { c(from, bytes_max); } };
//
// and `writer` and `reader` both walk that list. Little-endian, fixed-width integers; lengths and counts are u32. Both know
// for which version of the format they work; what a version brought, its list mentions from that version on:
//
//   c(from, bytes_max);  if (c.version() >= 2) c(with_notes);
//
// Always: a reader never reads outside its bytes, never allocates more than the bytes left could describe, and after its
//         first failure it stays failed and yields zeros.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/blob.hh"
#include "base/crc32c.hh"
#include "base/result.hh"
#include "base/strong.hh"

namespace base {

static_assert(std::endian::native == std::endian::little, "formats are little-endian and stored as they are in memory");

// Bytes in pieces: small fields copied together, big blobs by reference. What a gathered write takes.
struct chain {
  std::vector<blob> pieces;

  [[nodiscard]] std::size_t size() const {
    std::size_t total = 0;
    for (auto const& piece : pieces) total += piece.size();
    return total;
  }
  [[nodiscard]] std::uint32_t crc(std::uint32_t crc = 0) const {
    for (auto const& piece : pieces) crc = crc32c(crc, piece.view());
    return crc;
  }
  // One contiguous copy (none when there is one piece).
  [[nodiscard]] blob flat() const {
    if (pieces.size() == 1) return pieces.front();
    std::vector<std::uint8_t> all;
    all.reserve(size());
    for (auto const& piece : pieces) all.insert(all.end(), piece.view().begin(), piece.view().end());
    return blob(std::move(all));
  }
};

inline constexpr std::uint16_t newest_version = UINT16_MAX;

class writer {
 public:
  explicit writer(std::uint16_t version = newest_version) : version_(version) {}
  [[nodiscard]] std::uint16_t version() const { return version_; }

  template <class... Fields> void operator()(Fields const&... each) { (put(each), ...); }

  chain finish() {
    flush();
    return std::move(done_);
  }
  blob finish_flat() { return finish().flat(); }

 private:
  static constexpr std::size_t by_reference_from = 2048;  // smaller blobs are cheaper to copy than to gather
  static constexpr std::size_t open_bytes_min = 128;  // most messages and records fit, and are not moved as they grow

  template <class T> void put(T const& value) {
    if constexpr (std::is_same_v<T, bool>) {
      put_integer(static_cast<std::uint8_t>(value));
    } else if constexpr (std::is_enum_v<T>) {
      put_integer(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_integral_v<T>) {
      put_integer(value);
    } else {
      const_cast<T&>(value).fields(*this);  // fields() only reads through a writer
    }
  }
  template <class Rep, class Tag> void put(strong<Rep, Tag> const& value) { put_integer(value.value()); }
  template <std::size_t Size> void put(std::array<std::uint8_t, Size> const& bytes) { put_raw(bytes); }
  void put(std::string const& text) {
    put_length(text.size());
    put_raw({reinterpret_cast<std::uint8_t const*>(text.data()), text.size()});
  }
  void put(blob const& bytes) {
    put_length(bytes.size());
    if (bytes.size() < by_reference_from) return put_raw(bytes.view());
    flush();
    done_.pieces.push_back(bytes);
  }
  template <class T> void put(std::vector<T> const& items) {
    put_length(items.size());
    for (auto const& item : items) put(item);
  }
  template <class T> void put(std::optional<T> const& maybe) {
    put_integer(static_cast<std::uint8_t>(maybe.has_value()));
    if (maybe) put(*maybe);
  }
  template <class First, class Second> void put(std::pair<First, Second> const& both) {
    put(both.first);
    put(both.second);
  }
  template <class... Kinds> void put(std::variant<Kinds...> const& value) {
    put_integer(static_cast<std::uint8_t>(value.index()));
    std::visit([this](auto const& held) { this->put(held); }, value);
  }

  template <class Integer> void put_integer(Integer value) {
    std::array<std::uint8_t, sizeof value> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    put_raw(raw);
  }
  void put_length(std::size_t size) {
    ensure(size <= UINT32_MAX);
    put_integer(static_cast<std::uint32_t>(size));
  }
  void put_raw(std::span<std::uint8_t const> raw) {
    if (open_.capacity() == 0) open_.reserve(open_bytes_min);
    open_.insert(open_.end(), raw.begin(), raw.end());
  }
  void flush() {
    if (open_.empty()) return;
    done_.pieces.emplace_back(std::move(open_));
    open_ = {};
  }

  std::uint16_t version_;
  std::vector<std::uint8_t> open_;
  chain done_;
};

class reader {
 public:
  explicit reader(blob bytes, std::uint16_t version = newest_version) : version_(version), bytes_(std::move(bytes)) {}
  [[nodiscard]] std::uint16_t version() const { return version_; }

  template <class... Fields> void operator()(Fields&... each) { (get(each), ...); }

  [[nodiscard]] bool failed() const { return failed_at_.has_value(); }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  // Set by a fields() that finds a value no writer would have written.
  void reject() {
    if (!failed()) failed_at_ = at_;
  }
  // The verdict once everything expected was read: bytes left over are an error too.
  [[nodiscard]] result<std::size_t> finish() const {
    if (failed()) return fail("malformed bytes at offset " + std::to_string(*failed_at_));
    if (left() != 0) return fail(std::to_string(left()) + " bytes left over at offset " + std::to_string(at_));
    return at_;
  }

 private:
  template <class T> void get(T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      std::uint8_t raw = 0;
      get_integer(raw);
      if (raw > 1) reject();
      value = raw == 1;
    } else if constexpr (std::is_enum_v<T>) {
      std::underlying_type_t<T> raw{};
      get_integer(raw);
      value = static_cast<T>(raw);
    } else if constexpr (std::is_integral_v<T>) {
      get_integer(value);
    } else {
      value.fields(*this);
    }
  }
  template <class Rep, class Tag> void get(strong<Rep, Tag>& value) {
    Rep raw{};
    get_integer(raw);
    value = strong<Rep, Tag>(raw);
  }
  template <std::size_t Size> void get(std::array<std::uint8_t, Size>& bytes) { take(bytes); }
  void get(std::string& text) {
    std::size_t const length = get_length(1);
    text.assign(bytes_.text().substr(at_, length));
    at_ += length;
  }
  void get(blob& bytes) {
    std::size_t const length = get_length(1);
    bytes = bytes_.slice(at_, length);
    at_ += length;
  }
  template <class T> void get(std::vector<T>& items) {
    std::size_t const count = get_length(1);  // every item takes at least one byte
    items.clear();
    for (std::size_t done = 0; done < count && !failed(); ++done) get(items.emplace_back());
  }
  template <class T> void get(std::optional<T>& maybe) {
    bool there = false;
    get(there);
    maybe.reset();
    if (there && !failed()) get(maybe.emplace());
  }
  template <class First, class Second> void get(std::pair<First, Second>& both) {
    get(both.first);
    get(both.second);
  }
  template <class... Kinds> void get(std::variant<Kinds...>& value) {
    std::uint8_t index = 0;
    get_integer(index);
    if (index >= sizeof...(Kinds)) return reject();
    get_alternative(value, index, std::index_sequence_for<Kinds...>{});
  }
  template <class Variant, std::size_t... Index>
  void get_alternative(Variant& value, std::size_t wanted, std::index_sequence<Index...>) {
    ((Index == wanted ? get(value.template emplace<Index>()) : void()), ...);
  }

  template <class Integer> void get_integer(Integer& value) {
    std::array<std::uint8_t, sizeof value> raw{};
    take(raw);
    std::memcpy(&value, raw.data(), sizeof value);
  }
  void take(std::span<std::uint8_t> into) {
    if (failed() || left() < into.size()) {
      reject();
      std::memset(into.data(), 0, into.size());
      return;
    }
    std::memcpy(into.data(), bytes_.data() + at_, into.size());
    at_ += into.size();
  }
  // A count that the bytes left cannot hold is refused before anything is allocated for it.
  std::size_t get_length(std::size_t bytes_each) {
    std::uint32_t count = 0;
    get_integer(count);
    if (failed() || count > left() / bytes_each) {
      reject();
      return 0;
    }
    return count;
  }

  std::uint16_t version_;
  blob bytes_;
  std::size_t at_ = 0;
  std::optional<std::size_t> failed_at_;
};

template <class T> blob encode(T const& value) {
  writer out;
  out(value);
  return out.finish_flat();
}

// Errors: bytes cut short, counts larger than the bytes, unknown kinds, bytes left over: with the offset.
template <class T> result<T> decode(blob const& bytes, std::uint16_t version = newest_version) {
  reader in(bytes, version);
  T value{};
  in(value);
  if (auto done = in.finish(); !done) return done.error();
  return value;
}

}  // namespace base
