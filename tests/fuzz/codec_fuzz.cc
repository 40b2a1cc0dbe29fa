// The byte codec on a struct with one of everything: never crashes or reads past the end; what decodes encodes back.
#include "base/codec.hh"
#include "base/ensure.hh"
#include "base/ticks.hh"
#include "base/uuid.hh"

namespace {

struct leaf {
  std::uint16_t number = 0;
  std::string text;

  template <class Codec> void fields(Codec& codec) { codec(number, text); }
};

struct everything {
  bool flag = false;
  base::tick_count when;
  std::vector<leaf> leaves;
  std::variant<leaf, base::uuid, std::vector<base::blob>> either;
  std::optional<std::pair<std::int8_t, leaf>> maybe;
  base::blob rest;

  template <class Codec> void fields(Codec& codec) { codec(flag, when, leaves, either, maybe, rest); }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = base::blob::copy_of(std::span(data, size));
  auto const decoded = base::decode<everything>(bytes);
  if (decoded) ensure(base::encode(*decoded) == bytes);
  return 0;
}
