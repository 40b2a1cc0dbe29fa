#include "tools/wsrep_sst_clone/reception.hh"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "clone/packing.hh"
#include "tools/wsrep_sst_clone/clock.hh"
#include "tools/wsrep_sst_clone/say.hh"

namespace sst {
namespace {

constexpr std::size_t window_chunks = 256;  // no less than any donor's
constexpr std::uint64_t acknowledge_every = 8;

bool write_all(int to, std::span<std::uint8_t const> bytes) {
  while (!bytes.empty()) {
    auto const done = ::write(to, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

base::result<std::shared_ptr<reception>> reception::begin(cloning::hello from, std::string const& directory,
                                                          std::function<void()> changed) {
  auto unpacker = child::start({"mbstream", "-x", "-C", directory}, child::pipe_kind::input);
  if (!unpacker) return unpacker.error();
  return std::make_shared<reception>(std::move(from), std::move(*unpacker), std::move(changed));
}

reception::reception(cloning::hello from, std::unique_ptr<child> unpacker, std::function<void()> changed)
    : from_(std::move(from)),
      unpacker_(std::move(unpacker)),
      changed_outside_(std::move(changed)),
      window_(window_chunks),
      alone_since_(now_ms()) {
  writer_ = std::thread([this] { write_stream(); });
}

reception::~reception() {
  give_up("the joiner ended the session");
  if (writer_.joinable()) writer_.join();
}

reception::state reception::now() const {
  std::lock_guard const hold(mutex_);
  return state_;
}
std::string reception::why() const {
  std::lock_guard const hold(mutex_);
  return why_;
}
std::uint64_t reception::bytes() const {
  std::lock_guard const hold(mutex_);
  return manifest_.summary().bytes;
}
std::uint64_t reception::next() const {
  std::lock_guard const hold(mutex_);
  return written_;
}
std::uint64_t reception::alone_since() const {
  std::lock_guard const hold(mutex_);
  return alone_since_;
}

// ---- lanes ----

void reception::add_lane(std::shared_ptr<connection> const& lane) {
  std::lock_guard const hold(mutex_);
  lanes_.push_back(lane);
  alone_since_ = 0;
}

void reception::remove_lane(std::shared_ptr<connection> const& lane) {
  std::lock_guard const hold(mutex_);
  std::erase(lanes_, lane);
  if (lanes_.empty()) alone_since_ = now_ms();
}

bool reception::take(cloning::message const& what, connection& lane) {
  if (auto const* packed = std::get_if<cloning::chunk>(&what)) return take_chunk(*packed);
  if (std::holds_alternative<cloning::alive>(what)) return now() == state::receiving;
  if (auto const* gone = std::get_if<cloning::failed>(&what)) {
    become(state::donor_failed, runtime::printable(gone->why));
    return false;
  }
  auto const* end = std::get_if<cloning::ended>(&what);
  if (end == nullptr) return false;
  {
    std::lock_guard const hold(mutex_);
    if (state_ == state::receiving) end_ = *end;
  }
  changed_.notify_all();
  return now() != state::received || lane.send(cloning::received{}).has_value();
}

bool reception::take_chunk(cloning::chunk const& packed) {
  auto bytes = cloning::unpack(packed);
  if (!bytes) {
    warn(bytes.error().text + "; the connection it came over is closed, and it is asked for again");
    return false;
  }
  std::unique_lock hold(mutex_);
  if (state_ != state::receiving) return state_ == state::received;
  using verdict = cloning::receive_window<piece>::verdict;
  bool const good = window_.offer(packed.number, {std::move(*bytes), packed.hash}) != verdict::too_far;
  hold.unlock();
  changed_.notify_all();
  return good;
}

void reception::tell_lanes(cloning::message const& what) {
  std::vector<std::shared_ptr<connection>> told;
  {
    std::lock_guard const hold(mutex_);
    told = lanes_;
  }
  for (auto const& each : told)
    if (!each->send(what)) each->close();
}

void reception::acknowledge() {
  if (auto const what = now(); what == state::received) return tell_lanes(cloning::received{});
  tell_lanes(cloning::written{next()});
}

void reception::give_up(std::string const& why) {
  become(state::failed, why);
  if (now() != state::received) tell_lanes(cloning::failed{this->why()});
  std::lock_guard const hold(mutex_);
  for (auto const& each : lanes_) each->close();
}

// ---- the stream ----

void reception::write_stream() {
  for (;;) {
    std::unique_lock hold(mutex_);
    std::optional<piece> next;
    changed_.wait(hold, [&] {
      if (state_ != state::receiving) return true;
      next = window_.take();
      return next || (end_ && window_.next() >= end_->chunks);
    });
    if (state_ != state::receiving) break;
    hold.unlock();
    if (!next) return finish_stream();
    if (!write_piece(*next)) break;
  }
  unpacker_->kill();
}

bool reception::write_piece(piece const& what) {
  if (!write_all(unpacker_->pipe(), what.bytes.view())) {
    auto const why = std::string(": ") + std::generic_category().message(errno);
    int const status = unpacker_->wait();
    become(state::failed, "mbstream ended with " + std::to_string(status) + why + ". " + unpacker_->last_words());
    return false;
  }
  std::unique_lock hold(mutex_);
  manifest_.add(static_cast<std::uint32_t>(what.bytes.size()), what.hash);
  ++written_;
  bool const due = written_ % acknowledge_every == 0 || window_.is_empty();
  auto const lane = due && !lanes_.empty() ? lanes_.front() : nullptr;
  auto const next = written_;
  hold.unlock();
  // One lane is enough, and a failure shows on the other side of it.
  if (lane) (void)lane->send(cloning::written{next});
  return true;
}

void reception::finish_stream() {
  unpacker_->close_pipe();
  if (int const status = unpacker_->wait(); status != 0)
    return become(state::failed, "mbstream ended with " + std::to_string(status) + ": " + unpacker_->last_words());
  std::unique_lock hold(mutex_);
  auto const agrees = manifest_.agrees_with(*end_);
  hold.unlock();
  if (!agrees) return become(state::donor_failed, agrees.error().text);
  become(state::received, {});
  tell_lanes(cloning::received{});
}

void reception::become(state what, std::string const& why) {
  {
    std::lock_guard const hold(mutex_);
    if (state_ != state::receiving) return;
    state_ = what;
    why_ = why;
  }
  changed_.notify_all();
  changed_outside_();
}

}  // namespace sst
