// A connection's bytes, plain or through TLS; what both links read from and write to.
//
// Owner:  a link, which every handler given here has to keep alive. Its strand only.
// Shape:  plain until async_secure, and from then on TLS or nothing: no word of ours goes out before the handshake is done.
// Always: at most one read and one write at a time, as with a socket.
// Cost:   plain, what the socket costs: gathered writes, reads into the caller's space.
#pragma once

#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/tcp.hh"
#include "runtime/tls_session.hh"

namespace runtime {

// How a handshake ended. After `plain_peer` and `failed` the stream is plain again, for reading and writing a refusal.
struct secured {
  enum class outcome : std::uint8_t {
    done,
    plain_peer,  // what it said is there to be read
    failed,      // it, or we, do not accept the other
    lost,        // the connection ended
  } how = outcome::done;
  std::string why;
};

class stream {
 public:
  using io_handler = std::function<void(error_code const&, std::size_t)>;
  using secure_handler = std::function<void(secured)>;

  explicit stream(tcp::socket socket) : socket_(std::move(socket)) {}
  stream(stream const&) = delete;
  stream& operator=(stream const&) = delete;

  [[nodiscard]] tcp::socket& socket() { return socket_; }
  void close();
  // The peer reads what was written, and then an end.
  void end_writing();

  // Before anything else is read or written.
  void async_secure(std::shared_ptr<tls_context const> context, tls_role role, std::string const& dialed_host,
                    secure_handler then);
  [[nodiscard]] tls_session const* tls() const { return session_.get(); }
  // Why reading failed, if TLS was the reason; empty otherwise.
  [[nodiscard]] std::string const& tls_failure() const { return tls_failure_; }

  template <class Handler> void async_read_some(std::span<std::uint8_t> space, Handler&& then) {
    if (session_ || !unread_.empty()) return read_held(space, std::forward<Handler>(then));
    socket_.async_read_some(asio::buffer(space.data(), space.size()), std::forward<Handler>(then));
  }
  // All of it. `from` has to stay until then.
  template <class Handler> void async_write(write_batch const& from, Handler&& then) {
    if (session_) return write_tls(from, std::forward<Handler>(then));
    asio::async_write(socket_, from.buffers(), std::forward<Handler>(then));
  }

 private:
  void step_handshake(secure_handler then);
  void read_handshake(secure_handler then);
  void take_handshake(std::size_t bytes, secure_handler then);
  void become_plain();
  void read_held(std::span<std::uint8_t> space, io_handler then);
  void read_tls(std::span<std::uint8_t> space, io_handler then);
  void read_wire(std::span<std::uint8_t> space, io_handler then);
  bool decrypt(std::span<std::uint8_t> space, error_code& bad, std::size_t& bytes);
  void write_tls(write_batch const& from, io_handler then);
  void answer_later(io_handler then, error_code bad, std::size_t bytes);

  tcp::socket socket_;
  std::unique_ptr<tls_session> session_;
  std::vector<std::uint8_t> wire_;        // as it comes
  std::span<std::uint8_t const> unread_;  // of it, said plainly by a peer that should speak TLS
  std::vector<std::uint8_t> sending_;
  std::string tls_failure_;
  bool heard_ = false;
};

}  // namespace runtime
