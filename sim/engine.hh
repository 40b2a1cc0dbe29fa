// The simulated database server behind gr::server: takes what the group hands over in order, applies it in parallel as far as
// the dependencies allow, commits in order; its clients execute transactions, wait for verdicts and read.
//
// Owner:  one life of one simulated server; the data outlives it in `storage`.
// Always: (1) positions are handed over one by one, each once, none that the data holds already;
//         (2) a transaction that passed finds every row it touches as it met it when it was executed;
//         (3) two transactions that may be applied together touch no row in common;
//         (4) a row a local transaction wrote is locked until it commits or gives up, as in a server.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "gr/member.hh"
#include "sim/data_exchange.hh"
#include "sim/database.hh"
#include "sim/world.hh"

namespace sim {

struct storage {
  std::optional<database> live;                // as the running server sees it
  std::optional<database> durable;             // as a crash leaves it at worst
  std::optional<data_exchange> exchange = {};  // a clone is taking their place
};

struct engine_ports {
  std::function<void(micros, std::function<void()>)> after;             // later in this life
  std::function<void(gr::member_event const&)> tell;                    // to the group
  std::function<void(gr::donate_state const&)> donate;                  // begin to send a copy
  std::function<void()> flush;                                          // storage::durable = live
  std::function<void()> moved;                                          // positions were applied
  std::function<void()> caught_up;                                      // in step with the group
  std::function<void(std::string const& why, bool may_return)> closed;  // out of the group: nothing more is applied
};

class engine {
 public:
  // `runs`: the server has been up before this group, and takes no copy.
  engine(std::string const& name, std::string address, world& shared, storage& data, engine_ports ports, bool runs);

  // ---- from the group ----
  void deliver(gr::server_event const& event);
  void resolve(std::uint64_t trx, gr::ordered const& outcome);
  void answer_read(gr::seqno_t acknowledged_before, gr::ordered const& outcome) const;

  // ---- clients ----
  // A transaction executed here and now, about to commit; nothing when the rows it wanted are locked.
  std::optional<gr::local_write_set> execute(base::prng& random);

  // ---- a copy of somebody else's data ----
  // `keeps_old`: what is here stays until all of the copy has come. Otherwise it is gone from now on.
  void begin_to_receive(bool keeps_old);
  void receive(database copy);

  // What apply_failed was answered with.
  void settle(gr::seqno_t seqno, gr::failure_outcome how);
  // Applies nothing any more, until it has a full copy.
  void close() { closed_ = true; }

  void set_slow(bool slow) { slow_ = slow; }
  [[nodiscard]] gr::seqno_t position() const { return data_.live && !receiving_ ? data_.live->position() : -1; }
  [[nodiscard]] bool is_ready() const { return ready_; }
  [[nodiscard]] std::size_t queued() const { return queue_.size() + (failing_ ? 1 : 0); }
  [[nodiscard]] std::size_t open_transactions() const { return local_.size(); }
  [[nodiscard]] bool receives() const { return receiving_; }
  [[nodiscard]] bool has_dropped_old() const { return receiving_ && !keeps_old_; }
  [[nodiscard]] bool up() const { return up_; }

 private:
  struct change {  // takes a position
    gr::seqno_t seqno = -1;
    gr::seqno_t depends_on = -1;
    std::uint64_t trx = 0;  // of a local one
    std::optional<transaction> what;
  };
  using item = std::variant<change, gr::server_event>;

  void enqueue(change next);
  void schedule();
  void work();
  void apply_together();
  void fail();
  void commit(change const& next);
  void handle(gr::server_event const& event);
  void end(gr::group_closed const& last, bool may_return);
  [[nodiscard]] std::string what_is_wrong(change const& next) const;
  [[nodiscard]] std::string rows_that_differ(change const& next) const;
  void release(std::uint64_t trx);
  [[nodiscard]] bool lock(transaction const& wanted);

  std::string const& name_;
  std::string address_;
  world& world_;
  storage& data_;
  engine_ports ports_;
  std::deque<item> queue_;
  std::optional<gr::group_closed> last_;        // was handed over, and nothing comes after it
  std::optional<change> failing_;               // the group is asked what became of it elsewhere
  std::map<std::uint64_t, transaction> local_;  // executed, and neither committed nor given up
  std::set<std::uint64_t> wait_everywhere_;     // those of them whose clients do (consistency AFTER)
  std::map<std::uint32_t, int> locks_;          // -1: by one that writes; else how many refer to it
  gr::seqno_t next_ = 0;                        // the position to be handed over next
  bool connected_ = false;
  bool ran_before_ = false;
  bool up_ = false;  // had its first view, or a copy
  bool ready_ = false;
  bool closed_ = false;
  bool working_ = false;
  bool receiving_ = false;
  bool keeps_old_ = false;
  bool slow_ = false;
};

}  // namespace sim
