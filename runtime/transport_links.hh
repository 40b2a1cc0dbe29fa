// The two kinds of connection a transport has. Only transport.cc needs to know them.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/send_queue.hh"
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

  void log(std::string const& line) const {
    if (!closed && callbacks.on_log) callbacks.on_log(line);
  }
};

// Our connection to one address, for as long as somebody sends to it.
//
//   idle -> dialing -> up -> dialing (lost: again at once) -> waiting (refused: backoff) -> dialing or idle
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
    explicit connection(asio::io_context& io) : socket(io) {}
    tcp::socket socket;
    xcom::frame_decoder decoder;
    write_batch batch;
    bool writing = false;
    bool flush_posted = false;
  };
  using connection_ptr = std::shared_ptr<connection>;

  void dial();
  void try_endpoints(std::vector<tcp::endpoint> endpoints);
  void dial_failed(std::string const& why);
  void connected(connection_ptr const& made);
  void read(connection_ptr const& on);
  void take_events(connection_ptr const& on);
  void request_flush();
  void flush(connection_ptr const& on);
  void lost(std::string const& why);
  void rejected(std::string const& reason);
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
  [[nodiscard]] bool greeted() const { return state_ == state::greeted; }
  [[nodiscard]] xcom::hello const& peer() const { return peer_; }
  [[nodiscard]] std::string const& remote() const { return remote_; }
  [[nodiscard]] asio::ip::address const& remote_host() const { return remote_host_; }

 private:
  enum class state : std::uint8_t { stranger, greeted, refused, closed };
  void read();
  void take_events();
  void take(xcom::frame_event event);
  void greet(xcom::hello const& said);
  void refuse(std::string const& reason);
  void expire_in(std::chrono::milliseconds delay, std::string why);

  std::shared_ptr<link_context> context_;
  tcp::socket socket_;
  judge_hello judge_;
  when_gone gone_;
  asio::steady_timer timer_;
  xcom::frame_decoder decoder_;
  write_batch answer_;
  std::string remote_;
  asio::ip::address remote_host_;
  xcom::hello peer_;
  state state_ = state::stranger;
};

}  // namespace runtime
