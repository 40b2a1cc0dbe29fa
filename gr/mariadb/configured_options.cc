#include "gr/mariadb/configured_options.hh"

#include <algorithm>
#include <mutex>

#include "gr/mariadb/server_symbols.hh"
#include "gr/mariadb/shared.hh"

namespace gr::mariadb {
namespace {

using load_defaults_t = int(char const* file, char const** groups, int* argc, char*** argv);
using free_defaults_t = void(char** argv);

constexpr std::string_view prefix = "group_replication_";

base::result<void> read_configuration(option_store& into) {
  for (auto const& [name, value] : configured_plugin_options()) {
    auto const* spec = find_option(bare_option_name(name));
    if (spec == nullptr) spec = find_option(name);
    if (spec == nullptr) continue;
    // A switch given without a value is on, as it is for the server.
    auto const text = value.empty() && spec->kind == option_kind::boolean ? std::string("ON") : value;
    if (auto const set = into.set(spec->name, text, option_store::moment::before_start); !set) return set.error();
  }
  return {};
}

}  // namespace

std::string_view bare_option_name(std::string_view name) {
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

base::result<void> load_configured_options() {
  static std::once_flag once;
  static base::result<void> answer;
  std::call_once(once, [] { answer = read_configuration(*shared_state::instance().options()); });
  return answer;
}

std::pair<std::string, std::string> parse_plugin_argument(std::string_view argument) {
  if (!argument.starts_with("--")) return {};
  argument.remove_prefix(2);
  auto const equals = argument.find('=');
  std::string name(argument.substr(0, equals));
  std::ranges::replace(name, '-', '_');
  if (name.starts_with("loose_")) name.erase(0, std::string_view("loose_").size());
  if (!name.starts_with(prefix)) return {};
  return {name, equals == argument.npos ? std::string{} : std::string(argument.substr(equals + 1))};
}

std::vector<std::pair<std::string, std::string>> configured_plugin_options() {
  auto* const load_defaults = server_function<load_defaults_t>("load_defaults");
  auto* const free_defaults = server_function<free_defaults_t>("free_defaults");
  auto* const groups = server_variable<char const*>("load_default_groups");
  auto const* const orig_argc = server_variable<int>("orig_argc");
  auto* const orig_argv = server_variable<char**>("orig_argv");
  if (load_defaults == nullptr || free_defaults == nullptr || groups == nullptr || orig_argc == nullptr ||
      orig_argv == nullptr || *orig_argv == nullptr)
    return {};

  int argc = *orig_argc;
  char** argv = *orig_argv;
  if (load_defaults("my", groups, &argc, &argv) != 0) return {};
  std::vector<std::pair<std::string, std::string>> found;
  for (int at = 1; at < argc; ++at)
    if (auto setting = parse_plugin_argument(argv[at]); !setting.first.empty()) found.push_back(std::move(setting));
  free_defaults(argv);
  return found;
}

}  // namespace gr::mariadb
