#include "gr/transfer_settings.hh"

#include <algorithm>
#include <array>

namespace gr {
namespace {

using namespace std::string_view_literals;

constexpr auto own_host_name = "own_host"sv;
constexpr std::array told_beginnings{"group_replication_clone_"sv, "group_replication_ssl_"sv,
                                     "group_replication_tls_"sv};

bool is_told(option_spec const& spec) {
  return spec.name != "group_replication_clone_threshold" &&
         std::ranges::any_of(told_beginnings, [&](auto each) { return spec.name.starts_with(each); });
}

}  // namespace

std::string transfer_settings_text(option_store const& options, transfer_settings const& more) {
  std::string text;
  text.append(own_host_name).append("=").append(more.own_host).append("\n");
  for (auto const& spec : option_table())
    if (is_told(spec)) text.append(spec.name).append("=").append(options.text(spec.name)).append("\n");
  return text;
}

base::result<transfer_settings> parse_transfer_settings(std::string_view text, option_store& into) {
  transfer_settings found;
  while (!text.empty()) {
    auto const end = std::min(text.find('\n'), text.size());
    auto const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto const equals = line.find('=');
    if (equals == line.npos) return base::fail("'" + std::string(line) + "' is no setting");
    auto const name = line.substr(0, equals);
    auto const value = line.substr(equals + 1);
    if (name == own_host_name) {
      found.own_host = value;
    } else if (auto const set = into.set(name, value, option_store::moment::before_start); !set) {
      return set.error();
    }
  }
  return found;
}

}  // namespace gr
