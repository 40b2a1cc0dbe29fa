#!/usr/bin/python3
"""Transactions that cannot be applied everywhere: what becomes of them, and of whom, is the same on every member."""
import time

import pymysql

from arbiter_test import Arbiter
from harness import PATIENCE, Group, Writers, check, run, wait_for


# Errors of DDL are ignored by the server unless it is told not to.
EVERY_ERROR = PATIENCE | {"wsrep_ignore_apply_errors": 0}


def prepare(group, rows=9):
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)",
                 f"INSERT INTO d.t SELECT seq, 0 FROM d.seq_1_to_{rows}")
    group.check_equal()


def lose(row, *members):
    for each in members:
        each.sql("SET SESSION wsrep_on = OFF", f"DELETE FROM d.t WHERE id = {row}")


def change(member, row):
    member.sql(f"UPDATE d.t SET v = v + 1 WHERE id = {row}")


def fails(member, statement, error):
    try:
        member.sql(statement)
    except pymysql.err.MySQLError as found:
        return check(found.args[0] == error, f"{statement}: {found}")
    check(False, f"{statement} did not fail")


def left(member):
    return member.status("wsrep_ready") == "OFF"


def comes_back_with_a_copy(member, since):
    if member.is_alive():
        member.stop()
    member.start()
    check("recovery: full copy received" in member.log()[since:], f"{member.name} came back without a copy: {member.log_that_matters()}")


def few_fail():
    """one of three cannot apply a transaction: it leaves, says what became of it elsewhere, and comes back with a copy even when killed before it is out"""
    with Group(3, server_options=PATIENCE) as group:
        group.form()
        prepare(group)
        writers = Writers(group[:2])
        victim = group[2]
        for row, killed in ((1, False), (2, True)):
            since = len(victim.log())
            lose(row, victim)
            change(group[0], row)
            victim.wait_log(r"this member's data differs from the group's: this server cannot apply transaction \d+ .*2 of 3 members applied it", 60, since)
            if killed:
                victim.kill()
            else:
                wait_for(f"{victim.name} to leave", 60, lambda: left(victim))
            for each in group[:2]:
                each.wait_log(r"m3 cannot apply transaction \d+: .*Can't find record", 30)
                check(not left(each), f"{each.name} left too")
            comes_back_with_a_copy(victim, since)
            group.wait_settled()
        writers.stop()
        writers.check_present(group[2])
        group.check_equal()


def many_fail():
    """two of three cannot apply a transaction, in the same way: it counts as failed, they go on, and the one that did apply it leaves"""
    with Group(3, server_options=PATIENCE) as group:
        group.form()
        prepare(group)
        origin, *others = group.members
        writers = Writers(others)
        since = len(origin.log())
        lose(1, *others)
        change(origin, 1)
        for each in others:
            each.wait_log(r"position \d+ counts as failed: .*2 of 3 members could not apply it either, for the same reason", 60)
        origin.wait_log(r"this member's data differs from the group's: this server has applied transaction \d+, and 2 of 3 members could not", 60)
        wait_for("the origin to leave", 60, lambda: left(origin))
        before = time.monotonic()
        wait_for("writes to go on", 30, lambda: all(writers.acknowledged[each.name][-1][0] > before for each in others))
        comes_back_with_a_copy(origin, since)
        group.wait_settled()
        writers.stop()
        group.check_equal()
        check(group[0].sql("SELECT COUNT(*) FROM d.t WHERE id = 1")[0][0] == 0, "the row is back")


def half_fails():
    """one of two cannot apply a transaction: the one that did is right, since its client was told so"""
    with Group(2, server_options=PATIENCE) as group:
        group.form()
        prepare(group)
        since = len(group[1].log())
        lose(1, group[1])
        change(group[0], 1)
        group[1].wait_log(r"cannot apply transaction \d+ .*1 of 2 members applied it", 60, since)
        wait_for("it to leave", 60, lambda: left(group[1]))
        comes_back_with_a_copy(group[1], since)
        group.check_equal()


def killed_while_others_are_asked():
    """killed before there is a verdict: the server has passed the transaction by then, and still does not come back as if it held it"""
    with Group(3, server_options=PATIENCE) as group:
        group.form()
        prepare(group)
        victim = group[2]
        lose(1, victim)
        group[1].pause()
        try:
            since = len(victim.log())
            change(group[0], 1)
            victim.wait_log(r"transaction \d+ cannot be applied here: .*The others are asked", 60, since)
            check("data differs" not in victim.log()[since:], "there is a verdict, and one was not asked")
            victim.kill()
        finally:
            group[1].resume()
        group[1].wait_back()
        since = len(victim.log())
        victim.start(recover=True)
        check("the data here differs from the group's (grastate.dat says so)" in victim.log()[since:], "it does not remember")
        check("recovery: full copy received" in victim.log()[since:], f"it came back without a copy: {victim.log_that_matters()}")
        group.wait_settled()
        group.check_equal()


def nobody_else_can_say():
    """the only copy left cannot apply a transaction: it does not go on without it; with who has it back it takes a copy, or a human says so"""
    with Group(2, server_options=PATIENCE) as group:
        group.form()
        prepare(group)
        origin, last = group.members
        arbiter = Arbiter(group, options="group_replication_communication_flp_timeout=5;group_replication_member_expel_timeout=10").start()
        lose(1, last)
        last.pause()
        try:
            change(origin, 1)
            origin.kill()
        finally:
            last.resume()
        since = len(last.log())
        last.wait_log(r"this member's data differs from the group's: it lacks position \d+, and no other member can say whether it should", 120, since)
        check("set safe_to_bootstrap to 1 in grastate.dat, and start with --wsrep-new-cluster" in last.log()[since:], "it does not say what helps")
        wait_for("it to leave", 60, lambda: left(last))
        last.stop()
        state = last.data / "grastate.dat"
        kept = state.read_text()
        check("# diverged" in kept, kept)
        # A human's word: what that member has is all there is. Should the other be found after all, it has what that group never had.
        state.write_text(kept.replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        for each in (last, origin):
            for log in each.data.glob("group_replication.*.log"):
                log.rename(each.directory / log.name)
        arbiter.kill()
        last.start(bootstrap=True)
        check(last.sql("SELECT COUNT(*) FROM d.t")[0][0] == 8, "it lost more")
        last.sql("INSERT INTO d.t VALUES (1, 5)")
        since = len(origin.log())
        origin.start(wait=False, recover=True)
        origin.wait_exit(60)
        check("this server is refused: it holds" in origin.log()[since:], "it came back with what the group never had")
        (origin.data / "grastate.dat").unlink()
        origin.start()
        check("recovery: full copy received" in origin.log()[since:], "no copy")
        group.check_equal()


def statements_fail():
    """a statement that fails everywhere, whatever for, costs its client an error and nobody anything; where it failed on some only, those leave"""
    with Group(3, server_options=EVERY_ERROR) as group:
        group.form()
        prepare(group)
        origin, other, third = group.members
        for member in (origin, other):
            fails(member, "DROP TABLE d.nobody_made_it", 1051)
            fails(member, "CREATE TABLE d.t (id INT)", 1050)
            fails(member, "ALTER TABLE d.t ADD COLUMN v INT", 1060)
        origin.sql("CREATE TABLE d.after_all (id INT PRIMARY KEY)")
        group.wait_settled()
        for each in group:
            check("data differs" not in each.log(), f"{each.name}: a mistake in a statement was taken for other data")
        # A table that only two of them have, by which the statement fails there, and not on the third.
        since = [len(each.log()) for each in group]
        for each in (origin, other):
            each.sql("SET SESSION wsrep_on = OFF", "CREATE TABLE d.u (id INT PRIMARY KEY)")
        fails(origin, "CREATE TABLE d.u (id INT PRIMARY KEY)", 1050)
        third.wait_log(r"this member's data differs from the group's: this server has applied transaction \d+, and 2 of 3 members could not carry it out", 60, since[2])
        wait_for("it to leave", 60, lambda: left(third))
        comes_back_with_a_copy(third, since[2])
        group.wait_settled()
        group.check_equal()
        # The other way round: who sent it has the table, and the others did not.
        since = len(origin.log())
        origin.sql("SET SESSION wsrep_on = OFF", "CREATE TABLE d.w (id INT PRIMARY KEY)")
        fails(origin, "CREATE TABLE d.w (id INT PRIMARY KEY)", 1050)
        origin.wait_log(r"this member's data differs from the group's: this server cannot apply transaction \d+ \(Error_code: 1050.*2 of 3 members applied it", 60, since)
        wait_for("it to leave", 60, lambda: left(origin))
        comes_back_with_a_copy(origin, since)
        group.wait_settled()
        group.check_equal()


def alone_with_a_mistake():
    """the only server of a group makes a mistake in a statement: an error for its client, no more; and it is no secret to who joins and reads the log"""
    with Group(2, server_options=EVERY_ERROR) as group:
        alone, joiner = group.members
        alone.start(bootstrap=True)
        prepare_alone = ("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)")
        alone.sql(*prepare_alone)
        joiner.start()
        joiner.stop()
        for _ in range(70):  # more than the verdicts that are remembered
            fails(alone, "CREATE TABLE d.t (id INT)", 1050)
        since = len(joiner.log())
        joiner.start()
        check("recovery: full copy received" not in joiner.log()[since:], "the log was not enough")
        check("data differs" not in joiner.log()[since:] + alone.log(), "a mistake was taken for other data")
        fails(alone, "CREATE TABLE d.t (id INT)", 1050)
        group.check_equal()


if __name__ == "__main__":
    run(few_fail, many_fail, half_fails, killed_while_others_are_asked, nobody_else_can_say, statements_fail, alone_with_a_mistake)
