// A transport that remembers all it is told, and a strand that runs until a claim holds.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/tcp.hh"
#include "runtime/transport.hh"

namespace runtime {

inline xcom::wire_message heartbeat_number(std::uint64_t count) {
  xcom::heartbeat beat;
  beat.count = count;
  return beat;
}

inline xcom::wire_message words(std::string const& text) { return xcom::direct{base::blob::copy_of(text)}; }
inline xcom::wire_message words(std::size_t size) {
  return xcom::direct{base::blob(std::vector<std::uint8_t>(size, 0x5a))};
}

struct node {
  std::vector<std::pair<xcom::member_id, xcom::wire_message>> messages;
  std::vector<std::string> lost;
  std::vector<std::pair<std::string, std::string>> rejected;
  std::vector<std::string> lines;
  std::unique_ptr<transport> link;

  std::vector<std::pair<std::string, std::string>> untrusted;

  node(asio::io_context& io, std::uint64_t number, std::string const& group = "g",
       std::string const& listen = "127.0.0.1:0", std::size_t queue_bytes_max = 256U << 20)
      : node(io, configured(number, group, listen, queue_bytes_max)) {}
  node(asio::io_context& io, transport_config const& config) {
    transport_callbacks calls;
    calls.on_message = [this](auto const& from, auto what) { messages.emplace_back(from, std::move(what)); };
    calls.on_link_lost = [this](auto const& address) { lost.push_back(address); };
    calls.on_rejected = [this](auto const& address, auto const& why) { rejected.emplace_back(address, why); };
    calls.on_untrusted = [this](auto const& address, auto const& why) { untrusted.emplace_back(address, why); };
    calls.on_log = [this](auto const& line) { lines.push_back(line); };
    link = std::make_unique<transport>(io, config, calls);
  }
  static transport_config configured(std::uint64_t number, std::string const& group = "g",
                                     std::string const& listen = "127.0.0.1:0",
                                     std::size_t queue_bytes_max = 256U << 20) {
    transport_config config;
    config.listen_address = listen;
    config.group_name = group;
    config.self = {base::make_uuid(number, number), 1};
    config.allowed = *gr::allowlist::parse("AUTOMATIC");
    config.queue_bytes_max = queue_bytes_max;
    config.hello_timeout = std::chrono::milliseconds(300);
    return config;
  }
  void listen() {
    auto const done = link->listen();
    if (!done) ADD_FAILURE() << done.error().text;
  }
  [[nodiscard]] std::string const& address() const { return link->self_address(); }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> found;
    for (auto const& [from, what] : messages) {
      if (auto const* said = std::get_if<xcom::direct>(&what)) found.emplace_back(said->payload.text());
    }
    return found;
  }
};

class transport_test : public ::testing::Test {
 protected:
  // Runs the strand until the claim holds; false when it does not within ten seconds.
  template <class Claim> bool until(Claim claim, std::chrono::milliseconds most = std::chrono::seconds(10)) {
    auto const deadline = std::chrono::steady_clock::now() + most;
    while (!claim()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io.restart();
      io.run_one_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  void pause(std::chrono::milliseconds time) {
    until([] { return false; }, time);
  }

  asio::io_context io;
};

}  // namespace runtime
