// How a simulation ends badly: a checker, or an ensure() inside a machine, throws this, and the run turns it into a report.
#pragma once

#include <stdexcept>
#include <string>
#include <type_traits>

namespace sim {

class check_failed : public std::runtime_error {
 public:
  explicit check_failed(std::string const& what) : std::runtime_error(what) {}
};

// A process was killed in the middle of a write; thrown by the disk, caught by the server that owns the process.
class process_killed : public std::runtime_error {
 public:
  process_killed() : std::runtime_error("killed while writing") {}
};

// A start that does not come about; caught by whoever wanted it.
class cannot_begin : public std::runtime_error {
 public:
  explicit cannot_begin(std::string const& why) : std::runtime_error(why) {}
};

// `claim` is a text, or something that makes one: then it costs nothing while the claim holds.
template <class Claim> void check(bool holds, Claim const& claim) {
  if (holds) [[likely]]
    return;
  if constexpr (std::is_invocable_v<Claim const&>)
    throw check_failed(claim());
  else
    throw check_failed(claim);
}

// From here on a broken ensure() in this process throws check_failed. Idempotent.
void throw_on_broken_claims();

}  // namespace sim
