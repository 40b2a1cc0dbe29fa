#include "tools/wsrep_sst_clone/joiner.hh"

#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include "tools/wsrep_sst_clone/clock.hh"
#include "tools/wsrep_sst_clone/donor.hh"
#include "tools/wsrep_sst_clone/placing.hh"
#include "tools/wsrep_sst_clone/say.hh"

namespace sst {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::size_t lanes_open_max = 4 * cloning::lanes_max;
constexpr std::uint64_t spare_bytes = 128U
                                      << 20;  // the redo log that preparing makes, and what the server writes meanwhile

std::string make_secret() {
  std::array<std::uint8_t, 16> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return {};
  std::string text;
  for (auto const each : random) text += fmt::format("{:02x}", each);
  return text;
}

// In a time that does not tell how much of it was right.
bool are_equal(std::string const& left, std::string const& right) {
  if (left.size() != right.size()) return false;
  unsigned differing = 0;
  for (std::size_t at = 0; at < left.size(); ++at)
    differing |= static_cast<unsigned>(static_cast<unsigned char>(left[at]) ^ static_cast<unsigned char>(right[at]));
  return differing == 0;
}

std::uint64_t free_bytes(std::string const& directory) {
  struct statvfs about {};
  if (::statvfs(directory.c_str(), &about) != 0) return 0;
  return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

}  // namespace

joiner::joiner(arguments given, settings how)
    : given_(std::move(given)), how_(std::move(how)), places_(given_.data_dir), secret_(make_secret()) {}

joiner::~joiner() {
  {
    std::lock_guard const hold(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  if (session_) session_->give_up("the joiner has ended");
  if (acceptor_.joinable()) acceptor_.join();
  for (auto& each : lanes_) each.join();
  if (listener_ >= 0) ::close(listener_);
}

int joiner::run() {
  if (auto const opened = open(); !opened) {
    complain(opened.error().text);
    return EIO;
  }
  if (int const status = receive(); status != 0) {
    std::error_code ignored;
    fs::remove_all(places_.fresh, ignored);
    return status;
  }
  cloning::hello from;
  {
    std::lock_guard const hold(mutex_);
    from = session_->from();
  }
  reach("received", given_.parent);
  auto const position = place_data(given_, how_, places_);
  if (!position) {
    complain(position.error().text);
    return EIO;
  }
  fmt::print("{}{}{}\n", position->text, from.domain.empty() ? "" : " ", from.domain);
  std::fflush(stdout);
  return 0;
}

base::result<void> joiner::open() {
  if (secret_.empty()) return base::fail("the system gives no random bytes");
  auto const at = runtime::parse_address(given_.address);
  if (!at) return base::fail("--address: " + at.error().text);
  runtime::host_port bound;
  auto const made = listen_at(*at, bound);
  if (!made) return made.error();
  listener_ = *made;
  acceptor_ = std::thread([this] { accept_lanes(); });
  reach("listening", given_.parent);
  fmt::print("ready {}\n", to_string(joiner_address{bound, secret_}));
  std::fflush(stdout);
  say(fmt::format("waiting for a donor at {}, {}", runtime::to_string(bound), how_.tls ? "with TLS" : "without TLS"));
  return {};
}

// ---- lanes ----

void joiner::accept_lanes() {
  for (;;) {
    pollfd waiting{listener_, POLLIN, 0};
    (void)::poll(&waiting, 1, 200);
    std::lock_guard const hold(mutex_);
    if (closing_) return;
    if ((waiting.revents & POLLIN) == 0) continue;
    int const made = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (made < 0) continue;
    auto lane = std::make_shared<connection>(made);
    if (lanes_open_ >= lanes_open_max) continue;  // strangers, since no donor makes so many
    ++lanes_open_;
    lanes_.emplace_back([this, lane] {
      serve(lane);
      std::lock_guard const done(mutex_);
      --lanes_open_;
    });
  }
}

std::string joiner::objection(cloning::hello const& who, connection const& over) const {
  if (who.version != cloning::wire_version)
    return fmt::format("it speaks version {} of the clone's protocol, this member {}", who.version,
                       cloning::wire_version);
  if (!are_equal(who.secret, secret_)) return "it does not know the secret of this transfer";
  if (who.lane >= cloning::lanes_max) return "it wants too many connections";
  if (!over.peer_is(who.host))
    return "its certificate is not for '" + runtime::printable(who.host) + "', which it says to be";
  return {};
}

void joiner::serve(std::shared_ptr<connection> const& lane) {
  if (auto const opened = lane->open_as_acceptor(how_.tls); !opened)
    return warn("a connection was refused: " + opened.error().text);
  auto const first = lane->receive();
  auto const* who = first && *first ? std::get_if<cloning::hello>(&**first) : nullptr;
  if (who == nullptr) return warn("a connection was refused: it did not say who it is");
  if (auto const why = objection(*who, *lane); !why.empty()) {
    warn("a connection was refused: " + why);
    return lane->refuse(why);
  }
  auto const session = admit(*who);
  if (!session) return lane->refuse(session.error().text);
  auto& of = **session;
  if (!lane->send(cloning::welcome{of.next()})) return;
  of.add_lane(lane);
  for (;;) {
    auto const said = lane->receive();
    if (!said || !*said || !of.take(**said, *lane)) break;
  }
  of.remove_lane(lane);
}

// Only the main thread makes sessions: what it starts lives as long as it.
base::result<std::shared_ptr<reception>> joiner::admit(cloning::hello const& who) {
  std::unique_lock hold(mutex_);
  auto const is_there = [&] { return session_ && session_->from().session == who.session; };
  if (!is_there() && !over_.contains(who.session) && refusal_.empty()) {
    if (!asking_ || asking_->session != who.session) asking_ = who;
    changed_.notify_all();
    changed_.wait(hold, [&] { return is_there() || over_.contains(who.session) || !refusal_.empty() || closing_; });
  }
  if (is_there()) return session_;
  return base::fail(!refusal_.empty() ? refusal_ : "this session is over");
}

// ---- sessions ----

int joiner::receive() {
  std::unique_lock hold(mutex_);
  for (;;) {
    changed_.wait_for(hold, 1s, [this] { return asking_ || news_; });
    news_ = false;
    if (asking_)
      if (int const status = begin_session(hold); status != 0) return status;
    if (waits_too_long()) {
      complain("no other donor came. The old data was not touched; started again, this server asks anew");
      return ETIMEDOUT;
    }
    if (!session_) continue;
    if (auto const status = judge_session(hold)) return *status;
  }
}

// A donor that comes anew was asked by the provider: whoever was there before it has failed, known or not.
int joiner::begin_session(std::unique_lock<std::mutex>& hold) {
  auto const who = *asking_;  // stays until it is answered: its other lanes ask for the same
  if (session_) drop_session(hold, "another donor began");
  std::error_code wrong;
  fs::remove_all(places_.fresh, wrong);
  auto const needed = who.data_bytes + who.data_bytes / 20 + spare_bytes;
  if (auto const there = free_bytes(places_.data); there < needed) {
    refusal_ = fmt::format("the copy needs about {} beside the data in {}, and {} are free there",
                           cloning::bytes_text(needed), places_.data, cloning::bytes_text(there));
    complain(refusal_ + ". Nothing was touched");
    changed_.notify_all();
    hold.unlock();
    std::this_thread::sleep_for(500ms);  // so that the donor hears it
    hold.lock();
    return ENOSPC;
  }
  fs::create_directories(places_.fresh, wrong);
  auto made = wrong ? base::result<std::shared_ptr<reception>>(base::fail(wrong.message()))
                    : reception::begin(who, places_.fresh, [this] { wake(); });
  if (!made) {
    refusal_ = made.error().text;
    complain("cannot receive into " + places_.fresh + ": " + refusal_);
    changed_.notify_all();
    return EIO;
  }
  session_ = *made;
  if (asking_->session == who.session) asking_.reset();
  progress_.emplace(who.data_bytes, now_ms());
  say(fmt::format("receiving about {} from {}, snapshot after {}", cloning::bytes_text(who.data_bytes),
                  runtime::printable(who.donor), runtime::printable(who.position)));
  changed_.notify_all();
  return 0;
}

std::optional<int> joiner::judge_session(std::unique_lock<std::mutex>& hold) {
  auto const session = session_;
  hold.unlock();
  session->acknowledge();
  auto const state = session->now();
  auto const why = session->why();
  auto const alone_since = session->alone_since();
  hold.lock();
  report();
  if (state == reception::state::received) {
    say(fmt::format("received {}, every chunk and the whole as the donor sent it",
                    cloning::bytes_text(session->bytes())));
    return 0;
  }
  if (state == reception::state::failed) {
    hold.unlock();
    session->give_up(why);
    hold.lock();
    bool const full = free_bytes(places_.data) < spare_bytes;
    complain("cannot receive: " + why + (full ? " (the disk is full)" : "") + ". The old data was not touched");
    return full ? ENOSPC : EIO;
  }
  if (state == reception::state::donor_failed) drop_session(hold, "the donor failed: " + why);
  bool const lost = alone_since != 0 && now_ms() > alone_since + std::uint64_t{how_.reconnect_seconds} * 1000;
  if (state == reception::state::receiving && lost)
    drop_session(hold, fmt::format("no connection to the donor for {} s", how_.reconnect_seconds));
  return std::nullopt;
}

void joiner::drop_session(std::unique_lock<std::mutex>& hold, std::string const& why) {
  warn(why + "; what was received is dropped, and another donor waited for");
  auto const dropped = std::exchange(session_, nullptr);
  dropped_ms_ = now_ms();
  over_.insert(dropped->from().session);
  changed_.notify_all();
  hold.unlock();
  dropped->give_up(why);
  hold.lock();
}

// A donor whose program hangs does not tell its server, and so nobody looks for another.
bool joiner::waits_too_long() const {
  return !session_ && dropped_ms_ != 0 && now_ms() > dropped_ms_ + 2000 * std::uint64_t{how_.reconnect_seconds};
}

void joiner::wake() {
  {
    std::lock_guard const hold(mutex_);
    news_ = true;
  }
  changed_.notify_all();
}

void joiner::report() {
  auto const now = now_ms();
  progress_->note(session_->bytes(), now);
  if (progress_->is_due(now)) say("received " + progress_->line());
}

}  // namespace sst
