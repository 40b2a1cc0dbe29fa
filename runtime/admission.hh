// Judges addresses by an allowlist, looking names up when nothing else lets one in.
//
// Owner:  the strand of its io_context. Lookups are Asio's, on a thread of Asio's own; the answer comes back on the strand.
// Cost:   a lookup of all names at most every few seconds, however many strangers knock.
// Always: an answer is given exactly once, unless this is gone before the names are found.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "gr/allowlist.hh"
#include "runtime/tcp.hh"

namespace runtime {

gr::ip_address to_ip(asio::ip::address const& from);

class admission : public std::enable_shared_from_this<admission> {
 public:
  using verdict = std::function<void(bool allowed)>;

  admission(asio::io_context& io, gr::allowlist allowed);

  // From now on; who is let in already stays.
  void set(gr::allowlist allowed);
  // Answers at once where no name has to be looked up.
  void judge(gr::ip_address const& who, verdict answer);
  void close();

 private:
  struct waiting {
    gr::ip_address who;
    verdict answer;
  };
  using found_addresses = std::vector<std::vector<gr::ip_address>>;  // beside the allowlist's names

  [[nodiscard]] bool allows(gr::ip_address const& who) const;
  [[nodiscard]] bool may_look_up() const;
  void look_up(std::size_t which, found_addresses found);
  void looked_up(found_addresses found);

  gr::allowlist allowed_;
  found_addresses found_;
  std::vector<waiting> waiting_;
  tcp::resolver resolver_;
  std::chrono::steady_clock::time_point looked_up_at_;
  std::uint64_t generation_ = 0;  // of the allowlist: a lookup for an older one is not used
  bool closed_ = false;
};

}  // namespace runtime
