// A program of the server's that does a part of the work: mariadb-backup, mbstream, my_print_defaults.
//
// Owner:  one thread, the one that started it, for as long as it runs: it dies with that thread.
// Always: it inherits stdin, stdout and stderr and no other descriptor. What it says on stderr is read all the time, and the
//         last lines are kept: they say why it failed.
#pragma once

#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.hh"

namespace sst {

class child {
 public:
  enum class pipe_kind : std::uint8_t { none, input, output };
  using line_listener = std::function<void(std::string_view line)>;
  // `pipe`: which of its ends we hold, if any. Found through PATH. `environment`: "NAME=value" beside our own. `heard` is told
  // each line it says on stderr, on a thread of its own.
  static base::result<std::unique_ptr<child>> start(std::vector<std::string> const& command, pipe_kind pipe,
                                                    std::vector<std::string> const& environment = {},
                                                    line_listener heard = {});
  child(pid_t pid, int pipe, int said, line_listener heard);
  ~child();  // kills it if it still runs
  child(child const&) = delete;
  child& operator=(child const&) = delete;

  [[nodiscard]] int pipe() const { return pipe_; }
  void close_pipe();
  // It ends; wait() has to follow all the same. Any thread.
  void kill() const;
  // Its exit status, 128 and more for a signal; the last lines it said.
  int wait();
  [[nodiscard]] std::string last_words() const;

 private:
  void listen(int said);
  void hear(std::string line);

  pid_t pid_;
  int pipe_;
  int status_ = -1;
  bool waited_ = false;
  line_listener heard_;
  mutable std::mutex mutex_;
  std::deque<std::string> lines_;
  std::thread listener_;
};

// Runs one to its end. Errors: it could not be started or did not end with 0, with its last words.
struct program_output {
  std::string text;
};
base::result<program_output> output_of(std::vector<std::string> const& command);

}  // namespace sst
