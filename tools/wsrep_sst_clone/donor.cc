#include "tools/wsrep_sst_clone/donor.hh"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <random>
#include <string_view>
#include <system_error>

#include "clone/packing.hh"
#include "clone/residents.hh"
#include "gr/transfer_settings.hh"
#include "tools/wsrep_sst_clone/clock.hh"
#include "tools/wsrep_sst_clone/say.hh"

namespace sst {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::size_t chunk_bytes_most = 1U << 20;
constexpr std::size_t chunk_bytes_least = 16U << 10;
constexpr std::size_t window_chunks = 64;
constexpr std::size_t window_chunks_at_the_end = 256;
constexpr auto look_again = 200ms;  // at a backlog that holds up
// At the end commits wait until mariadb-backup has read the redo log to its end, for which it looks once in this time.
constexpr char log_copy_interval[] = "--log-copy-interval=10";  // milliseconds; its default is a second

// Less of them at a time when the rate is low: a chunk that takes longer than the other side's patience never arrives.
std::size_t chunk_bytes_for(std::uint64_t rate) {
  return rate == 0 ? chunk_bytes_most : std::clamp<std::uint64_t>(rate / 4, chunk_bytes_least, chunk_bytes_most);
}

base::uuid random_uuid() {
  std::random_device chance;
  auto const word = [&] { return std::uint64_t{chance()} << 32 | chance(); };
  return base::make_uuid(word(), word());
}

bool is_sent(fs::path const& below_data) {
  auto const first = (*below_data.begin()).string();
  if (first == cloning::work_directory) return false;
  if (std::distance(below_data.begin(), below_data.end()) > 1) return true;
  return !cloning::file_stays(first) && !first.starts_with("ibtmp") && !first.starts_with("ib_logfile");
}

// What its files take on disk: an estimate, since the server goes on writing.
std::uint64_t data_bytes(std::string const& directory) {
  std::uint64_t sum = 0;
  std::error_code wrong;
  for (auto const& each :
       fs::recursive_directory_iterator(directory, fs::directory_options::follow_directory_symlink, wrong)) {
    struct stat status {};
    if (!is_sent(each.path().lexically_relative(directory))) continue;
    if (::stat(each.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    sum +=
        std::min(static_cast<std::uint64_t>(status.st_size), static_cast<std::uint64_t>(status.st_blocks) * 512 + 4096);
  }
  return sum;
}

// Of the server's own command line, what a backup has to know: it reads the configuration files by itself, and refuses some of
// the rest.
bool concerns_storage(std::string_view word) {
  for (auto const* const each : {"--innodb", "--loose-innodb", "--aria", "--plugin-load", "--file-key", "--plugin-dir"})
    if (word.starts_with(each)) return true;
  return false;
}

// A directory that goes with this.
class scratch_directory {
 public:
  scratch_directory() : path_((fs::temp_directory_path() / "clone.XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~scratch_directory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  scratch_directory(scratch_directory const&) = delete;
  scratch_directory& operator=(scratch_directory const&) = delete;
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

base::result<joiner_address> parse_joiner_address(std::string const& text) {
  auto const slash = text.find('/');
  auto const second = slash == text.npos ? text.npos : text.find('/', slash + 1);
  if (second == text.npos || text.substr(slash + 1, second - slash - 1) != "clone")
    return base::fail("'" + text + "' is no address of a joiner that uses this method (host:port/clone/SECRET)");
  auto const at = runtime::parse_address(text.substr(0, slash));
  if (!at) return at.error();
  return joiner_address{*at, text.substr(second + 1)};
}

std::string to_string(joiner_address const& address) {
  return runtime::to_string(address.at) + "/clone/" + address.secret;
}

donor::donor(arguments given, settings how, joiner_address where)
    : given_(std::move(given)),
      how_(std::move(how)),
      where_(std::move(where)),
      chunk_bytes_(chunk_bytes_for(how_.bytes_per_second_max)),
      window_(window_chunks),
      throttle_(how_.bytes_per_second_max),
      brake_(how_.backlog_max) {
  if (auto found = runtime::shared_count::look(given_.data_dir + "/" + std::string(gr::transfer_backlog_name)))
    backlog_ = std::move(*found);
  hello_.secret = where_.secret;
  hello_.session = random_uuid();
  hello_.donor = how_.own_host.empty() ? "the donor" : how_.own_host;
  hello_.host = how_.own_host;
  hello_.position = given_.position;
  hello_.domain = given_.domain;
}

int donor::run() {
  if (given_.bypass) {
    complain(
        "the server asks for an incremental transfer through this program, which only group_replication.so's own do");
    return EOPNOTSUPP;
  }
  hello_.data_bytes = data_bytes(given_.data_dir);
  say(fmt::format("donating about {} to {}, over {} connections, {}", cloning::bytes_text(hello_.data_bytes),
                  runtime::to_string(where_.at), how_.streams,
                  how_.bytes_per_second_max == 0
                      ? "at any rate"
                      : "at most " + cloning::bytes_text(how_.bytes_per_second_max) + " a second"));
  auto const began_ms = now_ms();
  progress_.emplace(hello_.data_bytes, began_ms);
  if (auto const good = check_data(); !good) {
    fail(ENOTSUP, good.error().text);
    (void)open_lane(0);  // the joiner's log shall say it too
  }
  std::vector<std::thread> lanes;
  for (lane_no each = 0; each < how_.streams; ++each) lanes.emplace_back([this, each] { run_lane(each); });
  (void)read_snapshot();
  for (auto& each : lanes) each.join();
  if (failure_) {
    complain("the donation failed: " + failure_->why);
    return failure_->status;
  }
  auto const took_ms = std::max<std::uint64_t>(1, now_ms() - began_ms);
  say(fmt::format("sent {} ({} on the wire) in {:.1f} s, {}/s{}", cloning::bytes_text(read_bytes_),
                  cloning::bytes_text(sent_bytes_), static_cast<double>(took_ms) / 1000,
                  cloning::bytes_text(read_bytes_ * 1000 / took_ms),
                  held_back_ms_ == 0 ? ""
                                     : fmt::format("; {:.1f} s of it held for this server's own backlog",
                                                   static_cast<double>(held_back_ms_) / 1000)));
  fmt::print("done {}{}{}\n", given_.position, given_.domain.empty() ? "" : " ", given_.domain);
  std::fflush(stdout);
  return 0;
}

// A table whose file lies elsewhere would be overwritten there on the joiner, outside what a swap can take back.
base::result<void> donor::check_data() const {
  std::error_code wrong;
  for (auto const& each : fs::recursive_directory_iterator(given_.data_dir, wrong)) {
    if (each.path().extension() != ".isl" || each.path().string().find("/.clone/") != std::string::npos) continue;
    return base::fail(
        "the table of " + each.path().string() +
        " has its file outside the data directory (DATA DIRECTORY): a clone cannot copy that; use another "
        "wsrep_sst_method, or move the table");
  }
  return {};
}

// ---- the snapshot ----

std::vector<std::string> donor::backup_command(std::string const& target) const {
  std::vector<std::string> command{"mariadb-backup"};
  for (auto const& each : given_.defaults()) command.push_back(each);
  command.insert(command.end(), {"--backup", "--galera-info", "--stream=mbstream", "--databases-exclude=lost+found",
                                 log_copy_interval, "--target-dir=" + target, "--datadir=" + given_.data_dir});
  if (!given_.socket.empty()) command.push_back("--socket=" + given_.socket);
  if (!given_.user.empty()) command.push_back("--user=" + given_.user);
  command.insert(command.end(), how_.backup_arguments.begin(), how_.backup_arguments.end());
  std::vector<std::string> settings;
  std::ranges::copy_if(given_.server_arguments, std::back_inserter(settings), concerns_storage);
  if (settings.empty()) return command;
  command.emplace_back("--mysqld-args");
  command.insert(command.end(), settings.begin(), settings.end());
  return command;
}

// Only once the joiner has said that it has room: a backup holds locks, however shortly.
bool donor::read_snapshot() {
  {
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [this] { return welcomed_ || is_over(); });
    if (is_over()) return false;
  }
  scratch_directory const scratch;
  std::vector<std::string> secret;
  if (!given_.password.empty()) secret.push_back("MYSQL_PWD=" + given_.password);
  auto started = child::start(backup_command(scratch.path()), child::pipe_kind::output, secret,
                              [this](std::string_view line) { note_stage(line); });
  if (!started) {
    fail(EIO, started.error().text);
    return false;
  }
  auto& backup = **started;
  {
    std::lock_guard const hold(mutex_);
    backup_ = &backup;
  }
  reach("donor_backup_started", given_.parent);
  bool const all = read_chunks(backup.pipe());
  if (!all) backup.kill();
  end_snapshot(backup);
  return all;
}

// From there on the whole server waits for the backup's last bytes, and so for us: more of them are kept here, and should that not
// do, they are sent without regard to the rate.
void donor::note_stage(std::string_view line) {
  time_stage(line);
  if (line.find("BACKUP STAGE BLOCK_") == line.npos) return;
  {
    std::lock_guard const hold(mutex_);
    if (std::exchange(commits_wait_, true)) return;
    window_.widen(window_chunks_at_the_end);
  }
  changed_.notify_all();
}

// How long commits were held back, and for how much of it mariadb-backup was behind with InnoDB's redo log.
void donor::time_stage(std::string_view line) {
  auto const now = now_ms();
  auto const says = [line](char const* words) { return line.find(words) != line.npos; };
  if (redo_wait_began_ms_ != 0) redo_waited_ms_ += now - std::exchange(redo_wait_began_ms_, 0);
  if (held_since_ms_ == 0 && says("BACKUP STAGE BLOCK_DDL")) held_since_ms_ = now;
  if (held_since_ms_ == 0) return;
  if (says("Waiting for log copy thread")) redo_wait_began_ms_ = now;
  if (says("Executing BACKUP STAGE END"))
    say(fmt::format("commits were held back for {} ms, {} of them until the redo log was copied", now - held_since_ms_,
                    redo_waited_ms_));
}

bool donor::is_urgent() const { return commits_wait_ && !ended_ && !window_.has_room(); }

bool donor::read_chunks(int from) {
  std::vector<std::uint8_t> bytes(chunk_bytes_);
  std::size_t filled = 0;
  for (;;) {
    auto const got = ::read(from, bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    filled += static_cast<std::size_t>(got);
    if (got > 0 && filled < bytes.size()) continue;
    bytes.resize(filled);
    if (filled > 0 && !keep(std::move(bytes))) return false;
    if (got == 0) return true;
    bytes = std::vector<std::uint8_t>(chunk_bytes_);
    filled = 0;
  }
}

bool donor::keep(std::vector<std::uint8_t> bytes) {
  base::blob chunk(std::move(bytes));
  auto const hash = cloning::hash_of(chunk.view());
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [this] { return window_.has_room() || is_over(); });
  if (is_over()) return false;
  manifest_.add(static_cast<std::uint32_t>(chunk.size()), hash);
  read_bytes_ += chunk.size();
  auto const number = window_.add(std::move(chunk));
  hold.unlock();
  changed_.notify_all();
  if (number == 2) reach("donor_sending", given_.parent);
  return true;
}

void donor::end_snapshot(child& backup) {
  int const status = backup.wait();
  {
    std::lock_guard const hold(mutex_);
    backup_ = nullptr;
  }
  if (status != 0) return fail(EIO, "mariadb-backup ended with " + std::to_string(status) + ": " + backup.last_words());
  {
    std::lock_guard const hold(mutex_);
    ended_ = true;
  }
  reach("donor_ended", given_.parent);
  changed_.notify_all();
}

void donor::report() {
  auto const now = now_ms();
  progress_->note(read_bytes_ - window_.bytes_held(), now);
  if (progress_->is_due(now)) say("sent " + progress_->line());
}

// ---- lanes ----

void donor::run_lane(lane_no who) {
  auto last_used = std::chrono::steady_clock::now();
  for (;;) {
    {
      std::lock_guard const hold(mutex_);
      if (is_over()) return;
    }
    auto made = open_lane(who);
    if (made) {
      use_lane(who, **made);
      last_used = std::chrono::steady_clock::now();
    }
    std::unique_lock hold(mutex_);
    window_.lane_lost(who);
    if (is_over()) return;
    std::string const why = made ? "the connection to the joiner was lost" : made.error().text;
    bool const too_long = std::chrono::steady_clock::now() - last_used > std::chrono::seconds(how_.reconnect_seconds);
    if (too_long || (!made && !welcomed_)) {
      hold.unlock();
      return fail(EPIPE, why);
    }
    warn(fmt::format("connection {}: {}; trying again", who, why));
    changed_.wait_for(hold, 300ms, [this] { return is_over(); });
  }
}

base::result<std::unique_ptr<connection>> donor::open_lane(lane_no who) {
  auto made = connection::dial(where_.at, welcomed_ ? 1 : how_.reconnect_seconds);
  if (!made) return made.error();
  auto& over = **made;
  auto hello = hello_;
  hello.lane = who;
  if (auto opened = over.open_as_dialer(how_.tls, where_.at.host); !opened) return opened.error();
  if (auto sent = over.send(hello); !sent) return sent.error();
  auto const answer = over.receive();
  if (!answer) return answer.error();
  if (!*answer) return base::fail("the joiner ended the connection; its log says why");
  if (auto const* no = std::get_if<cloning::refused>(&**answer)) {
    fail(ECONNREFUSED, "the joiner refuses: " + runtime::printable(no->why));
    return base::fail("refused");
  }
  auto const* yes = std::get_if<cloning::welcome>(&**answer);
  if (yes == nullptr) return base::fail("the joiner does not answer as one");
  std::unique_lock hold(mutex_);
  if (!window_.note_written(yes->wanted)) return base::fail("the joiner claims what was not sent");
  bool const is_first = !welcomed_.exchange(true);
  hold.unlock();
  if (is_first) say("connected to the joiner, " + over.describe());
  changed_.notify_all();
  if (auto const failed = failure_now()) (void)over.send(cloning::failed{failed->why});
  return made;
}

void donor::use_lane(lane_no who, connection& over) {
  std::thread listener([this, &over] { hear(over); });
  bool told_end = false;
  while (send_next(who, over, told_end)) {}
  if (auto const failed = failure_now()) (void)over.send(cloning::failed{failed->why});
  over.close();
  listener.join();
}

// One thing that is to be said, or a second's silence. False: the lane is of no more use, or not needed.
bool donor::send_next(lane_no who, connection& over, bool& told_end) {
  std::unique_lock hold(mutex_);
  std::optional<std::pair<std::uint64_t, base::blob>> next;
  bool const held = is_held();
  changed_.wait_for(hold, held ? look_again : 1s, [&] {
    if (is_over()) return true;
    if (held) return commits_wait_;
    next = window_.take(who);
    return next || (ended_ && window_.is_empty() && !told_end);
  });
  if (is_over()) return false;
  if (!next && ended_ && window_.is_empty() && !told_end) {
    told_end = true;
    auto const summary = manifest_.summary();
    hold.unlock();
    return over.send(summary).has_value();
  }
  auto const read = read_bytes_;
  hold.unlock();
  if (!next) return over.send(cloning::alive{read}).has_value();
  auto const packed = cloning::pack(next->first, next->second, how_.packing);
  wait_to_send(packed.body.size());
  return over.send(packed).has_value();
}

// While the backup holds commits back there is nothing to wait for: the backlog grows until it has ended.
bool donor::is_held() {
  auto const backlog = backlog_ && !commits_wait_ && !ended_ ? backlog_->get() : 0;
  bool const held = brake_.holds(backlog);
  if (held == held_back_since_ms_.has_value()) return held;
  if (held) {
    held_back_since_ms_ = now_ms();
    say(
        fmt::format("sending is held: this server has {} transactions to apply, more than the {} of "
                    "group_replication_clone_backlog_max",
                    backlog, how_.backlog_max));
  } else {
    auto const took_ms = now_ms() - *std::exchange(held_back_since_ms_, std::nullopt);
    held_back_ms_ += took_ms;
    say(fmt::format("sending goes on after {:.1f} s", static_cast<double>(took_ms) / 1000));
  }
  return held;
}

void donor::wait_to_send(std::uint64_t bytes) {
  std::unique_lock hold(mutex_);
  sent_bytes_ += bytes;
  auto const delay = std::chrono::microseconds(throttle_.delay_for(bytes, now_us()));
  if (delay.count() > 0) changed_.wait_for(hold, delay, [this] { return is_urgent() || is_over(); });
}

void donor::hear(connection& from) {
  for (;;) {
    auto const said = from.receive();
    if (!said || !*said || !take(**said)) break;
  }
  from.close();
  changed_.notify_all();
}

bool donor::take(cloning::message const& what) {
  if (auto const* no = std::get_if<cloning::failed>(&what)) {
    fail(EIO, "the joiner gave up: " + runtime::printable(no->why));
    return false;
  }
  std::unique_lock hold(mutex_);
  if (std::holds_alternative<cloning::received>(what)) received_ = ended_;
  bool good = ended_ || !std::holds_alternative<cloning::received>(what);
  if (auto const* progress = std::get_if<cloning::written>(&what)) good = window_.note_written(progress->next);
  report();
  hold.unlock();
  changed_.notify_all();
  return good;
}

// ---- the end ----

bool donor::is_over() const { return received_ || failure_; }

std::optional<donor::failure> donor::failure_now() const {
  std::lock_guard const hold(mutex_);
  return failure_;
}

void donor::fail(int status, std::string const& why) {
  {
    std::lock_guard const hold(mutex_);
    if (is_over()) return;
    failure_ = failure{status, why};
    if (backup_ != nullptr) backup_->kill();
  }
  changed_.notify_all();
}

}  // namespace sst
