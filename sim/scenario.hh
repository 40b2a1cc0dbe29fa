// A story told on purpose: a few servers in a calm world, line by line what happens to them, and what must be true then.
// The format is in docs/simulator.md; the words it knows are in scenario_words.cc.
// Owner:  values; whoever read the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "sim/limits.hh"

namespace sim {

class stage;

struct seed_range {
  std::uint64_t first = 1;
  std::uint64_t last = 1;
};

// "n3" is a number; the others are found when the line is reached.
struct whom {
  enum class kind : std::uint8_t { one, all, leader, followers, primary, secondaries, donors } what = kind::one;
  std::size_t number = 0;
};

// What stood in the places of a phrase that its pattern leaves open, each kind in the order it came.
struct captured {
  std::vector<std::vector<whom>> servers;
  std::vector<micros> times;
  std::vector<std::uint64_t> numbers;
};

// One way to write a command or a claim. In a pattern, words in capitals stand for something:
// SERVERS, SERVER, TIME, NUMBER and PERCENT.
struct command_phrase {
  std::string_view pattern;
  void (*run)(stage&, captured const&);
};
struct claim_phrase {
  std::string_view pattern;
  bool (*holds)(stage const&, captured const&);
};

struct scenario_line {
  std::size_t number = 0;
  std::string text;
  micros after;                     // waits so long before
  command_phrase const* command{};  // one of the two
  claim_phrase const* claim{};
  captured with;
  enum class patience : std::uint8_t { now, within, throughout } how = patience::now;
  micros lasting;  // of an expectation
};

struct scenario {
  limits with;
  seed_range seeds;
  std::vector<xcom::member_role> roles;  // of each server
  std::vector<scenario_line> lines;
};

// Errors: line and column, what stands there, what was expected.
base::result<scenario> parse_scenario(std::string_view text);

struct story_report {
  std::string failure;  // empty: none
  std::string dump;     // the state of every server, when it failed
  micros simulated;
  std::uint64_t happened = 0;  // what the clock had waiting: arrivals, ticks, ends of anything
  std::uint64_t steps = 0;     // of all nodes
  std::uint64_t sent = 0;      // messages
  std::uint64_t history = 0;   // digest of all that was delivered
};

// Runs it once. `told` gets each line as its time comes.
story_report tell(scenario const& what, std::uint64_t seed, std::FILE* trace_to,
                  std::function<void(micros, std::string const&)> const& told);

}  // namespace sim
