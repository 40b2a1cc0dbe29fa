#include "bench/messages/endurance.hh"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "bench/messages/group.hh"

namespace bench {
namespace {

constexpr std::size_t payload_min = 64;
constexpr std::size_t payload_max = 1024;
constexpr std::size_t outstanding = 1000;
constexpr std::size_t paused = 2;
constexpr std::uint64_t slack_bytes = 64U << 20;  // for everything that is not messages
constexpr double look_every_seconds = 0.2;
constexpr double stands_still_seconds = 60;

std::uint64_t budget(report const& of, std::size_t members) {
  return of.cache_budget + of.undelivered_budget + of.late_budget + of.send_queue_budget * (members - 1) + slack_bytes;
}

void until_delivered(group const& members, std::uint64_t count, std::size_t asleep) {
  std::uint64_t best = 0;
  double without = 0;
  for (;;) {
    auto const now = members.sample_but(asleep);
    std::uint64_t least = count;
    for (std::size_t each = 0; each < now.size(); ++each)
      if (each != asleep) least = std::min(least, now[each].all_delivered);
    if (least >= count) return;
    without = least > best ? 0 : without + look_every_seconds;
    best = std::max(best, least);
    if (without > stands_still_seconds) throw std::runtime_error("nothing is delivered any more");
    wait_for(look_every_seconds);
  }
}

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1U << 20); }

}  // namespace

bool endure(member_config config, std::uint64_t messages) {
  config.keeps_absent = true;
  temporary_directory const directory;
  group const members(directory.path(), config);
  auto const nobody = members.size();
  members.load(0, payload_min, payload_max, outstanding);
  until_delivered(members, messages / 4, nobody);
  auto const before = members.sample();
  members.at(paused).signal(SIGSTOP);
  until_delivered(members, messages / 4 * 3, paused);
  auto const while_paused = members.sample_but(paused);
  members.at(paused).signal(SIGCONT);
  until_delivered(members, messages, nobody);
  auto const after = members.sample();
  std::printf("%llu messages of %zu to %zu bytes, member %zu paused for half of them; the most resident memory, MiB\n",
              static_cast<unsigned long long>(messages), payload_min, payload_max, paused);
  std::printf("%-8s %14s %14s %14s %14s\n", "member", "before", "while paused", "in all", "budget");
  bool within = true;
  for (std::size_t each = 0; each < after.size(); ++each) {
    auto const allowed = budget(after[each], members.size());
    within = within && after[each].resident_max <= allowed;
    std::printf("%-8zu %14.0f %14.0f %14.0f %14.0f%s\n", each, mebibytes(before[each].resident_max),
                mebibytes(while_paused[each].resident_max), mebibytes(after[each].resident_max), mebibytes(allowed),
                after[each].resident_max <= allowed ? "" : "  TOO MUCH");
  }
  return within;
}

}  // namespace bench
