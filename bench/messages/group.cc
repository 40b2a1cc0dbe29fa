#include "bench/messages/group.hh"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

volatile sig_atomic_t interrupted = 0;

[[noreturn]] void give_up(std::string const& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

void catch_signals() {
  struct sigaction act {};
  act.sa_handler = [](int) { interrupted = 1; };
  for (int const each : {SIGINT, SIGTERM, SIGHUP}) sigaction(each, &act, nullptr);
}

void wait_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  if (interrupted != 0) throw std::runtime_error("interrupted");
}

temporary_directory::temporary_directory()
    : path_((std::filesystem::temp_directory_path() / "messages_bench.XXXXXX").string()) {
  if (mkdtemp(path_.data()) == nullptr) give_up(path_);
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// ---- one process ----

child::child(std::string directory, unsigned number, member_config const& config) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) give_up("socketpair");
  std::filesystem::create_directory(directory);
  auto const parent = getpid();
  pid_ = fork();
  if (pid_ < 0) give_up("fork");
  if (pid_ == 0) be_member(ends[1], std::move(directory), number, config, parent);
  close(ends[1]);
  control_ = ends[0];
}

child::~child() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(control_);
}

// noexcept: what is thrown here must not unwind into the copy of the process that forked it.
void child::be_member(int control, std::string directory, unsigned number, member_config const& config,
                      pid_t parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it died before that was in place
  member(control, std::move(directory), number, config).run();
  _exit(0);
}

void child::signal(int number) const { kill(pid_, number); }

void child::give(order const& what) const {
  // One that is gone may have left the reason: whoever takes its report next hears it.
  (void)::send(control_, &what, sizeof what, MSG_NOSIGNAL);
}

report child::take(report::kind due) const {
  pollfd waiting{control_, POLLIN, 0};
  int const ready = poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(patience).count()));
  if (interrupted != 0) throw std::runtime_error("interrupted");
  if (ready <= 0) throw std::runtime_error("a member does not answer");
  report answer;
  if (::recv(control_, &answer, sizeof answer, 0) != sizeof answer) throw std::runtime_error("a member is gone");
  if (answer.what == report::kind::failed) throw std::runtime_error(answer.why.data());
  if (answer.what != due) throw std::runtime_error("a member answers something else than it was asked");
  return answer;
}

// ---- all of them ----

group::group(std::string const& directory, member_config const& config) {
  for (std::size_t each = 0; each < config.members; ++each)
    all_.emplace_back(directory + "/" + std::to_string(each), static_cast<unsigned>(each), config);
  auto const up = collect(report::kind::listening, all_.size());
  for (auto const& each : all_) {
    order begin;
    begin.what = &each == &all_.front() ? order::kind::found : order::kind::join;
    begin.seed_port = up.front().port;
    each.give(begin);
  }
  (void)collect(report::kind::ready, all_.size());
}

void group::load(std::size_t number, std::size_t payload_min, std::size_t payload_max, std::size_t outstanding) const {
  order load;
  load.what = order::kind::load;
  load.payload_min = payload_min;
  load.payload_max = payload_max;
  load.outstanding = outstanding;
  at(number).give(load);
}

reports group::sample_but(std::size_t number) const {
  order ask;
  ask.what = order::kind::sample;
  for (std::size_t each = 0; each < all_.size(); ++each)
    if (each != number) all_[each].give(ask);
  return collect(report::kind::sampled, number);
}

reports group::collect(report::kind due, std::size_t but) const {
  reports all(all_.size());
  for (std::size_t each = 0; each < all.size(); ++each)
    if (each != but) all[each] = all_[each].take(due);
  return all;
}

}  // namespace bench
