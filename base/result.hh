// What the world can do to us, as a value: either a T, or an error that says what, where and what was allowed.
#pragma once

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>
#include <utility>

namespace base {

struct error {
  std::string text;  // one sentence for a person: what was wrong, where, the allowed range
};

[[noreturn]] inline void throw_exception_from_error(error const& bad, boost::source_location const&) {
  throw std::runtime_error(bad.text);  // only reached when somebody reads the value of a failed result
}

template <class T> using result = boost::system::result<T, error>;

inline error fail(std::string text) { return error{std::move(text)}; }

}  // namespace base
