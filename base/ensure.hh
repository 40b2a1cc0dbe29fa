// ensure(claim): an assertion about ourselves, on in every build. What follows a broken claim is the driver's choice:
// tests and the simulator abort; a server logs it and takes this member out of the group.
// Never for bytes from outside: those give a result (base/result.hh).
#pragma once

#include <source_location>
#include <stdexcept>

namespace base {

using ensure_handler = void (*)(char const* claim, std::source_location const& where);

// Installs what happens when a claim is broken; returns the handler before it. The handler may throw or end the
// process; if it returns, the process aborts. Not thread-safe: call once, before any machine runs.
ensure_handler set_ensure_handler(ensure_handler handler);

// What a server's handler throws, so that whoever drives the machines can leave the group with the rest of the process up.
// A machine it came out of is not to be asked again.
class broken_claim : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};
[[noreturn]] void throw_broken_claim(char const* claim, std::source_location const& where);

[[noreturn]] void ensure_failed(char const* claim, std::source_location const& where);

}  // namespace base

#define ensure(claim)                                                   \
  do {                                                                  \
    if (!(claim)) [[unlikely]]                                          \
      ::base::ensure_failed(#claim, ::std::source_location::current()); \
  } while (false)
