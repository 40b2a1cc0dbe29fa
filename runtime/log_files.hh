// The agreed log's files as group_replication_durability wants them.
#pragma once

#include <memory>
#include <string>

#include "gr/beginning.hh"
#include "runtime/late_files.hh"

namespace runtime {

struct log_files {
  std::shared_ptr<xcom::segment_files> all;
  std::shared_ptr<late_files> late;  // the same, with MEMORY; null otherwise
};

// MEMORY: written behind and never synced. OS: written at once and synced behind, so that little of it is lost with the host.
// DISK: written and synced at once.
log_files make_log_files(std::string data_dir, gr::durability durable);

}  // namespace runtime
