// The group's connections: messages to addresses, messages from members.
//
// Owner:  one strand. Every call and every callback is on the io_context it was given, which one thread runs; it has no
//         threads of its own (Asio uses one of its own to look up host names that are no addresses).
// Shape:  what A sends to B goes over the connection A dialed, and nothing comes back over it but a refusal. So a pair of
//         members has two connections, and a link that works one way only is seen for what it is.
// Always: (1) a message is delivered whole or not at all, at most once per connection; a lost connection loses what waited
//             for it, since the protocol above repeats; every dropped message is counted;
//         (2) ordered messages to one peer keep their order while the connection lasts (runtime/send_queue.hh has the lanes);
//         (3) no callback comes after close() or the destructor.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hh"
#include "gr/allowlist.hh"
#include "runtime/tls_context.hh"
#include "xcom/frame.hh"

namespace runtime {

struct transport_config {
  std::string listen_address;  // host:port; port 0: any free one
  std::string self_address;    // where others dial us; empty: the listen address with its real port
  std::string group_name;
  xcom::member_id self;
  std::uint64_t boot = 1;
  xcom::protocol_range speaks;
  gr::allowlist allowed;                     // who may connect; as it is, nobody
  std::shared_ptr<tls_context const> tls;    // null: everything is said plainly
  std::size_t queue_bytes_max = 256U << 20;  // waiting for one peer; beyond, the newest message is dropped
  std::size_t strangers_max = 64;            // connections that have not said hello yet
  std::chrono::milliseconds redial_min{20};
  std::chrono::milliseconds redial_max{500};
  std::chrono::milliseconds dial_timeout{1000};
  std::chrono::milliseconds hello_timeout{5000};  // from being connected to having said hello, TLS handshake included
};

struct transport_callbacks {
  std::function<void(xcom::member_id const& from, xcom::wire_message what)> on_message;
  // A connection to this address broke and could not be made again at once, or could not be made at all. Comes again with
  // every dial that fails, so at most once per backoff period.
  std::function<void(std::string const& address)> on_link_lost;
  // The other side does not want us, for this reason. Comes again with every dial, about twice a second.
  std::function<void(std::string const& address, std::string const& reason)> on_rejected;
  // TLS with this address fails: one side does not accept the other's certificate, or they have no cipher in common. Comes
  // again with every dial, and on_link_lost behind it.
  std::function<void(std::string const& address, std::string const& why)> on_untrusted;
  std::function<void(std::string const& line)> on_log;
};

struct transport_counters {
  std::uint64_t messages_sent = 0;  // put into a queue
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t dropped_full = 0;  // the queue was full
  std::uint64_t dropped_lost = 0;  // waited for a connection that broke or could not be made
  std::uint64_t connections_lost = 0;
  std::uint64_t connections_refused = 0;  // incoming: wrong group, wrong protocol, not ours
};

class transport {
 public:
  transport(boost::asio::io_context& io, transport_config config, transport_callbacks callbacks);
  ~transport();
  transport(transport const&) = delete;
  transport& operator=(transport const&) = delete;

  // Errors: the address cannot be listened on (in use, not ours, not an address), for a person.
  base::result<void> listen();
  [[nodiscard]] std::uint16_t port() const;  // the real one, once listening
  [[nodiscard]] std::string const& self_address() const;

  // Queues for a peer; dials it when there is no connection. Everything sent in one turn of the strand leaves in one write.
  void send(std::string const& address, xcom::wire_message const& what);
  // In which protocol messages are said from now on: the site's. Before the first call the lowest.
  void speak(std::uint16_t protocol);
  // Who may connect from now on. Connections that are there stay.
  void allow(gr::allowlist allowed);
  // By what connections are secured from now on; those that are there stay as they are. Both null, or neither.
  void secure_with(std::shared_ptr<tls_context const> tls);
  // Whether what comes in waits where it is: in the kernel, and then at its sender. A message that is half here comes to its end.
  void hold_reading(bool hold);
  // Who has a large message half here.
  [[nodiscard]] std::vector<xcom::member_id> arriving() const;
  // Drops the connection to this address and what waits for it.
  void forget(std::string const& address);
  void close();

  [[nodiscard]] transport_counters const& counters() const;
  [[nodiscard]] std::size_t bytes_queued(std::string const& address) const;
  [[nodiscard]] bool is_connected(std::string const& address) const;  // our connection to it

 private:
  struct parts;
  std::shared_ptr<parts> parts_;
};

}  // namespace runtime
