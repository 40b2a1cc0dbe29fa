#include "runtime/stream.hh"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>

namespace runtime {
namespace {

// A few records at a time, so that bulk does not cost a wake-up for each.
constexpr std::size_t wire_bytes = 128U << 10;

error_code protocol_error() { return make_error_code(boost::system::errc::protocol_error); }

}  // namespace

void stream::close() {
  error_code ignored;
  socket_.close(ignored);
}

void stream::end_writing() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

// ---- the handshake ----

void stream::async_secure(std::shared_ptr<tls_context const> context, tls_role role, std::string const& dialed_host,
                          secure_handler then) {
  session_ = std::make_unique<tls_session>(std::move(context), role, dialed_host);
  wire_.resize(wire_bytes);
  if (role == tls_role::acceptor) return read_handshake(std::move(then));
  step_handshake(std::move(then));
}

void stream::step_handshake(secure_handler then) {
  auto const step = session_->handshake();
  auto go_on = [this, step, then = std::move(then)](error_code const& bad, std::size_t) mutable {
    if (!step) {
      become_plain();
      return then({secured::outcome::failed, step.error().text});
    }
    if (bad) return then({secured::outcome::lost, bad.message()});
    if (*step == tls_session::step::done) return then({});
    read_handshake(std::move(then));
  };
  session_->take_output(sending_);
  asio::async_write(socket_, asio::buffer(sending_), std::move(go_on));
}

void stream::read_handshake(secure_handler then) {
  socket_.async_read_some(asio::buffer(wire_),
                          [this, then = std::move(then)](error_code const& bad, std::size_t bytes) mutable {
                            if (bad) return then({secured::outcome::lost, bad.message()});
                            take_handshake(bytes, std::move(then));
                          });
}

void stream::take_handshake(std::size_t bytes, secure_handler then) {
  if (!std::exchange(heard_, true) && !begins_tls(wire_.front())) {
    become_plain();
    unread_ = {wire_.data(), bytes};
    return then({secured::outcome::plain_peer, {}});
  }
  session_->feed({wire_.data(), bytes});
  step_handshake(std::move(then));
}

void stream::become_plain() { session_.reset(); }

// ---- reading ----

void stream::answer_later(io_handler then, error_code bad, std::size_t bytes) {
  asio::post(socket_.get_executor(), [then = std::move(then), bad, bytes] { then(bad, bytes); });
}

void stream::read_held(std::span<std::uint8_t> space, io_handler then) {
  if (session_) return read_tls(space, std::move(then));
  std::size_t const taken = std::min(space.size(), unread_.size());
  std::memcpy(space.data(), unread_.data(), taken);
  unread_ = unread_.subspan(taken);
  answer_later(std::move(then), {}, taken);
}

// True when there is something to tell the reader.
bool stream::decrypt(std::span<std::uint8_t> space, error_code& bad, std::size_t& bytes) {
  auto const got = session_->read(space);
  if (!got) {
    tls_failure_ = got.error().text;
    bad = protocol_error();
    return true;
  }
  bytes = *got;
  if (bytes == 0 && session_->has_ended()) bad = asio::error::eof;
  return bytes > 0 || bad;
}

// What came with the last bytes of the wire and found no space is first.
void stream::read_tls(std::span<std::uint8_t> space, io_handler then) {
  error_code bad;
  std::size_t bytes = 0;
  if (decrypt(space, bad, bytes)) return answer_later(std::move(then), bad, bytes);
  read_wire(space, std::move(then));
}

void stream::read_wire(std::span<std::uint8_t> space, io_handler then) {
  socket_.async_read_some(asio::buffer(wire_),
                          [this, space, then = std::move(then)](error_code bad, std::size_t bytes) mutable {
                            if (bad) return then(bad, 0);
                            session_->feed({wire_.data(), bytes});
                            if (decrypt(space, bad, bytes)) return then(bad, bytes);
                            read_wire(space, std::move(then));
                          });
}

// ---- writing ----

void stream::write_tls(write_batch const& from, io_handler then) {
  if (auto const done = session_->write(from.buffers()); !done) {
    tls_failure_ = done.error().text;
    close();  // so that the reader hears of it, as it does of a socket's error
    return answer_later(std::move(then), protocol_error(), 0);
  }
  session_->take_output(sending_);
  asio::async_write(socket_, asio::buffer(sending_), std::move(then));
}

}  // namespace runtime
