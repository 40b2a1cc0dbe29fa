// Ordered messages per second, and how long the sender waits for each, in a group of three processes on loopback: node,
// agreed log (in the page cache) and transport as a server has them, without gr and the server on top.
// One member keeps a number of messages outstanding. Each row is a new group; warming up does not count.
//
//   messages_bench                                   all twelve cases, a second each
//   messages_bench --seconds 5 --payload 1024 --outstanding 1 --sender follower
//   messages_bench --certificate member.pem --key member.key    through TLS; --payload 16384 shows what encryption costs
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/messages/member.hh"

namespace {

using bench::order;
using bench::report;
using tls_context_ptr = std::shared_ptr<runtime::tls_context const>;
using namespace std::chrono_literals;

// Far more than any step takes: a group that does not come together must not hold up who waits for the table.
constexpr auto patience = 20s;
// A young connection on loopback can stand still for TCP's shortest retransmission timeout, 200 ms; that is not measured.
constexpr double warm_up_seconds = 0.4;

volatile sig_atomic_t interrupted = 0;

[[noreturn]] void give_up(std::string const& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

// Ending by a signal still has to take the directory away.
void catch_signals() {
  struct sigaction act {};
  act.sa_handler = [](int) { interrupted = 1; };
  for (int const each : {SIGINT, SIGTERM, SIGHUP}) sigaction(each, &act, nullptr);
}

class temporary_directory {
 public:
  temporary_directory() : path_((std::filesystem::temp_directory_path() / "messages_bench.XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) give_up(path_);
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(temporary_directory const&) = delete;
  temporary_directory& operator=(temporary_directory const&) = delete;
  [[nodiscard]] std::string const& path() const { return path_; }

 private:
  std::string path_;
};

// A member's process, from here. It does not outlive this, nor the process that made it.
class child {
 public:
  child(std::string directory, unsigned number, tls_context_ptr const& tls) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) give_up("socketpair");
    std::filesystem::create_directory(directory);
    auto const parent = getpid();
    pid_ = fork();
    if (pid_ < 0) give_up("fork");
    if (pid_ == 0) be_member(ends[1], std::move(directory), number, tls, parent);
    close(ends[1]);
    control_ = ends[0];
  }
  ~child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(control_);
  }
  child(child const&) = delete;
  child& operator=(child const&) = delete;

  void give(order const& what) const {
    // One that is gone may have left the reason: whoever takes its report next hears it.
    (void)::send(control_, &what, sizeof what, MSG_NOSIGNAL);
  }

  report take(report::kind due) const {
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

 private:
  // noexcept: what is thrown here must not unwind into the copy of the process that forked it.
  [[noreturn]] static void be_member(int control, std::string directory, unsigned number, tls_context_ptr const& tls,
                                     pid_t parent) noexcept {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);  // it died before that was in place
    bench::member(control, std::move(directory), number, tls).run();
    _exit(0);
  }

  pid_t pid_ = -1;
  int control_ = -1;
};

using reports = std::array<report, bench::members>;

// Three members, the first of which founded the group and leads it.
class group {
 public:
  group(std::string const& directory, tls_context_ptr const& tls)
      : all_{child(directory + "/0", 0, tls), child(directory + "/1", 1, tls), child(directory + "/2", 2, tls)} {
    auto const up = collect(report::kind::listening);
    for (auto const& each : all_) {
      order begin;
      begin.what = &each == &all_.front() ? order::kind::found : order::kind::join;
      begin.seed_port = up.front().port;
      each.give(begin);
    }
    collect(report::kind::ready);
  }

  child const& at(std::size_t number) const { return all_.at(number); }

  reports sample() const {
    order ask;
    ask.what = order::kind::sample;
    for (auto const& each : all_) each.give(ask);
    return collect(report::kind::sampled);
  }

 private:
  reports collect(report::kind due) const {
    reports all;
    for (std::size_t each = 0; each < all.size(); ++each) all.at(each) = all_.at(each).take(due);
    return all;
  }

  std::array<child, bench::members> all_;
};

struct plan {
  std::string sender;
  std::size_t payload_bytes;
  std::size_t outstanding;
};

struct outcome {
  double messages = 0;
  double seconds = 0;
  double slots = 0;
  double cpu_seconds = 0;
  double bytes_written = 0;
  double p50_us = 0;
  double p99_us = 0;
  bool as_planned = true;  // the same leader throughout, and nothing dropped
};

outcome difference(reports const& before, reports const& after, std::size_t sender) {
  outcome all;
  auto const& from = before.at(sender);
  auto const& to = after.at(sender);
  all.messages = static_cast<double>(to.own_delivered - from.own_delivered);
  all.seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
  all.slots = static_cast<double>(to.slots - from.slots);
  all.p50_us = static_cast<double>(to.p50_ns) / 1e3;
  all.p99_us = static_cast<double>(to.p99_ns) / 1e3;
  for (std::size_t each = 0; each < before.size(); ++each) {
    auto const& first = before.at(each);
    auto const& last = after.at(each);
    all.cpu_seconds += static_cast<double>(last.cpu_ns - first.cpu_ns) / 1e9;
    all.bytes_written += static_cast<double>(last.bytes_written - first.bytes_written);
    all.as_planned = all.as_planned && last.leads == (each == 0) && first.leader_changes == last.leader_changes &&
                     first.dropped == last.dropped;
  }
  return all;
}

outcome measure(plan const& what, double seconds, tls_context_ptr const& tls) {
  temporary_directory const directory;
  group const members(directory.path(), tls);
  std::size_t const sender = what.sender == "leader" ? 0 : 1;
  order load;
  load.what = order::kind::load;
  load.payload_bytes = what.payload_bytes;
  load.outstanding = what.outstanding;
  members.at(sender).give(load);
  std::this_thread::sleep_for(std::chrono::duration<double>(warm_up_seconds));
  auto const before = members.sample();
  auto const until = std::chrono::steady_clock::now() + patience;
  for (;;) {  // on a busy machine a moment can pass without a message
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    auto const got = difference(before, members.sample(), sender);
    if (got.messages > 0) return got;
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("nothing is delivered");
  }
}

void print_head() {
  std::printf("%-8s %7s %11s %11s %8s %9s %9s %9s %12s %11s\n", "sender", "payload", "outstanding", "messages/s",
              "MB/s", "p50 us", "p99 us", "msgs/slot", "cpu s/100k", "wire/payload");
}

void print_row(plan const& what, outcome const& got) {
  double const payload = got.messages * static_cast<double>(what.payload_bytes);
  std::printf("%-8s %7zu %11zu %11.0f %8.1f %9.0f %9.0f %9.1f %12.2f %11.2f%s\n", what.sender.c_str(),
              what.payload_bytes, what.outstanding, got.messages / got.seconds, payload / got.seconds / 1e6, got.p50_us,
              got.p99_us, got.messages / std::max(got.slots, 1.0), got.cpu_seconds / got.messages * 1e5,
              got.bytes_written / payload, got.as_planned ? "" : "  (leader changed or messages dropped)");
  std::fflush(stdout);
}

std::vector<plan> plans(std::vector<std::string> const& senders, std::vector<std::size_t> const& payloads,
                        std::vector<std::size_t> const& outstanding) {
  std::vector<plan> all;
  for (auto const& sender : senders)
    for (auto const payload : payloads)
      for (auto const count : outstanding) all.push_back({sender, payload, count});
  return all;
}

int run(std::vector<plan> const& all, double seconds, runtime::tls_settings const& secured) try {
  auto const tls = runtime::tls_context::load(secured);
  if (!tls) throw std::runtime_error(tls.error().text);
  print_head();
  for (auto const& each : all) print_row(each, measure(each, seconds, *tls));
  return 0;
} catch (std::exception const& failed) {
  std::fprintf(stderr, "messages_bench: %s\n", failed.what());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 1;
  std::vector<std::string> senders{"leader", "follower"};
  std::vector<std::size_t> payloads{64, 1024, 16384};
  std::vector<std::size_t> outstanding{1, 1000};
  CLI::App app{"Ordered messages per second in a group of three processes on loopback"};
  app.add_option("--seconds", seconds, "Of each case")->check(CLI::Range(0.01, 60.0))->capture_default_str();
  app.add_option("--sender", senders, "Who sends")->check(CLI::IsMember({"leader", "follower"}));
  app.add_option("--payload", payloads, "Bytes of a message")->check(CLI::Range(1, 16 << 20));
  app.add_option("--outstanding", outstanding, "Messages under way at a time")->check(CLI::Range(1, 1'000'000));
  runtime::tls_settings secured;
  auto* const certificate = app.add_option("--certificate", secured.certificate, "PEM file: through TLS");
  certificate->needs(app.add_option("--key", secured.key, "PEM file of its key")->needs(certificate));
  CLI11_PARSE(app, argc, argv);
  catch_signals();
  if (!secured.certificate.empty()) secured.mode = runtime::tls_mode::required;
  return run(plans(senders, payloads, outstanding), seconds, secured);
}
