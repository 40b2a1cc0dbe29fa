// What the user wrote about this library in configuration files and on the command line, before the server itself looks.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hh"

namespace gr::mariadb {

// Every group_replication_* setting, in the order in which later ones win: files first, then the command line. Names come
// without "--" and "loose-", dashes as underscores; a setting without a value has an empty one.
// Why: the provider starts before the server has parsed any plugin's variables, and needs them then. So this reads them
//      the way the server will: with its own load_defaults, on a copy of its original arguments.
// Empty when the process is not a server.
std::vector<std::pair<std::string, std::string>> configured_plugin_options();

// Puts them into shared_state's options, once for the process: whichever face of the library comes first does it, the
// other gets the same answer. wsrep_provider_options are to be set after it, so that they win.
// Errors: the first value that is refused. Names that no option has are left to the server, which complains about them.
base::result<void> load_configured_options();

// One command-line argument; an empty name: not one of ours.
std::pair<std::string, std::string> parse_plugin_argument(std::string_view argument);

// "donor_threshold" for "group_replication_donor_threshold" and for itself.
std::string_view bare_option_name(std::string_view name);

}  // namespace gr::mariadb
