// The state transfer program behind wsrep_sst_method = clone: run by the server, as a donor or as a joiner, with the arguments
// it gives such programs. What it prints on stdout is an answer to the server; stderr is the error log.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "runtime/data_swap.hh"
#include "tools/wsrep_sst_clone/arguments.hh"
#include "tools/wsrep_sst_clone/donor.hh"
#include "tools/wsrep_sst_clone/joiner.hh"
#include "tools/wsrep_sst_clone/say.hh"
#include "tools/wsrep_sst_clone/settings.hh"

namespace {

// A pipe of ours must not get the number of one of these.
void fill_standard_descriptors() {
  int each = 0;
  do { each = ::open("/dev/null", O_RDWR); } while (each >= 0 && each <= STDERR_FILENO);
  if (each > STDERR_FILENO) ::close(each);
}

// Nobody else tells a transfer program that its server is gone; what it started dies with it.
[[noreturn]] void watch_server() {
  for (;;) {
    pollfd answers{STDOUT_FILENO, 0, 0};
    if (::poll(&answers, 1, 1000) > 0 && (answers.revents & (POLLERR | POLLHUP)) != 0) {
      sst::complain("the server has ended, and the transfer with it");
      std::_Exit(EPIPE);
    }
  }
}

int donate(sst::arguments const& given, sst::settings const& how) {
  auto const where = sst::parse_joiner_address(given.address);
  if (where) return sst::donor(given, how, *where).run();
  sst::complain(where.error().text);
  return EINVAL;
}

int join(sst::arguments const& given, sst::settings const& how) {
  // The program of a server that was killed may be on its way out.
  auto const lock = runtime::clone_lock::take(given.data_dir, std::chrono::seconds(20));
  if (!lock) {
    sst::complain(lock.error().text);
    return EBUSY;
  }
  auto const finished = runtime::finish_swap(given.data_dir);
  if (!finished) {
    sst::complain(finished.error().text);
    return EIO;
  }
  if (*finished) sst::say("finished the exchange of data that was interrupted before");
  sst::joiner joiner(given, how);
  int const status = joiner.run();
  std::_Exit(status);  // connections of strangers may still be waited for
}

}  // namespace

int main(int count, char** words) {
  fill_standard_descriptors();
  ::signal(SIGPIPE, SIG_IGN);
  auto const given = sst::parse_arguments(count, words);
  if (!given) {
    sst::complain(given.error().text);
    return EINVAL;
  }
  auto const how = sst::read_settings(*given);
  if (!how) {
    sst::complain(how.error().text);
    return EINVAL;
  }
  std::thread(watch_server).detach();
  bool const donates = given->role == sst::arguments::role_kind::donor;
  return donates ? donate(*given, *how) : join(*given, *how);
}
