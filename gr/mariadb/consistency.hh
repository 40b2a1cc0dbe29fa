// group_replication_consistency: what a session is promised about reads at other members. A session variable of the plugin; BEFORE
// is the server's own wsrep_sync_wait, which the variable sets, and AFTER is a wait at the end of each commit.
#pragma once

#include <cstdint>

struct st_mysql_sys_var;

namespace gr::mariadb {

enum class consistency : std::uint8_t { eventual, before_on_primary_failover, before, after, before_and_after };

constexpr bool waits_after(consistency level) {
  return level == consistency::after || level == consistency::before_and_after;
}
constexpr bool waits_before(consistency level) {
  return level == consistency::before || level == consistency::before_and_after;
}

// Of the session this thread serves; of new sessions where it serves none, or the plugin is not loaded.
consistency consistency_of_session();

st_mysql_sys_var* consistency_variable();
// The plugin's start and end: from here on the option and the variable's global value are the same.
void connect_consistency();
void disconnect_consistency();

}  // namespace gr::mariadb
