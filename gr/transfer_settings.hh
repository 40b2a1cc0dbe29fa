// What a state transfer program has to know of the group's settings, as a file in the data directory: how to copy, and the
// certificates. The program is started by the server and sees its configuration files, not what was set since.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"
#include "gr/options.hh"

namespace gr {

inline constexpr std::string_view transfer_settings_name = "group_replication.transfer";
// Beside it, kept current: how many transactions this member has to apply (runtime/shared_count.hh).
inline constexpr std::string_view transfer_backlog_name = "group_replication.backlog";

struct transfer_settings {
  std::string own_host;  // by which the others know this member
};

// "name=value" lines.
std::string transfer_settings_text(option_store const& options, transfer_settings const& more);
// Errors: a line that is none, a name or value no option has.
base::result<transfer_settings> parse_transfer_settings(std::string_view text, option_store& into);

}  // namespace gr
