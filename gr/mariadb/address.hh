// Addresses as users write them: "host:port", "[::1]:4567", "tcp://0.0.0.0:4567", and the cluster address
// "gcomm://h1:4567,h2?option=value;..." (or gr://).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace gr::mariadb {

inline constexpr unsigned default_group_port = 4567;

struct host_port {
  std::string host;   // without brackets; may be empty
  unsigned port = 0;  // 0: none given
};
// A scheme ("tcp://") in front is dropped. Errors: port not 1 .. 65535, text after the brackets.
base::result<host_port> parse_host_port(std::string_view text);
std::string to_text(host_port const& address);

struct cluster_address {
  std::vector<std::string> seeds;  // host:port; none: this server begins a group
  std::string options;             // what followed '?', as provider options
};
base::result<cluster_address> parse_cluster_address(std::string_view url);

}  // namespace gr::mariadb
