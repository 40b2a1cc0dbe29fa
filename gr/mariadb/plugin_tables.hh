// INFORMATION_SCHEMA.REPLICATION_GROUP_*: MySQL's names and columns, ours after them, from one snapshot of the group.
// The server's public headers do not describe such tables, so the layouts are spelled out in plugin_tables.cc; they were
// checked against the versions listed there, and with any other server these plugins refuse to start.
#pragma once

namespace gr::mariadb {

// Init functions of the INFORMATION_SCHEMA plugins. The argument is the server's description of the table.
int init_members_table(void* schema_table);
int init_member_stats_table(void* schema_table);
int init_communication_table(void* schema_table);
int init_recovery_table(void* schema_table);
int init_donors_table(void* schema_table);
int init_join_plan_table(void* schema_table);

}  // namespace gr::mariadb
