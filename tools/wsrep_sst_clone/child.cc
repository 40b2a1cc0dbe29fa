#include "tools/wsrep_sst_clone/child.hh"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace sst {
namespace {

constexpr std::size_t lines_kept = 12;

struct pipe_ends {
  int read = -1;
  int write = -1;
};

base::error failed_to(std::string const& what) {
  return base::fail("cannot " + what + ": " + std::generic_category().message(errno));
}

base::result<pipe_ends> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed_to("make a pipe");
  return pipe_ends{ends[0], ends[1]};
}

std::vector<char*> as_words(std::vector<std::string> const& command) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (auto const& each : command) words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  return words;
}

std::vector<char*> with_own(std::vector<std::string> const& more) {
  std::vector<char*> all;
  for (char** each = environ; *each != nullptr; ++each) all.push_back(*each);
  for (auto const& each : more) all.push_back(const_cast<char*>(each.c_str()));
  all.push_back(nullptr);
  return all;
}

struct plumbing {
  int input = -1;
  int output = -1;
  int said = -1;
};

// Between fork and exec: nothing here may allocate or take a lock.
[[noreturn]] void become(std::vector<char*> const& words, std::vector<char*> const& environment, plumbing const& ends,
                         pid_t parent) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::signal(SIGPIPE, SIG_DFL);
  (void)::dup2(ends.input, STDIN_FILENO);
  (void)::dup2(ends.output, STDOUT_FILENO);
  (void)::dup2(ends.said, STDERR_FILENO);
  environ = const_cast<char**>(environment.data());
  ::execvp(words.front(), words.data());
  constexpr std::string_view complaint = "it could not be started: is it installed?\n";
  (void)!::write(STDERR_FILENO, complaint.data(), complaint.size());
  ::_exit(127);
}

void close_all(std::initializer_list<int> ends) {
  for (int const each : ends)
    if (each >= 0) ::close(each);
}

}  // namespace

base::result<std::unique_ptr<child>> child::start(std::vector<std::string> const& command, pipe_kind pipe,
                                                  std::vector<std::string> const& environment, line_listener heard) {
  auto const said = open_pipe();
  if (!said) return said.error();
  pipe_ends data;
  if (pipe != pipe_kind::none) {
    auto const made = open_pipe();
    if (!made) return made.error();
    data = *made;
  }
  int const null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  bool const gives = pipe == pipe_kind::output;
  bool const takes = pipe == pipe_kind::input;
  auto const words = as_words(command);
  auto const variables = with_own(environment);
  auto const parent = ::getpid();
  auto const pid = ::fork();
  if (pid == 0) become(words, variables, {takes ? data.read : null, gives ? data.write : null, said->write}, parent);
  auto const why = failed_to("start " + command.front());
  close_all({null, said->write, takes ? data.read : -1, gives ? data.write : -1});
  if (pid < 0) {
    close_all({said->read, data.read, data.write});
    return why;
  }
  return std::make_unique<child>(pid, takes ? data.write : gives ? data.read : -1, said->read, std::move(heard));
}

child::child(pid_t pid, int pipe, int said, line_listener heard) : pid_(pid), pipe_(pipe), heard_(std::move(heard)) {
  listener_ = std::thread([this, said] { listen(said); });
}

child::~child() {
  close_pipe();
  if (!waited_) kill();
  (void)wait();
}

void child::listen(int said) {
  std::array<char, 4096> space{};
  std::string line;
  for (;;) {
    auto const got = ::read(said, space.data(), space.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (char const each : std::string_view(space.data(), static_cast<std::size_t>(got))) {
      if (each != '\n') {
        line += each;
        continue;
      }
      hear(std::exchange(line, {}));
    }
  }
  ::close(said);
}

void child::hear(std::string line) {
  if (line.empty()) return;
  if (heard_) heard_(line);
  std::lock_guard const hold(mutex_);
  lines_.push_back(std::move(line));
  if (lines_.size() > lines_kept) lines_.pop_front();
}

void child::close_pipe() {
  if (pipe_ >= 0) ::close(pipe_);
  pipe_ = -1;
}

void child::kill() const { ::kill(pid_, SIGKILL); }

int child::wait() {
  if (waited_) return status_;
  int raw = 0;
  while (::waitpid(pid_, &raw, 0) < 0 && errno == EINTR) {}
  waited_ = true;
  status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  listener_.join();
  return status_;
}

std::string child::last_words() const {
  std::lock_guard const hold(mutex_);
  std::string text;
  for (auto const& each : lines_) text += (text.empty() ? "" : " | ") + each;
  return text;
}

base::result<program_output> output_of(std::vector<std::string> const& command) {
  auto started = child::start(command, child::pipe_kind::output);
  if (!started) return started.error();
  auto& program = **started;
  program_output all;
  std::array<char, 4096> space{};
  for (;;) {
    auto const got = ::read(program.pipe(), space.data(), space.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    all.text.append(space.data(), static_cast<std::size_t>(got));
  }
  if (int const status = program.wait(); status != 0)
    return base::fail(command.front() + " ended with " + std::to_string(status) + ": " + program.last_words());
  return all;
}

}  // namespace sst
