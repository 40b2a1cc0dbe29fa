// Every setting of the group in one table, under our names and the names Galera's users know; and the store of their values.
// The same store serves wsrep_provider_options, the options of the cluster address and the plugin's system variables.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "base/uuid.hh"
#include "gr/alike.hh"
#include "gr/ports.hh"

namespace gr {

enum class option_kind : std::uint8_t {
  boolean,  // on/off, true/false, yes/no, 1/0
  integer,
  bytes,     // an integer, with K, M, G or T (powers of 1024) after it
  duration,  // seconds with a fraction ("1.5") or ISO 8601 ("PT1.5S"); low and high are in milliseconds
  text,
  choice,  // one of `choices`, any case
};
enum class option_change : std::uint8_t {
  at_once,     // takes effect while running
  next_start,  // accepted while running, read when the group is joined next
  fixed,       // only before the server has started
};
enum class option_scope : std::uint8_t {
  member,  // each member has its own
  group,   // set on one member, it holds on all
  equal,   // must be the same on all members
};

std::string_view to_string(option_scope scope);

struct option_spec {
  std::string_view name;
  std::string_view aliases;  // Galera's names, separated by one space
  option_kind kind;
  std::string_view initial;
  std::int64_t low;
  std::int64_t high;
  std::string_view unit;     // of a text: what it has to be, when not any text will do
  std::string_view choices;  // separated by ","
  option_change change;
  bool ignored;  // known to Galera's users; accepted with a remark, without effect here
  std::string_view description;
  option_scope scope = option_scope::member;
  std::string_view why_fixed = {};  // not empty: only the default is accepted, for this reason
};

std::span<option_spec const> option_table();
// Setting it does something, once; no value is kept.
bool is_command(option_spec const& spec);
// What MySQL's and GreatSQL's users may look for and do not find here, with the reason.
struct absent_option {
  std::string_view name;
  std::string_view why;
};
std::span<absent_option const> absent_options();
// By our name or an alias, exact; nullptr when unknown.
option_spec const* find_option(std::string_view name);
// "0 .. 3600 seconds", "ON, OFF", ...: what an error message says is allowed.
std::string allowed_range(option_spec const& spec);
// As the store prints it: "128M" for 134217728.
std::string default_text(option_spec const& spec);
// docs/variables.md: every option of the table, and those that are not here.
std::string options_as_markdown();
std::string_view effect_text(option_spec const& spec);  // "at once", "next start", "fixed", "command"

// What is to be said of settings that were taken.
struct option_remark {
  server::level how;  // a warning: two settings contradict each other
  std::string text;
};

// Thread-safe. Values are valid at all times: what does not parse or is out of range is never stored.
class option_store {
 public:
  enum class moment : std::uint8_t { before_start, running };
  using listener = std::function<void(option_spec const&)>;

  option_store();

  // Errors name the option, the value and what is allowed; nothing is changed. A size given under one of Galera's names
  // is brought into our range instead of being refused.
  base::result<void> set(std::string_view name, std::string_view text, moment when);
  // "name = value; name = value": all of it or nothing. The later of two settings of one option wins, in the list and, before
  // the start, over what was set before the list. The answer holds remarks: what contradicted each other, what has no
  // effect, sizes brought into range.
  base::result<std::vector<option_remark>> set_all(std::string_view list, moment when);

  // ensure: the option exists and has a fitting kind.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::int64_t number(
      std::string_view name) const;  // integer, bytes, duration (milliseconds), boolean (0, 1)
  [[nodiscard]] bool flag(std::string_view name) const { return number(name) != 0; }
  [[nodiscard]] bool is_set(std::string_view name) const;  // given by somebody, whatever the value

  // "name = value; " for every option and alias, in the order of names: what wsrep_provider_options shows.
  [[nodiscard]] std::string print() const;
  // Grows with every change: for whoever prefers to look now and then.
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Called after a change, without a lock held, on the thread that made it. The answer removes the listener when it dies.
  std::shared_ptr<void> on_change(listener call);
  // Who carries out an option that is a command (is_command) when it is set; its error is set()'s. Nobody: there is no
  // group to command. Called without a lock held.
  using command = std::function<base::result<void>(option_spec const& which, std::string const& text)>;
  void carry_out_with(command call);

 private:
  struct value {
    std::string text;
    std::int64_t number = 0;
    bool set = false;
    std::string as;  // the name it was set under
  };
  struct assignment {
    option_spec const* spec;
    value parsed;
    bool yields = false;  // to a value that is there and not the default
  };
  static base::result<assignment> parse(std::string_view name, std::string_view text);
  static base::result<void> refuse_fixed(assignment const& wanted, std::string_view name);
  [[nodiscard]] base::result<void> carry_out(assignment const& wanted, moment when) const;
  base::result<assignment> check(std::string_view name, std::string_view text, moment when) const;
  [[nodiscard]] std::string contradiction(assignment const& wanted, std::vector<assignment> const& before,
                                          moment when) const;
  void store(std::vector<assignment> const& assignments);
  value get(std::string_view name) const;
  void tell(std::vector<assignment> const& assignments);

  mutable std::mutex mutex_;
  std::vector<value> values_;  // beside option_table()
  std::vector<std::weak_ptr<listener>> listeners_;
  command command_;
  std::atomic<std::uint64_t> version_{1};
};

// What runtime::make_group is given.
struct start_position {
  base::uuid group;
  seqno_t seqno = -1;
};
struct group_options {
  std::string data_dir;
  std::string node_name;
  std::string incoming;        // SQL address told to clients
  std::string server_version;  // "10.11.19-MariaDB"; empty when unknown
  // The server's own, in which members should not differ; those of `options` come by themselves.
  std::vector<told_setting> alike;
  std::string listen_host;  // bound here
  unsigned listen_port = 4567;
  std::string own_host;  // told to the others, and how this member knows itself in a list of seeds
  unsigned own_port = 4567;
  std::optional<start_position> start;  // what the server holds; none: it has nothing
  bool server_runs = false;             // it was up before it connects, and can take no copy
  std::shared_ptr<option_store> options;
  name_tables_of names;                                // the server's own way to write rows; empty: nobody can tell
  std::chrono::milliseconds connect_patience{60'000};  // mariadbd ignores SIGTERM while it waits for connect()
};

}  // namespace gr
