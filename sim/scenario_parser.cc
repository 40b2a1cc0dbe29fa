// Scenario files, read word by word. Whatever the bytes, the answer is a scenario or a sentence that says where it stops
// making sense and what could have stood there.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "sim/scenario_words.hh"

namespace sim {
namespace {

constexpr std::size_t file_bytes_max = 1U << 20;
constexpr std::uint64_t seeds_max = 1'000'000;
constexpr std::uint64_t time_max = 3'600'000'000;  // an hour
constexpr std::uint64_t number_max = 1'000'000'000;

struct word {
  std::string_view text;
  std::size_t column = 1;
};
using words = std::vector<word>;

words split(std::string_view line) {
  words found;
  for (std::size_t at = 0; at < line.size();) {
    auto const begin = line.find_first_not_of(" \t\r", at);
    if (begin == std::string_view::npos) break;
    auto const end = std::min(line.find_first_of(" \t\r", begin), line.size());
    found.push_back({line.substr(begin, end - begin), begin + 1});
    at = end;
  }
  return found;
}

std::optional<std::uint64_t> read_number(std::string_view text) {
  std::uint64_t value = 0;
  auto const [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "250us", "1.5s": in microseconds.
std::optional<std::uint64_t> read_time(std::string_view text) {
  struct unit {
    std::string_view name;
    std::uint64_t micros;
  };
  static constexpr unit units[] = {{"us", 1}, {"ms", 1000}, {"min", 60'000'000}, {"s", 1'000'000}};
  for (auto const& each : units) {
    if (!text.ends_with(each.name)) continue;
    auto const number = text.substr(0, text.size() - each.name.size());
    auto const dot = number.find('.');
    auto const whole = read_number(number.substr(0, dot));
    if (!whole || *whole > time_max) return std::nullopt;
    auto total = *whole * each.micros;
    if (dot != std::string_view::npos) {
      auto const digits = number.substr(dot + 1);
      auto const part = read_number(digits);
      if (!part || digits.size() > 6) return std::nullopt;
      std::uint64_t scale = 1;
      for (std::size_t digit = 0; digit < digits.size(); ++digit) scale *= 10;
      total += *part * each.micros / scale;
    }
    return total <= time_max ? std::optional(total) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<whom> read_server(std::string_view text, std::size_t servers) {
  if (text == "all") return whom{whom::kind::all, 0};
  if (text == "leader") return whom{whom::kind::leader, 0};
  if (text == "followers") return whom{whom::kind::followers, 0};
  if (text == "primary") return whom{whom::kind::primary, 0};
  if (text == "secondaries") return whom{whom::kind::secondaries, 0};
  if (text == "donors") return whom{whom::kind::donors, 0};
  if (!text.starts_with('n')) return std::nullopt;
  auto const number = read_number(text.substr(1));
  if (!number || *number < 1 || *number > servers) return std::nullopt;
  return whom{whom::kind::one, *number - 1};
}

// How far a phrase goes along with the words, and what it would have liked to see next.
struct attempt {
  bool whole = false;
  std::size_t matched = 0;  // words
  std::string wanted;
  captured with;
};

class matcher {
 public:
  matcher(std::span<word const> given, std::size_t servers) : given_(given), servers_(servers) {}

  attempt match(std::string_view pattern) {
    attempt so_far;
    for (auto const& each : split(pattern)) {
      auto const wanted = take(each.text, so_far);
      if (wanted.empty()) continue;
      so_far.wanted = wanted;
      return so_far;
    }
    so_far.whole = so_far.matched == given_.size();
    so_far.wanted = "the end of the line";
    return so_far;
  }

 private:
  // Takes what one word of a pattern stands for; or says what it is.
  std::string take(std::string_view wanted, attempt& so_far) const {
    auto const next = so_far.matched < given_.size() ? given_[so_far.matched].text : std::string_view{};
    if (wanted == "SERVERS") return take_servers(so_far);
    if (wanted == "TIME") {
      auto const value = read_time(next);
      if (!value) return "a time up to an hour (10ms, 1.5s, 2min)";
      so_far.with.times.emplace_back(*value);
    } else if (wanted == "NUMBER" || wanted == "PERCENT") {
      bool const percent = wanted == "PERCENT";
      if (percent && !next.ends_with('%')) return "a percentage (10%)";
      auto const value = read_number(percent ? next.substr(0, next.size() - 1) : next);
      auto const most = percent ? 1000 : number_max;
      if (!value || *value > most) return fmt::format("a number from 0 to {}{}", most, percent ? "%" : "");
      so_far.with.numbers.push_back(*value);
    } else if (wanted != next) {
      return fmt::format("'{}'", wanted);
    }
    ++so_far.matched;
    return {};
  }

  std::string take_servers(attempt& so_far) const {
    std::vector<whom> found;
    while (so_far.matched < given_.size()) {
      auto const one = read_server(given_[so_far.matched].text, servers_);
      if (!one) break;
      found.push_back(*one);
      ++so_far.matched;
    }
    if (found.empty())
      return fmt::format("servers (n1 to n{}, all, leader, followers, primary, secondaries, donors)", servers_);
    so_far.with.servers.push_back(std::move(found));
    return {};
  }

  std::span<word const> given_;
  std::size_t servers_;
};

class parser {
 public:
  parser() {
    made_.with.servers = 3;
    made_.roles.assign(made_.with.servers, xcom::member_role::voter);
    made_.with.member.stable_every_ticks = 10;
  }

  base::result<scenario> read(std::string_view text) {
    if (text.size() > file_bytes_max)
      return base::fail(fmt::format("it has {} bytes, a scenario has at most {}", text.size(), file_bytes_max));
    while (!text.empty()) {
      auto const end = std::min(text.find('\n'), text.size());
      ++line_;
      if (auto done = read_line(text.substr(0, end)); !done) return done.error();
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (made_.lines.empty()) return base::fail(fmt::format("line {}: a scenario has at least one command", line_ + 1));
    return std::move(made_);
  }

 private:
  base::error wrong(std::size_t column, std::string_view found, std::string const& wanted) const {
    auto const shown = found.empty() ? std::string("the end of the line") : fmt::format("'{}'", found.substr(0, 40));
    return base::fail(fmt::format("line {}, column {}: {} found, {} expected", line_, column, shown, wanted));
  }

  base::result<void> read_line(std::string_view line) {
    auto const given = split(line.substr(0, line.find('#')));
    if (given.empty()) return {};
    end_column_ = given.back().column + given.back().text.size();
    if (given.front().text == "set") return read_setting(given);
    scenario_line next;
    next.number = line_;
    std::span<word const> rest(given);
    if (given.front().text == "after") {
      auto const waits = given.size() > 1 ? read_time(given[1].text) : std::nullopt;
      if (!waits) return wrong_at(given, 1, "a time up to an hour (10ms, 1.5s, 2min)");
      next.after = micros(*waits);
      rest = rest.subspan(2);
    }
    for (auto const& each : rest) next.text += (next.text.empty() ? "" : " ") + std::string(each.text);
    bool const expects = !rest.empty() && rest.front().text == "expect";
    auto done = expects ? read_expectation(rest.subspan(1), next) : read_command(rest, next);
    if (!done) return done;
    made_.lines.push_back(std::move(next));
    return {};
  }

  base::error wrong_at(std::span<word const> given, std::size_t at, std::string const& wanted) const {
    if (at < given.size()) return wrong(given[at].column, given[at].text, wanted);
    return wrong(end_column_, {}, wanted);
  }

  // The phrase that fits; else what those that came furthest would have liked to see there.
  template <class Phrases>
  base::result<void> choose(Phrases phrases, std::span<word const> given, std::string const& or_else,
                            typename Phrases::pointer& chosen, captured& with) {
    std::size_t furthest = 0;
    std::vector<std::string> wanted;
    for (auto const& each : phrases) {
      auto const tried = matcher(given, made_.with.servers).match(each.pattern);
      if (tried.whole) {
        chosen = &each;
        with = tried.with;
        return {};
      }
      if (tried.matched > furthest) wanted.clear();
      furthest = std::max(furthest, tried.matched);
      bool const is_new = std::find(wanted.begin(), wanted.end(), tried.wanted) == wanted.end();
      if (tried.matched == furthest && is_new) wanted.push_back(tried.wanted);
    }
    if (furthest == 0 && !or_else.empty()) wanted.push_back(or_else);
    return wrong_at(given, furthest, fmt::format("{}", fmt::join(wanted, " or ")));
  }

  base::result<void> read_command(std::span<word const> given, scenario_line& to) {
    return choose(command_phrases(), given, "'expect' or 'after' or 'set'", to.command, to.with);
  }

  base::result<void> read_expectation(std::span<word const> given, scenario_line& to) {
    bool const within = !given.empty() && given.front().text == "within";
    bool const throughout = !given.empty() && given.front().text == "for";
    if (within || throughout) {
      auto const lasts = given.size() > 1 ? read_time(given[1].text) : std::nullopt;
      if (!lasts) return wrong_at(given, 1, "a time up to an hour (10ms, 1.5s, 2min)");
      to.how = within ? scenario_line::patience::within : scenario_line::patience::throughout;
      to.lasting = micros(*lasts);
      given = given.subspan(2);
    }
    return choose(claim_phrases(), given, to.lasting == micros{} ? "'within' or 'for'" : "", to.claim, to.with);
  }

  base::result<void> read_setting(words const& given) {
    if (!made_.lines.empty()) return wrong(given[0].column, "set", "a command (settings come before the first one)");
    std::string names = "'seeds'";
    for (auto const& each : settings()) names += fmt::format(" or '{}'", each.name);
    if (given.size() < 2) return wrong_at(given, 1, names);
    if (given.size() > 3) return wrong_at(given, 3, "the end of the line");
    if (given[1].text == "seeds") return read_seeds(given);
    for (auto const& each : settings())
      if (each.name == given[1].text) return read_value(given, each);
    return wrong_at(given, 1, names);
  }

  base::result<void> read_seeds(words const& given) {
    auto const text = given.size() > 2 ? given[2].text : std::string_view{};
    auto const dots = text.find("..");
    auto const first = read_number(text.substr(0, dots));
    auto const last = dots == std::string_view::npos ? first : read_number(text.substr(dots + 2));
    if (!first || !last || *first > *last || *last > seeds_max)
      return wrong_at(given, 2, fmt::format("a seed from 0 to {}, or two as A..B", seeds_max));
    made_.seeds = {*first, *last};
    return {};
  }

  base::result<void> read_value(words const& given, setting const& what) {
    auto const text = given.size() > 2 ? given[2].text : std::string_view{};
    if (what.is == setting::kind::word) {
      auto const at = std::find(what.words.begin(), what.words.end(), text);
      if (at == what.words.end()) return wrong_at(given, 2, fmt::format("{}", fmt::join(what.words, " or ")));
      what.set(made_, static_cast<std::uint64_t>(at - what.words.begin()));
      return {};
    }
    bool const is_time = what.is == setting::kind::time;
    auto const value = is_time ? read_time(text) : read_number(text);
    if (!value || *value < what.least || *value > what.most) {
      auto const unit = is_time ? " us (or as 10ms, 1.5s, 2min)" : "";
      return wrong_at(given, 2,
                      fmt::format("a {} from {} to {}{}", is_time ? "time" : "number", what.least, what.most, unit));
    }
    what.set(made_, *value);
    return {};
  }

  scenario made_;
  std::size_t line_ = 0;
  std::size_t end_column_ = 1;
};

}  // namespace

base::result<scenario> parse_scenario(std::string_view text) { return parser().read(text); }

}  // namespace sim
