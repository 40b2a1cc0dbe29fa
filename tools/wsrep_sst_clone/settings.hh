// Everything a transfer is told: by the group (the file the library writes for it), by the [sst] section of the server's
// configuration, and by what the server itself is configured with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hh"
#include "clone/packing.hh"
#include "gr/options.hh"
#include "runtime/data_swap.hh"
#include "runtime/tls_context.hh"
#include "tools/wsrep_sst_clone/arguments.hh"

namespace sst {

struct settings {
  cloning::packing packing = cloning::packing::zstd;
  std::uint32_t streams = 1;
  std::uint64_t bytes_per_second_max = 0;  // 0: no limit
  std::uint64_t backlog_max = 0;           // of the donor, in transactions, while it sends; 0: no limit
  unsigned reconnect_seconds = 60;
  runtime::keep_old keep_old = runtime::keep_old::until_online;
  std::shared_ptr<runtime::tls_context const> tls;  // null: plainly
  std::string own_host;

  std::string anchor = "ibdata1";  // the first file of InnoDB's system tablespace
  bool trial_start = true;
  std::vector<std::string> encryption;  // what a server needs to read encrypted tables, as options of its command line
  std::string memory;                   // for preparing, as mariadb-backup takes it; empty: its own default
  std::vector<std::string> backup_arguments, prepare_arguments;  // of the user, for mariadb-backup
};

// Errors: a value that is not allowed; a part of the data that is configured to lie outside the data directory, where a swap
// would not reach it; certificates that cannot be used.
base::result<settings> read_settings(arguments const& given);

}  // namespace sst
