#include "gr/mariadb/address.hh"

#include <charconv>

namespace gr::mariadb {
namespace {

base::result<unsigned> parse_port(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  auto const [end, bad] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (bad != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    return base::fail("address '" + std::string(whole) + "': port '" + std::string(text) + "' is not 1 .. 65535");
  return port;
}

base::result<host_port> with_port(std::string_view host, std::string_view port, std::string_view whole) {
  host_port address{std::string(host), 0};
  if (port.empty()) return address;
  auto const number = parse_port(port.substr(1), whole);
  if (!number) return number.error();
  address.port = *number;
  return address;
}

base::result<host_port> parse_bracketed(std::string_view text) {
  auto const close = text.find(']');
  if (close == std::string_view::npos) return base::fail("address '" + std::string(text) + "': ']' is missing");
  auto const rest = text.substr(close + 1);
  if (!rest.empty() && rest.front() != ':')
    return base::fail("address '" + std::string(text) + "': ':' expected after ']'");
  return with_port(text.substr(1, close - 1), rest, text);
}

base::result<std::vector<std::string>> parse_seeds(std::string_view list) {
  std::vector<std::string> seeds;
  while (!list.empty()) {
    auto const item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    if (item.empty()) continue;
    auto address = parse_host_port(item);
    if (!address) return address.error();
    if (address->host.empty()) return base::fail("address '" + std::string(item) + "': the host is missing");
    if (address->port == 0) address->port = default_group_port;
    seeds.push_back(to_text(*address));
  }
  return seeds;
}

}  // namespace

base::result<host_port> parse_host_port(std::string_view text) {
  if (auto const scheme = text.find("://"); scheme != std::string_view::npos) text.remove_prefix(scheme + 3);
  if (text.starts_with('[')) return parse_bracketed(text);
  auto const colon = text.find(':');
  if (colon == std::string_view::npos) return host_port{std::string(text), 0};
  // More than one colon and no brackets: an IPv6 address alone.
  if (text.find(':', colon + 1) != std::string_view::npos) return host_port{std::string(text), 0};
  return with_port(text.substr(0, colon), text.substr(colon), text);
}

std::string to_text(host_port const& address) {
  bool const brackets = address.host.find(':') != std::string::npos;
  auto text = brackets ? '[' + address.host + ']' : address.host;
  return address.port == 0 ? text : text + ':' + std::to_string(address.port);
}

base::result<cluster_address> parse_cluster_address(std::string_view url) {
  auto const refuse = [url](std::string const& why) {
    return base::fail("cluster address '" + std::string(url) + "': " + why);
  };
  auto const scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return refuse("expected gcomm://host[:port],... or gr://host[:port],...");
  auto const scheme = url.substr(0, scheme_end);
  if (scheme != "gcomm" && scheme != "gr")
    return refuse("scheme '" + std::string(scheme) + "' is neither gcomm nor gr");
  auto rest = url.substr(scheme_end + 3);
  auto const question = rest.find('?');
  auto seeds = parse_seeds(rest.substr(0, question));
  if (!seeds) return refuse(seeds.error().text);
  cluster_address parsed{std::move(*seeds), ""};
  if (question == std::string_view::npos) return parsed;
  parsed.options = rest.substr(question + 1);
  for (auto& each : parsed.options)
    if (each == '&') each = ';';
  return parsed;
}

}  // namespace gr::mariadb
