#include "runtime/log_files.hh"

#include <utility>

#include "runtime/files.hh"

namespace runtime {

log_files make_log_files(std::string data_dir, gr::durability durable) {
  files_config config{.directory = std::move(data_dir)};
  if (durable == gr::durability::memory) {
    // Nobody waits for the disk, so nothing is gained by keeping it busy.
    config.sync = syncing::never;
    config.writeback_bytes = 0;
    auto late = std::make_shared<late_files>(std::make_shared<directory_files>(std::move(config)));
    return {late, late};
  }
  config.sync = durable == gr::durability::disk ? syncing::at_once : syncing::behind;
  return {std::make_shared<directory_files>(std::move(config)), nullptr};
}

}  // namespace runtime
