// Write sets from bytes: never crashes, what decodes encodes back, and the certifier takes whatever was decoded.
#include <variant>

#include "base/ensure.hh"
#include "certifier/certification.hh"
#include "certifier/write_set.hh"

using certifier::write_set;

namespace {

write_set collected(std::span<certifier::key const> keys) {
  write_set set;
  for (auto const& each : keys) set.add(each);
  return set;
}

// The same keys thrice: alone, from another member that has seen them, and from one that has not.
void certify(std::span<certifier::key const> keys) {
  certifier::certification index;
  auto const first = index.certify({.origin = base::make_uuid(1, 1), .seqno = 1, .last_seen = 0, .keys = keys});
  ensure(std::holds_alternative<certifier::passed>(first));
  auto const seen = index.certify({.origin = base::make_uuid(2, 2), .seqno = 2, .last_seen = 1, .keys = keys});
  ensure(std::holds_alternative<certifier::passed>(seen));
  index.certify({.origin = base::make_uuid(3, 3), .seqno = 3, .last_seen = 1, .keys = keys});
  index.forget_below(3);
  for (certifier::seqno_t seqno = 4; index.rows() > 0; ++seqno) index.preload({.origin = {}, .seqno = seqno}, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = base::blob::copy_of(std::span(data, size));
  auto const keys = write_set::decode(bytes);
  if (!keys) return 0;
  auto const set = collected(*keys);
  ensure(set.keys().size() <= keys->size());
  if (set.keys().size() == keys->size()) ensure(set.encode() == bytes);  // no path was there twice
  certify(*keys);
  return 0;
}
