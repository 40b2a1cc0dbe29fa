#!/usr/bin/python3
"""A member that crashed comes back though nobody recovered its data's position, and one that left counts its GTIDs on."""
from harness import Group, check, run, wait_for

CRASH_SAFE = {"innodb_flush_log_at_trx_commit": 1}


def prepare(group):
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    group.check_equal()


def comes_back(group, member):
    """The others have no majority without it, so it has to find its place again before it can be copied."""
    member.start()
    check(member.recovery().startswith("full copy"), f"not a full copy: {member.recovery()!r}")
    member.sql("INSERT INTO d.t SELECT MAX(id) + 1 FROM d.t", causal=True)


def one_of_two_is_killed():
    """one of two is killed and started without --wsrep_start_position: the other gets its majority back, and both write again"""
    with Group(2, server_options=CRASH_SAFE) as group:
        group.form()
        prepare(group)
        for member in (group[1], group[0]):
            member.kill()
            comes_back(group, member)
            group.check_equal()


def two_of_three_are_killed():
    """two of three are killed: the first to return gives the third its majority back, though the other stays away for a while"""
    with Group(3, server_options=CRASH_SAFE) as group:
        group.form()
        prepare(group)
        group[1].kill()
        group[2].kill()
        wait_for("the survivor to know that it is alone", 60, lambda: group[0].status("wsrep_ready") == "OFF")
        comes_back(group, group[1])
        comes_back(group, group[2])
        group.check_equal()


def both_of_two_are_killed():
    """both of two are killed: started without a position they wait for each other and say how to go on; with it they come back"""
    with Group(2, server_options=CRASH_SAFE) as group:
        group.form()
        prepare(group)
        for each in group.members:
            each.kill()
        for each in group.members:
            each.start(wait=False)
        for each in group.members:
            each.wait_log("When all were killed, start them with --wsrep_start_position")
            each.wait_exit(180)
        group.restart_after_crash()
        for each in group.members:
            each.wait_ready()
        check(group[0].value("SELECT id FROM d.t") == 1, "the data was touched")
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
    run(one_of_two_is_killed, two_of_three_are_killed, both_of_two_are_killed, gtids_keep_their_domain)
