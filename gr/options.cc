#include "gr/options.hh"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

#include "base/ensure.hh"
#include "gr/allowlist.hh"
#include "gr/join_facts.hh"

namespace gr {
namespace {

// Galera's switch for TLS sets our mode. It does not say how strict, so it is as strict as Galera, and leaves a mode that is
// set alone: who turns TLS on twice must not weaken it.
constexpr std::string_view tls_switch = "socket.ssl";
constexpr std::string_view tls_off = "DISABLED";
constexpr std::string_view tls_on = "VERIFY_CA";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char each) { return static_cast<char>(std::toupper(each)); });
  return out;
}

// Takes the text up to `end` off the front of `rest`, and the end with it.
std::string_view next_item(std::string_view& rest, char end) {
  auto const item = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(rest.size(), item.size() + 1));
  return item;
}

bool has_word(std::string_view words, std::string_view word, char between) {
  while (!words.empty())
    if (next_item(words, between) == word) return true;
  return false;
}

std::optional<std::int64_t> integer_of(std::string_view text) {
  std::int64_t number = 0;
  auto const [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> bytes_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  static constexpr std::string_view suffixes = "KMGT";
  auto const which = suffixes.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.back()))));
  if (which == std::string_view::npos) return integer_of(text);
  auto const number = integer_of(text.substr(0, text.size() - 1));
  auto const unit = std::int64_t{1} << (10 * (which + 1));
  if (!number || *number < 0 || *number > INT64_MAX / unit) return std::nullopt;
  return *number * unit;
}

std::optional<std::int64_t> boolean_of(std::string_view text) {
  auto const word = upper(text);
  if (word == "ON" || word == "TRUE" || word == "YES" || word == "1") return 1;
  if (word == "OFF" || word == "FALSE" || word == "NO" || word == "0") return 0;
  return std::nullopt;
}

std::optional<double> seconds_of(std::string_view text) {
  double number = 0;
  auto const [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (bad != std::errc{} || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// The part of ISO 8601 that Galera's options use: P1DT2H3M4.5S.
std::optional<double> iso_seconds_of(std::string_view text) {
  double total = 0;
  bool in_time = false;
  if (text.size() < 3) return std::nullopt;
  for (text.remove_prefix(1); !text.empty();) {
    if (!in_time && text.front() == 'T') {
      in_time = true;
      text.remove_prefix(1);
      continue;
    }
    auto const digits = text.find_first_not_of("0123456789.");
    if (digits == std::string_view::npos || digits == 0) return std::nullopt;
    auto const number = seconds_of(text.substr(0, digits));
    char const unit = text[digits];
    double const each = !in_time      ? (unit == 'D' ? 86400.0 : 0.0)
                        : unit == 'H' ? 3600.0
                        : unit == 'M' ? 60.0
                        : unit == 'S' ? 1.0
                                      : 0.0;
    if (!number || each <= 0) return std::nullopt;
    total += *number * each;
    text.remove_prefix(digits + 1);
  }
  return total;
}

std::optional<std::int64_t> milliseconds_of(std::string_view text) {
  auto const word = upper(text);
  auto const seconds = word.starts_with('P') ? iso_seconds_of(word) : seconds_of(word);
  if (!seconds || *seconds < 0 || *seconds > 1e12) return std::nullopt;
  return std::llround(*seconds * 1000);
}

std::string seconds_text(std::int64_t milliseconds) {
  auto text = std::to_string(milliseconds / 1000);
  if (auto const rest = milliseconds % 1000; rest != 0) {
    auto fraction = std::to_string(1000 + rest).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += '.' + fraction;
  }
  return text;
}

std::string bytes_text(std::int64_t number) {
  static constexpr char suffixes[] = {'T', 'G', 'M', 'K'};
  for (int at = 0; at < 4; ++at)
    if (auto const unit = std::int64_t{1} << (10 * (4 - at)); number != 0 && number % unit == 0)
      return std::to_string(number / unit) + suffixes[at];
  return std::to_string(number);
}

std::optional<std::int64_t> number_of(option_kind kind, std::string_view text) {
  switch (kind) {
    case option_kind::boolean: return boolean_of(text);
    case option_kind::integer: return integer_of(text);
    case option_kind::bytes: return bytes_of(text);
    case option_kind::duration: return milliseconds_of(text);
    case option_kind::text:
    case option_kind::choice: break;
  }
  return std::nullopt;
}

std::string plain_text(option_kind kind, std::int64_t number) {
  if (kind == option_kind::boolean) return number != 0 ? "ON" : "OFF";
  if (kind == option_kind::bytes) return bytes_text(number);
  return kind == option_kind::duration ? seconds_text(number) : std::to_string(number);
}

// What is wrong with a text that has to be more than a text.
std::string objection(option_spec const& spec, std::string_view text) {
  if (spec.name == "group_replication_join_plan_position") {
    auto const position = parse_join_position(std::string(text), {});
    return position || text.empty() ? std::string{} : position.error().text;
  }
  if (spec.name == "group_replication_group_name") {
    auto const name = base::parse_uuid(text);
    return name || text.empty() ? std::string{} : "allowed: " + allowed_range(spec);
  }
  if (spec.name != "group_replication_ip_allowlist") return {};
  auto const parsed = allowlist::parse(text);
  return parsed ? std::string{} : parsed.error().text;
}

std::size_t place_of(option_spec const& spec) { return static_cast<std::size_t>(&spec - option_table().data()); }

// Galera writes durations in ISO 8601 and switches as yes and no; what reads its options expects them so.
std::string galera_text(option_kind kind, std::string const& text, std::int64_t number) {
  if (kind == option_kind::duration) return "PT" + seconds_text(number) + "S";
  if (kind == option_kind::boolean) return number != 0 ? "yes" : "no";
  return text;
}

// Galera's sizes were chosen for its own files: one that does not fit ours must not keep a server from starting.
bool takes_nearest(option_spec const& spec, std::string_view name) {
  return spec.kind == option_kind::bytes && name != spec.name;
}

}  // namespace

option_spec const* find_option(std::string_view name) {
  for (auto const& spec : option_table())
    if (spec.name == name || has_word(spec.aliases, name, ' ')) return &spec;
  return nullptr;
}

std::string allowed_range(option_spec const& spec) {
  if (spec.kind == option_kind::text) return spec.unit.empty() ? "any text" : std::string(spec.unit);
  if (spec.kind == option_kind::choice) return "one of " + std::string(spec.choices);
  if (spec.kind == option_kind::boolean) return "ON or OFF";
  bool const time = spec.kind == option_kind::duration;
  auto range = (time ? seconds_text(spec.low) : std::to_string(spec.low)) + " .. " +
               (time ? seconds_text(spec.high) : std::to_string(spec.high));
  if (!spec.unit.empty()) range += ' ' + std::string(spec.unit);
  return range;
}

option_store::option_store() {
  for (auto const& spec : option_table()) {
    values_.emplace_back();
    auto const checked = check(spec.name, spec.initial, moment::before_start);
    ensure(checked.has_value());
    values_.back() = checked->parsed;
    values_.back().set = false;
  }
}

base::result<option_store::assignment> option_store::check(std::string_view name, std::string_view text,
                                                           moment when) const {
  auto parsed = parse(name, text);
  if (!parsed || when == moment::before_start || parsed->spec->change != option_change::fixed) return parsed;
  // Clients save what print() says and set all of it again later: that changes nothing.
  std::lock_guard const hold(mutex_);
  if (values_[place_of(*parsed->spec)].text == parsed->parsed.text) return parsed;
  return base::fail("option '" + std::string(name) + "': cannot be changed while the server runs");
}

base::result<option_store::assignment> option_store::parse(std::string_view name, std::string_view text) {
  auto const* spec = find_option(name);
  if (spec == nullptr) return base::fail("unknown parameter '" + std::string(name) + "'");
  auto const bad = [&](std::string const& why) { return base::fail("option '" + std::string(name) + "': " + why); };
  if (spec->kind == option_kind::text) {
    if (auto const wrong = objection(*spec, text); !wrong.empty())
      return bad("value '" + std::string(text) + "' is not allowed: " + wrong);
    return assignment{spec, {std::string(text), 0, true, std::string(name)}};
  }
  auto const refused = bad("value '" + std::string(text) +
                           "' is not allowed, allowed: " + (name == tls_switch ? "ON or OFF" : allowed_range(*spec)));
  if (name == tls_switch) {
    auto const on = boolean_of(text);
    if (!on) return refused;
    return assignment{spec, {std::string(*on != 0 ? tls_on : tls_off), 0, true, std::string(name)}, *on != 0};
  }
  if (spec->kind == option_kind::choice) {
    auto word = upper(text);
    if (!has_word(spec->choices, word, ',')) return refused;
    return assignment{spec, {std::move(word), 0, true, std::string(name)}};
  }
  auto number = number_of(spec->kind, text);
  if (number && takes_nearest(*spec, name)) number = std::clamp(*number, spec->low, spec->high);
  if (!number || *number < spec->low || *number > spec->high) return refused;
  return assignment{spec, {plain_text(spec->kind, *number), *number, true, std::string(name)}};
}

std::string default_text(option_spec const& spec) {
  if (spec.kind == option_kind::text) return std::string(spec.initial);
  if (spec.kind == option_kind::choice) return upper(spec.initial);
  auto const number = number_of(spec.kind, spec.initial);
  return number ? plain_text(spec.kind, *number) : std::string(spec.initial);
}

base::result<void> option_store::refuse_fixed(assignment const& wanted, std::string_view name) {
  auto const& spec = *wanted.spec;
  if (spec.why_fixed.empty() || wanted.parsed.text == default_text(spec)) return {};
  return base::fail("option '" + std::string(name) + "' cannot be set to '" + wanted.parsed.text + "', only to '" +
                    default_text(spec) + "': " + std::string(spec.why_fixed));
}

void option_store::carry_out_with(command call) {
  std::lock_guard const hold(mutex_);
  command_ = std::move(call);
}

base::result<void> option_store::carry_out(assignment const& wanted, moment when) const {
  auto const& spec = *wanted.spec;
  if (wanted.parsed.text == default_text(spec)) return {};
  auto const named = "option '" + std::string(spec.name) + "': ";
  if (when == moment::before_start)
    return base::fail(named + "it is a command, and can only be given to a running member");
  command call;
  {
    std::lock_guard const hold(mutex_);
    call = command_;
  }
  if (!call) return base::fail(named + "this server is not connected to a group");
  auto const done = call(spec, wanted.parsed.text);
  return done ? base::result<void>{} : base::fail(named + done.error().text);
}

void option_store::store(std::vector<assignment> const& assignments) {
  {
    std::lock_guard const hold(mutex_);
    for (auto const& each : assignments) {
      auto& held = values_[place_of(*each.spec)];
      if (!each.yields || held.text == default_text(*each.spec)) held = each.parsed;
    }
  }
  if (assignments.empty()) return;
  version_.fetch_add(1, std::memory_order_acq_rel);
  tell(assignments);
}

void option_store::tell(std::vector<assignment> const& assignments) {
  std::vector<std::shared_ptr<listener>> live;
  {
    std::lock_guard const hold(mutex_);
    std::erase_if(listeners_, [](auto const& each) { return each.expired(); });
    for (auto const& each : listeners_)
      if (auto one = each.lock()) live.push_back(std::move(one));
  }
  for (auto const& call : live)
    for (auto const& each : assignments) (*call)(*each.spec);
}

base::result<void> option_store::set(std::string_view name, std::string_view text, moment when) {
  auto const checked = check(trimmed(name), trimmed(text), when);
  if (!checked) return checked.error();
  if (auto allowed = refuse_fixed(*checked, trimmed(name)); !allowed) return allowed;
  if (is_command(*checked->spec)) return carry_out(*checked, when);
  store({*checked});
  return {};
}

// Two settings of one option with different values; the later one wins. At run time a new value is no contradiction to the
// one before the list.
std::string option_store::contradiction(assignment const& wanted, std::vector<assignment> const& before,
                                        moment when) const {
  auto const said = [&](value const& other) {
    return "option '" + wanted.parsed.as + "': " + wanted.parsed.text + " is used, and not " + other.text +
           ", which was set before as '" + other.as + "'";
  };
  if (wanted.yields) return {};
  auto const same = [&](assignment const& each) { return each.spec == wanted.spec; };
  auto const earlier = std::find_if(before.rbegin(), before.rend(), same);
  if (earlier != before.rend())
    return earlier->yields || earlier->parsed.text == wanted.parsed.text ? std::string{} : said(earlier->parsed);
  if (when == moment::running) return {};
  auto const held = get(wanted.spec->name);
  return held.set && held.text != wanted.parsed.text ? said(held) : std::string{};
}

base::result<std::vector<option_remark>> option_store::set_all(std::string_view list, moment when) {
  std::vector<assignment> assignments;
  std::vector<assignment> commands;
  std::vector<option_remark> remarks;
  auto const remark = [&](std::string text) { remarks.push_back({server::level::info, std::move(text)}); };
  while (!list.empty()) {
    auto item = trimmed(next_item(list, ';'));
    if (item.empty()) continue;
    if (item.find('=') == std::string_view::npos)
      return base::fail("option '" + std::string(item) + "' has no '= value'");
    auto const name = trimmed(next_item(item, '='));
    auto const checked = check(name, trimmed(item), when);
    if (!checked) return checked.error();
    if (auto const allowed = refuse_fixed(*checked, name); !allowed) return allowed.error();
    if (is_command(*checked->spec)) {
      commands.push_back(*checked);
      continue;
    }
    if (checked->spec->ignored && checked->parsed.text != text(name))
      remark("option '" + std::string(name) + "' has no effect in this provider");
    if (takes_nearest(*checked->spec, name) && bytes_of(trimmed(item)) != checked->parsed.number)
      remark("option '" + std::string(name) + "': " + checked->parsed.text + " is used, the nearest to " +
             std::string(trimmed(item)) + " that is allowed");
    if (auto two = contradiction(*checked, assignments, when); !two.empty())
      remarks.push_back({server::level::warning, std::move(two)});
    assignments.push_back(*checked);
  }
  for (auto const& each : commands)
    if (auto const done = carry_out(each, when); !done) return done.error();
  store(assignments);
  return remarks;
}

option_store::value option_store::get(std::string_view name) const {
  auto const* spec = find_option(name);
  ensure(spec != nullptr);
  std::lock_guard const hold(mutex_);
  return values_[place_of(*spec)];
}

std::string option_store::text(std::string_view name) const { return get(name).text; }
std::int64_t option_store::number(std::string_view name) const { return get(name).number; }
bool option_store::is_set(std::string_view name) const { return get(name).set; }

std::string option_store::print() const {
  std::map<std::string_view, std::string> lines;
  std::lock_guard const hold(mutex_);
  for (auto const& spec : option_table()) {
    auto const& held = values_[place_of(spec)];
    bool const ours = spec.name.starts_with("group_replication_");
    lines[spec.name] = ours ? held.text : galera_text(spec.kind, held.text, held.number);
    for (auto aliases = spec.aliases; !aliases.empty();) {
      auto const alias = next_item(aliases, ' ');
      lines[alias] =
          alias == tls_switch ? (held.text == tls_off ? "no" : "yes") : galera_text(spec.kind, held.text, held.number);
    }
  }
  std::string all;
  for (auto const& [name, text] : lines) all += std::string(name) + " = " + text + "; ";
  return all;
}

std::shared_ptr<void> option_store::on_change(listener call) {
  auto held = std::make_shared<listener>(std::move(call));
  std::lock_guard const hold(mutex_);
  listeners_.push_back(held);
  return held;
}

}  // namespace gr
