// The Gr_* status variables: a glance at the group from SHOW GLOBAL STATUS.
#pragma once

struct st_mysql_show_var;

namespace gr::mariadb {

// For the plugin's declaration: ends with an empty entry. Without a group they say OFFLINE and zero.
st_mysql_show_var* status_variables();

}  // namespace gr::mariadb
