// The command line a server gives its state transfer program, wsrep_sst_METHOD, and its environment.
#pragma once

#include <string>
#include <vector>

#include "base/result.hh"

namespace sst {

struct arguments {
  enum class role_kind : std::uint8_t { donor, joiner } role = role_kind::donor;
  std::string address;   // joiner: where to listen; donor: what the joiner answered
  std::string data_dir;  // no '/' at its end
  std::string defaults_file, defaults_extra_file, defaults_group_suffix;
  std::string socket;
  std::string user, password;  // of wsrep_sst_auth
  std::string position;        // donor: uuid:seqno the donation began at
  std::string domain;
  std::string binlog, binlog_index;
  int parent = 0;  // the server; 0: not told
  bool bypass = false;
  std::vector<std::string> server_arguments;

  // --defaults-file and its like, as every program of the server takes them first.
  [[nodiscard]] std::vector<std::string> defaults() const;
};

// Names that are not known are left alone: newer servers may say more.
// Errors: a missing or unknown role, a missing address or data directory.
base::result<arguments> parse_arguments(int count, char const* const* words);

}  // namespace sst
