#include "base/ensure.hh"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace base {
namespace {

void print_and_abort(char const* claim, std::source_location const& where) {
  std::fprintf(stderr, "%s:%u: broken claim: %s\n", where.file_name(), where.line(), claim);
  std::abort();
}

ensure_handler installed = print_and_abort;

}  // namespace

ensure_handler set_ensure_handler(ensure_handler handler) {
  ensure_handler before = installed;
  installed = handler;
  return before;
}

void throw_broken_claim(char const* claim, std::source_location const& where) {
  throw broken_claim(std::string("broken claim ") + claim + " at " + where.file_name() + ":" +
                     std::to_string(where.line()));
}

void ensure_failed(char const* claim, std::source_location const& where) {
  installed(claim, where);
  std::abort();
}

}  // namespace base
