#include "gr/mariadb/consistency.hh"

#include <mysql/plugin.h>
#include <typelib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"
#include "gr/options.hh"

namespace gr::mariadb {
namespace {

constexpr std::string_view option_name = "group_replication_consistency";
constexpr std::array<char const*, 6> names{"EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER", "BEFORE",
                                           "AFTER",    "BEFORE_AND_AFTER",           nullptr};
TYPELIB levels{static_cast<unsigned>(names.size() - 1), "", const_cast<char const**>(names.data()), nullptr};

// Every statement that reads, writes or shows.
constexpr unsigned all_statements = 15;

// ---- the server's wsrep_sync_wait, of a session or of new ones ----

enum class scope_of_variable : int { session = 1, global = 2 };  // the server's enum_var_type
struct lex_string {                                              // st_mysql_const_lex_string
  char const* text;
  std::size_t length;
};
using find_variable_t = void*(char const* name, std::size_t length);
using address_of_t = void const*(void* variable, void* thd, int scope, lex_string const* base);

void* sync_wait_variable = nullptr;  // looked up once, while the plugin starts

void find_sync_wait() {
  constexpr std::string_view name = "wsrep_sync_wait";
  if (auto* const find = server_function<find_variable_t>("_Z19intern_find_sys_varPKcm"); find != nullptr)
    sync_wait_variable = find(name.data(), name.size());
}

unsigned* sync_wait_of(void* thd, scope_of_variable scope) {
  static auto* const address_of =
      server_function<address_of_t>("_ZNK7sys_var9value_ptrEP3THD13enum_var_typePK25st_mysql_const_lex_string");
  if (address_of == nullptr || sync_wait_variable == nullptr) return nullptr;
  lex_string const none{nullptr, 0};
  return static_cast<unsigned*>(const_cast<void*>(address_of(sync_wait_variable, thd, static_cast<int>(scope), &none)));
}

bool set_sync_wait(void* thd, scope_of_variable scope, consistency level) {
  auto* const mask = sync_wait_of(thd, scope);
  if (mask == nullptr) return false;
  // Whether there is a primary's backlog to wait for is seen when it comes to that (provider::sync_wait).
  *mask = level == consistency::eventual || level == consistency::after ? 0 : all_statements;
  return true;
}

// ---- the variable ----

void update(THD* thd, st_mysql_sys_var*, void* into, void const* save);

MYSQL_THDVAR_ENUM(consistency, PLUGIN_VAR_RQCMDARG,
                  "EVENTUAL: reads show what has arrived here. BEFORE: a statement waits until everything that was "
                  "committed anywhere before it can be seen. AFTER: a commit waits until every ONLINE member has "
                  "applied it. BEFORE_ON_PRIMARY_FAILOVER: a new primary's sessions wait for what the old one left",
                  nullptr, update, 0, &levels);

unsigned long* global_value() {
  return static_cast<unsigned long*>(
      static_cast<void*>(mysql_sysvar_consistency.resolve == nullptr
                             ? nullptr
                             : mysql_sysvar_consistency.resolve(nullptr, mysql_sysvar_consistency.offset)));
}

consistency level_of(std::string_view name) {
  auto const at = std::find(names.begin(), names.end() - 1, name);
  return at == names.end() - 1 ? consistency::eventual : static_cast<consistency>(at - names.begin());
}

consistency option_value() { return level_of(shared_state::instance().options()->text(option_name)); }

void show_option() {
  auto* const global = global_value();
  auto const level = option_value();
  if (global == nullptr || *global == static_cast<unsigned long>(level)) return;
  *global = static_cast<unsigned long>(level);
  (void)set_sync_wait(nullptr, scope_of_variable::global, level);
}

void update(THD* thd, st_mysql_sys_var*, void* into, void const* save) {
  auto const wanted = *static_cast<unsigned long const*>(save);
  auto const level = static_cast<consistency>(wanted);
  bool const global = into == global_value();
  *static_cast<unsigned long*>(into) = wanted;
  if (!set_sync_wait(thd, global ? scope_of_variable::global : scope_of_variable::session, level) &&
      waits_before(level))
    raise_sql_warning(
        "this server's wsrep_sync_wait cannot be set from here: set it to 15 yourself to wait before a "
        "statement");
  if (!global) return;
  auto const kept =
      shared_state::instance().options()->set(option_name, names.at(wanted), option_store::moment::running);
  if (!kept) log_warning(kept.error().text);
}

std::shared_ptr<void>& listening() {
  static auto* const only = new std::shared_ptr<void>;
  return *only;
}

}  // namespace

consistency consistency_of_session() {
  auto* const thd = static_cast<THD*>(current_thd());
  if (thd == nullptr || !listening()) return option_value();
  return static_cast<consistency>(THDVAR(thd, consistency));
}

st_mysql_sys_var* consistency_variable() { return reinterpret_cast<st_mysql_sys_var*>(&mysql_sysvar_consistency); }

void connect_consistency() {
  find_sync_wait();
  listening() = shared_state::instance().options()->on_change([](option_spec const& changed) {
    if (changed.name == option_name) show_option();
  });
  show_option();
  // As the server was configured. A wsrep_sync_wait of the configuration stays where nothing was said of the level.
  if (auto const level = option_value(); level != consistency::eventual)
    (void)set_sync_wait(nullptr, scope_of_variable::global, level);
}

void disconnect_consistency() { listening().reset(); }

}  // namespace gr::mariadb
