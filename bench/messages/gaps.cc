#include "bench/messages/gaps.hh"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "bench/messages/group.hh"

namespace bench {
namespace {

constexpr std::size_t payload_bytes = 1024;
constexpr std::size_t outstanding = 32;  // of each member: there is always something to deliver
constexpr double before_seconds = 1.5;   // a connection that lasted is dialed again at once when it breaks
constexpr double after_seconds = 3;      // less than it takes to expel the one that stands still

struct mishap {
  char const* what;
  std::size_t whom;
  int signal;
  double aim_ms;
};

struct gap {
  double usual_ms = 0;  // the longest one before
  double longest_ms = 0;
};

double longest_ms(reports const& all, std::size_t but) {
  std::int64_t longest = 0;
  for (std::size_t each = 0; each < all.size(); ++each)
    if (each != but) longest = std::max(longest, all[each].gap_ns);
  return static_cast<double>(longest) / 1e6;
}

gap measure(mishap const& happens, member_config const& config) {
  temporary_directory const directory;
  group const members(directory.path(), config);
  for (std::size_t each = 0; each < members.size(); ++each)
    members.load(each, payload_bytes, payload_bytes, outstanding);
  wait_for(before_seconds / 2);
  (void)members.sample();
  wait_for(before_seconds / 2);
  gap seen;
  seen.usual_ms = longest_ms(members.sample(), members.size());
  members.at(happens.whom).signal(happens.signal);
  wait_for(after_seconds);
  seen.longest_ms = longest_ms(members.sample_but(happens.whom), happens.whom);
  return seen;
}

}  // namespace

void measure_gaps(member_config const& config) {
  static constexpr int rounds = 5;
  std::printf("%-24s %14s %14s %14s %10s   of %d rounds; before: the longest without it\n", "what happens", "before ms",
              "median ms", "longest ms", "aim ms", rounds);
  for (auto const& each :
       {mishap{"the leader is killed", 0, SIGKILL, 300}, mishap{"the leader is paused", 0, SIGSTOP, 1500},
        mishap{"a follower is killed", 1, SIGKILL, 20}, mishap{"a follower is paused", 1, SIGSTOP, 20}}) {
    std::vector<double> longest;
    double usual = 0;
    for (int round = 0; round < rounds; ++round) {
      auto const seen = measure(each, config);
      longest.push_back(seen.longest_ms);
      usual = std::max(usual, seen.usual_ms);
    }
    std::sort(longest.begin(), longest.end());
    std::printf("%-24s %14.1f %14.1f %14.1f %10.0f\n", each.what, usual, longest[longest.size() / 2], longest.back(),
                each.aim_ms);
    std::fflush(stdout);
  }
}

}  // namespace bench
