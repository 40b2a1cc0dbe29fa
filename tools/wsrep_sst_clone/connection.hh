// One connection between donor and joiner, plain or through TLS, that waits.
//
// Threads: one may receive while others send. close() comes from any and ends both.
// Always:  once secure() was asked for, no word of ours goes out before the handshake is done; what does not answer within
//          silence_seconds counts as lost.
// Errors:  the connection is of no more use. They say what to look at.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hh"
#include "clone/wire.hh"
#include "runtime/tcp.hh"
#include "runtime/tls_session.hh"

namespace sst {

// Both sides say something every second, whatever their disks do.
inline constexpr unsigned silence_seconds = 10;

class connection {
 public:
  static base::result<std::unique_ptr<connection>> dial(runtime::host_port const& to, unsigned patience_seconds);
  explicit connection(int socket);  // an accepted one
  ~connection();
  connection(connection const&) = delete;
  connection& operator=(connection const&) = delete;

  // Before anything else. Nothing is done without a context. A dialer greets first, an acceptor hears the greeting, so that a
  // stranger, or one that speaks TLS to one that does not, is found out by its first bytes.
  base::result<void> open_as_dialer(std::shared_ptr<runtime::tls_context const> context, std::string const& host);
  base::result<void> open_as_acceptor(std::shared_ptr<runtime::tls_context const> context);

  base::result<void> send(cloning::message const& what);
  // The last word. What the peer had said meanwhile is taken in and dropped, a second long: ended with that unread, TCP would tell
  // the peer of the end alone.
  void refuse(std::string const& why);
  // Nothing: the peer ended in order.
  base::result<std::optional<cloning::message>> receive();
  void close();

  // Whether the peer's certificate is for that host; true without TLS.
  [[nodiscard]] bool peer_is(std::string const& host) const;
  [[nodiscard]] std::string describe() const;

 private:
  base::result<void> shake_hands();
  base::result<void> write_bytes(std::vector<boost::asio::const_buffer> const& words);
  base::result<void> write_socket(std::vector<boost::asio::const_buffer> const& words);
  base::result<std::size_t> read_bytes(std::span<std::uint8_t> space);  // 0: the end
  base::result<std::size_t> read_socket(std::span<std::uint8_t> space);
  base::result<std::size_t> read_tls(std::span<std::uint8_t> space);
  base::result<void> read_exactly(std::span<std::uint8_t> space);

  int socket_;
  std::mutex write_mutex_;        // words go out in the order in which they were encrypted
  mutable std::mutex tls_mutex_;  // taken after write_mutex_
  std::unique_ptr<runtime::tls_session> tls_;
  std::vector<std::uint8_t> wire_;  // as it comes
  std::vector<std::uint8_t> encrypted_;
  cloning::frame_reader frames_;
};

// Errors: nobody listens there yet counts as none until the patience ends.
base::result<int> listen_at(runtime::host_port const& at, runtime::host_port& bound);

}  // namespace sst
