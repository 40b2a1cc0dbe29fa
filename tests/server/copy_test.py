#!/usr/bin/python3
"""A member without data is copied in full: by rsync and mariabackup (clone_test.py has the third method), under load, and with a gibibyte to copy."""
import shutil
import time

from harness import Group, Writers, check, run


def copied_in_full(method):
    with Group(3, server_options={"wsrep_sst_method": method}) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(200), KEY (v))")
        group[0].sql("INSERT INTO d.t SELECT seq, REPEAT(MD5(seq), 5) FROM seq_1_to_20000", database="d")
        writers = Writers(group.members[:2])
        group[2].kill()
        group[2].wipe()
        time.sleep(1)
        group[2].start()
        line = group[2].recovery()
        print(f"  {line}")
        if not group.is_galera:
            check(line.startswith("full copy"), f"not a full copy: {line!r}")
        check(f"wsrep_sst_{method} --role 'joiner'" in group[2].log(), f"{method} was not used")
        time.sleep(1)
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()
        group[2].sql("INSERT INTO d.t VALUES (-1, 'written on the copied member')")
        group.check_equal()


def wiped_member_copied_by_rsync():
    """a killed and wiped member is copied by rsync while the others are written to"""
    copied_in_full("rsync")


def wiped_member_copied_by_mariabackup():
    """the same by mariabackup"""
    copied_in_full("mariabackup")


def a_gibibyte():
    """a member joins a data set of 1 GiB, by rsync, by mariabackup and by clone"""
    options = {"innodb_log_file_size": "256M", "innodb_buffer_pool_size": "512M"}
    with Group(2, server_options=options) as group:
        check(shutil.disk_usage(group.directory).free > 8 << 30, "8 GiB of free disk needed")
        donor, joiner = group.members
        donor.start(bootstrap=True)
        began = time.monotonic()
        donor.sql("CREATE DATABASE big")
        # Filled outside the group: what is tested is the copy, and a member that is alone has nobody to send rows to.
        for table in range(4):
            donor.sql("SET SESSION wsrep_on = OFF", f"CREATE TABLE t{table} (id INT PRIMARY KEY, v VARBINARY(1024))", database="big")
            for part in range(4):
                donor.sql("SET SESSION wsrep_on = OFF", f"INSERT INTO t{table} SELECT seq, REPEAT(MD5(seq), 32) FROM "
                          f"seq_{part * 65536 + 1}_to_{(part + 1) * 65536}", database="big", timeout=600)
        held = donor.value("SELECT SUM(LENGTH(v)) FROM (SELECT v FROM t0 UNION ALL SELECT v FROM t1 UNION ALL SELECT v FROM t2"
                           " UNION ALL SELECT v FROM t3) everything", database="big", timeout=600)
        check(held == 1 << 30, f"{held} bytes were filled in")
        print(f"  filled in {time.monotonic() - began:.0f} s")
        for method in ("rsync", "mariabackup", "clone"):
            joiner.settings["server_options"] = {"wsrep_sst_method": method}
            began = time.monotonic()
            joiner.start(timeout=600)
            print(f"  {method}: member after {time.monotonic() - began:.0f} s; {joiner.recovery()}")
            check(group.check_equal() == 4, "four tables expected")
            joiner.stop()
            joiner.wipe()


if __name__ == "__main__":
    run(wiped_member_copied_by_rsync, wiped_member_copied_by_mariabackup, a_gibibyte)
