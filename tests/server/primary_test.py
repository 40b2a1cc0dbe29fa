#!/usr/bin/python3
"""Single-primary mode: who writes, what the others answer, switches and deaths of the primary under load, the group's functions."""
import concurrent.futures
import contextlib
import time

import pymysql

from following import READ_ONLY, Follower
from harness import INTERRUPTED, LOST, Group, check, run, wait_for

SINGLE = {"group_replication_single_primary_mode": "ON"}
SUPER_NEEDED, KILLED = 1227, 1927


def roles(member):
    return {row["MEMBER_PORT"]: row["MEMBER_ROLE"] for row in member.group_members()}


def uuid_of(group, member):
    return (group[0] if group[0].is_alive() else group[1]).members_by_port()[member.sql_port]["MEMBER_ID"]


def primary_of(group, among=None):
    """The one member that takes writes by its own word; None: nobody, or two."""
    found = []
    for each in among or group.members:
        with contextlib.suppress(pymysql.err.MySQLError, OSError):
            if each.value("SELECT @@GLOBAL.read_only", timeout=20) == 0 and each.status("wsrep_ready") == "ON":
                found.append(each)
    return found[0] if len(found) == 1 else None


def wait_primary(group, wanted=None, among=None, timeout=60):
    def claim():
        found = primary_of(group, among)
        return found if found is not None and wanted in (None, found) else None
    return wait_for(f"{wanted.name if wanted else 'one member'} to be the primary", timeout, claim)


def error_of(member, statement, user=None):
    """The error of a statement: number and text; None: it was carried out."""
    connection = member.connect() if user is None else pymysql.connect(unix_socket=str(member.socket), user=user, password="", autocommit=True)
    with contextlib.closing(connection), connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError as error:
            return error.args
    return None


def refused(member, statement, *words, user=None):
    found = error_of(member, statement, user)
    check(found is not None, f"{member.name}: {statement} was not refused")
    missing = [word for word in words if str(word) not in str(found)]
    check(not missing, f"{member.name}: {statement}: {missing} expected in {found}")


def refused_in_isolation(member, statement, *words):
    """DDL and its like: the server replaces our error by one of its own, and keeps ours among the warnings."""
    with contextlib.closing(member.connect()) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(statement)
        except pymysql.err.MySQLError:
            cursor.execute("SHOW WARNINGS")
            found = cursor.fetchall()
            check(all(any(str(word) in str(row) for row in found) for word in words), f"{member.name}: {statement}: {words} expected in {found}")
            return
    check(False, f"{member.name}: {statement} was not refused")


def function(member, call, timeout=200):
    answer = member.value(f"SELECT {call}", timeout=timeout)
    return answer.decode() if isinstance(answer, bytes) else answer


def make_primary(group, member, seconds, through=0):
    """A planned change, asked for through one of them; its answer. A machine that starves its servers may have them elect another one meanwhile:
    then it is asked for again."""
    for left in reversed(range(5)):
        try:
            return function(group[through], f"group_replication_set_as_primary('{uuid_of(group, member)}', {seconds})")
        except pymysql.err.MySQLError as error:
            check(left and "another change came first" in str(error), f"{member.name} does not become the primary: {error}")


def begin(member, statement):
    """Leaving and joining. The server ends its clients' connections on the way, and where it is slow this one may have no answer before that."""
    try:
        for row in member.sql(statement):
            print(f"  {row[0].decode() if isinstance(row[0], bytes) else row[0]}")
    except pymysql.err.MySQLError as error:
        check(error.args[0] in (*LOST, INTERRUPTED, KILLED), f"{member.name}: {statement}: {error}")


def one_primary_is_the_default():
    """nothing is set: the founder takes the writes, the others say who does; told to, all of them do"""
    with Group(3, all_write=False) as group:
        group.form()
        wait_primary(group, group[0])
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY, v INT)")
        for each in group.members[1:]:
            wait_for("read_only", 60, lambda each=each: each.value("SELECT @@GLOBAL.read_only") == 1)
            check(each.value("SELECT COUNT(*) FROM test.t", causal=True) == 0, "the table is not there")
            refused(each, "INSERT INTO test.t VALUES (2, 2)", READ_ONLY, "secondary", "the primary is m1")
        print("  " + str(function(group[1], "group_replication_switch_to_multi_primary_mode()")))
        for each in group.members:
            wait_for("read_only", 60, lambda each=each: each.value("SELECT @@GLOBAL.read_only") == 0)
            each.sql(f"INSERT INTO test.t VALUES ({each.sql_port}, 1)")
        group.check_equal()


def secondaries_take_no_writes():
    """read_only on all but one, and users who may pass by it are refused as well, with the name of the primary; nothing is applied anywhere"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        primary, second, third = group.members
        wait_primary(group, primary)
        for each in group.members:
            wait_for("roles", 60, lambda each=each: roles(each) == {primary.sql_port: "PRIMARY", second.sql_port: "SECONDARY", third.sql_port: "SECONDARY"})
            wait_for(f"{each.name} to show the mode", 60, lambda each=each: each.value("SELECT @@group_replication_single_primary_mode") == 1)
            wait_for("read_only", 60, lambda each=each: each.value("SELECT @@GLOBAL.read_only") == (0 if each is primary else 1))
            wait_for("the primary's address to be the first", 30, lambda each=each: each.status("wsrep_incoming_addresses").startswith(
                f"127.0.0.1:{primary.sql_port}"))
            wait_for("Gr_primary_member to be the primary", 30, lambda each=each: each.status("Gr_primary_member") == uuid_of(group, primary))
        primary.sql("CREATE TABLE test.t (id INT PRIMARY KEY, v INT)", "INSERT INTO test.t VALUES (1, 1)",
                    "CREATE USER reader@localhost", "GRANT SELECT, INSERT, CREATE ON test.* TO reader@localhost")
        check(second.value("SELECT v FROM test.t", causal=True) == 1, "a secondary does not apply")
        refused(second, "INSERT INTO test.t VALUES (2, 2)", READ_ONLY, "read-only", user="reader")
        for statement in ("INSERT INTO test.t VALUES (2, 2)", "UPDATE test.t SET v = 5", "DELETE FROM test.t"):
            refused(second, statement, READ_ONLY, "secondary", "the primary is m1")
        for statement in ("CREATE TABLE test.u (id INT PRIMARY KEY)", "DROP TABLE test.t", "ALTER TABLE test.t ADD w INT", "CREATE USER x@localhost",
                          "TRUNCATE TABLE test.t", "ANALYZE TABLE test.t"):
            refused_in_isolation(second, statement, READ_ONLY, "secondary", "the primary is m1")
        # By the log alone: where read_only was taken away by hand nothing changes.
        third.sql("SET GLOBAL read_only = OFF")
        refused(third, "INSERT INTO test.t VALUES (3, 3)", READ_ONLY, "the primary is m1", user="reader")
        refused(third, "BEGIN NOT ATOMIC INSERT INTO test.t VALUES (4, 4); COMMIT; END", READ_ONLY)
        third.sql("SET GLOBAL read_only = ON")
        check([row[0] for row in third.sql("SELECT id FROM test.t", causal=True)] == [1], "a refused row is there")
        check(error_of(second, "SELECT COUNT(*) FROM test.u")[0] == 1146, "a refused table is there")
        second.sql("CREATE TEMPORARY TABLE test.own (id INT)", "INSERT INTO test.own VALUES (1)")  # nobody else's affair
        group.check_equal()
        # Who comes back is a secondary, whatever its options say.
        third.stop()
        third.settings["server_options"] = {"group_replication_single_primary_mode": "OFF"}
        third.start()
        wait_for("read_only on the one that came back", 60, lambda: third.value("SELECT @@GLOBAL.read_only") == 1)
        wait_for("a joiner to take the group's mode", 60, lambda: third.value("SELECT @@group_replication_single_primary_mode") == 1)
        primary.sql("INSERT INTO test.t VALUES (7, 7)")
        group.check_equal()
        group.stop()


def functions_say_what_is_wrong():
    """every function with right, wrong and missing arguments, and without the privilege"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        primary, second, third = group.members
        wait_primary(group, primary)
        wait_for("the functions", 60, lambda: all(each.value("SELECT COUNT(*) FROM mysql.func WHERE name LIKE 'group\\_replication\\_%'") == 12 for each in group.members))
        primary.sql("CREATE USER nobody@localhost")
        second.value("SELECT COUNT(*) FROM mysql.user", causal=True)
        ids = [uuid_of(group, each) for each in group.members]
        stranger = "01234567-89ab-cdef-0123-456789abcdef"
        calls = {
            f"set_as_primary('{ids[1]}')": None, "switch_to_single_primary_mode()": None, "switch_to_multi_primary_mode()": None,
            "get_write_concurrency()": None, "set_write_concurrency(20)": None, "get_communication_protocol()": None,
            "set_communication_protocol('3')": None, "enable_member_action('mysql_start_failover_channels_if_primary', 'AFTER_PRIMARY_ELECTION')": None,
            "disable_member_action('mysql_start_failover_channels_if_primary', 'AFTER_PRIMARY_ELECTION')": None, "reset_member_actions()": None,
            "start()": None, "stop()": None}
        for call in calls:
            refused(second, f"SELECT group_replication_{call}", SUPER_NEEDED, "SUPER", user="nobody")
        wrong = {
            "set_as_primary()": ("arguments", "MEMBER_ID"), "set_as_primary(1, 2, 3)": ("3 arguments",), "set_as_primary('nonsense')": ("MEMBER_ID",),
            "set_as_primary(NULL)": ("MEMBER_ID",), f"set_as_primary('{stranger}')": ("no member", stranger),
            f"set_as_primary('{ids[1]}', 3601)": ("3601", "0 to 3600 seconds"), f"set_as_primary('{ids[1]}', '5x')": ("5x",),
            f"set_as_primary('{ids[1]}', -1)": ("-1",),
            "switch_to_single_primary_mode('x')": ("x",), f"switch_to_single_primary_mode('{ids[0]}')": ("already",), "switch_to_single_primary_mode(1, 2)": ("2 arguments",),
            "switch_to_multi_primary_mode(1)": ("1 arguments",), "get_write_concurrency(1)": ("no argument",), "set_write_concurrency()": ("10 to 200",),
            "set_write_concurrency(9)": ("10 to 200",), "set_write_concurrency(201)": ("10 to 200",), "set_write_concurrency('many')": ("many",), "set_write_concurrency(NULL)": ("NULL",),
            "get_communication_protocol(1)": ("no argument",), "set_communication_protocol()": ("protocol",), "set_communication_protocol('8.0.27')": ("not a protocol",),
            "set_communication_protocol(NULL)": ("not a protocol",),
            "enable_member_action('x', 'AFTER_PRIMARY_ELECTION')": ("not a member action", "mysql_disable_super_read_only_if_primary"),
            "enable_member_action('mysql_disable_super_read_only_if_primary', 'NOW')": ("AFTER_PRIMARY_ELECTION",), "enable_member_action('x')": ("AFTER_PRIMARY_ELECTION",),
            "disable_member_action(NULL, NULL)": ("AFTER_PRIMARY_ELECTION",), "reset_member_actions(1)": ("no argument",), "start(1)": ("no argument",), "stop(1)": ("no argument",),
            "start()": ("in the group already",)}
        for call, words in wrong.items():
            refused(second, f"SELECT group_replication_{call}", *words)
        check(function(second, "group_replication_get_write_concurrency()") == 200, "write concurrency is not the default")
        print("  " + function(second, "group_replication_set_write_concurrency(20)"))
        wait_for("the write concurrency on another member", 60, lambda: function(third, "group_replication_get_write_concurrency()") == 20)
        newest = function(second, "group_replication_get_communication_protocol()")
        print("  " + str(function(second, f"group_replication_set_communication_protocol('{newest}')")))
        print("  " + str(make_primary(group, second, 5, through=2)))
        wait_primary(group, second)
        wait_for("the primary to be known everywhere", 60, lambda: all(roles(each)[second.sql_port] == "PRIMARY" for each in group.members))
        check("already" in str(function(third, f"group_replication_set_as_primary('{ids[1]}')")), "the primary itself is not said to be it already")
        # Member actions: of the whole group, and counted.
        actions = "SELECT name, enabled FROM information_schema.REPLICATION_GROUP_MEMBER_ACTIONS ORDER BY priority"
        version = "SELECT version FROM information_schema.REPLICATION_GROUP_CONFIGURATION_VERSION"
        before = primary.value(version)
        function(third, "group_replication_disable_member_action('mysql_disable_super_read_only_if_primary', 'AFTER_PRIMARY_ELECTION')")
        wait_for("the action to be disabled everywhere", 60, lambda: all(each.sql(actions)[0][1] == 0 for each in group.members))
        check(primary.value(version) == before + 1, "the configuration's version did not grow")
        make_primary(group, third, 60, through=1)
        wait_for("all to be secondaries or the primary", 60, lambda: roles(primary)[third.sql_port] == "PRIMARY")
        time.sleep(0.5)
        check(third.value("SELECT @@GLOBAL.read_only") == 1, "read_only was lifted although that is disabled")
        function(second, "group_replication_reset_member_actions()")
        wait_for("the action to be enabled everywhere", 60, lambda: all(each.sql(actions)[0][1] == 1 for each in group.members))
        # Modes.
        print("  " + str(function(primary, "group_replication_switch_to_multi_primary_mode()")))
        for each in group.members:
            wait_for("read_only to be gone", 60, lambda each=each: each.value("SELECT @@GLOBAL.read_only") == 0)
        refused(primary, "SELECT group_replication_switch_to_multi_primary_mode()", "already")
        refused(primary, f"SELECT group_replication_set_as_primary('{ids[0]}')", "multi-primary")
        wait_for("all to be primaries", 60, lambda: set(roles(second).values()) == {"PRIMARY"})
        for number, each in enumerate(group.members):
            each.sql("CREATE TABLE IF NOT EXISTS test.t (id INT PRIMARY KEY)", f"INSERT INTO test.t VALUES ({number})")
        print("  " + str(function(primary, f"group_replication_switch_to_single_primary_mode('{ids[0]}')")))
        wait_primary(group, primary)
        refused(third, "INSERT INTO test.t VALUES (9)", READ_ONLY)
        group.check_equal()
        group.stop()


def switches_under_load():
    """planned changes of the primary while a client writes: nothing lost, nothing twice, and the client hardly waits"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        wait_primary(group, group[0])
        Follower.make_table(group[0])
        client = Follower(group.members, pause=0.001)
        time.sleep(1)
        gaps = []
        for number in range(1, 7):
            began = time.monotonic()
            make_primary(group, group[number % 3], 5)
            # A machine that starves its servers may have elected another one since.
            wait_for("the client to write again", 60, lambda: any(client.first_after(began, each.name) for each in group.members))
            time.sleep(0.5)
            gaps.append(client.longest_gap(began, time.monotonic()))
        print("  longest gaps between two commits: " + ", ".join(f"{each * 1000:.0f}" for each in gaps) + " ms")
        # A transaction that is open when its time is over ends with an error, and the switch goes on.
        if wait_primary(group) is not group[0]:
            make_primary(group, group[0], 5)
            wait_primary(group, group[0])
        holder = group[0].connect(autocommit=False)
        with contextlib.closing(holder), holder.cursor() as cursor:
            cursor.execute("INSERT INTO test.followed VALUES (-1, 'open', '')")
            make_primary(group, group[1], 1, through=1)
            try:
                holder.commit()
                check(False, "a transaction of the old primary was committed after the switch")
            except pymysql.err.MySQLError as error:
                print(f"  its commit: {error}")
        client.stop()
        for each in group.members:
            client.check_present(each)
            check(each.value("SELECT COUNT(*) FROM test.followed WHERE id < 0", causal=True) == 0, "a refused transaction is there")
        group.check_equal()
        group.stop()


def the_primary_dies_under_load():
    """kill -9 of the primary: another one writes soon, and every acknowledged row is there"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        primary = wait_primary(group, group[0])
        Follower.make_table(group[0])
        client = Follower(group.members, pause=0.001)
        time.sleep(1)
        for _ in range(3):
            left = [each for each in group.members if each is not primary]
            killed = time.monotonic()
            primary.kill()
            wait_for("somebody else to acknowledge", 60, lambda: any(client.first_after(killed, each.name) for each in left))
            first = min(filter(None, (client.first_after(killed, each.name) for each in left)))
            print(f"  first commit on another member after {(first - killed) * 1000:.0f} ms")
            primary.start(recover=True)
            group.wait_size(3)
            group.wait_settled()  # the next one that is killed must leave a majority
            primary = wait_primary(group)
        client.stop()
        for each in group.members:
            client.check_present(each)
        group.check_equal()
        group.stop()


def sessions_wait_for_what_the_old_one_left():
    """BEFORE_ON_PRIMARY_FAILOVER on a new primary whose appliers are held up: reads and writes wait, and then see it all; EVENTUAL does not wait"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        wait_primary(group, group[0])
        group[0].sql("CREATE TABLE test.kept (id INT PRIMARY KEY)")
        group.check_equal()
        locks = {each: each.hold_appliers("test.kept") for each in group.members[1:]}
        for number in range(20):
            group[0].sql(f"INSERT INTO test.kept VALUES ({number})")
        group[0].kill()
        follows = wait_for("one to be elected", 60, lambda: next((each for each in group.members[1:] if roles(each)[each.sql_port] == "PRIMARY"), None))
        with contextlib.closing(follows.connect()) as one, contextlib.closing(follows.connect()) as two, one.cursor() as hurries, two.cursor() as waits:
            waits.execute("SET SESSION group_replication_consistency = 'BEFORE_ON_PRIMARY_FAILOVER'")
            hurries.execute("SELECT COUNT(*) FROM test.kept")
            check(hurries.fetchone()[0] == 0, "EVENTUAL waited, or nothing held the appliers up")
            waiting = concurrent.futures.ThreadPoolExecutor(1).submit(waits.execute, "INSERT INTO test.kept VALUES (1000)")
            time.sleep(2)
            check(not waiting.done(), f"it did not wait: {waiting}")
            locks[follows].close()
            waiting.result(60)
            waits.execute("SELECT COUNT(*) FROM test.kept")
            check(waits.fetchone()[0] == 21, "rows of the old primary are missing")
        for each in locks.values():
            with contextlib.suppress(pymysql.err.Error):  # one is closed
                each.close()
        group[0].start(recover=True)
        group.wait_settled()
        group.check_equal()


def a_primary_that_stood_still():
    """SIGSTOP of the primary with a transaction under way: another one writes, and what the old one does afterwards counts nowhere"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        wait_primary(group, group[0])
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        open_one = group[0].connect(autocommit=False)
        with contextlib.closing(open_one), open_one.cursor() as cursor:
            cursor.execute("INSERT INTO test.t VALUES (1)")
            group[0].pause()
            new = wait_primary(group, among=group.members[1:])
            new.sql("INSERT INTO test.t VALUES (2)")
            time.sleep(3)
            group[0].resume()
            try:
                open_one.commit()
                check(False, "the old primary committed")
            except pymysql.err.MySQLError as error:
                print(f"  the old primary's commit: {error}")
        group[0].wait_back()
        group.wait_size(3)
        wait_for("the old one to be a secondary", 60, lambda: group[0].value("SELECT @@GLOBAL.read_only") == 1)
        refused(group[0], "INSERT INTO test.t VALUES (3)", READ_ONLY, "the primary is")
        check([row[0] for row in group[0].sql("SELECT id FROM test.t ORDER BY id", causal=True)] == [2], "the old primary's row is there")
        group.check_equal()
        group.stop()


def a_member_leaves_and_joins_by_function():
    """group_replication_stop() and _start(): the others see it go and come, and it catches up"""
    with Group(3, server_options=SINGLE) as group:
        group.form()
        wait_primary(group, group[0])
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        wait_for("the functions", 60, lambda: group[2].value("SELECT COUNT(*) FROM mysql.func WHERE name LIKE 'group\\_replication\\_%'") == 12)
        begin(group[2], "SELECT group_replication_stop()")
        group.wait_size(2, among=group.members[:2])
        wait_for("it to have left", 60, lambda: group[2].status("wsrep_ready") == "OFF")
        group[0].sql("INSERT INTO test.t VALUES (1)")
        begin(group[2], "SET @done = group_replication_start()")
        group.wait_size(3, 120)
        group[2].wait_ready()
        check(group[2].value("SELECT COUNT(*) FROM test.t", causal=True) == 1, "it did not catch up")
        # The primary itself may leave in the same way.
        group.wait_settled()
        begin(group[0], "SELECT group_replication_stop()")
        wait_primary(group, among=group.members[1:]).sql("INSERT INTO test.t VALUES (2)")
        wait_for("the old primary to have left", 60, lambda: group[0].status("wsrep_ready") == "OFF")
        begin(group[0], "SET @done = group_replication_start()")
        group.wait_size(3, 120)
        group[0].wait_ready()
        group.check_equal()
        group.stop()


if __name__ == "__main__":
    run(one_primary_is_the_default, secondaries_take_no_writes, functions_say_what_is_wrong, switches_under_load, the_primary_dies_under_load,
        sessions_wait_for_what_the_old_one_left, a_primary_that_stood_still,
        a_member_leaves_and_joins_by_function)
