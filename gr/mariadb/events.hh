// What the group delivers, on its way to the server's applier threads: first in, first out. Write sets are handed to as many
// threads as ask; every other event is exclusive: nothing more is handed out until its thread says it is done.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "gr/mariadb/pause_gate.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

class event_queue {
 public:
  explicit event_queue(pause_gate& gate) : gate_(gate) {}

  // Begins anew, after connect or before it; what was left is dropped.
  void open();
  void push(server_event event);
  // From one open() to the next. A thread that began in one gets nothing of a later one.
  using session_no = std::uint64_t;
  [[nodiscard]] session_no session() const;
  // The next event, or none once the session is closed. Waits.
  std::optional<server_event> take(session_no session);
  // Like take() without waiting: what disconnect does when no applier thread is there to do it.
  std::optional<server_event> take_now();
  // The exclusive event taken last is done.
  void done();
  // Nothing more is handed out in this session, whoever waits comes back with none.
  void close(session_no session);
  // The group is left: its last event has come, or none will.
  [[nodiscard]] bool is_ending() const;
  // The pause gate changed.
  void pause_changed();

  struct statistics {
    std::size_t length, length_max, length_min;
    double length_average;
  };
  [[nodiscard]] statistics look() const;
  void reset_statistics();

 private:
  bool may_take();
  server_event pop();
  void drop_held_at_close();

  pause_gate& gate_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<server_event> events_;
  session_no session_ = 0;
  bool closed_ = true;
  bool closing_ = false;    // group_closed is in the queue
  bool exclusive_ = false;  // somebody handles an exclusive event
  std::size_t length_max_ = 0;
  std::size_t length_min_ = 0;
  std::uint64_t samples_ = 0;
  std::uint64_t samples_total_ = 0;
};

bool is_exclusive(server_event const& event);
// The position the event takes, -1: none.
seqno_t position_of(server_event const& event);

}  // namespace gr::mariadb
