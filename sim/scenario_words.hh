// Every word a scenario file may use.
#pragma once

#include <span>

#include "sim/scenario.hh"

namespace sim {

std::span<command_phrase const> command_phrases();
std::span<claim_phrase const> claim_phrases();

struct setting {
  std::string_view name;
  enum class kind : std::uint8_t { number, time, word } is = kind::number;
  std::uint64_t least = 0, most = 0;        // of a number; of a time in microseconds
  void (*set)(scenario&, std::uint64_t){};  // of a word: its place in `words`
  std::vector<std::string_view> words;
};
std::span<setting const> settings();

}  // namespace sim
