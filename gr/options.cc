#include "gr/options.hh"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>

#include "base/ensure.hh"

namespace gr {
namespace {

constexpr std::uint64_t signed_max = INT64_MAX;
constexpr std::uint64_t unsigned_max = UINT64_MAX;
constexpr std::uint64_t year_seconds = 31'536'000;

using enum option_id;
using enum option_type;
using enum option_unit;

constexpr std::array<option_spec, option_count> table{{
    {group_name, "group_name", "", text, 0, 0, "", none, false, "", "Name of the group this server belongs to"},
    {local_address, "local_address", "gmcast.listen_addr", text, 0, 0, "", none, false, "",
     "host:port at which the other members reach this one"},
    {group_seeds, "group_seeds", "", text, 0, 0, "", none, false, "",
     "host:port of members to ask for admission, separated by commas"},
    {donor_threshold, "donor_threshold", "", number, 1, signed_max, "9223372036854775807", transactions, true, "",
     "A donor must miss fewer than this many of the transactions that all possible donors hold together; "
     "when none does, every donor qualifies"},
    {donor_policy, "donor_policy", "", choice, 0, 0, "RANDOM", none, true, "RANDOM,BALANCED",
     "Which of the qualified donors is asked first: any, or the least busy, not the primary, same zone, most recent"},
    {clone_threshold, "clone_threshold", "", number, 1, signed_max, "9223372036854775807", transactions, true, "",
     "A joiner that misses at least this many transactions takes a full copy instead of the log"},
    {recovery_retry_count, "recovery_retry_count", "", number, 0, year_seconds, "10", none, true, "",
     "How many donors a joiner tries before it leaves the group"},
    {recovery_reconnect_interval, "recovery_reconnect_interval", "", number, 0, year_seconds, "60", seconds, true, "",
     "Pause after every possible donor has failed"},
    {recovery_progress_timeout, "recovery_progress_timeout", "", number, 1, 86'400, "30", seconds, true, "",
     "A donor that brings nothing new for this long is replaced"},
    {recovery_complete_at, "recovery_complete_at", "", choice, 0, 0, "TRANSACTIONS_APPLIED", none, true,
     "TRANSACTIONS_CERTIFIED,TRANSACTIONS_APPLIED",
     "When a joiner counts as ONLINE: once it has received what it missed, or once it has applied it"},
    {member_expel_timeout, "member_expel_timeout", "evs.suspect_timeout", number, 0, 3'600, "5", seconds, true, "",
     "How long a silent member stays in the group"},
    {member_weight, "member_weight", "pc.weight", number, 0, 100, "50", percent, true, "",
     "Preference of this member when a primary is elected; the highest wins"},
    {message_cache_size, "message_cache_size", "", number, 134'217'728, unsigned_max, "1073741824", bytes, true, "",
     "Memory for messages that other members may still ask for"},
    {communication_max_message_size, "communication_max_message_size", "", number, 0, 1'073'741'824, "10485760", bytes,
     false, "", "Larger messages travel in pieces of this size; 0: never in pieces"},
    {transaction_size_limit, "transaction_size_limit", "repl.max_ws_size", number, 0, 2'147'483'647, "2147483647",
     bytes, true, "",
     "A larger transaction is rolled back; 0: no limit of its own. MySQL's default is 150000000; ours is what the server "
     "itself allows (wsrep_max_ws_size), so that a server moved here keeps its limit"},
}};

constexpr bool in_id_order() {
  for (std::size_t at = 0; at < table.size(); ++at)
    if (static_cast<std::size_t>(table[at].id) != at) return false;
  return true;
}
static_assert(in_id_order(), "the table is indexed by option_id");

char lower(char letter) { return static_cast<char>(std::tolower(static_cast<unsigned char>(letter))); }

bool same_word(std::string_view left, std::string_view right) {
  auto const fold = [](char letter) { return letter == '-' ? '_' : lower(letter); };
  return std::ranges::equal(left, right, {}, fold, fold);
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  auto const from = text.find_first_not_of(blank);
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(blank) - from + 1);
}

// The next item of a comma list; `rest` loses it.
std::string_view next_item(std::string_view& rest) {
  auto const comma = rest.find(',');
  auto const item = rest.substr(0, comma);
  rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  return item;
}

bool list_has(std::string_view list, std::string_view word) {
  while (!list.empty())
    if (same_word(next_item(list), word)) return true;
  return false;
}

std::string_view choice_at(std::string_view choices, std::uint64_t index) {
  for (; index > 0; --index) next_item(choices);
  return next_item(choices);
}

std::uint64_t count_of(std::string_view choices) {
  return static_cast<std::uint64_t>(std::ranges::count(choices, ',')) + 1;
}

std::string full_name(option_spec const& spec) { return "group_replication_" + std::string(spec.name); }

std::string allowed(option_spec const& spec) {
  if (spec.type == choice) return "one of " + std::string(spec.choices);
  if (spec.type == boolean) return "ON or OFF";
  auto answer = std::to_string(spec.min) + " .. " + std::to_string(spec.max);
  if (spec.unit != none) answer += " " + std::string(to_string(spec.unit));
  return answer;
}

base::error refusal(option_spec const& spec, std::string_view given) {
  return base::fail(full_name(spec) + ": '" + std::string(given) + "' is not allowed; allowed is " + allowed(spec));
}

constexpr std::uint64_t too_big = std::numeric_limits<std::uint64_t>::max();

struct number_read {
  bool ok = false;
  std::uint64_t value = 0;
  std::string_view rest;
};

number_read read_digits(std::string_view text) {
  number_read answer;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), answer.value);
  answer.ok = error == std::errc{};
  answer.rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return answer;
}

// Factor of a suffix; 0: no such suffix.
std::uint64_t bytes_factor(std::string_view suffix) {
  if (suffix.empty()) return 1;
  if (suffix.size() != 1) return 0;
  switch (lower(suffix.front())) {
    case 'k': return std::uint64_t{1} << 10;
    case 'm': return std::uint64_t{1} << 20;
    case 'g': return std::uint64_t{1} << 30;
    case 't': return std::uint64_t{1} << 40;
    default: return 0;
  }
}

std::uint64_t seconds_factor(char unit) {
  switch (lower(unit)) {
    case 'h': return 3'600;
    case 'm': return 60;
    case 's': return 1;
    default: return 0;
  }
}

// "1H2M3S", what follows PT in an ISO 8601 period. Fractions are refused: these settings count whole seconds.
number_read read_period(std::string_view text) {
  number_read total{.ok = !text.empty(), .rest = {}};
  while (total.ok && !text.empty()) {
    auto const part = read_digits(text);
    auto const factor = part.ok && !part.rest.empty() ? seconds_factor(part.rest.front()) : 0;
    total.ok = factor != 0 && part.value <= year_seconds;
    if (!total.ok) break;
    total.value += part.value * factor;
    text = part.rest.substr(1);
  }
  return total;
}

number_read read_number(option_spec const& spec, std::string_view given) {
  if (spec.unit == seconds && given.size() > 2 && same_word(given.substr(0, 2), "PT"))
    return read_period(given.substr(2));
  auto answer = read_digits(given);
  if (!answer.ok) return answer;
  auto const factor = spec.unit == bytes ? bytes_factor(answer.rest) : static_cast<std::uint64_t>(answer.rest.empty());
  answer.ok = factor != 0 && answer.value <= too_big / factor;
  if (answer.ok) answer.value *= factor;
  return answer;
}

base::result<std::uint64_t> parse_choice(option_spec const& spec, std::string_view given) {
  auto const count = count_of(spec.choices);
  for (std::uint64_t at = 0; at < count; ++at)
    if (same_word(choice_at(spec.choices, at), given)) return at;
  auto const as_number = read_digits(given);
  if (as_number.ok && as_number.rest.empty() && as_number.value < count) return as_number.value;
  return refusal(spec, given);
}

base::result<std::uint64_t> parse_boolean(option_spec const& spec, std::string_view given) {
  if (list_has("1,on,true,yes", given)) return 1U;
  if (list_has("0,off,false,no", given)) return 0U;
  return refusal(spec, given);
}

base::error frozen(option_spec const& spec) {
  return base::fail(full_name(spec) + " can only be set when the server starts");
}

}  // namespace

std::string_view to_string(option_unit unit) {
  switch (unit) {
    case none: return "";
    case bytes: return "bytes";
    case seconds: return "seconds";
    case transactions: return "transactions";
    case percent: return "percent";
  }
  return "";
}

std::span<option_spec const, option_count> option_table() { return table; }

option_spec const& spec_of(option_id id) { return table[static_cast<std::size_t>(id)]; }

option_spec const* find_option(std::string_view name) {
  constexpr std::string_view prefix = "group_replication_";
  auto bare = name;
  if (bare.size() > prefix.size() && (same_word(bare.substr(0, prefix.size()), prefix) ||
                                      same_word(bare.substr(0, prefix.size()), "group_replication.")))
    bare.remove_prefix(prefix.size());
  auto const found = std::ranges::find_if(
      table, [&](option_spec const& spec) { return same_word(spec.name, bare) || list_has(spec.aliases, name); });
  return found == table.end() ? nullptr : &*found;
}

base::result<std::uint64_t> check_option_range(option_spec const& spec, std::uint64_t value) {
  ensure(spec.type != text);
  bool const inside = spec.type == number   ? value >= spec.min && value <= spec.max
                      : spec.type == choice ? value < count_of(spec.choices)
                                            : value <= 1;
  if (!inside) return refusal(spec, std::to_string(value));
  return value;
}

base::result<std::uint64_t> parse_option_number(option_spec const& spec, std::string_view given) {
  given = trimmed(given);
  if (spec.type == choice) return parse_choice(spec, given);
  if (spec.type == boolean) return parse_boolean(spec, given);
  auto const read = read_number(spec, given);
  if (!read.ok || read.value < spec.min || read.value > spec.max) return refusal(spec, given);
  return read.value;
}

base::result<option_pairs> split_options(std::string_view given) {
  option_pairs pairs;
  std::string item;
  auto const take = [&]() -> base::result<void> {
    auto const whole = trimmed(item);
    if (whole.empty()) return {};
    auto const equals = whole.find('=');
    auto const name = trimmed(whole.substr(0, equals));
    if (equals == whole.npos || name.empty())
      return base::fail("'" + std::string(whole) + "' is not an option; expected name=value");
    pairs.emplace_back(std::string(name), std::string(trimmed(whole.substr(equals + 1))));
    return {};
  };
  for (std::size_t at = 0; at <= given.size(); ++at) {
    if (at == given.size() || given[at] == ';') {
      if (auto const taken = take(); !taken) return taken.error();
      item.clear();
    } else {
      if (given[at] == '\\' && at + 1 < given.size() && given[at + 1] == ';') ++at;
      item += given[at];
    }
  }
  return pairs;
}

options::options() {
  for (auto const& spec : table) {
    auto const set_well = set(spec, spec.initial, when::starting);
    ensure(set_well.has_value());
  }
  generation_ = 0;
}

base::result<void> options::set(std::string_view name, std::string_view given, when at) {
  auto const* spec = find_option(name);
  if (spec == nullptr) return base::fail("there is no option '" + std::string(name) + "'");
  return set(*spec, given, at);
}

base::result<void> options::set(option_spec const& spec, std::string_view given, when at) {
  if (spec.type != option_type::text) {
    auto const value = parse_option_number(spec, given);
    if (!value) return value.error();
    return set_number(spec.id, *value, at);
  }
  if (at == when::running && !spec.dynamic && trimmed(given) != text(spec.id)) return frozen(spec);
  store(spec.id, trimmed(given));
  return {};
}

base::result<void> options::set_number(option_id id, std::uint64_t value, when at) {
  auto const& spec = spec_of(id);
  auto const checked = check_option_range(spec, value);
  if (!checked) return checked.error();
  // Setting it to what it is changes nothing: tools send back the whole list they have read.
  if (at == when::running && !spec.dynamic && value != number(id)) return frozen(spec);
  store(id, value);
  return {};
}

std::uint64_t options::number(option_id id) const { return cells_[index(id)].number.load(std::memory_order_relaxed); }

std::string options::text(option_id id) const {
  auto const& spec = spec_of(id);
  switch (spec.type) {
    case option_type::text: return cells_[index(id)].text.load(std::memory_order_acquire);
    case option_type::choice: return std::string(choice_at(spec.choices, number(id)));
    case option_type::boolean: return number(id) != 0 ? "ON" : "OFF";
    case option_type::number: break;
  }
  return std::to_string(number(id));
}

std::string options::print() const {
  std::string answer;
  for (auto const& spec : table) {
    if (!answer.empty()) answer += "; ";
    answer += "group_replication." + std::string(spec.name) + "=" + text(spec.id);
  }
  return answer;
}

char const* options::keep(std::string_view given) {
  auto found = std::ranges::find(texts_, given);
  if (found == texts_.end()) found = texts_.insert(texts_.end(), std::string(given));
  return found->c_str();
}

void options::store(option_id id, std::uint64_t value) {
  std::lock_guard const lock(mutex_);
  cells_[index(id)].number.store(value, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
}

void options::store(option_id id, std::string_view given) {
  std::lock_guard const lock(mutex_);
  cells_[index(id)].text.store(keep(given), std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
}

}  // namespace gr
