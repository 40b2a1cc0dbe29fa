// What an operator does by hand beside a running or a stopped member.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gr/mariadb/shown_tables.hh"
#include "gr/options.hh"
#include "tools/grctl/segment.hh"

namespace {

constexpr char const* torn_advice = "In the newest file, the next start cuts that off by itself";
constexpr char const* damage_advice =
    "In the newest file, the next start cuts that off and the member comes back as a new incarnation; with an older "
    "one it "
    "does not start: move all group_replication.*.log files away, and it joins again by a full copy";

base::result<base::blob> read_file(std::string const& path) {
  std::error_code wrong;
  auto const size = std::filesystem::file_size(path, wrong);
  if (wrong) return base::fail(path + ": " + wrong.message());
  std::vector<std::uint8_t> bytes(size);
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  // A file that is still being written may have grown meanwhile; what was there counts.
  if (in.gcount() != static_cast<std::streamsize>(size)) return base::fail(path + ": could not be read whole");
  return base::blob(std::move(bytes));
}

// One verdict a file: "whole", or the byte from which on it is not. True: whole.
bool print_verdict(std::string const& path, grctl::segment_report const& report) {
  if (!report.first_damage) {
    fmt::print("{}: whole: segment {}, {} records, {} bytes\n", path, report.number, report.records, report.bytes);
    return true;
  }
  auto const& damage = *report.first_damage;
  fmt::print("{}: not whole from byte {} of {} on: {}. {} records before it hold. {}\n", path, damage.at, report.bytes,
             damage.what, report.records, damage.torn ? torn_advice : damage_advice);
  return false;
}

bool read_all(std::vector<std::string> const& files, bool print_records) {
  bool all_whole = true;
  for (auto const& path : files) {
    auto const bytes = read_file(path);
    if (!bytes) {
      fmt::print(stderr, "{}\n", bytes.error().text);
      all_whole = false;
      continue;
    }
    auto const report = grctl::read_segment(*bytes, [&](std::uint64_t offset, std::string const& line) {
      if (print_records) fmt::print("{:>10}  {}\n", offset, line);
    });
    all_whole = print_verdict(path, report) && all_whole;
  }
  return all_whole;
}

}  // namespace

int main(int count, char** words) {
  CLI::App app{"Quorate's hand tool"};
  app.require_subcommand(1);
  auto* log = app.add_subcommand("log", "the agreed log's files, group_replication.NNNNNNNN.log in a data directory");
  log->require_subcommand(1);
  std::vector<std::string> files;
  auto* dump = log->add_subcommand("dump", "print every record with the byte it begins at, then the verdict");
  auto* verify = log->add_subcommand("verify",
                                     "only the verdict: whole, or the first byte that does not hold; ends "
                                     "with 1 when a file is not whole");
  for (auto* each : {dump, verify}) each->add_option("file", files, "oldest first")->required();
  auto* variables = app.add_subcommand("variables", "print what docs/variables.md says of every setting");
  auto* views =
      app.add_subcommand("views", "print SQL that makes views of MySQL's names in sys: grctl views | mariadb");
  CLI11_PARSE(app, count, words);
  if (views->parsed()) {
    fmt::print("{}", gr::mariadb::views_script());
    return 0;
  }
  if (variables->parsed()) {
    fmt::print("{}", gr::options_as_markdown());
    return 0;
  }
  return read_all(files, dump->parsed()) ? 0 : 1;
}
