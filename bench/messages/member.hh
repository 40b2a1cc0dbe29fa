// One process of messages_bench: a member made of the real node, agreed log and transport, and a load it can be told to make.
//
// Owner:  a process of its own with one thread. The process that forked it gives orders over a socket and takes reports.
// Shape:  what gr does on top is left out: no certification, no notes, and what is delivered counts as consumed at once.
// Errors: whatever stands in the way of measuring is reported, and the process ends.
#pragma once

#include <sys/types.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/transport.hh"
#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace bench {

// What all members of a group have in common.
struct member_config {
  std::size_t members = 3;
  bool in_memory = false;     // durability MEMORY; otherwise OS
  bool keeps_absent = false;  // nobody is expelled, so the log keeps what a silent member lacks
  std::shared_ptr<runtime::tls_context const> tls;
};

// Both go over a socket that keeps packets apart, between two processes of one program: plain memory will do.
struct order {
  enum class kind : std::uint8_t { found, join, load, sample } what = kind::found;
  std::uint16_t seed_port = 0;  // join
  std::size_t payload_min = 0;  // load: sizes are spread evenly between the two
  std::size_t payload_max = 0;
  std::size_t outstanding = 0;  // load: submitted and not yet delivered, kept at this number; 0: no more
};
struct report {
  enum class kind : std::uint8_t { listening, ready, sampled, failed } what = kind::failed;
  std::uint16_t port = 0;  // listening
  // sampled: sums since the process began; latencies and the gap are those since the last sample
  std::int64_t at_ns = 0;
  std::int64_t cpu_ns = 0;
  std::uint64_t own_delivered = 0;
  std::uint64_t own_bytes = 0;
  std::uint64_t all_delivered = 0;  // messages of any member
  std::uint64_t slots = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t dropped = 0;
  std::uint64_t resident_max = 0;  // bytes, the most there ever were
  std::uint64_t leader_changes = 0;
  bool leads = false;
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t gap_ns = 0;  // the longest time without a delivery
  // Of the node's settings, what may be held of messages in bytes.
  std::uint64_t cache_budget = 0;
  std::uint64_t undelivered_budget = 0;
  std::uint64_t send_queue_budget = 0;  // for each peer
  std::uint64_t late_budget = 0;        // of the log, waiting to be written
  std::array<char, 256> why{};          // failed
};

class member {
 public:
  // `control` is this process's end of the socket.
  member(int control, std::string const& directory, unsigned number, member_config config);
  // Until the other end closes.
  void run();

 private:
  using clock = std::chrono::steady_clock;

  void open_log(std::string const& directory);
  void listen();
  void wait_for_order();
  void obey(order const& what);
  void begin(xcom::beginning how);
  void found_group();
  void join_group(std::uint16_t seed_port);
  void start_load(order const& what);
  void top_up();
  void note_latency(xcom::deliver const& what);
  void note_gap();
  [[nodiscard]] xcom::slot_no needed_log() const;
  void take_sample();
  void tell(report const& what);
  void tell_if_ready();
  [[noreturn]] void fail(std::string const& why);
  void must(base::result<void> const& done);

  void tick();
  void purge_log();
  void settle();
  void settle_soon();
  void on(xcom::persist_promise const& what) { must(log_->promise(what.promised)); }
  void on(xcom::persist_accepted const& what) { must(log_->accepted(what.slot)); }
  void on(xcom::persist_learned const& what) { must(log_->learned(what.slot)); }
  void on(xcom::persist_decided const& what) { must(log_->decided(what.up_to)); }
  void on(xcom::send const& what) { net_->send(what.address, what.what); }
  void on(xcom::serve_log const& what);
  void on(xcom::read_log const& what);
  void on(xcom::deliver const& what);
  void on(xcom::store_checkpoint const& what) { must(log_->store(what.at)); }
  void on(xcom::send_welcome const& what) { net_->send(what.address, what.what); }
  void on(xcom::site_installed const& what) { net_->speak(what.at.rules.protocol); }
  void on(xcom::joined const& what);
  void on(xcom::expelled const&) { fail("this member was expelled"); }
  void on(xcom::split_off const&) { fail("others went on without this member"); }
  void on(xcom::join_failed const& what) { fail(what.reason); }
  void on(xcom::left const&) {}
  void on(xcom::quorum_changed const&) {}
  void on(xcom::leader_changed const&) { ++leader_changes_; }
  void on(xcom::damaged_range const& what) { fail(what.why); }
  void on(xcom::history_lost const&) { fail("the others lack the history"); }
  void on(xcom::received_direct const&) {}

  member_config config_;
  boost::asio::io_context io_{1};
  boost::asio::posix::stream_descriptor control_;
  boost::asio::steady_timer timer_{io_};
  std::unique_ptr<runtime::transport> net_;
  std::unique_ptr<xcom::agreed_log> log_;
  std::optional<xcom::node> node_;
  xcom::site_member self_;
  std::vector<xcom::event> events_;
  std::vector<xcom::action> actions_;
  bool settle_posted_ = false;
  bool was_ready_ = false;
  std::uint64_t ticks_ = 0;
  std::uint64_t leader_changes_ = 0;
  std::uint64_t slots_ = 0;

  std::vector<std::uint8_t> payload_;  // as long as the longest
  std::size_t payload_min_ = 0;
  std::size_t outstanding_ = 0;
  base::prng sizes_{1};
  xcom::origin_seq next_seq_;
  std::uint64_t own_delivered_ = 0;
  std::uint64_t own_bytes_ = 0;
  std::uint64_t all_delivered_ = 0;
  clock::time_point last_delivery_ = clock::now();
  clock::duration gap_{};
  std::deque<clock::time_point> submitted_at_;  // of what is under way, oldest first
  std::vector<std::int64_t> latencies_ns_;
};

}  // namespace bench
