// Rows certified per second with an index that holds a given number of rows, and the longest single call.
// A transaction writes n rows of one table: n exclusive keys and a shared touch of table and database. The stable position
// follows at a distance, so each transaction brings in n rows and lets n go. `ahead` of 0 certifies each as it comes;
// otherwise that many transactions are announced to the index beforehand, as a member that takes a batch off the log does.
//
//   certification_bench                                        up to 1e6 rows held
//   QUORATE_BENCH_ROWS=10000000 certification_bench            and this many
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/prng.hh"
#include "certifier/certification.hh"

namespace {

using certifier::key;
using certifier::key_kind;
using certifier::seqno_t;

constexpr std::uint64_t seed = 20240613;
constexpr std::size_t members = 3;

// Processor time of this thread: what others on the machine take is not a pause of ours.
std::int64_t thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

class load {
 public:
  load(std::size_t rows_held, std::size_t rows_each, std::size_t ahead)
      : window_(static_cast<seqno_t>(rows_held / rows_each)), keys_each_(rows_each + 2), ahead_(ahead) {
    pending_.resize((ahead_ + 1) * keys_each_);
    for (auto& id : origins_) id = base::make_uuid(random_.next(), random_.next());
    for (std::size_t slot = 0; slot <= ahead_; ++slot) prepare(slot);
    index_.reset(0, 0);
    fill();
  }

  void one() {
    auto const slot = static_cast<std::size_t>(seqno_) % (ahead_ + 1);
    ++seqno_;
    index_.forget_below(seqno_ - window_);
    auto const answer = index_.certify({.origin = origins_[static_cast<std::size_t>(seqno_) % members],
                                        .seqno = seqno_,
                                        .last_seen = seqno_ - 1,
                                        .keys = keys_of(slot)});
    benchmark::DoNotOptimize(answer);
    prepare(slot);
    if (ahead_ > 0) index_.expect(keys_of(slot));
  }

  void one_timed() {
    auto const before = thread_ns();
    one();
    longest_ns_ = std::max(longest_ns_, thread_ns() - before);
  }

  [[nodiscard]] certifier::certification const& index() const { return index_; }
  [[nodiscard]] double longest_us() const { return static_cast<double>(longest_ns_) / 1000.0; }

 private:
  std::span<key> keys_of(std::size_t slot) { return std::span(pending_).subspan(slot * keys_each_, keys_each_); }
  void prepare(std::size_t slot) {
    auto const keys = keys_of(slot);
    keys[0] = {1, key_kind::shared};
    keys[1] = {2, key_kind::shared};
    for (auto& each : keys.subspan(2)) each = {random_.next(), key_kind::exclusive};
  }
  void fill() {
    for (seqno_t done = 0; done < window_; ++done) one_timed();
  }

  base::prng random_{seed};
  seqno_t window_;
  std::size_t keys_each_;
  std::size_t ahead_;
  std::array<base::uuid, members> origins_;
  std::vector<key> pending_;
  certifier::certification index_;
  seqno_t seqno_ = 0;
  std::int64_t longest_ns_ = 0;
};

void certify(benchmark::State& state) {
  auto const rows_each = static_cast<std::size_t>(state.range(1));
  load work(static_cast<std::size_t>(state.range(0)), rows_each, static_cast<std::size_t>(state.range(2)));
  for (auto _ : state) work.one();
  state.SetItemsProcessed(state.iterations() * state.range(1));
  for (seqno_t timed = 0; timed < 1'000'000 / state.range(1); ++timed) work.one_timed();
  state.counters["pause_us_max"] = work.longest_us();
  state.counters["rows_held"] = static_cast<double>(work.index().rows());
  state.counters["bytes_per_row"] =
      static_cast<double>(work.index().bytes()) / static_cast<double>(work.index().rows());
}

void arguments(benchmark::internal::Benchmark* bench) {
  std::vector<std::int64_t> held{100'000, 1'000'000};
  if (auto const* const more = std::getenv("QUORATE_BENCH_ROWS")) held.push_back(std::atoll(more));
  bench->ArgNames({"held", "rows", "ahead"});
  for (auto const rows_held : held)
    for (auto const& [rows, ahead] : {std::pair{1, 0}, {1, 16}, {10, 0}, {10, 8}, {100, 0}})
      bench->Args({rows_held, rows, ahead});
}

BENCHMARK(certify)->Apply(arguments);

}  // namespace
