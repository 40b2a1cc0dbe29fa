#include "base/ensure.hh"

#include <cstdio>
#include <cstdlib>

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

void ensure_failed(char const* claim, std::source_location const& where) {
  installed(claim, where);
  std::abort();
}

}  // namespace base
