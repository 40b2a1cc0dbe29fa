// group_replication_rows(NAME): the rows of a REPLICATION_GROUP_ table as JSON, through an interface of the server that is
// public and the same in all of its versions.
//   CREATE FUNCTION group_replication_rows RETURNS STRING SONAME 'group_replication.so';
#include <mysql.h>

#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "gr/mariadb/functions.hh"
#include "gr/mariadb/shown_tables.hh"

namespace gr::mariadb {
namespace {

constexpr unsigned long text_bytes_max = (1UL << 24) - 1;  // makes it a MEDIUMTEXT

constexpr char const* unknown_name = "unknown name; take one of information_schema.REPLICATION_GROUP_*, or ROUTING";

shown_table const* asked_for(UDF_ARGS const& args) {
  if (args.args[0] == nullptr) return nullptr;
  return find_shown_table({args.args[0], args.lengths[0]});
}

}  // namespace
}  // namespace gr::mariadb

extern "C" {

__attribute__((visibility("default"))) my_bool group_replication_rows_init(UDF_INIT* call, UDF_ARGS* args,
                                                                           char* message) {
  using namespace gr::mariadb;
  if (args->arg_count != 1 || args->arg_type[0] != STRING_RESULT)
    return refuse(message, "group_replication_rows() takes one text, the name of a table");
  if (args->args[0] != nullptr && asked_for(*args) == nullptr) return refuse(message, unknown_name);
  call->maybe_null = 1;
  call->const_item = 0;  // the rows are those of the moment
  call->max_length = text_bytes_max;
  call->ptr = reinterpret_cast<char*>(new std::string);
  return 0;
}

__attribute__((visibility("default"))) void group_replication_rows_deinit(UDF_INIT* call) {
  delete reinterpret_cast<std::string*>(call->ptr);
}

__attribute__((visibility("default"))) char* group_replication_rows(UDF_INIT* call, UDF_ARGS* args, char*,
                                                                    unsigned long* length, unsigned char* is_null,
                                                                    unsigned char* error) {
  using namespace gr::mariadb;
  auto& text = *reinterpret_cast<std::string*>(call->ptr);
  auto const* const table = asked_for(*args);
  if (table == nullptr) {
    *is_null = 1;
    return nullptr;
  }
  try {
    text = rows_as_json(*table);
  } catch (std::exception const&) {
    *error = 1;
    return nullptr;
  }
  *length = text.size();
  return text.data();
}

}  // extern "C"
