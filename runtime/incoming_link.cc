#include <utility>

#include "runtime/transport_links.hh"

namespace runtime {

namespace {

std::string name_of(tcp::socket const& socket) {
  error_code bad;
  auto const from = socket.remote_endpoint(bad);
  return bad ? "an unknown address" : to_string(host_port{from.address().to_string(), from.port()});
}

// How long the refused side may take to read why.
constexpr std::chrono::milliseconds refusal_timeout{2000};

}  // namespace

incoming_link::incoming_link(std::shared_ptr<link_context> context, tcp::socket socket, judge_hello judge,
                             when_gone gone)
    : context_(std::move(context)),
      bytes_(std::move(socket)),
      judge_(std::move(judge)),
      gone_(std::move(gone)),
      timer_(context_->io),
      remote_(name_of(bytes_.socket())) {
  error_code bad;
  auto const from = bytes_.socket().remote_endpoint(bad);
  if (!bad) remote_host_ = from.address();
}

void incoming_link::turn_away(std::string const& reason) {
  if (state_ == state::closed) return;
  refuse(reason);
  read();
}

void incoming_link::start() {
  if (state_ == state::closed) return;
  tune(bytes_.socket());
  expire_in(context_->config.hello_timeout, "it did not say hello in time");
  if (context_->config.tls) return secure();
  read();
}

void incoming_link::secure() {
  bytes_.async_secure(context_->config.tls, tls_role::acceptor, {},
                      [self = shared_from_this()](secured const& outcome) {
                        if (self->state_ == state::stranger) self->secured_as(outcome);
                      });
}

void incoming_link::secured_as(secured const& outcome) {
  switch (outcome.how) {
    case secured::outcome::done: return read();
    case secured::outcome::lost: return close("it ended during the TLS handshake: " + outcome.why);
    case secured::outcome::failed: return refuse_untrusted(outcome.why);
    case secured::outcome::plain_peer: break;
  }
  refuse_in_words("it does not speak TLS", "it takes TLS connections only");
  read();
}

// OpenSSL has told it so already, in its own way.
void incoming_link::refuse_untrusted(std::string const& why) {
  ++context_->counters.connections_refused;
  context_->complain("tls " + remote_host_.to_string(), "refused a connection from " + remote_ + ": " + why);
  state_ = state::refused;
  expire_in(refusal_timeout, "it was refused");
  bytes_.end_writing();
  read();
}

// One side speaks TLS and the other does not.
void incoming_link::refuse_in_words(std::string const& ours, std::string const& told) {
  ++context_->counters.connections_refused;
  context_->complain("tls " + remote_host_.to_string(),
                     "refused a connection from " + remote_ + ": " + ours + ", and " + context_->tls_setting());
  refuse(told + ": " + context_->tls_setting());
}

std::string incoming_link::doubt(std::string const& address) const {
  auto const* const tls = bytes_.tls();
  if (tls == nullptr || tls->mode() != tls_mode::verify_identity) return {};
  auto const parsed = parse_address(address);
  if (parsed && tls->peer_is(parsed->host)) return {};
  return "its certificate (" + tls->describe_peer() + ") is not for the host of '" + address +
         "', where it says it is, and " + context_->tls_setting();
}

void incoming_link::close(std::string const& why) {
  if (state_ == state::closed) return;
  auto const keep = shared_from_this();
  state_ = state::closed;
  timer_.cancel();
  bytes_.close();
  if (!why.empty()) context_->log("closed the connection from " + remote_ + ": " + why);
  if (gone_) std::exchange(gone_, nullptr)(*this);
  judge_ = nullptr;
}

void incoming_link::expire_in(std::chrono::milliseconds delay, std::string why) {
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), why = std::move(why)](error_code const& bad) {
    if (!bad && self->state_ != state::closed && self->state_ != state::greeted) self->close(why);
  });
}

void incoming_link::go_on_reading() {
  if (std::exchange(held_, false) && state_ != state::closed) read();
}

void incoming_link::read() {
  held_ = context_->holds_reading && greeted() && !is_in_pieces();
  if (held_) return;
  bytes_.async_read_some(decoder_.space(), [self = shared_from_this()](error_code const& bad, std::size_t bytes) {
    if (self->state_ == state::closed) return;
    auto const& untrusted = self->bytes_.tls_failure();
    if (bad) return self->close(bad == asio::error::eof ? "" : untrusted.empty() ? bad.message() : untrusted);
    self->take_bytes(bytes);
  });
}

void incoming_link::take_bytes(std::size_t bytes) {
  context_->counters.bytes_read += bytes;
  // A refused peer is only read so that its bytes do not reset the connection under our answer.
  if (state_ == state::refused) return read();
  if (state_ == state::stranger && bytes_.tls() == nullptr && begins_tls(decoder_.space().front())) {
    refuse_in_words("it speaks TLS", "it does not speak TLS");
    return read();
  }
  decoder_.filled(bytes);
  take_events();
}

void incoming_link::take_events() {
  while (state_ == state::stranger || state_ == state::greeted) {
    auto event = decoder_.next();
    if (!event) {
      if (state_ == state::stranger) ++context_->counters.connections_refused;
      return close(event.error().text);
    }
    if (!*event) break;
    take(std::move(**event));
  }
  if (state_ != state::closed) read();
}

void incoming_link::take(xcom::frame_event event) {
  if (auto const* said = std::get_if<xcom::hello>(&event)) return greet(*said);
  if (auto const* strange = std::get_if<xcom::unreadable>(&event)) {
    return context_->complain("protocol " + peer_.address,
                              peer_.address + " speaks protocol " + std::to_string(strange->protocol) +
                                  " with its group, which this version of the library, speaking " +
                                  xcom::to_string(context_->config.speaks) +
                                  ", cannot read: install the version that the other members run");
  }
  auto* message = std::get_if<xcom::wire_message>(&event);
  if (message == nullptr) return close("it refuses us on a connection it made itself");
  ++context_->counters.messages_received;
  if (context_->callbacks.on_message) context_->callbacks.on_message(peer_.self, std::move(*message));
}

void incoming_link::greet(xcom::hello const& said) {
  peer_ = said;
  peer_.address = printable(std::move(peer_.address));
  std::string const objection = judge_(*this, peer_);
  if (!objection.empty()) {
    ++context_->counters.connections_refused;
    return refuse(objection);
  }
  state_ = state::greeted;
  timer_.cancel();
}

void incoming_link::refuse(std::string const& reason) {
  state_ = state::refused;
  answer_.assign(xcom::encode_frame(xcom::rejected{reason}));
  expire_in(refusal_timeout, "it was refused");
  bytes_.async_write(answer_, [self = shared_from_this()](error_code const&, std::size_t) {
    if (self->state_ == state::refused) self->bytes_.end_writing();
  });
}

}  // namespace runtime
