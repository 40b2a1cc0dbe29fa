#include "tools/wsrep_sst_clone/say.hh"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>

namespace sst {
namespace {

void write_line(std::string_view level, std::string const& text) {
  auto const line =
      fmt::format("WSREP_SST: [{}] clone: {} ({:%Y%m%d %H:%M:%S})\n", level, text, fmt::localtime(std::time(nullptr)));
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void say(std::string const& text) { write_line("INFO", text); }
void warn(std::string const& text) { write_line("WARNING", text); }
void complain(std::string const& text) { write_line("ERROR", text); }

void reach(std::string_view step, int parent) {
  auto const* const wish = std::getenv("QUORATE_CLONE_KILL_AT");
  if (wish == nullptr) return;
  std::string_view const wanted(wish);
  if (wanted == std::string(step) + ":stop") {
    warn("stopped at step '" + std::string(step) + "', as QUORATE_CLONE_KILL_AT asks");
    ::kill(::getpid(), SIGSTOP);
    return;
  }
  bool const with_server = wanted == std::string(step) + ":server";
  if (wanted != step && !with_server) return;
  warn("killed at step '" + std::string(step) + "', as QUORATE_CLONE_KILL_AT asks");
  if (with_server && parent > 1) ::kill(parent, SIGKILL);
  ::kill(::getpid(), SIGKILL);
}

}  // namespace sst
