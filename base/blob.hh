// Immutable bytes that many may hold: a payload is received once and then shared by the cache, the log writer, every
// send queue and the applier, never copied.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ensure.hh"

namespace base {

class blob {
 public:
  blob() = default;
  explicit blob(std::vector<std::uint8_t> bytes) {
    auto held = std::make_shared<std::vector<std::uint8_t> const>(std::move(bytes));
    data_ = held->data();
    size_ = held->size();
    owner_ = std::move(held);
  }
  // Bytes that `owner` keeps alive.
  blob(std::shared_ptr<void const> owner, std::uint8_t const* data, std::size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  static blob copy_of(std::span<std::uint8_t const> bytes) {
    return blob(std::vector<std::uint8_t>(bytes.begin(), bytes.end()));
  }
  static blob copy_of(std::string_view text) {
    return copy_of(std::span(reinterpret_cast<std::uint8_t const*>(text.data()), text.size()));
  }

  [[nodiscard]] std::uint8_t const* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::span<std::uint8_t const> view() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<char const*>(data_), size_}; }
  // A part of these bytes that keeps the whole alive.
  [[nodiscard]] blob slice(std::size_t offset, std::size_t length) const {
    ensure(offset <= size_ && length <= size_ - offset);
    return blob(owner_, data_ + offset, length);
  }

  friend bool operator==(blob const& left, blob const& right) {
    return left.size_ == right.size_ && (left.size_ == 0 || std::memcmp(left.data_, right.data_, left.size_) == 0);
  }

 private:
  std::shared_ptr<void const> owner_;
  std::uint8_t const* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace base
