#!/usr/bin/python3
"""What a member that comes back must still know."""
from harness import Group, check, run


def prepare(group):
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    group.check_equal()


def gtids_keep_their_domain():
    """with wsrep_gtid_mode a member that returns incrementally logs the group's transactions in the configured domain"""
    options = {"wsrep_gtid_mode": "ON", "wsrep_gtid_domain_id": 7, "gtid_domain_id": 7, "log_bin": "binlog", "log_slave_updates": "ON"}
    settings = {0: {"server_options": {"server_id": 1}}, 1: {"server_options": {"server_id": 2}}}
    with Group(2, server_options=options, member_settings=settings) as group:
        group.form()
        prepare(group)
        group[1].stop()
        group[0].sql("INSERT INTO d.t VALUES (2)")
        group[1].start()
        check(group[1].recovery().startswith("incremental"), f"not incremental: {group[1].recovery()!r}")
        group[1].sql("INSERT INTO d.t VALUES (3)")
        states = [each.value("SELECT @@gtid_binlog_state", causal=True) for each in group.members]
        check(states[0] == states[1] and all(each.startswith("7-") for each in states[0].split(",")), f"binary logs differ: {states}")


if __name__ == "__main__":
    run(gtids_keep_their_domain)
