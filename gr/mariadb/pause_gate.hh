// Holds this server at one position while somebody copies or locks it. Everything that was handed to an applier or answered
// to a client before the pause finishes; everything after it waits here. Never depends on the network.
// Always: while paused, nothing above hold_ has been let through.
#pragma once

#include <condition_variable>
#include <mutex>

#include "gr/ports.hh"

namespace gr::mariadb {

class pause_gate {
 public:
  void open(seqno_t last);

  // A local write set about to be ordered: waits while paused. False: closed meanwhile.
  bool enter();
  // A local one that got its position: waits while paused and after the hold. False: closed meanwhile, it must not go on.
  bool let_through(seqno_t seqno);
  // An event for the appliers, -1 when it has no position: true when it may be handed out now.
  bool admit(seqno_t seqno);
  [[nodiscard]] bool holds(seqno_t seqno) const;

  // The position everything is held at; wait for it to have left.
  seqno_t pause();
  void resume();
  // Ends every wait here; true when it was paused.
  bool close();

  [[nodiscard]] seqno_t highest() const;

 private:
  bool is_held(seqno_t seqno) const { return paused_ != 0 && (seqno < 0 || seqno > hold_); }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  unsigned paused_ = 0;
  bool closed_ = false;
  seqno_t hold_ = -1;
  seqno_t highest_ = -1;  // let through so far
};

}  // namespace gr::mariadb
