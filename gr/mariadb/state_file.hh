// grastate.dat and gvwstate.dat in the data directory, as tools made for Galera read them.
// Always: a file is replaced as a whole (written aside, synced, renamed); the seqno is -1 while the server runs.
#pragma once

#include <optional>
#include <string>

#include "base/result.hh"
#include "gr/ports.hh"

namespace gr::mariadb {

struct saved_state {
  base::uuid group;
  seqno_t seqno = -1;
  bool safe_to_bootstrap = true;
  bool diverged = false;  // this data stopped being the group's: not to be continued from
};

// None: no such file. Errors: name the file and the line.
base::result<std::optional<saved_state>> read_state_file(std::string const& data_dir);
base::result<void> write_state_file(std::string const& data_dir, saved_state const& state);

base::result<void> write_view_file(std::string const& data_dir, view const& now, bool bootstrap);
void remove_view_file(std::string const& data_dir);

}  // namespace gr::mariadb
