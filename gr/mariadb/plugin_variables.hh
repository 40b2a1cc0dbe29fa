// The group_replication_* system variables, made from the table of options.
#pragma once

struct st_mysql_sys_var;

namespace gr::mariadb {

// For the plugin's declaration: null at the end. Built on first use, never destroyed.
st_mysql_sys_var** system_variables();

// From now on the variables show what shared_state's options hold, whoever set it. Before that they are scratch: while the
// server loads a plugin it writes defaults and clamped values into them, which must not reach a running provider.
void connect_system_variables();
void disconnect_system_variables();

}  // namespace gr::mariadb
