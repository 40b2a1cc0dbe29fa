// TLS on one connection as a codec: bytes from the wire to words of the peer, words of ours to bytes for the wire.
//
// Owner:  a stream. No socket, no clock, no waiting.
// Cost:   a byte is copied once on each way beside being encrypted or decrypted. Words leave in full records: small ones share
//         one, since each record costs 22 bytes more and the work of a small one.
// Errors: final; the connection has to go. They say what to look at, since what OpenSSL says alone rarely does.
#pragma once

#include <openssl/types.h>

#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hh"
#include "runtime/tls_context.hh"

namespace runtime {

enum class tls_role : std::uint8_t { dialer, acceptor };

// What OpenSSL takes for its connection.
struct tls_pipe {
  std::span<std::uint8_t const> input;
  std::vector<std::uint8_t> output;
};

class tls_session {
 public:
  // `dialed_host`: whom a dialer has to find there when identities are verified.
  tls_session(std::shared_ptr<tls_context const> context, tls_role role, std::string const& dialed_host);
  tls_session(tls_session const&) = delete;
  tls_session& operator=(tls_session const&) = delete;

  // Bytes from the wire. They stay where they are until read() or handshake() asks for more.
  void feed(std::span<std::uint8_t const> bytes) { pipe_.input = bytes; }
  // What has to go to the wire, an alert after an error included; `into` gets it and gives its room in exchange.
  [[nodiscard]] bool has_output() const { return !pipe_.output.empty(); }
  void take_output(std::vector<std::uint8_t>& into);

  enum class step : std::uint8_t { done, needs_more };
  // With either answer, and with an error, there may be output.
  base::result<step> handshake();
  // Fills `into` as far as the bytes go. 0: needs more, or the peer has ended.
  base::result<std::size_t> read(std::span<std::uint8_t> into);
  [[nodiscard]] bool has_ended() const { return ended_; }
  base::result<void> write(std::vector<boost::asio::const_buffer> const& words);

  [[nodiscard]] tls_mode mode() const { return context_->mode(); }
  // The peer's certificate, after the handshake.
  [[nodiscard]] bool peer_is(std::string const& host) const;
  [[nodiscard]] std::string describe_peer() const;
  [[nodiscard]] std::string protocol() const;  // "TLSv1.3, TLS_AES_256_GCM_SHA384"

 private:
  static int note_verdict(int accepted, X509_STORE_CTX* judged);
  void expect(std::string const& host);
  base::result<void> write_record(std::uint8_t const* from, std::size_t size);
  [[nodiscard]] base::error failure(int answer);
  [[nodiscard]] std::string verdict() const;

  std::shared_ptr<tls_context const> context_;
  std::string dialed_host_;
  tls_pipe pipe_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
  std::string refused_;               // the peer's certificate, when it was not accepted
  std::vector<std::uint8_t> record_;  // small words on their way into one
  std::uint64_t records_written_ = 0;
  bool ended_ = false;
};

// A first byte by which a TLS peer can be told from one that speaks plainly: frames begin with another (xcom/frame.hh).
bool begins_tls(std::uint8_t first);

}  // namespace runtime
