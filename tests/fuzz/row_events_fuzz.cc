// The server's events from bytes: never crashes, and every table that is named stands in them.
#include <algorithm>

#include "base/ensure.hh"
#include "gr/mariadb/row_events.hh"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = base::blob::copy_of(std::span(data, size));
  auto const tables = gr::mariadb::tables_in(bytes);
  for (auto const& each : tables) {
    ensure(bytes.text().find(each.schema) != std::string_view::npos);
    ensure(bytes.text().find(each.table) != std::string_view::npos);
  }
  auto const keys = certifier::write_set::decode(bytes);
  if (!keys || keys->empty()) return 0;
  auto const possible = gr::mariadb::tables_of_key(tables, *keys, keys->back().hash);
  for (auto const& each : possible) ensure(std::ranges::find(tables, each) != tables.end());
  return 0;
}
