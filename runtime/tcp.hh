// The few things about TCP sockets that listening and dialing share.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hh"
#include "base/result.hh"

namespace runtime {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using error_code = boost::system::error_code;

struct host_port {
  std::string host;
  std::uint16_t port = 0;
};

// "host:port", "[v6]:port", ":port" (all interfaces). Errors: no port, or none in 0..65535.
base::result<host_port> parse_address(std::string_view text);
std::string to_string(host_port const& address);
// The endpoint when the host is an address and no name; no lookup is made.
std::optional<tcp::endpoint> numeric_endpoint(host_port const& address);

// What a peer said, fit for one line of a log.
std::string printable(std::string text);

// Sockets that no child process inherits, not even one forked by another thread in between: MariaDB forks for state
// transfer scripts at any time, and an inherited listening socket would keep the port after our death.
error_code open_socket(tcp::socket& socket, tcp const& protocol);
error_code open_acceptor(tcp::acceptor& acceptor, tcp const& protocol);
// After acceptor.async_wait: the next connection, or would_block.
error_code accept_now(tcp::acceptor& acceptor, tcp::socket& socket);
// No delay, keepalive in seconds, and little unsent data inside the kernel, where nothing urgent can overtake it.
void tune(tcp::socket& socket);

// Bytes for one gathered write: small pieces side by side in one buffer, large ones where they are.
class write_batch {
 public:
  void assign(base::chain bytes);
  [[nodiscard]] std::vector<asio::const_buffer> const& buffers() const { return buffers_; }
  void clear();

 private:
  base::chain held_;
  std::vector<std::uint8_t> small_;
  std::vector<asio::const_buffer> buffers_;
};

}  // namespace runtime
