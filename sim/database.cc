#include "sim/database.hh"

#include <fmt/format.h>

#include "base/codec.hh"
#include "base/ensure.hh"
#include "sim/digest.hh"

namespace sim {
namespace {

std::uint64_t digest_of(std::uint32_t row, gr::seqno_t version, std::uint64_t value) {
  return mix(mix(row, static_cast<std::uint64_t>(version)), value);
}

}  // namespace

database::database(base::uuid const& history, gr::seqno_t position, std::size_t rows)
    : history_(history), position_(position), rows_(rows) {}

void database::write(std::uint32_t at, gr::seqno_t seqno, std::uint64_t value) {
  auto& held = rows_.at(at);
  fingerprint_ -= digest_of(at, held.version, held.value);
  held = {seqno, value};
  fingerprint_ += digest_of(at, held.version, held.value);
}

void database::apply(gr::seqno_t seqno, transaction const& what) {
  skip(seqno);
  if (what.everything)
    for (std::uint32_t each = 0; each < rows_.size(); ++each) write(each, seqno, mix(rows_[each].value, what.id));
  for (auto const& each : what.rows)
    if (!each.reference) write(each.row, seqno, each.value);
}

void database::skip(gr::seqno_t seqno) {
  ensure(seqno == position_ + 1);
  position_ = seqno;
}

void database::give_up(gr::seqno_t seqno) {
  skip(seqno);
  given_up_ = mix(given_up_, static_cast<std::uint64_t>(seqno));
}

base::blob database::image() const {
  base::writer bytes;
  bytes(history_, position_, rows_, fingerprint_, given_up_);
  return bytes.finish_flat();
}

base::result<database> database::of_image(base::blob const& bytes) {
  database made({}, 0, 0);
  base::reader from(bytes);
  from(made.history_, made.position_, made.rows_, made.fingerprint_, made.given_up_);
  if (auto const whole = from.finish(); !whole) return whole.error();
  return made;
}

std::string database::describe() const { return fmt::format("position {} rows {:016x}", position_, fingerprint_); }

}  // namespace sim
