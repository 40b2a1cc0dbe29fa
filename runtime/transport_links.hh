// The two kinds of connection a transport has. Only transport.cc needs to know them.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/send_queue.hh"
#include "runtime/stream.hh"
#include "runtime/tcp.hh"
#include "runtime/transport.hh"

namespace runtime {

// What all links of a transport share. Outlives the transport for as long as a handler of Asio still holds a link.
struct link_context {
  asio::io_context& io;
  transport_config config;
  transport_callbacks callbacks;
  transport_counters counters;
  bool closed = false;
  bool holds_reading = false;
  std::map<std::string, std::chrono::steady_clock::time_point> complaints;
  std::uint16_t protocol = xcom::protocol_lowest;  // of the site

  void log(std::string const& line) const {
    if (!closed && callbacks.on_log) callbacks.on_log(line);
  }
  // Logs the same complaint about the same peer only now and then.
  void complain(std::string const& about, std::string const& line);
  // For whoever wonders why the two sides do not understand each other.
  [[nodiscard]] std::string tls_setting() const;
};

// Our connection to one address, for as long as somebody sends to it.
//
//   idle -> dialing -> up -> dialing (lost: again at once) -> waiting (refused: backoff) -> dialing or idle
//
// With TLS the handshake is part of dialing.
class outgoing_link : public std::enable_shared_from_this<outgoing_link> {
 public:
  outgoing_link(std::shared_ptr<link_context> context, std::string address);
  void send(xcom::wire_message const& what);
  void close();
  [[nodiscard]] std::size_t bytes_queued() const { return queue_.bytes(); }
  [[nodiscard]] bool is_up() const { return state_ == state::up; }

 private:
  enum class state : std::uint8_t { idle, dialing, up, waiting, closed };
  struct connection {
    explicit connection(asio::io_context& io) : bytes(tcp::socket(io)) {}
    stream bytes;
    xcom::frame_decoder decoder;
    write_batch batch;
    bool writing = false;
    bool flush_posted = false;
    bool speaks_plain = false;  // where TLS was wanted: only its refusal is heard
  };
  using connection_ptr = std::shared_ptr<connection>;

  void dial();
  void try_endpoints(std::vector<tcp::endpoint> endpoints);
  void dial_failed(std::string const& why);
  void expire_in(std::chrono::milliseconds delay, std::string why);
  void connected(connection_ptr const& made);
  void secure(connection_ptr const& made);
  void greet(connection_ptr const& made);
  void read(connection_ptr const& on);
  void take_events(connection_ptr const& on);
  void request_flush();
  void flush(connection_ptr const& on);
  void lost(std::string const& why);
  void rejected(std::string const& reason);
  void untrusted(std::string const& why);
  void drop_queue();
  void drop_connection();
  void wait(std::chrono::milliseconds delay, bool dial_anyway);
  [[nodiscard]] bool is_current(connection_ptr const& which) const { return which == current_; }

  std::shared_ptr<link_context> context_;
  std::string address_;
  send_queue queue_;
  tcp::resolver resolver_;
  asio::steady_timer timer_;
  state state_ = state::idle;
  connection_ptr current_;
  std::chrono::milliseconds backoff_{0};
  std::chrono::steady_clock::time_point up_since_;
  bool failure_logged_ = false;
};

// Somebody's connection to us.
class incoming_link : public std::enable_shared_from_this<incoming_link> {
 public:
  // `judge` says why a hello is refused, or nothing. `gone` is called once, when the connection is over.
  using judge_hello = std::function<std::string(incoming_link&, xcom::hello const&)>;
  using when_gone = std::function<void(incoming_link&)>;
  incoming_link(std::shared_ptr<link_context> context, tcp::socket socket, judge_hello judge, when_gone gone);

  void start();
  void turn_away(std::string const& reason);  // instead of start()
  void close(std::string const& why);         // empty: nothing to tell
  void go_on_reading();
  [[nodiscard]] bool greeted() const { return state_ == state::greeted; }
  [[nodiscard]] xcom::hello const& peer() const { return peer_; }
  [[nodiscard]] bool is_in_pieces() const { return decoder_.is_in_pieces(); }
  [[nodiscard]] std::string const& remote() const { return remote_; }
  [[nodiscard]] asio::ip::address const& remote_host() const { return remote_host_; }
  // Why the address it says it is at cannot be believed; empty: it can.
  [[nodiscard]] std::string doubt(std::string const& address) const;

 private:
  enum class state : std::uint8_t { stranger, greeted, refused, closed };
  void secure();
  void secured_as(secured const& outcome);
  void refuse_untrusted(std::string const& why);
  void read();
  void take_bytes(std::size_t bytes);
  void take_events();
  void take(xcom::frame_event event);
  void greet(xcom::hello const& said);
  void refuse(std::string const& reason);
  void refuse_in_words(std::string const& ours, std::string const& told);
  void expire_in(std::chrono::milliseconds delay, std::string why);

  std::shared_ptr<link_context> context_;
  stream bytes_;
  judge_hello judge_;
  when_gone gone_;
  asio::steady_timer timer_;
  xcom::frame_decoder decoder_;
  write_batch answer_;
  std::string remote_;
  asio::ip::address remote_host_;
  xcom::hello peer_;
  state state_ = state::stranger;
  bool held_ = false;  // it would read on
};

}  // namespace runtime
