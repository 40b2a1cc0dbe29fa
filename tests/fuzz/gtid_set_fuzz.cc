// GTID sets from text and from bytes: never crashes, and what is accepted comes back the same from its own form.
#include "base/codec.hh"
#include "base/ensure.hh"
#include "certifier/gtid_set.hh"

using certifier::gtid_set;

namespace {

void check_text(std::string_view text) {
  auto const parsed = gtid_set::parse(text);
  if (!parsed) return;
  auto const again = gtid_set::parse(parsed->text());
  ensure(again.has_value());
  ensure(*again == *parsed);
  ensure(again->text() == parsed->text());
  ensure(*base::decode<gtid_set>(base::encode(*parsed)) == *parsed);
}

void check_bytes(base::blob const& bytes) {
  auto const decoded = base::decode<gtid_set>(bytes);
  if (!decoded) return;
  ensure(base::encode(*decoded) == bytes);
  ensure(*gtid_set::parse(decoded->text()) == *decoded);
}

// The first half of the bytes and the second as two sets: the laws that join the operations.
void check_laws(gtid_set const& left, gtid_set const& right) {
  auto const both = union_of(left, right);
  auto const rest = difference_of(left, right);
  ensure(left.is_subset_of(both) && right.is_subset_of(both));
  ensure(rest.is_subset_of(left));
  ensure(!rest.intersects(right));
  ensure(union_of(rest, right) == both);
  ensure((rest == left) == !left.intersects(right));
  ensure(rest.empty() == left.is_subset_of(right));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = base::blob::copy_of(std::span(data, size));
  check_text(bytes.text());
  check_bytes(bytes);
  auto const left = gtid_set::parse(bytes.text().substr(0, size / 2));
  auto const right = gtid_set::parse(bytes.text().substr(size / 2));
  if (left && right) check_laws(*left, *right);
  return 0;
}
