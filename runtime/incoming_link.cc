#include <boost/asio/write.hpp>

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
      socket_(std::move(socket)),
      judge_(std::move(judge)),
      gone_(std::move(gone)),
      timer_(context_->io),
      remote_(name_of(socket_)) {
  error_code bad;
  auto const from = socket_.remote_endpoint(bad);
  if (!bad) remote_host_ = from.address();
}

void incoming_link::turn_away(std::string const& reason) {
  if (state_ == state::closed) return;
  refuse(reason);
  read();
}

void incoming_link::start() {
  if (state_ == state::closed) return;
  tune(socket_);
  expire_in(context_->config.hello_timeout, "it did not say hello in time");
  read();
}

void incoming_link::close(std::string const& why) {
  if (state_ == state::closed) return;
  auto const keep = shared_from_this();
  state_ = state::closed;
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
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

void incoming_link::read() {
  auto const space = decoder_.space();
  socket_.async_read_some(asio::buffer(space.data(), space.size()),
                          [self = shared_from_this()](error_code const& bad, std::size_t bytes) {
                            if (self->state_ == state::closed) return;
                            if (bad) return self->close(bad == asio::error::eof ? "" : bad.message());
                            self->context_->counters.bytes_read += bytes;
                            // A refused peer is only read so that its bytes do not reset the connection under our answer.
                            if (self->state_ == state::refused) return self->read();
                            self->decoder_.filled(bytes);
                            self->take_events();
                          });
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
  auto* message = std::get_if<xcom::wire_message>(&event);
  if (message == nullptr) return close("it refuses us on a connection it made itself");
  ++context_->counters.messages_received;
  if (context_->callbacks.on_message) context_->callbacks.on_message(peer_.self, std::move(*message));
}

void incoming_link::greet(xcom::hello const& said) {
  peer_ = said;
  std::string const objection = judge_(*this, said);
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
  asio::async_write(socket_, answer_.buffers(), [self = shared_from_this()](error_code const&, std::size_t) {
    error_code ignored;
    if (self->state_ == state::refused) self->socket_.shutdown(tcp::socket::shutdown_send, ignored);
  });
}

}  // namespace runtime
