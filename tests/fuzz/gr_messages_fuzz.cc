// What members say to each other through the log, in sites and in heartbeats: never crashes; what decodes encodes back, and packed rows
// unpack to as many bytes as they say, or not at all.
#include "base/ensure.hh"
#include "gr/messages.hh"
#include "gr/packed_rows.hh"

namespace {

template <class What> void check(base::blob const& bytes) {
  auto const decoded = base::decode<What>(bytes);
  if (decoded) ensure(base::decode<What>(base::encode(*decoded)).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = base::blob::copy_of(std::span(data, size));
  check<gr::member_facts>(bytes);
  check<gr::live_facts>(bytes);
  check<gr::direct_message>(bytes);
  check<gr::replicated_state>(bytes);
  check<gr::slot_note>(bytes);
  auto const ordered = base::decode<gr::ordered_message>(bytes);
  if (!ordered) return 0;
  ensure(base::decode<gr::ordered_message>(base::encode(*ordered)).has_value());
  auto const* const what = std::get_if<gr::write_set_message>(&*ordered);
  if (what == nullptr) return 0;
  auto const bytes_said = gr::rows_bytes(what->data, what->packed());
  if (bytes_said > 1U << 20) return 0;
  if (auto const rows = gr::rows_of(what->data, what->packed())) ensure(rows->size() == bytes_said);
  return 0;
}
