// The symbols the server looks up for its loadable functions, three for each, and what all of them have in common: arguments
// are counted and read as text, the caller needs the privilege SUPER, an error is the statement's error.
#include "gr/mariadb/functions.hh"

#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <exception>
#include <string_view>

#include "gr/mariadb/server_symbols.hh"

namespace gr::mariadb {
namespace {

using check_access_t = bool(void* thd, unsigned long long wanted, bool no_errors);
using killed_t = int(void const* thd);
using proc_info_t = char const*(void* thd, char const* what, char const* function, char const* file, unsigned line);

constexpr unsigned long long super_privilege = 1ULL << 15;

// MySQL asks for GROUP_REPLICATION_ADMIN, which this server does not have.
bool is_allowed(void* thd) {
  static auto* const check = server_function<check_access_t>("_Z19check_global_accessP3THD11privilege_tb");
  return check != nullptr && thd != nullptr && !check(thd, super_privilege, false);
}

my_bool begin(function_spec const& which, UDF_INIT* init, UDF_ARGS* args, char* message) {
  if (!is_allowed(current_thd())) return refuse(message, "the privilege SUPER is needed");
  if (args->arg_count < which.least || args->arg_count > which.most)
    return refuse(message, std::to_string(args->arg_count) + " arguments given; it takes " + which.usage);
  for (unsigned at = 0; at < args->arg_count; ++at) args->arg_type[at] = STRING_RESULT;
  init->maybe_null = 1;
  init->const_item = 0;  // it does something each time
  init->max_length = 1024;
  init->ptr = nullptr;
  return 0;
}

arguments texts_of(UDF_ARGS const& args) {
  arguments all;
  for (unsigned at = 0; at < args.arg_count; ++at) {
    if (args.args[at] == nullptr)
      all.emplace_back();
    else
      all.emplace_back(std::string(args.args[at], args.lengths[at]));
  }
  return all;
}

base::result<answer_text> run(function_spec const& which, UDF_ARGS const& args) {
  try {
    caller const who(current_thd());
    auto done = which.run(texts_of(args), who);
    who.show("");
    return done;
  } catch (std::exception const& broken) { return base::fail(broken.what()); }
}

void say_failed(function_spec const& which, std::string const& why, char* is_null, char* error) {
  raise_sql_error(ER_UNKNOWN_ERROR, "The function '" + std::string(which.name) + "' failed. " + why);
  *is_null = *error = 1;
}

char* give_text(function_spec const& which, UDF_INIT* init, UDF_ARGS* args, unsigned long* length, char* is_null,
                char* error) {
  auto const done = run(which, *args);
  if (!done) {
    say_failed(which, done.error().text, is_null, error);
    return nullptr;
  }
  delete reinterpret_cast<std::string*>(init->ptr);
  auto* const kept = new std::string(done->text);
  init->ptr = reinterpret_cast<char*>(kept);
  *length = kept->size();
  return kept->data();
}

long long give_number(function_spec const& which, UDF_ARGS* args, char* is_null, char* error) {
  auto const done = run(which, *args);
  if (!done) {
    say_failed(which, done.error().text, is_null, error);
    return 0;
  }
  long long number = 0;
  std::from_chars(done->text.data(), done->text.data() + done->text.size(), number);
  return number;
}

void end(UDF_INIT* init) {
  delete reinterpret_cast<std::string*>(init->ptr);
  init->ptr = nullptr;
}

function_spec const& spec_of(std::string_view name) {
  return *std::ranges::find(function_specs(), name,
                            [](function_spec const& each) { return std::string_view(each.name); });
}

}  // namespace

my_bool refuse(char* message, std::string const& why) {
  std::snprintf(message, MYSQL_ERRMSG_SIZE, "%s", why.c_str());
  return 1;
}

bool caller::is_killed() const {
  static auto* const killed = server_function<killed_t>("thd_killed");
  return killed != nullptr && thd_ != nullptr && killed(thd_) != 0;
}

void caller::show(char const* what_it_does) const {
  static auto* const set = server_function<proc_info_t>("set_thd_proc_info");
  if (set != nullptr && thd_ != nullptr) set(thd_, what_it_does, "group_replication", "", 0);
}

std::string library_file_name() {
  Dl_info found{};
  if (::dladdr(reinterpret_cast<void*>(&library_file_name), &found) == 0 || found.dli_fname == nullptr)
    return "group_replication.so";
  std::string_view const path(found.dli_fname);
  return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace gr::mariadb

#define QUORATE_FUNCTION_ENDS(name)                                                                           \
  __attribute__((visibility("default"))) my_bool name##_init(UDF_INIT* init, UDF_ARGS* args, char* message) { \
    return gr::mariadb::begin(gr::mariadb::spec_of(#name), init, args, message);                              \
  }                                                                                                           \
  __attribute__((visibility("default"))) void name##_deinit(UDF_INIT* init) { gr::mariadb::end(init); }

#define QUORATE_TEXT_FUNCTION(name)                                                                               \
  QUORATE_FUNCTION_ENDS(name)                                                                                     \
  __attribute__((visibility("default"))) char* name(UDF_INIT* init, UDF_ARGS* args, char*, unsigned long* length, \
                                                    char* is_null, char* error) {                                 \
    return gr::mariadb::give_text(gr::mariadb::spec_of(#name), init, args, length, is_null, error);               \
  }

#define QUORATE_NUMBER_FUNCTION(name)                                                                            \
  QUORATE_FUNCTION_ENDS(name)                                                                                    \
  __attribute__((visibility("default"))) long long name(UDF_INIT*, UDF_ARGS* args, char* is_null, char* error) { \
    return gr::mariadb::give_number(gr::mariadb::spec_of(#name), args, is_null, error);                          \
  }

extern "C" {
QUORATE_TEXT_FUNCTION(group_replication_set_as_primary)
QUORATE_TEXT_FUNCTION(group_replication_switch_to_single_primary_mode)
QUORATE_TEXT_FUNCTION(group_replication_switch_to_multi_primary_mode)
QUORATE_NUMBER_FUNCTION(group_replication_get_write_concurrency)
QUORATE_TEXT_FUNCTION(group_replication_set_write_concurrency)
QUORATE_TEXT_FUNCTION(group_replication_get_communication_protocol)
QUORATE_TEXT_FUNCTION(group_replication_set_communication_protocol)
QUORATE_TEXT_FUNCTION(group_replication_enable_member_action)
QUORATE_TEXT_FUNCTION(group_replication_disable_member_action)
QUORATE_TEXT_FUNCTION(group_replication_reset_member_actions)
QUORATE_TEXT_FUNCTION(group_replication_start)
QUORATE_TEXT_FUNCTION(group_replication_stop)
}
