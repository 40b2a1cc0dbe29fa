#include "clone/residents.hh"

#include <gtest/gtest.h>

#include <vector>

namespace cloning {
namespace {

using names = std::vector<std::string>;

TEST(residents, the_servers_own_files_stay) {
  for (auto const* name : {"group_replication.00000001.log", "gvwstate.dat", "host.err", "slow.log", "server-key.pem",
                           "mysqld.pid", "mysql.sock", "auto.cnf", ".clone", "group_replication.transfer"})
    EXPECT_TRUE(file_stays(name)) << name;
}

TEST(residents, data_and_what_recovers_it_leaves) {
  for (auto const* name :
       {"ibdata1", "ib_logfile0", "undo001", "aria_log_control", "aria_log.00000001", "ddl_recovery.log", "tc.log",
        "grastate.dat", "binlog.000001", "binlog.index", "ib_buffer_pool", "master.info"})
    EXPECT_FALSE(file_stays(name)) << name;
}

TEST(residents, directories_are_judged_by_what_they_hold) {
  EXPECT_FALSE(directory_stays("shop", names{"db.opt", "t.frm", "t.ibd"}));
  EXPECT_FALSE(directory_stays("empty", names{}));
  EXPECT_FALSE(directory_stays("mysql", names{"notes.txt"}));
  EXPECT_TRUE(directory_stays("ssl", names{"ca.pem", "key.pem"}));
  EXPECT_TRUE(directory_stays("lost+found", names{}));
  EXPECT_TRUE(directory_stays(".clone", names{"journal"}));
}

TEST(residents, the_backups_own_files_do_not_come_along) {
  for (auto const* name : {"xtrabackup_checkpoints", "xtrabackup_galera_info", "backup-my.cnf", "donor_galera_info"})
    EXPECT_TRUE(is_of_the_backup(name)) << name;
  for (auto const* name : {"ibdata1", "mysql", "aria_log_control"}) EXPECT_FALSE(is_of_the_backup(name)) << name;
}

}  // namespace
}  // namespace cloning
