#include "gr/mariadb/plugin_tables.hh"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shown_tables.hh"

class THD;

namespace gr::mariadb {
namespace {

// ---- the server's private layouts; each number below was observed in these versions on x86_64 ----
constexpr std::array verified_versions{101119};

constexpr std::size_t schema_table_fields_at = 8;
constexpr std::size_t schema_table_fill_at = 24;
constexpr std::size_t table_list_table_at = 0x108;
constexpr std::size_t table_field_at = 0xa8;

struct counted_text {
  char const* data;
  std::size_t size;
};
struct field_description {
  void const* type_handler;
  unsigned characters;
  unsigned is_unsigned;
  void const* typelib;
  counted_text name;
  int nullability;  // 0: never null
  counted_text old_name;
  int open_method;  // 0: the table is not opened
};
static_assert(sizeof(field_description) == 72 && offsetof(field_description, name) == 24 &&
              offsetof(field_description, old_name) == 48 && offsetof(field_description, open_method) == 64);

using fill_t = int(THD*, void* table_list, void* condition);
using store_text_t = int(void* field, char const* data, std::size_t size, void const* charset);
using store_number_t = int(void* field, long long value, bool is_unsigned);
using store_record_t = bool(THD*, void* table);

struct server_calls {
  store_text_t* store_text = nullptr;
  store_number_t* store_number = nullptr;
  store_record_t* store_record = nullptr;
  void const* charset = nullptr;
  void const* text_handler = nullptr;
  void const* number_handler = nullptr;

  [[nodiscard]] bool complete() const {
    return store_text != nullptr && store_number != nullptr && store_record != nullptr && charset != nullptr &&
           text_handler != nullptr && number_handler != nullptr;
  }
};

server_calls const& calls() {
  static server_calls const found{
      .store_text = server_function<store_text_t>("_ZN15Field_varstring5storeEPKcmPK15charset_info_st"),
      .store_number = server_function<store_number_t>("_ZN14Field_longlong5storeExb"),
      .store_record = server_function<store_record_t>("_Z25schema_table_store_recordP3THDP5TABLE"),
      .charset = server_variable<void const>("my_charset_utf8mb3_general_ci"),
      .text_handler = server_variable<void const>("type_handler_varchar"),
      .number_handler = server_variable<void const>("type_handler_slonglong"),
  };
  return found;
}

template <class Value> Value read_at(void const* object, std::size_t offset) {
  Value value;
  std::memcpy(&value, static_cast<std::byte const*>(object) + offset, sizeof value);
  return value;
}
template <class Value> void write_at(void* object, std::size_t offset, Value value) {
  std::ranges::copy(std::as_bytes(std::span(&value, 1)), static_cast<std::byte*>(object) + offset);
}

// ---- rows into the server ----
void store_cell(void* field, table_cell const& cell) {
  if (auto const* const text = std::get_if<std::string>(&cell))
    calls().store_text(field, text->data(), text->size(), calls().charset);
  else
    calls().store_number(field, std::get<std::int64_t>(cell), false);
}

int store_rows(THD* thd, void* table_list, std::vector<table_row> const& rows) {
  auto* const table = read_at<void*>(table_list, table_list_table_at);
  auto* const* const fields = read_at<void**>(table, table_field_at);
  for (auto const& row : rows) {
    for (std::size_t at = 0; at < row.size(); ++at) store_cell(fields[at], row[at]);
    if (calls().store_record(thd, table)) return 1;
  }
  return 0;
}

template <std::size_t Which> int fill(THD* thd, void* table_list, void*) {
  return store_rows(thd, table_list, shown_tables()[Which].rows());
}

// ---- descriptions into the server ----
bool layouts_are_known(char const* table) {
  auto const version = running_server_version();
  bool const known = std::ranges::find(verified_versions, version_number(version)) != verified_versions.end();
#if !defined(__x86_64__)
  bool const same_machine = false;
#else
  bool const same_machine = true;
#endif
  if (known && same_machine && calls().complete()) return true;
  log_error(std::string(table) +
            " is not available: this build knows the table layout of MariaDB 10.11.19 on x86_64, the server is " +
            version + ". group_replication_rows('" + table + "') has the same rows");
  return false;
}

// Lives as long as the process: the server keeps the address.
std::vector<field_description>* describe(std::span<column const> columns) {
  auto* const list = new std::vector<field_description>;
  for (auto const& each : columns) {
    field_description field{};
    field.type_handler = each.characters_max != 0 ? calls().text_handler : calls().number_handler;
    field.characters = each.characters_max != 0 ? each.characters_max : 21;
    field.name = {each.name, std::strlen(each.name)};
    list->push_back(field);
  }
  list->push_back({});
  return list;
}

int init(void* schema_table, char const* name, std::vector<field_description> const& fields, fill_t* fill_function) {
  if (!layouts_are_known(name)) return 1;
  write_at(schema_table, schema_table_fields_at, fields.data());
  write_at(schema_table, schema_table_fill_at, fill_function);
  return 0;
}

template <std::size_t Which> int init_shown(void* schema_table) {
  auto const& table = shown_tables()[Which];
  static auto* const fields = describe(table.columns());
  return init(schema_table, table.name, *fields, fill<Which>);
}

template <std::size_t... Which> constexpr auto all_inits(std::index_sequence<Which...>) {
  return std::array{init_shown<Which>...};
}

}  // namespace

table_init init_of_table(std::size_t which) {
  static constexpr auto inits = all_inits(std::make_index_sequence<shown_table_count>{});
  return inits.at(which);
}

}  // namespace gr::mariadb
