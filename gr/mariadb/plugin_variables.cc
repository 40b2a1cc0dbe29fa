#include "gr/mariadb/plugin_variables.hh"

#include <mysql/plugin.h>
#include <mysqld_error.h>
#include <typelib.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ensure.hh"
#include "gr/mariadb/configured_options.hh"
#include "gr/mariadb/consistency.hh"
#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"

namespace gr::mariadb {
namespace {

// A value as the server reads it: the member that the variable's type names.
union shown_value {
  unsigned long long number;
  unsigned long choice;
  double real;
  char flag;
  char const* text;
};
static_assert(sizeof(shown_value) == 8);

// What the MYSQL_SYSVAR_ macros lay out for every type (choices have their names where numbers have their minimum).
// Built from the table of options, since a macro per variable would be a second table.
struct server_variable_layout {
  MYSQL_PLUGIN_VAR_HEADER;
  shown_value* value;
  shown_value initial;
  shown_value min;
  shown_value max;
  shown_value block;
};
static_assert(offsetof(server_variable_layout, value) == 40 && offsetof(server_variable_layout, initial) == 48);

struct variable {
  server_variable_layout layout;  // first: the server hands its address back
  option_spec const* spec;
  std::string name;
  shown_value scratch;  // the server's while it loads the plugin
  shown_value shown;    // ours afterwards
  TYPELIB choices;
  std::deque<std::string> choice_texts;
  std::vector<char const*> choice_names;
};
static_assert(offsetof(server_variable_layout, min) == 56);  // also where a choice has its TYPELIB*

variable& variable_of(st_mysql_sys_var* var) { return *reinterpret_cast<variable*>(var); }

option_store& settings() {
  static auto const kept = shared_state::instance().options();
  return *kept;
}

// Durations are kept in milliseconds; their variables count seconds: whole ones, as MySQL's do, where the limits are whole.
bool is_whole_seconds(option_spec const& spec) {
  return spec.kind == option_kind::duration && spec.low % 1000 == 0 && spec.high % 1000 == 0 &&
         spec.initial.find('.') == std::string_view::npos;
}
bool is_real(option_spec const& spec) { return spec.kind == option_kind::duration && !is_whole_seconds(spec); }
std::int64_t scale_of(option_spec const& spec) { return spec.kind == option_kind::duration ? 1000 : 1; }

unsigned long choice_index(variable const& var, std::string const& text) {
  for (std::size_t at = 0; at < var.choice_texts.size(); ++at)
    if (var.choice_texts[at] == text) return at;
  return 0;
}

// Readers may hold any text that was ever shown, so none is ever freed; a server sees a handful.
char const* keep_forever(std::string const& text) {
  static std::mutex mutex;
  static auto* const kept = new std::set<std::string>;
  std::lock_guard const lock(mutex);
  return kept->insert(text).first->c_str();
}

shown_value value_in(variable const& var, option_store const& store) {
  auto const& spec = *var.spec;
  shown_value answer{};
  if (spec.kind == option_kind::text)
    answer.text = keep_forever(store.text(spec.name));
  else if (spec.kind == option_kind::choice)
    answer.choice = choice_index(var, store.text(spec.name));
  else if (spec.kind == option_kind::boolean)
    answer.flag = store.flag(spec.name) ? 1 : 0;
  else if (is_real(spec))
    answer.real = static_cast<double>(store.number(spec.name)) / 1000;
  else
    answer.number = static_cast<unsigned long long>(store.number(spec.name) / scale_of(spec));
  return answer;
}

// ---- SET ----
// None: NULL.
std::optional<std::string> text_of(st_mysql_value* value) {
  char buffer[1024];
  int length = sizeof buffer;
  auto const* const given = value->val_str(value, buffer, &length);
  if (given == nullptr) return std::nullopt;
  return std::string(given, static_cast<std::size_t>(length));
}

// An integer without its sign bit misread. Anything else in the user's own digits: as a number the server would have
// rounded it, or cut it to 2^63-1, and a wrong value would pass for a right one.
std::optional<std::string> number_text_of(st_mysql_value* value) {
  long long given = 0;
  if (value->value_type(value) != MYSQL_VALUE_TYPE_INT || value->val_int(value, &given) != 0) return text_of(value);
  bool const negative = given < 0 && value->is_unsigned(value) == 0;
  return negative ? std::to_string(given) : std::to_string(static_cast<unsigned long long>(given));
}

// A choice may come by its number, as with every such variable of the server.
std::optional<std::string> choice_text_of(variable const& var, st_mysql_value* value) {
  auto text = number_text_of(value);
  if (!text || value->value_type(value) != MYSQL_VALUE_TYPE_INT) return text;
  for (std::size_t at = 0; at < var.choice_texts.size(); ++at)
    if (*text == std::to_string(at)) return var.choice_texts[at];
  return text;
}

int refuse(std::string const& why) {
  raise_sql_error(ER_WRONG_VALUE_FOR_VAR, why);
  return 1;
}

int refuse_null(option_spec const& spec) {
  return refuse("option '" + std::string(spec.name) + "': NULL is not allowed, allowed: " + allowed_range(spec));
}

// Tries it on a store of its own: the same parser, the same limits, the same words, and nothing is changed yet.
template <class Saved>
int check_on_probe(variable const& var, std::optional<std::string> const& text, void* save, Saved shown_value::*kind) {
  if (!text) return refuse_null(*var.spec);
  option_store probe;
  if (auto const set = probe.set(var.spec->name, *text, option_store::moment::running); !set)
    return refuse(set.error().text);
  *static_cast<Saved*>(save) = value_in(var, probe).*kind;
  return 0;
}

// Only here an error of a command still reaches the user.
int check_command(THD*, st_mysql_sys_var* var, void* save, st_mysql_value* value) {
  auto const& spec = *variable_of(var).spec;
  auto const text = text_of(value);
  if (!text) return refuse_null(spec);
  if (auto const done = settings().set(spec.name, *text, option_store::moment::running); !done)
    return refuse(done.error().text);
  *static_cast<char const**>(save) = "";
  return 0;
}

int check_number(THD*, st_mysql_sys_var* var, void* save, st_mysql_value* value) {
  return check_on_probe(variable_of(var), number_text_of(value), save, &shown_value::number);
}
int check_real(THD*, st_mysql_sys_var* var, void* save, st_mysql_value* value) {
  return check_on_probe(variable_of(var), number_text_of(value), save, &shown_value::real);
}
int check_text(THD*, st_mysql_sys_var* var, void* save, st_mysql_value* value) {
  return check_on_probe(variable_of(var), text_of(value), save, &shown_value::text);
}
// The server's own checks of these two know no setting that only takes its default.
int check_flag(THD*, st_mysql_sys_var* var, void* save, st_mysql_value* value) {
  return check_on_probe(variable_of(var), number_text_of(value), save, &shown_value::flag);
}
int check_choice(THD*, st_mysql_sys_var* var, void* save, st_mysql_value* value) {
  auto const& checked = variable_of(var);
  return check_on_probe(checked, choice_text_of(checked, value), save, &shown_value::choice);
}

std::string saved_text(variable const& var, void const* save) {
  switch (var.spec->kind) {
    case option_kind::text: {
      auto const* const text = *static_cast<char const* const*>(save);
      return text == nullptr ? std::string{} : std::string(text);
    }
    case option_kind::choice: return var.choice_texts.at(*static_cast<unsigned long const*>(save));
    case option_kind::boolean: return *static_cast<char const*>(save) != 0 ? "ON" : "OFF";
    default: break;
  }
  return is_real(*var.spec) ? std::to_string(*static_cast<double const*>(save))
                            : std::to_string(*static_cast<unsigned long long const*>(save));
}

// What is shown follows from the store, so that a value changed elsewhere and one changed here take the same way.
void update(THD*, st_mysql_sys_var* var, void*, void const* save) {
  auto& changed = variable_of(var);
  auto const set = settings().set(changed.spec->name, saved_text(changed, save), option_store::moment::running);
  if (!set) log_warning(set.error().text);
  changed.shown = value_in(changed, settings());
}

// ---- the list ----
// One that sessions have of their own is no part of the list made here (consistency.hh).
bool has_variable(option_spec const& spec) {
  return !spec.ignored && spec.name.starts_with("group_replication_") && spec.name != "group_replication_consistency";
}

int type_flags(option_spec const& spec) {
  switch (spec.kind) {
    case option_kind::boolean: return PLUGIN_VAR_BOOL | PLUGIN_VAR_OPCMDARG;
    case option_kind::text: return PLUGIN_VAR_STR | PLUGIN_VAR_RQCMDARG;
    case option_kind::choice: return PLUGIN_VAR_ENUM | PLUGIN_VAR_RQCMDARG;
    default: break;
  }
  return (is_real(spec) ? PLUGIN_VAR_DOUBLE : PLUGIN_VAR_LONGLONG | PLUGIN_VAR_UNSIGNED) | PLUGIN_VAR_RQCMDARG;
}

mysql_var_check_func check_of(option_spec const& spec) {
  switch (spec.kind) {
    case option_kind::boolean: return check_flag;
    case option_kind::choice: return check_choice;
    case option_kind::text: return is_command(spec) ? check_command : check_text;
    default: return is_real(spec) ? check_real : check_number;
  }
}

void set_limits(variable& var) {
  auto const& spec = *var.spec;
  auto& layout = var.layout;
  if (is_real(spec)) {
    layout.min.real = static_cast<double>(spec.low) / 1000;
    layout.max.real = static_cast<double>(spec.high) / 1000;
    return;
  }
  layout.min.number = static_cast<unsigned long long>(spec.low / scale_of(spec));
  layout.max.number = static_cast<unsigned long long>(spec.high / scale_of(spec));
  layout.block.number = 1;
}

void set_choices(variable& var) {
  std::string_view rest = var.spec->choices;
  while (!rest.empty()) {
    auto const comma = rest.find(',');
    var.choice_names.push_back(var.choice_texts.emplace_back(rest.substr(0, comma)).c_str());
    rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 1);
  }
  var.choices.count = static_cast<unsigned>(var.choice_names.size());
  var.choices.name = "";
  var.choice_names.push_back(nullptr);
  var.choices.type_names = var.choice_names.data();
  TYPELIB* const names = &var.choices;
  std::memcpy(&var.layout.min, &names, sizeof(void*));
}

void add(std::deque<variable>& list, option_spec const& spec) {
  auto& var = list.emplace_back();
  var.spec = &spec;
  var.name = bare_option_name(spec.name);
  if (spec.kind == option_kind::choice) set_choices(var);
  if (spec.kind == option_kind::integer || spec.kind == option_kind::bytes || spec.kind == option_kind::duration)
    set_limits(var);
  auto& layout = var.layout;
  layout.flags = type_flags(spec) | (spec.change == option_change::fixed ? PLUGIN_VAR_READONLY : 0);
  layout.name = var.name.c_str();
  layout.comment = keep_forever(std::string(spec.description));
  layout.check = check_of(spec);
  layout.update = update;
  layout.initial = value_in(var, option_store{});
  layout.value = &var.scratch;
  var.scratch = layout.initial;
}

std::deque<variable>& variables() {
  static auto* const only = [] {
    auto* const all = new std::deque<variable>;
    for (auto const& spec : option_table())
      if (has_variable(spec)) add(*all, spec);
    return all;
  }();
  return *only;
}

std::shared_ptr<void>& listening() {
  static auto* const only = new std::shared_ptr<void>;
  return *only;
}

void show_again(option_spec const& changed) {
  for (auto& var : variables())
    if (var.spec == &changed) var.shown = value_in(var, settings());
}

}  // namespace

st_mysql_sys_var** system_variables() {
  static auto* const list = [] {
    auto* const made = new std::vector<st_mysql_sys_var*>;
    for (auto& var : variables()) made->push_back(reinterpret_cast<st_mysql_sys_var*>(&var));
    made->push_back(consistency_variable());
    made->push_back(nullptr);
    return made;
  }();
  return list->data();
}

void connect_system_variables() {
  listening() = settings().on_change(show_again);
  for (auto& var : variables()) {
    var.shown = value_in(var, settings());
    var.layout.value = &var.shown;
  }
  connect_consistency();
}

void disconnect_system_variables() {
  listening().reset();
  disconnect_consistency();
  for (auto& var : variables()) var.layout.value = &var.scratch;
}

}  // namespace gr::mariadb
