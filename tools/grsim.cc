// The simulator's command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

#include "sim/scenario.hh"
#include "sim/swarm.hh"

namespace {

using seconds = std::chrono::duration<double>;

sim::member_range parse_members(std::string const& text) {
  auto const dots = text.find("..");
  auto const number = [](std::string const& digits) -> std::size_t {
    std::size_t value = 0;
    auto const* const end = digits.data() + digits.size();
    return std::from_chars(digits.data(), end, value).ptr == end ? value : 0;
  };
  auto const least = number(text.substr(0, dots));
  auto const most = dots == std::string::npos ? least : number(text.substr(dots + 2));
  if (least < 2 || most < least || most > xcom::site_members_max)
    throw CLI::ValidationError("--members", fmt::format("'{}' is not a number between 2 and {}, or two as A..B", text,
                                                        xcom::site_members_max));
  return {least, most};
}

double simulated_seconds(sim::swarm_report const& all) { return static_cast<double>(all.simulated_micros) / 1e6; }

void print_failure(sim::run_report const& failed, sim::member_range servers) {
  fmt::print("\nseed {} failed: {}\n{}\n{}repeat with: {}\n", failed.seed, failed.failure, failed.setting, failed.dump,
             sim::repeat_line(failed.seed, servers));
}

void print_summary(sim::swarm_report const& all, double elapsed) {
  fmt::print(
      "{} seeds, {} failed; {:.0f} simulated seconds in {:.1f} s ({:.0f} times real time)\n"
      "{} slots decided, {} messages delivered, {} site changes\n{}\n",
      all.seeds, all.failed.size(), simulated_seconds(all), elapsed, simulated_seconds(all) / elapsed, all.slots,
      all.messages, all.site_changes, all.count.describe());
}

int run_traced(sim::swarm_options const& options) {
  auto const one = sim::run_seed({options.first, options.servers, stdout});
  if (one.failure.empty()) {
    fmt::print("seed {} passes, history {:016x}\n{}\n", one.seed, one.history, one.setting);
    return 0;
  }
  print_failure(one, options.servers);
  return 1;
}

int run_swarm(sim::swarm_options const& options) {
  auto const started = std::chrono::steady_clock::now();
  auto const elapsed = [&] { return seconds(std::chrono::steady_clock::now() - started).count(); };
  double shown = 0;
  std::size_t failed = 0;
  auto const all = sim::run_swarm(options, [&](sim::swarm_report const& so_far) {
    for (; failed < so_far.failed.size(); ++failed)
      fmt::print(stderr, "\nseed {} failed: {}\n", so_far.failed[failed].seed, so_far.failed[failed].failure);
    if (elapsed() - shown < 1) return;
    shown = elapsed();
    fmt::print(stderr, "\r{} of {} seeds, {} failed, {:.0f} simulated seconds ", so_far.seeds, options.seeds,
               so_far.failed.size(), simulated_seconds(so_far));
  });
  if (shown > 0) fmt::print(stderr, "\n");
  print_summary(all, elapsed());
  for (auto const& each : all.failed) print_failure(each, options.servers);
  return all.failed.empty() ? 0 : 1;
}

// ---- scenarios ----

struct story_options {
  std::vector<std::string> files;
  std::optional<std::uint64_t> seed;
  bool trace = false;
  bool quiet = false;
  bool pace = false;
};

void print_pace(std::string const& file, sim::story_report const& done, double elapsed) {
  auto const simulated = static_cast<double>(done.simulated.value()) / 1e6;
  auto const each_second = [&](std::uint64_t count) { return static_cast<double>(count) / elapsed; };
  fmt::print(
      "{}: {:.0f} simulated seconds in {:.2f} s: {:.0f} times real time\n"
      "  {} events ({:.0f} a second), {} steps of nodes, {} messages; history {:016x}\n",
      file, simulated, elapsed, simulated / elapsed, done.happened, each_second(done.happened), done.steps, done.sent,
      done.history);
}

bool tell_once(std::string const& file, sim::scenario const& what, std::uint64_t seed, story_options const& options) {
  auto const told = [&](sim::micros when, std::string const& line) {
    if (!options.quiet) fmt::print("{:10.3f} s  {}\n", static_cast<double>(when.value()) / 1e6, line);
  };
  auto const started = std::chrono::steady_clock::now();
  auto const done = sim::tell(what, seed, options.trace ? stdout : nullptr, told);
  if (done.failure.empty()) {
    if (options.pace) print_pace(file, done, seconds(std::chrono::steady_clock::now() - started).count());
    if (!options.quiet) fmt::print("{} seed {} holds\n", file, seed);
    return true;
  }
  fmt::print("{}: {} (seed {})\n{}repeat with: ./dev sim run {} --seed {} --trace\n", file, done.failure, seed,
             done.dump, file, seed);
  return false;
}

bool run_story(std::string const& file, story_options const& options) {
  std::ifstream in(file, std::ios::binary);
  std::string const text{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    fmt::print(stderr, "grsim: {} cannot be read\n", file);
    return false;
  }
  auto const what = sim::parse_scenario(text);
  if (!what) {
    fmt::print(stderr, "{}: {}\n", file, what.error().text);
    return false;
  }
  auto const first = options.seed.value_or(what->seeds.first);
  auto const last = options.seed.value_or(what->seeds.last);
  bool holds = true;
  for (auto seed = first; seed <= last && holds; ++seed) holds = tell_once(file, *what, seed, options);
  return holds;
}

int run_stories(story_options const& options) {
  std::size_t held = 0;
  for (auto const& each : options.files)
    if (run_story(each, options)) ++held;
  if (options.files.size() > 1) fmt::print("{} of {} scenarios hold\n", held, options.files.size());
  return held == options.files.size() ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  CLI::App app{"Quorate's simulator: whole groups in one process, on a simulated clock, network and disk"};
  app.require_subcommand(1);
  sim::swarm_options options;
  options.jobs = std::min(2U, std::max(1U, std::thread::hardware_concurrency()));
  std::string members;
  bool trace = false;
  auto* swarm = app.add_subcommand("swarm", "random runs, one per seed; stops at the first that fails");
  swarm->add_option("--seed", options.first, "the first seed")->capture_default_str();
  swarm->add_option("--seeds", options.seeds, "how many")->capture_default_str();
  swarm->add_option("--members", members, "servers per group, as A..B (2..32, of which 9 vote); 3..9 when not given");
  swarm->add_option("--jobs", options.jobs, "simulations at a time")->capture_default_str();
  swarm->add_option("--failures", options.failures_max, "stop after so many failed seeds")->capture_default_str();
  swarm->add_flag("--trace", trace, "print every event and action of the first seed, and run only that");
  story_options stories;
  auto* run = app.add_subcommand("run", "scenario files, told line by line (docs/simulator.md)");
  run->add_option("FILE", stories.files, "scenario files")->required();
  run->add_option("--seed", stories.seed, "one seed instead of those the file names");
  run->add_flag("--trace", stories.trace, "print every event and action");
  run->add_flag("--quiet", stories.quiet, "print only what fails");
  run->add_flag("--pace", stories.pace, "print how fast simulated time went by, and nothing else");
  try {
    app.parse(count, words);
    if (!members.empty()) options.servers = parse_members(members);
  } catch (CLI::ParseError const& wrong) { return app.exit(wrong); }
  stories.quiet = stories.quiet || stories.pace;
  if (run->parsed()) return run_stories(stories);
  return trace ? run_traced(options) : run_swarm(options);
}
