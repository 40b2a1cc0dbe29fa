// What is known of the log beside the log: on which boot of the host its incarnation wrote it, and with what durability.
// That says whether a restarted process answers for it (gr/beginning.hh); docs/formats.md.
#pragma once

#include <string>

#include "base/result.hh"
#include "gr/beginning.hh"

namespace runtime {

struct log_keeping {
  bool same_host_boot = false;
  gr::durability durable = gr::durability::os;
};

// A file that is missing or not whole says nothing, which makes a new incarnation.
log_keeping read_log_keeping(std::string const& data_dir);

// Synced, whatever the durability. To be called once all that the incarnation wrote before is on the disk.
base::result<void> write_log_keeping(std::string const& data_dir, gr::durability durable);

}  // namespace runtime
