#!/usr/bin/python3
"""A majority is lost for good: a human says with whom to go on."""
import time

import pymysql

from harness import Group, check, run, wait_for


def refused(member, statement, *parts):
    """The statement fails, and either the client or the error log is told why."""
    since = len(member.log())
    try:
        member.sql(statement)
    except pymysql.err.MySQLError as error:
        told = str(error) + member.log()[since:]
        for part in parts:
            check(part in told, f"{statement}\n  does not say '{part}': {told[-600:]}")
        return
    check(False, f"{statement} was not refused")


def with_table(group):
    group.form()
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    group.check_equal()


def alone(member):
    wait_for(f"{member.name} to know that it has no majority", 60, lambda: member.status("wsrep_cluster_status") == "non-Primary")


def one_of_three_goes_on():
    """two of three are gone: the third says what is wrong with a list, goes on by itself, and takes the others back when they come"""
    with Group(3) as group:
        with_table(group)
        address = [f"{each.address}:{each.group_port}" for each in group.members]
        refused(group[0], f"SET GLOBAL group_replication_force_members = '{address[0]}'", "a majority of the group is reachable")
        group[1].kill()
        group[2].kill()
        alone(group[0])
        refused(group[0], f"SET GLOBAL group_replication_force_members = '{address[0]},{address[1]}'", "is not reachable")
        refused(group[0], f"SET GLOBAL group_replication_force_members = '{address[1]}'", "is not in the list")
        refused(group[0], "SET GLOBAL group_replication_force_members = 'nowhere:1'", "is not the address of a member", address[0])
        group[0].sql(f"SET GLOBAL group_replication_force_members = '{address[0]}'")
        group[0].wait_ready()
        group[0].sql("INSERT INTO d.t VALUES (2)")
        wait_for("the lost ones to be no members any more", 30, lambda: len(group[0].group_members()) == 1)
        check(group[0].value("SELECT @@group_replication_force_members") == "", "a command's value is kept")
        for each in group.members[1:]:
            each.start(recover=True)
        check(group[2].value("SELECT COUNT(*) FROM d.t", causal=True) == 2, "rows are missing")
        group.wait_size(3)
        group.check_equal()


def two_of_five_go_on():
    """three of five are gone: the two that are left go on together, by Galera's name for it"""
    with Group(5) as group:
        with_table(group)
        for each in group.members[:3]:
            each.kill()
        alone(group[4])
        alone(group[3])
        wait_for("the other one to be heard", 30, lambda: group[4].value(
            f"SELECT MEMBER_STATE FROM information_schema.REPLICATION_GROUP_MEMBERS WHERE MEMBER_PORT = {group[3].sql_port}") == "ONLINE")
        group[4].sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'", timeout=120)
        for each in group.members[3:]:
            each.wait_ready()
        group.wait_size(2, among=group.members[3:])
        group[3].sql("INSERT INTO d.t VALUES (2)")
        check(group[4].value("SELECT COUNT(*) FROM d.t", causal=True) == 2, "rows are missing")
        group[0].start(recover=True)
        group.wait_size(3, among=[group[0], group[3], group[4]])
        check(group[0].value("SELECT COUNT(*) FROM d.t", causal=True) == 2, "rows are missing")
        refused(group[0], "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=1'", "a majority of the group is reachable")


def is_copied_in_full(member, *told):
    """Started again, it says that its data is not the group's, and where the rest of it is, and ends with the group's."""
    since = len(member.log())
    member.start(recover=True)
    said = member.log()[since:]
    for part in ("this server's data is not the group's", "group_replication.diverged.*.log", *told):
        check(part in said, f"{member.name} does not say '{part}': {said[-2000:]}")
    line = member.recovery()
    check(line.startswith("full copy"), f"{member.name} was not copied in full: {line!r}")
    check(list(member.data.glob("group_replication.diverged.*.log")), f"{member.name} keeps nothing of its old log")
    check(member.value("SELECT COUNT(*) FROM d.t WHERE id BETWEEN 100 AND 199") == 0, "rows the group never had are served")


def a_lost_majority_that_had_decided_more():
    """the one that goes on had not heard of all: the others come back to the same positions with other rows, and are copied in full"""
    # What is killed has its newest rows on disk.
    with Group(3, server_options={"innodb_flush_log_at_trx_commit": 2}) as group:
        with_table(group)
        one, two, lonely = group.members
        lonely.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
        alone(lonely)
        for number in range(100, 120):
            one.sql(f"INSERT INTO d.t VALUES ({number})")
        check(two.value("SELECT COUNT(*) FROM d.t", causal=True) == 21, "rows are missing")
        time.sleep(2)
        one.kill()
        two.kill()
        lonely.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
        lonely.sql(f"SET GLOBAL group_replication_force_members = '{lonely.address}:{lonely.group_port}'")
        lonely.wait_ready()
        lonely.sql("INSERT INTO d.t VALUES (200)")
        is_copied_in_full(one, ", which the group does not have, wrote to d.t (")  # its position is above the group's
        for number in range(201, 231):
            lonely.sql(f"INSERT INTO d.t VALUES ({number})")
        is_copied_in_full(two)  # its position is below
        group.wait_size(3)
        check(two.value("SELECT COUNT(*) FROM d.t", causal=True) == 32, "rows are missing")
        group.check_equal()
        two.kill()
        two.start(recover=True)
        check(not two.recovery().startswith("full copy"), f"a second return is an ordinary one: {two.recovery()!r}")


if __name__ == "__main__":
    run(one_of_three_goes_on, two_of_five_go_on, a_lost_majority_that_had_decided_more)
