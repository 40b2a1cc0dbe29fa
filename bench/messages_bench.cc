// Ordered messages per second, and how long the sender waits for each, in a group of processes on loopback: node, agreed log
// (in the page cache, or behind with --durability MEMORY) and transport as a server has them, without gr and the server on top.
// A sender keeps a number of messages outstanding, its window. Each row is a new group; warming up does not count.
//
//   messages_bench                                   the short table, a second each
//   messages_bench --seconds 5 --payload 1024 --window 1 --sender follower
//   messages_bench --matrix                          every case, about ten minutes; docs/performance.md has its table
//   messages_bench --gaps                            how long nothing is delivered when a member dies or stands still
//   messages_bench --endurance 10000000              memory, with a follower paused for half of the messages
//   messages_bench --certificate member.pem --key member.key    through TLS; --payload 16384 shows what encryption costs
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/messages/endurance.hh"
#include "bench/messages/gaps.hh"
#include "bench/messages/throughput.hh"

namespace {

struct wishes {
  double seconds = 1;
  std::vector<std::size_t> members{3};
  std::vector<std::string> durabilities{"OS"};
  std::vector<std::string> senders{"leader", "follower"};
  std::vector<std::size_t> payloads{64, 1024, 16384};
  std::vector<std::size_t> windows{1, 1000};
  bool matrix = false;
  bool gaps = false;
  std::uint64_t endurance = 0;
  runtime::tls_settings secured;
};

void describe(CLI::App& app, wishes& wanted) {
  app.add_option("--seconds", wanted.seconds, "Of each case")->check(CLI::Range(0.01, 60.0))->capture_default_str();
  app.add_option("--members", wanted.members, "Processes in the group; from the tenth on they have no vote")
      ->check(CLI::Range(std::size_t{1}, xcom::site_members_max));
  app.add_option("--durability", wanted.durabilities, "As group_replication_durability")
      ->check(CLI::IsMember({"MEMORY", "OS"}));
  app.add_option("--sender", wanted.senders, "Who sends")->check(CLI::IsMember({"leader", "follower", "all"}));
  app.add_option("--payload", wanted.payloads, "Bytes of a message")->check(CLI::Range(1, 16 << 20));
  app.add_option("--window,--outstanding", wanted.windows, "Messages of a sender under way at a time")
      ->check(CLI::Range(1, 1'000'000));
  app.add_flag("--matrix", wanted.matrix, "Every payload, window, sender and durability, and groups of five and seven");
  app.add_flag("--gaps", wanted.gaps, "The longest time without a delivery when a member dies or stands still");
  app.add_option("--endurance", wanted.endurance, "So many messages, and how much memory they take");
  auto* const certificate = app.add_option("--certificate", wanted.secured.certificate, "PEM file: through TLS");
  certificate->needs(app.add_option("--key", wanted.secured.key, "PEM file of its key")->needs(certificate));
}

std::vector<bench::plan> plans(wishes const& wanted, bench::member_config config) {
  std::vector<bench::plan> all;
  for (auto const count : wanted.members)
    for (auto const& durability : wanted.durabilities)
      for (auto const& sender : wanted.senders)
        for (auto const payload : wanted.payloads)
          for (auto const window : wanted.windows) {
            config.members = count;
            config.in_memory = durability == "MEMORY";
            all.push_back({config, sender, payload, window});
          }
  return all;
}

std::vector<bench::plan> matrix(wishes wanted, bench::member_config const& config) {
  wanted.members = {3};
  wanted.durabilities = {"MEMORY", "OS"};
  wanted.senders = {"leader", "follower", "all"};
  wanted.payloads = {64, 1024, 16384, 262144};
  wanted.windows = {1, 32, 256, 1000};
  auto all = plans(wanted, config);
  wanted.members = {5, 7};
  wanted.durabilities = {"MEMORY"};
  wanted.senders = {"leader", "all"};
  wanted.payloads = {64, 1024};
  wanted.windows = {1, 1000};
  for (auto& each : plans(wanted, config)) all.push_back(std::move(each));
  return all;
}

int run(wishes wanted) try {
  if (!wanted.secured.certificate.empty()) wanted.secured.mode = runtime::tls_mode::required;
  auto const tls = runtime::tls_context::load(wanted.secured);
  if (!tls) throw std::runtime_error(tls.error().text);
  bench::member_config config;
  config.tls = *tls;
  config.members = wanted.members.front();
  config.in_memory = wanted.durabilities.front() == "MEMORY";
  if (wanted.gaps) return bench::measure_gaps(config), 0;
  if (wanted.endurance > 0) return bench::endure(config, wanted.endurance) ? 0 : 1;
  bench::measure_throughput(wanted.matrix ? matrix(wanted, config) : plans(wanted, config), wanted.seconds);
  return 0;
} catch (std::exception const& failed) {
  std::fprintf(stderr, "messages_bench: %s\n", failed.what());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Ordered messages per second in a group of processes on loopback"};
  wishes wanted;
  describe(app, wanted);
  CLI11_PARSE(app, argc, argv);
  bench::catch_signals();
  return run(std::move(wanted));
}
