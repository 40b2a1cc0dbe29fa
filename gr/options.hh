// Every setting a user can make, once: its name, other names, type, range, default and meaning. System variables,
// wsrep_provider_options, documentation and the machines read this one table, so they cannot disagree.
// Always: a stored value is inside its range; one that is not is refused with the range in the error, never clamped.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hh"

namespace gr {

enum class option_id : std::uint8_t {
  group_name,
  local_address,
  group_seeds,
  donor_threshold,
  donor_policy,
  clone_threshold,
  recovery_retry_count,
  recovery_reconnect_interval,
  recovery_progress_timeout,
  recovery_complete_at,
  member_expel_timeout,
  member_weight,
  message_cache_size,
  communication_max_message_size,
  transaction_size_limit,
};
inline constexpr std::size_t option_count = 15;

enum class option_type : std::uint8_t { number, text, choice, boolean };
enum class option_unit : std::uint8_t { none, bytes, seconds, transactions, percent };

struct option_spec {
  option_id id;
  std::string_view name;     // without "group_replication_"
  std::string_view aliases;  // Galera's names, separated by commas
  option_type type;
  std::uint64_t min;         // numbers
  std::uint64_t max;
  std::string_view initial;  // the default, as text
  option_unit unit;
  bool dynamic;              // may change while the server runs
  std::string_view choices;  // names separated by commas, in the order of their numbers
  std::string_view description;
};

std::string_view to_string(option_unit unit);
std::span<option_spec const, option_count> option_table();
option_spec const& spec_of(option_id id);
// By name with or without "group_replication_", dashes or underscores, any case; or by alias. Null: no such option.
option_spec const* find_option(std::string_view name);

// Accepts what a user may write for it: decimal digits; bytes with K, M, G, T; seconds also as ISO 8601 (PT1M30S), as
// Galera writes them; choices by name in any case or by number; booleans as ON, OFF, 1, 0, TRUE, FALSE, YES, NO.
// Errors: name, what was given and the allowed range or choices.
base::result<std::uint64_t> parse_option_number(option_spec const& spec, std::string_view text);
base::result<std::uint64_t> check_option_range(option_spec const& spec, std::uint64_t value);

// Splits "name=value; name = value". Spaces around either do not count; empty items are skipped; a backslash keeps a ';'.
// Errors: an item without '=' or without a name.
using option_pairs = std::vector<std::pair<std::string, std::string>>;
base::result<option_pairs> split_options(std::string_view text);

// The values of one server. Any thread; reading a number takes no lock.
class options {
 public:
  enum class when : std::uint8_t { starting, running };  // running: only dynamic options may be set

  options();

  base::result<void> set(std::string_view name, std::string_view text, when at);
  base::result<void> set(option_spec const& spec, std::string_view text, when at);
  base::result<void> set_number(option_id id, std::uint64_t value, when at);

  [[nodiscard]] std::uint64_t number(option_id id) const;  // choices: the index; booleans: 0 or 1
  [[nodiscard]] std::string text(option_id id) const;      // as the user would write it
  // "group_replication.name=value; ..." sorted as the table is; what wsrep_provider_options shows.
  [[nodiscard]] std::string print() const;
  // Grows with every change: whoever keeps derived values compares it instead of subscribing.
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // Where the value lives, for a reader that is not ours and keeps the address: it stays valid and current as long as
  // this object lives, and so does every text it ever pointed to.
  [[nodiscard]] std::atomic<std::uint64_t>& number_cell(option_id id) { return cells_[index(id)].number; }
  [[nodiscard]] std::atomic<char const*>& text_cell(option_id id) { return cells_[index(id)].text; }

 private:
  struct cell {
    std::atomic<std::uint64_t> number{0};
    std::atomic<char const*> text{""};
  };
  static constexpr std::size_t index(option_id id) { return static_cast<std::size_t>(id); }
  char const* keep(std::string_view text);
  void store(option_id id, std::uint64_t value);
  void store(option_id id, std::string_view text);

  std::array<cell, option_count> cells_;
  std::atomic<std::uint64_t> generation_{0};
  std::mutex mutex_;                // writers
  std::deque<std::string> texts_;   // every text ever set, each once; a handful in a server's life
};

}  // namespace gr
