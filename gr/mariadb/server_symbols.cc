#include "gr/mariadb/server_symbols.hh"

#include <array>
#include <charconv>

namespace gr::mariadb {
namespace {

using log_t = void(char const* format, ...);
using print_error_t = void(unsigned code, char const* format, unsigned long flags, ...);

void log_through(char const* symbol, std::string const& line) {
  if (auto* const print = server_function<log_t>(symbol); print != nullptr)
    print("group_replication: %s", line.c_str());
}

}  // namespace

void* current_thd() {
  static auto* const found = server_function<void*()>("_current_thd");
  return found == nullptr ? nullptr : found();
}

std::string running_server_version() {
  auto const* const version = server_variable<char const>("server_version");
  return version == nullptr ? std::string{} : std::string(version);
}

int version_number(std::string_view version) {
  std::array<int, 3> parts{};
  for (std::size_t at = 0; at < parts.size(); ++at) {
    auto const [end, error] = std::from_chars(version.data(), version.data() + version.size(), parts[at]);
    if (error != std::errc{} || parts[at] < 0 || parts[at] > 99) return 0;
    version.remove_prefix(static_cast<std::size_t>(end - version.data()));
    if (at == 2) break;
    if (!version.starts_with('.')) return 0;
    version.remove_prefix(1);
  }
  return parts[0] * 10'000 + parts[1] * 100 + parts[2];
}

void set_gtid_domain() {
  auto const* const mode = server_variable<bool const>("wsrep_gtid_mode");
  auto const* const configured = server_variable<std::uint32_t const>("wsrep_gtid_domain_id");
  auto* const domain = server_variable<std::uint32_t>("wsrep_gtid_server");  // the first of what it holds
  if (mode == nullptr || configured == nullptr || domain == nullptr) return;
  if (*mode && *domain == 0) *domain = *configured;
}

void log_error(std::string const& line) { log_through("_Z15sql_print_errorPKcz", line); }
void log_warning(std::string const& line) { log_through("_Z17sql_print_warningPKcz", line); }

void raise_sql_error(unsigned code, std::string const& text) {
  auto* const print = server_function<print_error_t>("my_printf_error");
  if (print != nullptr) print(code, "%s", 0, text.c_str());
}

void raise_sql_warning(std::string const& text) {
  constexpr unsigned unknown_error = 1105;
  constexpr unsigned long as_warning = 2048;  // ME_WARNING
  auto* const print = server_function<print_error_t>("my_printf_error");
  if (print != nullptr) print(unknown_error, "%s", as_warning, text.c_str());
}

}  // namespace gr::mariadb
