#include "bench/messages/throughput.hh"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>

#include "bench/messages/xcom_figures.hh"

namespace bench {
namespace {

// A young connection on loopback can stand still for TCP's shortest retransmission timeout, 200 ms; that is not measured.
constexpr double warm_up_seconds = 0.4;

struct outcome {
  double messages = 0;
  double payload_bytes = 0;
  double seconds = 0;
  double slots = 0;
  double cpu_seconds = 0;  // of all members
  double bytes_written = 0;
  double p50_us = 0;  // of the slowest sender
  double p99_us = 0;
  std::string remark;  // what did not go as planned
};

bool sends(plan const& what, std::size_t number) {
  return what.sender == "all" || number == (what.sender == "leader" ? 0U : 1U);
}

outcome difference(plan const& what, reports const& before, reports const& after) {
  outcome all;
  all.seconds = static_cast<double>(after.front().at_ns - before.front().at_ns) / 1e9;
  all.slots = static_cast<double>(after.front().slots - before.front().slots);
  bool led = true;
  std::uint64_t dropped = 0;
  for (std::size_t each = 0; each < before.size(); ++each) {
    auto const& first = before[each];
    auto const& last = after[each];
    all.cpu_seconds += static_cast<double>(last.cpu_ns - first.cpu_ns) / 1e9;
    all.bytes_written += static_cast<double>(last.bytes_written - first.bytes_written);
    led = led && last.leads == (each == 0) && first.leader_changes == last.leader_changes;
    dropped += last.dropped - first.dropped;
    if (!sends(what, each)) continue;
    all.messages += static_cast<double>(last.own_delivered - first.own_delivered);
    all.payload_bytes += static_cast<double>(last.own_bytes - first.own_bytes);
    all.p50_us = std::max(all.p50_us, static_cast<double>(last.p50_ns) / 1e3);
    all.p99_us = std::max(all.p99_us, static_cast<double>(last.p99_ns) / 1e3);
  }
  if (!led) all.remark += "  THE LEADER CHANGED";
  if (dropped > 0) all.remark += "  DROPPED " + std::to_string(dropped) + " MESSAGES";
  return all;
}

outcome measure(plan const& what, double seconds) {
  temporary_directory const directory;
  group const members(directory.path(), what.config);
  for (std::size_t each = 0; each < members.size(); ++each)
    if (sends(what, each)) members.load(each, what.payload_bytes, what.payload_bytes, what.outstanding);
  wait_for(warm_up_seconds);
  auto const before = members.sample();
  auto const until = std::chrono::steady_clock::now() + patience;
  for (;;) {  // on a busy machine a moment can pass without a message
    wait_for(seconds);
    auto const got = difference(what, before, members.sample());
    if (got.messages > 0) return got;
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("nothing is delivered");
  }
}

void print_head() {
  std::printf("%-7s %-6s %-8s %7s %7s %10s %8s %8s %9s %8s %8s %6s   %9s %6s %6s\n", "members", "durab.", "sender",
              "payload", "window", "messages/s", "MB/s", "p50 us", "p99 us", "msg/slot", "cpu/100k", "wire", "XCom's/s",
              "p50 us", "ratio");
}

void print_row(plan const& what, outcome const& got) {
  double const per_second = got.messages / got.seconds;
  std::printf("%-7zu %-6s %-8s %7zu %7zu %10.0f %8.1f %8.0f %9.0f %8.1f %8.2f %6.2f", what.config.members,
              what.config.in_memory ? "MEMORY" : "OS", what.sender.c_str(), what.payload_bytes, what.outstanding,
              per_second, got.payload_bytes / got.seconds / 1e6, got.p50_us, got.p99_us,
              got.messages / std::max(got.slots, 1.0), got.cpu_seconds / got.messages * 1e5,
              got.bytes_written / got.payload_bytes);
  auto const theirs = xcom_reached(what.config.members, what.sender == "all", what.payload_bytes, what.outstanding);
  if (theirs) {
    std::string const p50 = theirs->p50_us > 0 ? std::to_string(std::lround(theirs->p50_us)) : "";
    std::printf("   %9.0f %6s %6.2f", theirs->per_second, p50.c_str(), per_second / theirs->per_second);
  }
  std::printf("%s\n", got.remark.c_str());
  std::fflush(stdout);
}

}  // namespace

void measure_throughput(std::vector<plan> const& all, double seconds) {
  print_head();
  for (auto const& each : all) print_row(each, measure(each, seconds));
  std::printf(
      "cpu/100k: CPU seconds of all members for 100,000 messages. wire: bytes sent by all for one of payload. XCom: "
      "measured elsewhere;\nabout 20 CPU seconds for 100,000 with window 1, and 11,560/s at 73 us in its single-leader "
      "mode.\n");
}

}  // namespace bench
