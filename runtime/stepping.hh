// Steps a node with what comes for it, and has what it asks for carried out: one by one, in order. What takes its time is done
// aside (runtime/aside.hh); until it is done the node stands still between two actions, and the others are told that this member
// is there.
//
// Owner:  the strand of a member or an arbiter.
// Always: (1) an action is carried out before the next one is begun, and all of a step before the next step; (2) while busy()
//         nobody but the work aside uses the machines and their log: whoever comes for them waits in when_free(); (3) who waits
//         there comes before the next step, so that a member that is always busy still does everything.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/aside.hh"
#include "runtime/transport.hh"
#include "xcom/node.hh"

namespace runtime {

class stepping {
 public:
  // Null where there is none (any more). `perform` may push events, and begin work aside as the last thing it does. `sync` is
  // asked before anything leaves this member, to others or to its server; it may begin work aside, which that then waits for.
  struct parts {
    std::function<xcom::node*()> node;
    std::function<transport*()> net;
    std::function<void(xcom::action const&)> perform;
    std::function<void()> sync;
  };
  stepping(boost::asio::io_context& strand, parts with);

  void push(xcom::event what) { events_.push_back(std::move(what)); }
  // What another member said. It counts as heard at once, also while the node stands still.
  void hear(xcom::member_id const& from, xcom::wire_message what);
  // Events cause actions, actions cause events: until there is neither. Events that wait together are stepped together, which is
  // what makes one batch of them. Nothing while it runs already, or is busy.
  void settle();
  void settle_soon();  // what one read brought is stepped together
  void forget_events() { events_.clear(); }
  // Own messages that wait to be stepped.
  [[nodiscard]] std::uint64_t submissions_waiting() const;

  // Needs !busy(). `bytes`: how much there is to do; who takes longer than a slow disk would falls silent, and the others go on
  // without it.
  void do_aside(std::size_t bytes, std::function<void()> work, std::function<void()> then);
  [[nodiscard]] bool busy() const { return aside_.busy(); }
  void when_free(std::function<void()> what) { aside_.when_free(std::move(what)); }
  // Every tick while busy. True: that was due, and a majority is heard.
  bool keep_alive();
  // The owner's tick, once, as when_free() however often it is asked for.
  void tick_when_free(std::function<void()> what);
  // Time has gone by: what is arriving, and the tick itself.
  void tick(base::tick_count now);

 private:
  void carry_out();
  void note_heartbeat(xcom::action const& what);

  boost::asio::io_context& strand_;
  parts with_;
  std::deque<xcom::event> events_;
  std::vector<xcom::action> actions_;  // of the step under way
  std::size_t performed_ = 0;          // of those
  bool runs_ = false;
  bool tick_waits_ = false;
  std::shared_ptr<bool> soon_ = std::make_shared<bool>(false);  // a settle() is posted
  std::optional<xcom::heartbeat> said_;                         // last; what it claims is carried out
  base::tick_count said_at_;
  base::tick_count speaks_until_;
  std::uint64_t bytes_read_before_ = 0;
  aside aside_;  // last: its thread ends before what it works on
};

}  // namespace runtime
