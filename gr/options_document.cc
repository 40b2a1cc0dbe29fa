// docs/variables.md is this file's text.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "gr/options.hh"

namespace gr {
namespace {

constexpr std::string_view head = R"(# Variables

*Made from the table of options (`gr/options_table.cc`) by `./dev docs`.*

Every `group_replication_*` name below is a system variable and, with the same meaning, an option in `wsrep_provider_options`. Galera's
names in the third column mean the same setting there. There is one value behind all of its names.

**Setting them.** In a configuration file or on the command line (`group_replication_donor_threshold = 500`), in
`wsrep_provider_options = "group_replication_donor_threshold=500; gcache.size=2G"`, behind the `?` of `wsrep_cluster_address`, or on a running
server with `SET GLOBAL group_replication_... = ...` or `SET GLOBAL wsrep_provider_options = '...'`. They are global; only
`group_replication_consistency` also has a value of each session. A value outside of its range is an error that names the range, and changes
nothing; in a configuration it keeps the server from starting. `SELECT * FROM information_schema.REPLICATION_GROUP_CONFIGURATION` shows what is in force.

**When two say different things** at the start: the options of `wsrep_cluster_address` win over `wsrep_provider_options`, those over the
command line, that over configuration files, and within a list the later one over the earlier. A setting of `wsrep_provider_options` or of
`wsrep_cluster_address` that overrules another value is a warning in the error log which names both. On a running server the last word counts.

**Keeping them.** MariaDB has no `SET PERSIST`: what shall hold after a restart belongs in a configuration file too.

**Takes effect:** *at once*; *next start*: accepted at any time and read when the server joins the next time (a restart, or
`SET GLOBAL wsrep_cluster_address`); *fixed*: only before the server starts; *command*: it is carried out when it is set, and keeps no value.

**Of whom:** *member*: each has its own; *group*: set on one member, it holds on all; *equal*: each member has its own setting, and all should agree.
A member that joins a group of another name is refused; where another of these differs, the logs warn with the values and the member. The server's own
`lower_case_table_names` must be the same on all: a new member with another value is refused. (From protocol 5, see `group_replication_communication_protocol`.)

)";

constexpr std::string_view absent_head = R"(
## Not here

What MySQL's and GreatSQL's users may look for. `group_replication_` stands before each name.

| variable | why not |
| --- | --- |
)";

bool is_variable(option_spec const& spec) { return spec.name.starts_with("group_replication_"); }

std::string_view kind_text(option_spec const& spec) {
  switch (spec.kind) {
    case option_kind::boolean: return "switch";
    case option_kind::integer: return "number";
    case option_kind::bytes: return "size";
    case option_kind::duration: return "time";
    case option_kind::text: return "text";
    case option_kind::choice: break;
  }
  return "choice";
}

std::string code(std::string_view text) { return text.empty() ? std::string{} : fmt::format("`{}`", text); }

std::string meaning(option_spec const& spec) {
  std::string text(spec.description);
  if (!spec.why_fixed.empty()) text += fmt::format(". Only `{}`: {}", default_text(spec), spec.why_fixed);
  return text;
}

void add_table(std::string& text, bool variables) {
  text += variables ? "## System variables\n\n`group_replication_` stands before each name.\n\n"
                    : "\n## Options of `wsrep_provider_options` only\n\n";
  text += "| name | kind | Galera's name | default | allowed | takes effect | of whom | meaning |\n";
  text += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (auto const& spec : option_table()) {
    if (spec.ignored || is_variable(spec) != variables) continue;
    auto const name = variables ? spec.name.substr(std::string_view("group_replication_").size()) : spec.name;
    fmt::format_to(std::back_inserter(text), "| `{}` | {} | {} | {} | {} | {} | {} | {} |\n", name, kind_text(spec),
                   code(spec.aliases), code(default_text(spec)), allowed_range(spec), effect_text(spec),
                   to_string(spec.scope), meaning(spec));
  }
}

void add_ignored(std::string& text) {
  text +=
      "\n## Galera's options without effect\n\nAccepted, so that a server that ran with Galera starts unchanged; "
      "setting one says so in the error log.\n\n";
  std::string_view between;
  for (auto const& spec : option_table())
    if (spec.ignored) text += fmt::format("{}`{}`", std::exchange(between, ", "), spec.name);
  text += '\n';
}

void add_absent(std::string& text) {
  text += absent_head;
  for (auto const& each : absent_options())
    text += fmt::format("| `{}` | {} |\n", each.name.substr(std::string_view("group_replication_").size()), each.why);
}

}  // namespace

std::string_view effect_text(option_spec const& spec) {
  if (is_command(spec)) return "command";
  switch (spec.change) {
    case option_change::at_once: return "at once";
    case option_change::next_start: return "next start";
    case option_change::fixed: break;
  }
  return "fixed";
}

std::string_view to_string(option_scope scope) {
  switch (scope) {
    case option_scope::member: return "member";
    case option_scope::group: return "group";
    case option_scope::equal: break;
  }
  return "equal";
}

std::string options_as_markdown() {
  std::string text(head);
  add_table(text, true);
  add_table(text, false);
  add_ignored(text);
  add_absent(text);
  return text;
}

}  // namespace gr
