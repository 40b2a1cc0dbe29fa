#include "runtime/join_history.hh"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/codec.hh"
#include "base/crc32c.hh"

namespace runtime {
namespace {

constexpr std::uint32_t format = 1;

struct history_file {
  std::uint32_t format_of = format;
  std::vector<gr::join_record> records;
  template <class Codec> void fields(Codec& codec) { codec(format_of, records); }
};
struct checked_file {
  std::uint32_t crc = 0;
  base::blob body;
  template <class Codec> void fields(Codec& codec) { codec(crc, body); }
};

// Called so that state transfer scripts leave it alone.
std::string file_in(std::string const& data_dir) { return data_dir + "/group_replication.joins.log"; }

std::vector<gr::join_record> read(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  std::string const bytes(std::istreambuf_iterator<char>(in), {});
  auto const outer = base::decode<checked_file>(base::blob::copy_of(bytes));
  if (!outer || base::crc32c(0, outer->body.view()) != outer->crc) return {};
  auto inner = base::decode<history_file>(outer->body);
  if (!inner || inner->format_of != format || inner->records.size() > gr::joins_kept_max) return {};
  return std::move(inner->records);
}

void end_abruptly(gr::join_record& record, char const* why) {
  if (gr::is_over(record.phase)) return;
  record.phase = gr::join_phase::failed;
  record.eta_ms = -1;
  record.last_error = why;
}

}  // namespace

join_history::join_history(std::string const& data_dir) : path_(file_in(data_dir)) {
  auto found = read(path_);
  if (!found.empty()) end_abruptly(found.back(), "the server ended while it joined");
  all_ = std::make_shared<records const>(std::move(found));
}

void join_history::expect_another() { joins_seen_ = changes_seen_ = 0; }

base::result<void> join_history::take(gr::join_report const& from, std::uint64_t milliseconds_now) {
  if (from.joins() == 0) return {};
  bool const changed = from.changes() != changes_seen_;
  if (!changed && !from.runs()) return {};
  auto next = *all_;
  if (from.joins() != joins_seen_) append(from, next);
  auto& last = next.back();
  auto const number = last.number;
  last = from.record();
  last.number = number;
  last.began_ms = static_cast<std::int64_t>(milliseconds_now) - last.lasted_ms;
  // What is told of a join that is over does not move with the clock.
  if (gr::is_over(last.phase) && !all_->empty() && all_->back().number == number) last.began_ms = all_->back().began_ms;
  joins_seen_ = from.joins();
  changes_seen_ = from.changes();
  all_ = std::make_shared<records const>(std::move(next));
  return changed ? store() : base::result<void>{};
}

void join_history::append(gr::join_report const& from, records& to) {
  auto const number = to.empty() ? 1 : to.back().number + 1;
  if (!to.empty()) end_abruptly(to.back(), "begun anew");
  to.push_back(from.record());
  to.back().number = number;
  if (to.size() > gr::joins_kept_max) to.erase(to.begin());
}

base::result<void> join_history::store() const {
  checked_file file;
  file.body = base::encode(history_file{format, *all_});
  file.crc = base::crc32c(0, file.body.view());
  auto const bytes = base::encode(file);
  auto const aside = path_ + ".new";
  std::ofstream out(aside, std::ios::binary | std::ios::trunc);
  out.write(bytes.text().data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  std::error_code failed;
  if (out) std::filesystem::rename(aside, path_, failed);
  if (out && !failed) return {};
  return base::fail("cannot write " + path_ + ", which keeps what is known of the last joins");
}

}  // namespace runtime
