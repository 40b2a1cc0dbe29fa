// The arbiter as a program of its own: runtime/arbiter.hh with a command line, a clock for its log lines, and signals.
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

#include "gr/mariadb/address.hh"
#include "runtime/arbiter.hh"

namespace {

using level = gr::server::level;

void say(level how, std::string const& text) {
  char const* const name = how == level::error ? "ERROR" : how == level::warning ? "Warning" : "Note";
  fmt::print("{:%Y-%m-%d %H:%M:%S} [{}] {}\n", fmt::localtime(std::time(nullptr)), name, text);
  std::fflush(stdout);
}

struct command_line {
  std::string address, group, own_address, listen, data_dir, name, options;
};

// One arbiter a directory: two would both answer for the same member.
base::result<void> take_directory(std::string const& path) {
  auto const failed = [&](char const* what) {
    return base::fail(std::string("cannot ") + what + " " + path + ": " + std::generic_category().message(errno));
  };
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) return failed("make");
  int const directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return failed("open");
  if (::flock(directory, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? base::fail("another arbiter uses " + path) : failed("lock");
  return {};  // held until the process ends
}

base::result<gr::mariadb::host_port> with_port(std::string const& text, char const* option) {
  auto const parsed = gr::mariadb::parse_host_port(text);
  if (!parsed) return base::fail(std::string(option) + ": " + parsed.error().text);
  auto whole = *parsed;
  if (whole.port == 0) whole.port = gr::mariadb::default_group_port;
  return whole;
}

base::result<runtime::arbiter_options> plan(command_line const& given) {
  runtime::arbiter_options made;
  auto const group = gr::mariadb::parse_cluster_address(given.address);
  if (!group) return base::fail("--address: " + group.error().text);
  made.seeds = group->seeds;
  auto const own = with_port(given.own_address, "--own-address");
  if (!own) return own.error();
  made.own_address = gr::mariadb::to_text(*own);
  auto const listen = with_port(given.listen.empty() ? made.own_address : given.listen, "--listen");
  if (!listen) return listen.error();
  made.listen_address = gr::mariadb::to_text(*listen);
  auto const options = std::make_shared<gr::option_store>();
  for (auto const& each : {group->options, given.options}) {
    auto const remarks = options->set_all(each, gr::option_store::moment::before_start);
    if (!remarks) return base::fail("--options: " + remarks.error().text);
    for (auto const& remark : *remarks) say(remark.how, remark.text);
  }
  made.options = options;
  made.group_name = given.group;
  made.data_dir = given.data_dir;
  made.name = given.name.empty() ? "arbiter" : given.name;
  return made;
}

void reload_on(boost::asio::signal_set& hangup, runtime::arbiter& arbiter) {
  hangup.async_wait([&](boost::system::error_code const& bad, int) {
    if (bad) return;
    auto const done = arbiter.reload_certificates();
    if (done)
      say(level::info, "reloaded the certificates, for new connections");
    else
      say(level::error, "the certificates are not reloaded, those read last stay in use: " + done.error().text);
    reload_on(hangup, arbiter);
  });
}

void describe(CLI::App& app, command_line& given) {
  app.add_option("--address", given.address, "members of the group: gr://host:port,host:port (gcomm:// is understood)")
      ->required();
  app.add_option("--group", given.group, "the group's name, as wsrep_cluster_name of its servers")->required();
  app.add_option("--own-address", given.own_address, "host[:port] the members reach this arbiter at (port 4567)")
      ->required();
  app.add_option("--data-dir", given.data_dir, "directory for its log, of its own; made if it is not there")
      ->required();
  app.add_option("--listen", given.listen, "host:port to listen at, where that differs from --own-address");
  app.add_option("--name", given.name, "how it is called in REPLICATION_GROUP_MEMBERS (arbiter)");
  app.add_option(
      "--options", given.options,
      "\"name=value;name=value\", as in wsrep_provider_options; group_replication_durability as on the servers");
}

}  // namespace

int main(int count, char** words) {
  CLI::App app{
      "Quorate's arbiter: a member of a group that votes and holds no data. Two servers and an arbiter go on when any "
      "one "
      "of the three dies. Ends in order on SIGTERM and SIGINT, reads its certificates again on SIGHUP"};
  command_line given;
  describe(app, given);
  CLI11_PARSE(app, count, words);
  auto done = take_directory(given.data_dir);
  auto const planned = done ? plan(given) : base::result<runtime::arbiter_options>(done.error());
  if (!planned) {
    say(level::error, planned.error().text);
    return 2;
  }
  boost::asio::io_context io(1);
  int status = 1;
  boost::asio::signal_set signals(io, SIGTERM, SIGINT);
  boost::asio::signal_set hangup(io, SIGHUP);
  runtime::arbiter arbiter(io, *planned, {say, [&](bool in_order) {
                                            status = in_order ? 0 : 1;
                                            signals.cancel();
                                            hangup.cancel();
                                          }});
  if (done = arbiter.begin(); !done) {
    say(level::error, done.error().text);
    return 1;
  }
  signals.async_wait([&](boost::system::error_code const& bad, int) {
    if (bad) return;
    say(level::info, "leaving the group");
    arbiter.leave();
  });
  reload_on(hangup, arbiter);
  io.run();
  say(level::info, status == 0 ? "the arbiter has ended" : "the arbiter cannot go on");
  return status;
}
