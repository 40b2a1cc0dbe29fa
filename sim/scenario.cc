#include "sim/scenario.hh"

#include <fmt/format.h>

#include "sim/failure.hh"
#include "sim/stage.hh"

namespace sim {
namespace {

constexpr micros look_every = milliseconds(10);

std::string how_it_failed(scenario_line const& line, micros waited) {
  auto const seconds_waited = static_cast<double>(waited.value()) / 1e6;
  auto const* const when = line.how == scenario_line::patience::throughout ? "no more" : "not so";
  return fmt::format("line {}: {}: {} after {:.2f} simulated seconds", line.number, line.text, when, seconds_waited);
}

void expect(stage& on, scenario_line const& line) {
  using patience = scenario_line::patience;
  auto const began = on.now();
  on.begin_expectation();
  for (;;) {
    bool const holds = line.claim->holds(on, line.with);
    auto const waited = micros(on.now().value() - began.value());
    bool const over = waited >= line.lasting;
    if (line.how == patience::throughout ? !holds : over && !holds) throw check_failed(how_it_failed(line, waited));
    if (over || (line.how == patience::within && holds)) return;
    on.pass(look_every);
  }
}

void play(scenario_line const& line, stage& on) {
  if (line.claim != nullptr) return expect(on, line);
  on.begin_command();
  line.command->run(on, line.with);
}

}  // namespace

story_report tell(scenario const& what, std::uint64_t seed, std::FILE* trace_to,
                  std::function<void(micros, std::string const&)> const& told) {
  stage on(what, seed, trace_to);
  story_report result;
  try {
    for (auto const& line : what.lines) {
      on.pass(line.after);
      told(on.now(), line.text);
      play(line, on);
    }
  } catch (std::exception const& broken) {
    result.failure = broken.what();
    result.dump = on.dump();
  }
  on.report(result);
  return result;
}

}  // namespace sim
