// INFORMATION_SCHEMA.REPLICATION_GROUP_*: MySQL's names and columns, ours after them, from one snapshot of the group.
// The server's public headers do not describe such tables, so the layouts are spelled out in plugin_tables.cc; they were
// checked against the versions listed there, and with any other server these plugins refuse to start.
#pragma once

#include <cstddef>

namespace gr::mariadb {

// Init function of the INFORMATION_SCHEMA plugin for shown_tables()[which]. Its argument is the server's description of the table.
using table_init = int (*)(void* schema_table);
table_init init_of_table(std::size_t which);

}  // namespace gr::mariadb
