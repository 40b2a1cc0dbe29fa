#include "xcom/log_format.hh"

#include <algorithm>
#include <array>

namespace xcom {

namespace {

constexpr std::array<std::uint8_t, log_magic_bytes> magic = {'q', 'u', 'o', 'r', 'l', 'o', 'g', log_format_version};

std::uint32_t crc_of(record_kind kind, base::chain const& body) {
  auto const raw = static_cast<std::uint8_t>(kind);
  return body.crc(base::crc32c(0, {&raw, 1}));
}

}  // namespace

base::blob segment_magic() { return base::blob::copy_of(magic); }

segment_head check_magic(base::blob const& segment) {
  if (segment.size() < magic.size()) return segment_head::torn;
  auto const head = segment.view().first(magic.size());
  // A file system may have made the file longer before it wrote the bytes.
  if (std::all_of(head.begin(), head.end(), [](std::uint8_t each) { return each == 0; })) return segment_head::torn;
  if (!std::equal(magic.begin(), magic.end() - 1, head.begin())) return segment_head::foreign;
  return head.back() == log_format_version ? segment_head::good : segment_head::newer;
}

base::chain make_record(record_kind kind, base::chain body) {
  std::size_t const length = body.size();
  ensure(length <= UINT32_MAX);
  base::writer out;
  out(static_cast<std::uint32_t>(length), kind, crc_of(kind, body));
  base::chain record = out.finish();
  for (auto& piece : body.pieces) record.pieces.push_back(std::move(piece));
  return record;
}

std::optional<raw_record> record_at(base::blob const& bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < record_header_bytes) return std::nullopt;
  base::reader head(bytes.slice(offset, record_header_bytes));
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
  record_kind kind{};
  head(length, kind, crc);
  std::size_t const body_at = offset + record_header_bytes;
  if (bytes.size() - body_at < length) return std::nullopt;
  base::blob body = bytes.slice(body_at, length);
  if (crc_of(kind, base::chain{{body}}) != crc) return std::nullopt;
  return raw_record{kind, std::move(body), body_at + length};
}

bool is_torn_append(base::blob const& bytes, std::size_t offset) {
  constexpr std::size_t looked_at_max = 256U << 10;
  std::size_t const left = bytes.size() - offset;
  if (left >= record_header_bytes) {
    base::reader head(bytes.slice(offset, 4));
    std::uint32_t length = 0;
    head(length);
    if (length <= left - record_header_bytes) return false;  // all of it is there, and wrong
  }
  for (std::size_t at = offset + 1; at < bytes.size() && at - offset < looked_at_max; ++at) {
    bool const possible = bytes.size() - at > record_header_bytes &&
                          bytes.data()[at + 4] <= static_cast<std::uint8_t>(record_kind::checkpoint);
    if (possible && record_at(bytes, at)) return false;
  }
  return true;
}

base::result<value_head> peek_value(record_kind kind, base::blob const& body) {
  value_head head;
  std::uint8_t value_kind = 0;
  base::reader in(body);
  in(head.slot);
  if (kind == record_kind::accepted) in(head.accepted_in);
  in(value_kind);
  if (in.failed()) return base::fail("a value record is too short");
  if (value_kind >= std::variant_size_v<value>) return base::fail("a value record holds an unknown kind of value");
  head.changes_site = value_kind == value(site_change{}).index();
  return head;
}

}  // namespace xcom
