#include "runtime/tcp.hh"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <charconv>

namespace runtime {

namespace {

constexpr std::size_t small_piece_bytes = 4096;
constexpr int keepalive_idle_seconds = 5;
constexpr int keepalive_interval_seconds = 2;
constexpr int keepalive_probes = 3;
constexpr int unacknowledged_milliseconds_max = 15000;
constexpr int unsent_bytes_max = 512 << 10;

error_code last_error() { return {errno, boost::system::system_category()}; }

int open_cloexec(tcp const& protocol) {
  return ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
}

template <class Socket> error_code assign(Socket& socket, tcp const& protocol, int fd) {
  if (fd < 0) return last_error();
  error_code bad;
  socket.assign(protocol, fd, bad);
  if (bad) ::close(fd);
  return bad;
}

}  // namespace

base::result<host_port> parse_address(std::string_view text) {
  auto const colon = text.rfind(':');
  if (colon == std::string_view::npos) return base::fail("'" + std::string(text) + "' has no port; expected host:port");
  std::string_view host = text.substr(0, colon);
  std::string_view const digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  host_port address{std::string(host), 0};
  auto const [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (bad != std::errc{} || end != digits.data() + digits.size()) {
    return base::fail("'" + std::string(text) + "' has no port in 0..65535 after its last colon");
  }
  return address;
}

std::string to_string(host_port const& address) {
  bool const v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::optional<tcp::endpoint> numeric_endpoint(host_port const& address) {
  error_code bad;
  auto const ip = asio::ip::make_address(address.host, bad);
  if (bad) return std::nullopt;
  return tcp::endpoint(ip, address.port);
}

std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char each) { return each < ' ' || each == 0x7f; }, '?');
  return text;
}

error_code open_socket(tcp::socket& socket, tcp const& protocol) {
  return assign(socket, protocol, open_cloexec(protocol));
}

error_code open_acceptor(tcp::acceptor& acceptor, tcp const& protocol) {
  return assign(acceptor, protocol, open_cloexec(protocol));
}

error_code accept_now(tcp::acceptor& acceptor, tcp::socket& socket) {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  int const fd =
      ::accept4(acceptor.native_handle(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  return assign(socket, from.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd);
}

void tune(tcp::socket& socket) {
  int const fd = socket.native_handle();
  auto const set = [fd](int level, int option, int value) {
    (void)::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_milliseconds_max);
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_bytes_max);
}

void write_batch::assign(base::chain bytes) {
  clear();
  held_ = std::move(bytes);
  std::size_t small = 0;
  for (auto const& piece : held_.pieces) small += piece.size() < small_piece_bytes ? piece.size() : 0;
  small_.reserve(small);  // it must not move once a buffer points into it
  std::size_t run = 0;    // where the small bytes begin that no buffer covers yet
  auto const close_run = [&] {
    if (small_.size() > run) buffers_.emplace_back(small_.data() + run, small_.size() - run);
    run = small_.size();
  };
  for (auto const& piece : held_.pieces) {
    if (piece.size() < small_piece_bytes) {
      small_.insert(small_.end(), piece.view().begin(), piece.view().end());
      continue;
    }
    close_run();
    buffers_.emplace_back(piece.data(), piece.size());
  }
  close_run();
}

void write_batch::clear() {
  held_.pieces.clear();
  small_.clear();
  buffers_.clear();
}

}  // namespace runtime
