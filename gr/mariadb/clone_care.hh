// What this library does around clones of the server it is loaded into: the transfer itself is a program's, wsrep_sst_clone.
#pragma once

#include <optional>
#include <string>

#include "gr/options.hh"
#include "runtime/shared_count.hh"

namespace gr::mariadb {

// An exchange of old data for new that was interrupted is finished. Before the server's engines start. False: it could not be,
// and no engine may see the data as it is; the reason is in the log.
bool finish_interrupted_clone(std::string const& data_dir);

// The programs that lie beside this library are found by the server. As it starts, while it is one thread.
void make_own_programs_found();

// What the program is to know, since it cannot ask the server. Before the server runs it.
void tell_transfer_program(std::string const& data_dir, option_store const& options, std::string const& own_host);

// What it goes on looking at while it sends: how many transactions this server has to apply. None: it cannot be made, as the log
// says, and no transfer waits for them.
std::optional<runtime::shared_count> make_backlog(std::string const& data_dir);

// The member is ONLINE with the data it has. May take as long as removing the old data takes.
void settle_clone(std::string const& data_dir, option_store const& options);

}  // namespace gr::mariadb
