#include "sim/failure.hh"

#include <source_location>

#include "base/ensure.hh"

namespace sim {
namespace {

[[noreturn]] void throw_check_failed(char const* claim, std::source_location const& where) {
  throw check_failed(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ": broken claim: " + claim);
}

}  // namespace

void throw_on_broken_claims() {
  static auto const before = base::set_ensure_handler(throw_check_failed);
  (void)before;
}

}  // namespace sim
