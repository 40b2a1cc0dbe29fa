#!/usr/bin/python3
"""group_replication_consistency: what a session is promised about reads, at this member and at the others."""
import collections
import contextlib
import threading
import time

import pymysql

from harness import DEADLOCK, LOCK_WAIT_TIMEOUT, Group, check, run, wait_for

LEVELS = ("EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER", "BEFORE", "AFTER", "BEFORE_AND_AFTER")


@contextlib.contextmanager
def session(member, level=None, timeout=60):
    with contextlib.closing(member.connect(timeout=timeout)) as connection, connection.cursor() as cursor:
        if level:
            cursor.execute(f"SET SESSION group_replication_consistency = '{level}'")
        yield cursor


def one(cursor, statement):
    cursor.execute(statement)
    return cursor.fetchone()[0]


def warnings(cursor):
    cursor.execute("SHOW WARNINGS")
    return [each[2] for each in cursor.fetchall()]


def a_variable_of_each_session():
    """every level by name; another session keeps its own; the global value is what new ones get; the server's wsrep_sync_wait follows"""
    with Group(1) as group:
        group.form()
        member = group[0]
        with session(member) as mine, session(member) as other:
            for level in LEVELS:
                mine.execute(f"SET SESSION group_replication_consistency = '{level}'")
                check(one(mine, "SELECT @@session.group_replication_consistency") == level, level)
                waits = one(mine, "SELECT @@session.wsrep_sync_wait")
                check(waits == (0 if level in ("EVENTUAL", "AFTER") else 15), f"{level}: wsrep_sync_wait {waits}")
                check(one(other, "SELECT @@session.group_replication_consistency") == "EVENTUAL", "another session's changed")
            for bad in ("'SOMETIMES'", "7", "NULL", "-1"):
                try:
                    mine.execute(f"SET SESSION group_replication_consistency = {bad}")
                except pymysql.err.MySQLError as error:
                    check("group_replication_consistency" in error.args[1], f"{bad}: {error}")
                else:
                    check(False, f"{bad} was taken")
            other.execute("SET GLOBAL group_replication_consistency = 'BEFORE'")
            check(one(other, "SELECT @@global.wsrep_sync_wait") == 15, "new sessions do not wait")
        with session(member) as late:
            check(one(late, "SELECT @@session.group_replication_consistency") == "BEFORE", "a new session has another level")
            late.execute("SET GLOBAL wsrep_provider_options = 'group_replication_consistency=AFTER'")
            check(one(late, "SELECT @@global.group_replication_consistency") == "AFTER", "the variable does not follow the option")
            check(one(late, "SELECT @@global.wsrep_sync_wait") == 0, "new sessions wait before statements")


def from_the_configuration():
    """a level in the server's configuration is what its sessions begin with"""
    with Group(1, server_options={"loose-group_replication_consistency": "BEFORE_AND_AFTER"}) as group:
        group.form()
        with session(group[0]) as cursor:
            check(one(cursor, "SELECT @@session.group_replication_consistency") == "BEFORE_AND_AFTER", "the level")
            check(one(cursor, "SELECT @@session.wsrep_sync_wait") == 15, "wsrep_sync_wait")


def who_reads_elsewhere_sees_it():
    """AFTER: 200 commits, rows and tables, each read at once at the other two members by sessions that wait for nothing"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        with session(group[0], "AFTER") as writer, session(group[1]) as second, session(group[2]) as third:
            second.execute("SET wsrep_sync_wait = 0")
            third.execute("SET wsrep_sync_wait = 0")
            began = time.monotonic()
            for number in range(200):
                writer.execute(f"INSERT INTO test.t VALUES ({number})")
                for reader in (second, third):
                    check(one(reader, "SELECT COUNT(*) FROM test.t") == number + 1, f"row {number} is not there yet")
            print(f"  {(time.monotonic() - began) * 5:.2f} ms for a commit and two reads")
            for number in range(10):
                writer.execute(f"CREATE TABLE test.t{number} (id INT PRIMARY KEY)")
                for reader in (second, third):
                    check(one(reader, f"SELECT COUNT(*) FROM test.t{number}") == 0, f"table {number}")
            check(warnings(writer) == [], "a warning though all applied it")


def held_up():
    """a member that cannot apply it holds a commit with AFTER up to the limit, which is said in a warning; others do not wait, and BEFORE there waits as long"""
    with Group(3, provider_options=["repl.causal_read_timeout=PT6S"]) as group:
        group.form()
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        with session(group[2]) as holder, session(group[0], "AFTER") as waits, session(group[0]) as hurries:
            wait_for("the table everywhere", 60, lambda: one(holder, "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME = 't'") == 1)
            holder.execute("FLUSH TABLES WITH READ LOCK")
            began = time.monotonic()
            waits.execute("INSERT INTO test.t VALUES (1)")
            took = time.monotonic() - began
            said = warnings(waits)
            check(5.9 < took < 30, f"it waited {took:.1f} s")
            check(len(said) == 1 and f"{group[2].address}:{group[2].group_port}" in said[0] and "is committed as" in said[0], f"the warning: {said}")
            print(f"  {said[0]}")
            began = time.monotonic()
            hurries.execute("INSERT INTO test.t VALUES (2)")
            check(time.monotonic() - began < 5 and warnings(hurries) == [], "a session with EVENTUAL waited")
            with session(group[2], "BEFORE") as reader:
                try:
                    one(reader, "SELECT COUNT(*) FROM test.t")
                except pymysql.err.MySQLError as error:
                    check(error.args[0] == LOCK_WAIT_TIMEOUT, f"{error}")
                else:
                    check(False, "it read old rows")
            holder.execute("UNLOCK TABLES")
            for each in group.members:
                each.sql("SET GLOBAL wsrep_provider_options = 'repl.causal_read_timeout=PT60S'")
            with session(group[2], "BEFORE") as reader:
                check(one(reader, "SELECT COUNT(*) FROM test.t") == 2, "the rows after it")
        group.check_equal()


def a_member_dies_meanwhile():
    """a commit that waits for a member which is killed ends when that one is expelled, without a warning"""
    # A commit that waited for it until the end of its own limit would take two minutes and end with a warning.
    with Group(3, provider_options=["group_replication_member_expel_timeout=2", "repl.causal_read_timeout=PT2M"]) as group:
        group.form()
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        group.check_equal()
        with session(group[0], "AFTER", timeout=300) as writer:
            group[2].pause()
            killer = threading.Timer(1.0, group[2].kill)
            killer.start()
            began = time.monotonic()
            writer.execute("INSERT INTO test.t VALUES (1)")
            took = time.monotonic() - began
            killer.join()
            check(warnings(writer) == [], "a warning though nobody is left to read old rows")
            check(took < 60, f"it took {took:.1f} s")
            print(f"  the commit took {took:.1f} s")
            began = time.monotonic()
            writer.execute("INSERT INTO test.t VALUES (2)")
            check(time.monotonic() - began < 30 and warnings(writer) == [], "it is waited for though it is gone")
        group[2].start(recover=True)
        group.check_equal()


def many_at_once():
    """32 sessions with AFTER on three members, over the same rows: each commit is seen by the next read elsewhere"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY, n INT)", "INSERT INTO test.t VALUES " + ", ".join(f"({each}, 0)" for each in range(200)))
        group.check_equal()
        stop, wrong, commits, ended = threading.Event(), [], collections.Counter(), []

        def work(number):
            here, there = group[number % 3], group[(number + 1) % 3]
            with session(here, "AFTER") as writer, session(there) as reader:
                reader.execute("SET wsrep_sync_wait = 0")
                row = number
                count = 0
                while not stop.is_set():
                    try:
                        writer.execute(f"UPDATE test.t SET n = n + 1 WHERE id = {row}")
                    except pymysql.err.MySQLError as error:
                        if error.args[0] != DEADLOCK:
                            wrong.append(f"{error}")
                        continue
                    count += 1
                    commits[number] = count
                    seen = one(reader, f"SELECT n FROM test.t WHERE id = {row}")
                    if seen < count:
                        wrong.append(f"row {row}: {seen} after {count}")
                ended.append(number)

        threads = [threading.Thread(target=work, args=(each,)) for each in range(32)]
        for each in threads:
            each.start()
        began = time.monotonic()
        time.sleep(8)
        try:
            wait_for(lambda: f"500 commits of 32 sessions: {commits}", 120, lambda: len(commits) == 32 and sum(list(commits.values())) > 500)
        finally:
            stop.set()
        took = time.monotonic() - began
        for each in threads:
            each.join()
        check(not wrong, f"{len(wrong)}: {wrong[:3]}")
        check(len(ended) == 32, f"only {len(ended)} of 32 sessions ended well")
        print(f"  {sum(commits.values()) / took:.0f} commits a second")
        group.check_equal()


if __name__ == "__main__":
    run(a_variable_of_each_session, from_the_configuration, who_reads_elsewhere_sees_it, held_up, a_member_dies_meanwhile, many_at_once)
