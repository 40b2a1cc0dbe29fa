#!/usr/bin/python3
"""A server that drops out of its group: it holds its writes, comes back by itself where that may help, and else does what it was told to."""
import contextlib
import subprocess
import time

import pymysql

from harness import PATIENCE, Group, Writers, check, fill_disk, run, small_disk, used_megabytes, wait_for


def is_read_only(member):
    return member.sql("SHOW GLOBAL VARIABLES LIKE 'read_only'")[0][1] == "ON"


def exit_text(member):
    return member.status("Gr_exit")


def diverge(member, other, row):
    """A row is gone here that another member changes: it cannot be applied."""
    member.sql("SET SESSION wsrep_on = OFF", f"DELETE FROM d.t WHERE id = {row}")
    other.sql(f"UPDATE d.t SET v = v + 1 WHERE id = {row}")


def is_cut_off(connection):
    try:
        connection.ping(reconnect=False)
    except (pymysql.err.MySQLError, OSError):
        return True
    return False


def actions():
    """data that is not the group's, once for each group_replication_exit_state_action: the member leaves, does that once, and the group goes on"""
    with Group(4, server_options=PATIENCE) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)", "INSERT INTO d.t VALUES (1,0), (2,0), (3,0)")
        group.check_equal()
        writers = Writers(group[:1])

        stays = group[1]
        check(not is_read_only(stays) and exit_text(stays) == "", f"it began as {exit_text(stays)!r}")
        diverge(stays, group[0], 1)
        wait_for("it to be read-only", 60, lambda: is_read_only(stays))
        stays.wait_log(r"this server is out of the group \(its data differs from the group's\), and stays read-only", 60)
        check(exit_text(stays) == "out of the group: its data differs from the group's", exit_text(stays))
        check("to come back" not in stays.log(), "it tried to come back with other data")

        sends_away = group[2]
        sends_away.sql("SET GLOBAL group_replication_exit_state_action = 'OFFLINE_MODE'")
        client = sends_away.connect()
        diverge(sends_away, group[0], 2)
        sends_away.wait_log(r"is out of the group .* and sends its clients away", 60)
        wait_for("its client to be cut off", 60, lambda: is_cut_off(client))
        check(is_read_only(sends_away) and sends_away.is_alive(), "it is not read-only")

        ends = group[3]
        ends.sql("SET GLOBAL group_replication_exit_state_action = 'ABORT_SERVER'")
        diverge(ends, group[0], 3)
        check(ends.wait_exit(120) == 0, "it did not shut down in order")
        check("and shuts down" in ends.log(), "it does not say why it shuts down")

        wait_for("the group to be one member", 60, lambda: group[0].status("wsrep_cluster_size") == "1")
        writers.stop()
        writers.check_present(group[0])


def leaves_in_time():
    """less room than group_replication_disk_watermark: it warns, then leaves in order before anything fails, and comes back with room; the last one stays"""
    with Group(2, server_options=PATIENCE) as group:
        group.form()
        victim = group[1]
        victim.stop()
        with small_disk(victim, used_megabytes(victim.data) + 600):
            victim.start()
            writers = Writers(group[:1])
            victim.sql("SET GLOBAL group_replication_autorejoin_tries = 1000", "SET GLOBAL group_replication_autorejoin_interval = 2",
                       f"SET GLOBAL group_replication_disk_watermark = {250 << 20}")
            filler = victim.data / "filler"
            since = len(victim.log())
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=1M", "count=200"], check=True, stderr=subprocess.DEVNULL)
            victim.wait_log(r"\[Warning\] .* MiB are free in .*, and below group_replication_disk_watermark \(250 MiB\)", 30, since=since)
            check(victim.status("wsrep_ready") == "ON", "it left where it was to warn")
            with open(filler, "ab") as more:
                more.write(bytes(220 << 20))
            victim.wait_log(r"leaving the group: \d+ MiB are free in ", 30, since=since)
            left = time.monotonic()
            wait_for("the other to be alone", 60, lambda: group[0].status("wsrep_cluster_size") == "1")
            check(time.monotonic() - left < 10, "it did not announce that it leaves: the other waited until it was expelled")
            victim.wait_log(r"could not join the group: \d+ MiB are free in ", 60, since=since)
            check("No space left" not in victim.log()[since:], "it left too late")
            filler.unlink()
            victim.wait_ready(180)
            more_than_any_disk_has = f"SET GLOBAL group_replication_disk_watermark = {1000 << 40}"
            group[0].sql(more_than_any_disk_has)
            group[0].wait_log(r"leaving the group: ", 60)
            wait_for("it to be alone", 60, lambda: victim.status("wsrep_cluster_size") == "1")
            victim.sql(more_than_any_disk_has)
            victim.wait_log(r"MiB are free in .*, and below group_replication_disk_watermark \(1048576000 MiB\)", 30)
            time.sleep(3)
            check(victim.status("wsrep_ready") == "ON" and victim.status("wsrep_cluster_size") == "1", "the last one left as well")
            writers.stop()
            victim.sql("SET GLOBAL group_replication_disk_watermark = DEFAULT")
            group[0].sql("SET GLOBAL group_replication_disk_watermark = DEFAULT")
            group[0].stop()
            group[0].start()
            writers.check_present(victim)
            group.check_equal()
            victim.stop()


@contextlib.contextmanager
def full_disk(group, **settings):
    """A member that just left because its disk is full, and not in time; yields it and the file that fills it."""
    victim = group[2]
    victim.stop()
    with small_disk(victim, used_megabytes(victim.data) + 400):
        victim.start()
        for name, value in (settings | {"disk_watermark": 0}).items():
            victim.sql(f"SET GLOBAL group_replication_{name} = {value}")
        filler = fill_disk(victim.data)
        victim.wait_log(r"the agreed log cannot be written: .*No space left on device", 120)
        yield victim, filler


def comes_back():
    """no room on its disk, for a while: the attempts are said and counted, and with room again it is ONLINE, writes, and has missed nothing"""
    with Group(3, server_options=PATIENCE) as group:
        group.form()
        writers = Writers(group[:2])
        with full_disk(group, autorejoin_tries=1000, autorejoin_interval=2) as (victim, filler):
            wait_for("it to be read-only", 60, lambda: is_read_only(victim))
            victim.wait_log(r"attempt 2 of 1000 to come back to the group at ", 120)
            wait_for(lambda: f"its status to say so: {exit_text(victim)}", 30,
                     lambda: "of 1000 to come back" in exit_text(victim) and "No space left" in exit_text(victim))
            filler.unlink()
            mended = time.monotonic()
            victim.wait_ready(180)
            wait_for("it to take writes", 30, lambda: not is_read_only(victim) and exit_text(victim) == "")
            print(f"  ONLINE {time.monotonic() - mended:.1f} s after there was room, {victim.recovery()}")
            victim.sql("INSERT INTO test.acknowledged VALUES (77, 1, 1)")
            writers.stop()
            writers.check_present(victim)
            group.check_equal()
            victim.stop()


def gives_up():
    """attempts that all fail: it says so once, stays out until a person has it join, and then takes writes again"""
    with Group(3, server_options=PATIENCE) as group:
        group.form()
        writers = Writers(group[:2])
        with full_disk(group, autorejoin_tries=2, autorejoin_interval=1) as (victim, filler):
            victim.wait_log(r"this server is out of the group \(.*\), and stays read-only", 120)
            said = victim.log().count("and stays read-only")
            check(victim.log().count("to come back to the group at") == 2, "it was to try twice")
            filler.unlink()
            time.sleep(3)
            check(is_read_only(victim) and victim.status("wsrep_ready") == "OFF", "it came back by itself")
            check(victim.log().count("and stays read-only") == said == 1, "it said so more than once")
            with contextlib.suppress(pymysql.err.MySQLError):  # the server may end the connection that asks
                victim.sql("SET @done = group_replication_start()")
            victim.wait_ready(180)
            wait_for("it to take writes", 30, lambda: not is_read_only(victim))
            writers.stop()
            writers.check_present(victim)
            group.check_equal()
            victim.stop()


run(actions, leaves_in_time, comes_back, gives_up)
