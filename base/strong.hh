// Integers that mean different things have different types: a slot is no tick, a tick is no seqno.
// Always: no implicit conversion in or out; comparison and ++ only between equals.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace base {

template <class Rep, class Tag> class strong {
 public:
  using rep = Rep;

  constexpr strong() = default;
  constexpr explicit strong(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }
  [[nodiscard]] constexpr strong next() const { return strong(static_cast<Rep>(value_ + 1)); }
  [[nodiscard]] constexpr strong plus(Rep distance) const { return strong(static_cast<Rep>(value_ + distance)); }
  // The one below; the one below the smallest is itself, so that "everything before the first" stays a value.
  [[nodiscard]] constexpr strong previous() const {
    return value_ == Rep{} ? *this : strong(static_cast<Rep>(value_ - 1));
  }

  friend constexpr auto operator<=>(strong const&, strong const&) = default;

 private:
  Rep value_{};
};

}  // namespace base

template <class Rep, class Tag> struct std::hash<base::strong<Rep, Tag>> {
  std::size_t operator()(base::strong<Rep, Tag> const& id) const noexcept { return std::hash<Rep>{}(id.value()); }
};
