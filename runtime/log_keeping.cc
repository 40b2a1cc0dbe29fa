#include "runtime/log_keeping.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace runtime {
namespace {

std::string host_boot() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

// Called so that state transfer scripts leave it alone.
std::string file_in(std::string const& data_dir) { return data_dir + "/group_replication.host.log"; }

}  // namespace

log_keeping read_log_keeping(std::string const& data_dir) {
  std::ifstream in(file_in(data_dir));
  std::string boot;
  std::string durable;
  std::getline(in, boot);
  std::getline(in, durable);
  auto const kept = gr::durability_named(durable);
  if (!in || !kept) return {};
  return {!boot.empty() && boot == host_boot(), *kept};
}

base::result<void> write_log_keeping(std::string const& data_dir, gr::durability durable) {
  auto const path = file_in(data_dir);
  auto const text = host_boot() + "\n" + gr::to_string(durable) + "\n";
  int const file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  bool const good =
      file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  int const why = errno;
  if (file >= 0) ::close(file);
  if (good) return {};
  return base::fail("cannot write " + path + ": " + std::generic_category().message(why));
}

}  // namespace runtime
