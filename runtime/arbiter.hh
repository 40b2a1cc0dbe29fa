// An arbiter: a member that votes and keeps the agreed log, and holds no data. It lets two servers and a small third machine
// have the majority that two servers alone cannot have.
//
// Owner:  the strand of its io_context; every call and callback is on it.
// Shape:  the node, its log and its connections, as in a server's member (runtime/live_group.hh), and nothing above them: it
//         never delivers, so it has no state a joiner or a recovering member could be given.
// Always: what it answers for is in its log first, as group_replication_durability says.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gr/beginning.hh"
#include "gr/options.hh"
#include "runtime/log_writing.hh"
#include "runtime/transport.hh"
#include "xcom/agreed_log.hh"
#include "xcom/node.hh"

namespace runtime {

struct arbiter_options {
  std::string group_name;
  std::vector<std::string> seeds;  // host:port of members of the group
  std::string own_address;         // host:port the others reach it at
  std::string listen_address;      // host:port
  std::string data_dir;            // its log; made for it alone
  std::string name;
  std::shared_ptr<gr::option_store const> options;
};

struct arbiter_callbacks {
  std::function<void(gr::server::level how, std::string const& text)> say;
  std::function<void(bool in_order)> ended;  // once, when it has left or cannot go on
};

class arbiter {
 public:
  arbiter(boost::asio::io_context& io, arbiter_options options, arbiter_callbacks calls);
  ~arbiter();
  arbiter(arbiter const&) = delete;
  arbiter& operator=(arbiter const&) = delete;

  // Opens the log and comes back as the member it was, or asks the seeds to be taken in. Errors: the log's, the port's.
  base::result<void> begin();
  // Reads the certificates again, for connections made from now on. Errors: what was wrong; those read last stay.
  base::result<void> reload_certificates();
  // Leaves the group in order; ended() follows, after a few seconds at most.
  void leave();

 private:
  [[nodiscard]] base::result<std::shared_ptr<tls_context const>> load_certificates() const;
  void note_untrusted(std::string const& address, std::string const& why);
  base::result<void> listen();
  base::result<void> come_back(xcom::recovered_log const& found);
  base::result<void> ask_to_join();
  void become_new_incarnation(xcom::member_id const& before);
  [[nodiscard]] xcom::site_member entry() const;
  void make_node(xcom::beginning how);
  void end(bool in_order);

  void step(xcom::event what);
  void perform(xcom::action const& what);
  [[nodiscard]] kept_log log_in_use() { return {*log_, durable_, late_.get(), unsynced_}; }
  void write(xcom::value const& what, std::function<base::result<void>()> how);
  void arm_timer();
  void tick();
  void finish_tick();
  void say_that_it_votes();
  void keep_log_short();
  void log_failed(base::result<void> const& done);
  void sync();

  void on(xcom::persist_promise const& what);
  void on(xcom::persist_accepted const& what);
  void on(xcom::persist_learned const& what);
  void on(xcom::persist_decided const& what);
  void on(xcom::send const& what);
  void on(xcom::serve_log const& what);
  void on(xcom::site_installed const& what);
  void on(xcom::joined const& what);
  void on(xcom::expelled const& what);
  void on(xcom::split_off const& what);
  void on(xcom::join_failed const& what);
  void on(xcom::left const& what);
  void on(xcom::quorum_changed const& what);
  void on(xcom::leader_changed const& what);
  void on(xcom::history_lost const& what);
  void on(xcom::damaged_range const& what);
  // It delivers nothing and is told nothing.
  void on(xcom::read_log const&) {}
  void on(xcom::deliver const&) {}
  void on(xcom::store_checkpoint const&) {}
  void on(xcom::send_welcome const&) {}
  void on(xcom::received_direct const&) {}

  boost::asio::io_context& io_;
  arbiter_options options_;
  arbiter_callbacks calls_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<xcom::agreed_log> log_;
  std::shared_ptr<late_files> late_;        // the log's files with durability MEMORY; null otherwise
  std::shared_ptr<tls_context const> tls_;  // null: members speak plainly
  std::unique_ptr<transport> net_;
  std::optional<xcom::node> node_;
  xcom::member_id self_;
  std::uint64_t boot_ = 1;
  gr::durability durable_ = gr::durability::os;
  bool unsynced_ = false;
  bool ended_ = false;
  base::tick_count now_;
  base::tick_count kept_short_at_;
  std::optional<base::tick_count> leaving_since_;
  bool said_it_votes_ = false;  // as this incarnation
  xcom::slot_no log_begins_;
  std::uint64_t options_seen_ = 0;
  std::map<std::string, std::string> refusals_;  // address: why; said once each
  stepping steps_;                               // last: its thread uses the log
};

}  // namespace runtime
