#include "gr/packed_rows.hh"

#include <limits>

#include "base/packing.hh"
#include "gr/messages.hh"

namespace gr {
namespace {

constexpr std::uint32_t rows_bytes_max =
    std::numeric_limits<std::int32_t>::max();  // a server's write set is not larger

}  // namespace

void pack_rows(write_set_message& what, std::uint64_t from_bytes) {
  if (from_bytes == 0 || what.data.size() <= from_bytes || what.data.size() > rows_bytes_max) return;
  auto const packed = base::pack(what.data, base::packing::zstd);
  if (packed.how == base::packing::none) return;
  auto smaller = base::encode(packed);
  if (smaller.size() >= what.data.size()) return;
  what.data = std::move(smaller);
  what.flags |= flag_packed;
}

std::size_t rows_bytes(base::blob const& data, bool packed) {
  if (!packed) return data.size();
  auto const read = base::decode<base::packed_bytes>(data);
  return read ? read->bytes : data.size();
}

base::result<base::blob> rows_of(base::blob const& data, bool packed) {
  if (!packed) return data;
  auto const read = base::decode<base::packed_bytes>(data);
  if (!read) return base::fail("its packed rows cannot be read: " + read.error().text);
  auto rows = base::unpack(*read, rows_bytes_max);
  if (!rows) return base::fail("its packed rows: " + rows.error().text);
  return rows;
}

}  // namespace gr
