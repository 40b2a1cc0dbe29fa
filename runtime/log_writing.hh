// What a step asks to be written, as the log's durability wants it: at once where it is small, and aside where the disk may take
// its time (runtime/stepping.hh).
#pragma once

#include <functional>

#include "gr/beginning.hh"
#include "runtime/late_files.hh"
#include "runtime/stepping.hh"
#include "xcom/agreed_log.hh"

namespace runtime {

// The log of a member or an arbiter. All of it outlives what is done aside.
struct kept_log {
  xcom::agreed_log& log;
  gr::durability durable;
  late_files* late;  // with MEMORY
  bool& unsynced;    // a promise or an acceptance was written since the log was synced
};
using log_outcome = std::function<void(base::result<void> const& done)>;

// `how` writes a slot with this value. A large one is caught up with as well, so that what comes next does not wait for the disk.
void write_slot(stepping& steps, kept_log where, xcom::value const& what, std::function<base::result<void>()> how,
                log_outcome then);

// With durability DISK nothing leaves this member, to others or to its server, before what it rests on is synced. One sync
// is for everything the step wrote, and what arrives meanwhile waits for the next step: the slower the disk, the larger the
// groups that share a sync.
void sync_before_answering(stepping& steps, kept_log where, log_outcome then);

}  // namespace runtime
