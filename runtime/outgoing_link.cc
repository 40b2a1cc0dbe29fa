#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/transport_links.hh"

namespace runtime {

namespace {

// What one gathered write takes: small enough that a heartbeat behind it waits a few milliseconds at most.
constexpr std::size_t write_bytes = 1U << 20;

}  // namespace

outgoing_link::outgoing_link(std::shared_ptr<link_context> context, std::string address)
    : context_(std::move(context)),
      address_(std::move(address)),
      queue_(context_->config.queue_bytes_max),
      resolver_(context_->io),
      timer_(context_->io) {}

void outgoing_link::send(xcom::wire_message const& what) {
  if (state_ == state::closed) return;
  if (!queue_.push(what, context_->protocol)) {
    ++context_->counters.dropped_full;
    return;
  }
  ++context_->counters.messages_sent;
  if (state_ == state::idle) dial();
  if (state_ == state::up) request_flush();
}

void outgoing_link::close() {
  if (state_ == state::closed) return;
  state_ = state::closed;
  drop_queue();
  drop_connection();
  resolver_.cancel();
  timer_.cancel();
}

// ---- dialing ----

void outgoing_link::dial() {
  state_ = state::dialing;
  auto const address = parse_address(address_);
  if (!address) {
    // Not from within send(): the caller may not expect a callback there.
    asio::post(context_->io, [self = shared_from_this(), why = address.error().text] {
      if (self->state_ == state::dialing) self->dial_failed(why);
    });
    return;
  }
  current_ = std::make_shared<connection>(context_->io);
  expire_in(context_->config.dial_timeout, "no answer");
  if (auto const endpoint = numeric_endpoint(*address)) return try_endpoints({*endpoint});
  resolver_.async_resolve(address->host, std::to_string(address->port),
                          [self = shared_from_this(), dialed = current_](error_code const& bad, auto const& found) {
                            if (!self->is_current(dialed)) return;
                            if (bad) return self->dial_failed(bad.message());
                            self->try_endpoints({found.begin(), found.end()});
                          });
}

void outgoing_link::expire_in(std::chrono::milliseconds delay, std::string why) {
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), dialed = current_, why = std::move(why)](error_code const& bad) {
    if (!bad && self->is_current(dialed) && self->state_ == state::dialing) self->dial_failed(why);
  });
}

// The endpoints of a host, one after the other.
void outgoing_link::try_endpoints(std::vector<tcp::endpoint> endpoints) {
  auto const dialed = current_;
  tcp::endpoint const first = endpoints.front();
  endpoints.erase(endpoints.begin());
  auto const failed = [self = shared_from_this(), dialed, rest = std::move(endpoints)](error_code const& bad) {
    if (!self->is_current(dialed) || self->state_ != state::dialing) return;
    if (rest.empty()) return self->dial_failed(bad.message());
    self->try_endpoints(rest);
  };
  dialed->bytes.close();
  if (auto const bad = open_socket(dialed->bytes.socket(), first.protocol())) {
    asio::post(context_->io, [failed, bad] { failed(bad); });
    return;
  }
  dialed->bytes.socket().async_connect(first, [self = shared_from_this(), dialed, failed](error_code const& bad) {
    if (bad) return failed(bad);
    if (self->is_current(dialed) && self->state_ == state::dialing) self->connected(dialed);
  });
}

void outgoing_link::dial_failed(std::string const& why) {
  bool const first = !std::exchange(failure_logged_, true);
  drop_connection();
  drop_queue();
  wait(std::max(backoff_, context_->config.redial_min), false);
  if (first) context_->log("cannot connect to " + address_ + ": " + why);
  if (context_->callbacks.on_link_lost && !context_->closed) context_->callbacks.on_link_lost(address_);
}

// `dial_anyway`: also when nobody has sent anything since.
void outgoing_link::wait(std::chrono::milliseconds delay, bool dial_anyway) {
  state_ = state::waiting;
  backoff_ = std::clamp(delay * 2, context_->config.redial_min, context_->config.redial_max);
  timer_.expires_after(delay);
  timer_.async_wait([self = shared_from_this(), dial_anyway](error_code const& bad) {
    if (bad || self->state_ != state::waiting) return;
    self->state_ = state::idle;
    if (dial_anyway || !self->queue_.empty()) self->dial();
  });
}

// ---- a connection ----

void outgoing_link::connected(connection_ptr const& made) {
  tune(made->bytes.socket());
  if (context_->config.tls) return secure(made);
  greet(made);
}

void outgoing_link::secure(connection_ptr const& made) {
  expire_in(context_->config.hello_timeout, "no answer to the TLS handshake");
  auto const address = parse_address(address_);
  made->bytes.async_secure(context_->config.tls, tls_role::dialer, address->host,
                           [self = shared_from_this(), made](secured const& outcome) {
                             if (!self->is_current(made) || self->state_ != state::dialing) return;
                             switch (outcome.how) {
                               case secured::outcome::done: return self->greet(made);
                               case secured::outcome::failed: return self->untrusted(outcome.why);
                               case secured::outcome::lost:
                                 return self->dial_failed("it ended during the TLS handshake: " + outcome.why);
                               case secured::outcome::plain_peer: break;
                             }
                             made->speaks_plain = true;
                             self->read(made);
                           });
}

void outgoing_link::greet(connection_ptr const& made) {
  timer_.cancel();
  state_ = state::up;
  up_since_ = std::chrono::steady_clock::now();
  failure_logged_ = false;
  auto const& config = context_->config;
  made->writing = true;
  made->batch.assign(
      xcom::encode_frame(xcom::hello{config.speaks, config.group_name, config.self_address, config.self, config.boot}));
  made->bytes.async_write(made->batch, [self = shared_from_this(), made](error_code const& bad, std::size_t bytes) {
    if (!self->is_current(made)) return;
    made->writing = false;
    self->context_->counters.bytes_written += bytes;
    if (!bad) self->flush(made);  // the reader hears of an error too, behind a refusal that may wait there
  });
  read(made);
}

// Nothing but a refusal or the end ever comes here.
void outgoing_link::read(connection_ptr const& on) {
  on->bytes.async_read_some(on->decoder.space(),
                            [self = shared_from_this(), on](error_code const& bad, std::size_t bytes) {
                              if (!self->is_current(on)) return;
                              if (!on->bytes.tls_failure().empty()) return self->untrusted(on->bytes.tls_failure());
                              if (bad) return self->lost(bad.message());
                              on->decoder.filled(bytes);
                              self->take_events(on);
                            });
}

void outgoing_link::take_events(connection_ptr const& on) {
  auto const event = on->decoder.next();
  if (!event) return lost(event.error().text);
  if (!*event) return read(on);
  auto const* refusal = std::get_if<xcom::rejected>(&**event);
  if (refusal == nullptr) return lost("it speaks where it should only listen");
  rejected(printable(refusal->reason));
}

// Later in this turn of the strand, so that everything sent until then goes into one write.
void outgoing_link::request_flush() {
  if (current_->writing || current_->flush_posted) return;
  current_->flush_posted = true;
  asio::post(context_->io, [self = shared_from_this(), on = current_] {
    on->flush_posted = false;
    if (self->is_current(on) && self->state_ == state::up) self->flush(on);
  });
}

void outgoing_link::flush(connection_ptr const& on) {
  if (on->writing || queue_.empty()) return;
  on->writing = true;
  on->batch.assign(queue_.take(write_bytes));
  on->bytes.async_write(on->batch, [self = shared_from_this(), on](error_code const& bad, std::size_t bytes) {
    on->writing = false;
    on->batch.clear();
    if (!self->is_current(on)) return;
    self->context_->counters.bytes_written += bytes;
    if (!bad) self->flush(on);
  });
}

// A connection that had lasted is dialed again at once: if the other process is gone, that is refused within
// microseconds, and the link is reported long before silence would tell. One that never lasts waits longer and longer.
void outgoing_link::lost(std::string const& why) {
  if (current_->speaks_plain) return untrusted("it does not speak TLS, and " + context_->tls_setting());
  ++context_->counters.connections_lost;
  bool const lasted = std::chrono::steady_clock::now() - up_since_ > context_->config.redial_max;
  drop_connection();
  drop_queue();
  if (lasted) backoff_ = std::chrono::milliseconds(0);
  if (backoff_.count() > 0) {
    wait(backoff_, true);
  } else {
    backoff_ = context_->config.redial_min;
    dial();
  }
  context_->log("lost the connection to " + address_ + ": " + why);  // last: the listener may close us
}

void outgoing_link::rejected(std::string const& reason) {
  drop_connection();
  drop_queue();
  wait(context_->config.redial_max, false);
  if (context_->callbacks.on_rejected && !context_->closed) context_->callbacks.on_rejected(address_, reason);
}

// What one side does not accept will be the same at the next dial, so this waits; the certificates may be replaced meanwhile.
void outgoing_link::untrusted(std::string const& why) {
  drop_connection();
  drop_queue();
  wait(context_->config.redial_max, false);
  auto const keep = shared_from_this();
  if (context_->callbacks.on_untrusted && !context_->closed) context_->callbacks.on_untrusted(address_, why);
  if (context_->callbacks.on_link_lost && !context_->closed) context_->callbacks.on_link_lost(address_);
}

void outgoing_link::drop_queue() { context_->counters.dropped_lost += queue_.clear(); }

void outgoing_link::drop_connection() {
  if (!current_) return;
  current_->bytes.close();
  current_.reset();
}

}  // namespace runtime
