#include "tools/wsrep_sst_clone/connection.hh"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

namespace sst {
namespace {

constexpr std::array<std::uint8_t, 8> greeting{'q', 'c', 'l', 'o', 'n', 'e', '1', '\n'};
constexpr std::size_t wire_bytes = 256U << 10;
constexpr auto redial_pause = std::chrono::milliseconds(200);
constexpr std::size_t pieces_per_write = 64;
constexpr auto refusal_patience = std::chrono::seconds(1);

base::error failed_to(std::string const& what) {
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return base::fail(what + ": nothing moved for " + std::to_string(silence_seconds) + " s");
  return base::fail(what + ": " + std::generic_category().message(errno));
}

void set_option(int socket, int level, int option, int value) {
  (void)::setsockopt(socket, level, option, &value, sizeof value);
}

void tune(int socket) {
  timeval const patience{silence_seconds, 0};
  (void)::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  (void)::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

struct addresses {
  addrinfo* list = nullptr;
  ~addresses() {
    if (list != nullptr) ::freeaddrinfo(list);
  }
};

base::result<void> look_up(runtime::host_port const& what, bool to_listen, addresses& into) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = to_listen ? AI_PASSIVE : 0;
  auto const port = std::to_string(what.port);
  int const bad = ::getaddrinfo(what.host.empty() ? nullptr : what.host.c_str(), port.c_str(), &wanted, &into.list);
  if (bad != 0) return base::fail("cannot find " + what.host + ": " + ::gai_strerror(bad));
  return {};
}

base::result<int> dial_once(runtime::host_port const& to) {
  addresses found;
  if (auto good = look_up(to, false, found); !good) return good.error();
  base::error why = base::fail("no address");
  for (auto const* each = found.list; each != nullptr; each = each->ai_next) {
    int const made = ::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) continue;
    tune(made);
    if (::connect(made, each->ai_addr, each->ai_addrlen) == 0) return made;
    why = failed_to("cannot connect to " + runtime::to_string(to));
    ::close(made);
  }
  return why;
}

// What is left of the pieces when that many bytes of them were written.
void drop_front(std::vector<iovec>& pieces, std::size_t& first, std::size_t bytes) {
  while (first < pieces.size() && bytes >= pieces[first].iov_len) bytes -= pieces[first++].iov_len;
  if (bytes == 0) return;
  pieces[first].iov_base = static_cast<std::uint8_t*>(pieces[first].iov_base) + bytes;
  pieces[first].iov_len -= bytes;
}

}  // namespace

base::result<std::unique_ptr<connection>> connection::dial(runtime::host_port const& to, unsigned patience_seconds) {
  auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(patience_seconds);
  for (;;) {
    auto const made = dial_once(to);
    if (made) return std::make_unique<connection>(*made);
    if (std::chrono::steady_clock::now() >= until) return made.error();
    std::this_thread::sleep_for(redial_pause);
  }
}

connection::connection(int socket) : socket_(socket), wire_(wire_bytes) { tune(socket_); }

connection::~connection() { ::close(socket_); }

void connection::close() { (void)::shutdown(socket_, SHUT_RDWR); }

// ---- beginning ----

base::result<void> connection::open_as_dialer(std::shared_ptr<runtime::tls_context const> context,
                                              std::string const& host) {
  if (context) {
    tls_ = std::make_unique<runtime::tls_session>(std::move(context), runtime::tls_role::dialer, host);
    if (auto done = shake_hands(); !done) return done;
  }
  return write_bytes({boost::asio::buffer(greeting)});
}

base::result<void> connection::open_as_acceptor(std::shared_ptr<runtime::tls_context const> context) {
  std::uint8_t first = 0;
  if (::recv(socket_, &first, 1, MSG_PEEK) != 1) return failed_to("cannot read from the donor");
  if (runtime::begins_tls(first) && !context)
    return base::fail("it speaks TLS, and group_replication_ssl_mode of this member is DISABLED");
  if (!runtime::begins_tls(first) && context) {
    refuse("the joiner wants TLS (its group_replication_ssl_mode), and the donor does not speak it");
    return base::fail("it does not speak TLS, and group_replication_ssl_mode of this member asks for it");
  }
  if (context) {
    tls_ = std::make_unique<runtime::tls_session>(std::move(context), runtime::tls_role::acceptor, "");
    if (auto done = shake_hands(); !done) return done;
  }
  std::array<std::uint8_t, greeting.size()> heard{};
  if (auto done = read_exactly(heard); !done) return done;
  if (heard != greeting) return base::fail("it is no donor of a clone, or one of another version");
  return {};
}

base::result<void> connection::shake_hands() {
  for (;;) {
    auto const step = tls_->handshake();
    tls_->take_output(encrypted_);
    if (auto done = write_socket({boost::asio::buffer(encrypted_)}); !done && step) return done;
    if (!step) return base::fail("TLS: " + step.error().text);
    if (*step == runtime::tls_session::step::done) return {};
    auto const got = read_socket(wire_);
    if (!got) return got.error();
    if (*got == 0) return base::fail("TLS: the other side ended the connection during the handshake; its log says why");
    if (!runtime::begins_tls(wire_.front())) return base::fail("TLS: the other side does not speak it");
    tls_->feed({wire_.data(), *got});
  }
}

// ---- writing ----

base::result<void> connection::send(cloning::message const& what) {
  auto const frame = cloning::frame_of(what);
  std::vector<boost::asio::const_buffer> words;
  words.reserve(frame.pieces.size());
  for (auto const& each : frame.pieces) words.emplace_back(each.data(), each.size());
  return write_bytes(words);
}

void connection::refuse(std::string const& why) {
  if (!send(cloning::refused{why})) return;
  (void)::shutdown(socket_, SHUT_WR);
  auto const until = std::chrono::steady_clock::now() + refusal_patience;
  for (auto now = until - refusal_patience; now < until; now = std::chrono::steady_clock::now()) {
    pollfd waiting{socket_, POLLIN, 0};
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return;
    auto const got = read_socket(wire_);
    if (!got || *got == 0) return;
  }
}

base::result<void> connection::write_bytes(std::vector<boost::asio::const_buffer> const& words) {
  std::lock_guard const in_order(write_mutex_);
  if (!tls_) return write_socket(words);
  {
    std::lock_guard const hold(tls_mutex_);
    if (auto done = tls_->write(words); !done) return done;
    tls_->take_output(encrypted_);
  }
  return write_socket({boost::asio::buffer(encrypted_)});
}

base::result<void> connection::write_socket(std::vector<boost::asio::const_buffer> const& words) {
  std::vector<iovec> pieces;
  for (auto const& each : words)
    if (each.size() > 0) pieces.push_back({const_cast<void*>(each.data()), each.size()});
  for (std::size_t first = 0; first < pieces.size();) {
    msghdr what{};
    what.msg_iov = pieces.data() + first;
    what.msg_iovlen = std::min(pieces_per_write, pieces.size() - first);
    auto const sent = ::sendmsg(socket_, &what, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failed_to("cannot send");
    drop_front(pieces, first, static_cast<std::size_t>(sent));
  }
  return {};
}

// ---- reading ----

base::result<std::optional<cloning::message>> connection::receive() {
  for (;;) {
    auto complete = frames_.next();
    if (!complete || *complete) return complete;
    auto const space = frames_.space();
    auto const got = read_bytes(space);
    if (!got) return got.error();
    if (*got == 0) return std::optional<cloning::message>{};
    frames_.took(*got);
  }
}

base::result<std::size_t> connection::read_bytes(std::span<std::uint8_t> space) {
  return tls_ ? read_tls(space) : read_socket(space);
}

base::result<std::size_t> connection::read_socket(std::span<std::uint8_t> space) {
  for (;;) {
    auto const got = ::recv(socket_, space.data(), space.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return failed_to("cannot read");
  }
}

base::result<std::size_t> connection::read_tls(std::span<std::uint8_t> space) {
  for (;;) {
    {
      std::lock_guard const hold(tls_mutex_);
      auto got = tls_->read(space);
      if (!got || *got > 0 || tls_->has_ended()) return got;
    }
    auto came = read_socket(wire_);
    if (!came || *came == 0) return came;
    std::lock_guard const hold(tls_mutex_);
    tls_->feed({wire_.data(), *came});
  }
}

base::result<void> connection::read_exactly(std::span<std::uint8_t> space) {
  while (!space.empty()) {
    auto const got = read_bytes(space);
    if (!got) return got.error();
    if (*got == 0) return base::fail("it ended the connection at once");
    space = space.subspan(*got);
  }
  return {};
}

// ---- who it is ----

bool connection::peer_is(std::string const& host) const {
  std::lock_guard const hold(tls_mutex_);
  return !tls_ || tls_->mode() != runtime::tls_mode::verify_identity || tls_->peer_is(host);
}

std::string connection::describe() const {
  std::lock_guard const hold(tls_mutex_);
  return tls_ ? tls_->protocol() + ", " + tls_->describe_peer() : "without TLS";
}

base::result<int> listen_at(runtime::host_port const& at, runtime::host_port& bound) {
  addresses found;
  if (auto good = look_up(at, true, found); !good) return good.error();
  int const made = ::socket(found.list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (made < 0) return failed_to("cannot make a socket");
  set_option(made, SOL_SOCKET, SO_REUSEADDR, 1);
  if (::bind(made, found.list->ai_addr, found.list->ai_addrlen) != 0 || ::listen(made, 64) != 0) {
    auto const why = failed_to("cannot listen at " + runtime::to_string(at));
    ::close(made);
    return why;
  }
  sockaddr_storage where{};
  socklen_t length = sizeof where;
  (void)::getsockname(made, reinterpret_cast<sockaddr*>(&where), &length);
  bound = at;
  if (where.ss_family == AF_INET) bound.port = ntohs(reinterpret_cast<sockaddr_in const*>(&where)->sin_port);
  if (where.ss_family == AF_INET6) bound.port = ntohs(reinterpret_cast<sockaddr_in6 const*>(&where)->sin6_port);
  return made;
}

}  // namespace sst
