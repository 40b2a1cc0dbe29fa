// Goal:   no bytes on disk crash the agreed log, and what it makes of them it can go on with and find again.
// Method: the input is a segment (a valid opening ahead of it half of the time), with CRCs mended so that bodies are reached.
#include <cstddef>
#include <cstdint>

#include "tests/xcom/memory_files.hh"
#include "xcom/log_format.hh"

namespace {

using xcom::testing::memory_files;

void append(std::vector<std::uint8_t>& to, base::chain const& bytes) {
  base::blob const flat = bytes.flat();
  to.insert(to.end(), flat.view().begin(), flat.view().end());
}

// Each record: kind, length, body.
std::vector<std::uint8_t> mended(std::span<std::uint8_t const> input) {
  std::vector<std::uint8_t> file;
  append(file, base::chain{{xcom::segment_magic()}});
  xcom::log_opening head;
  head.segment = 1;
  append(file, xcom::make_record(xcom::record_kind::opening, head));
  while (input.size() >= 2) {
    auto const kind = static_cast<xcom::record_kind>(input[0] % 9);
    std::size_t const length = std::min<std::size_t>(input[1], input.size() - 2);
    append(file, xcom::make_record(kind, base::chain{{base::blob::copy_of(input.subspan(2, length))}}));
    input = input.subspan(2 + length);
  }
  return file;
}

void go_on(std::shared_ptr<memory_files> const& files, xcom::recovered_log const& found, xcom::agreed_log& log) {
  ensure(found.begins <= found.decided.next());
  (void)log.read(found.begins, found.decided, 1U << 20);
  ensure(log.begin(found.last, true).has_value());
  std::uint64_t const next = found.promised.round == 0 ? 1 : found.promised.round - 1;
  ensure(log.promise({next, {}}).has_value());
  xcom::agreed_log again({}, files);
  auto const reread = again.open();
  ensure(reread.has_value());
  ensure(reread->promised.round == next);
  ensure(reread->decided == found.decided);
  ensure(reread->begins == found.begins);
  ensure(reread->undecided.size() == found.undecided.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  std::span<std::uint8_t const> const input(data + 1, size - 1);
  auto files = std::make_shared<memory_files>();
  files->held[1] = data[0] % 2 == 0 ? mended(input) : std::vector<std::uint8_t>(input.begin(), input.end());
  xcom::agreed_log log({}, files);
  auto const found = log.open();
  if (found) go_on(files, *found, log);
  return 0;
}
