#!/usr/bin/python3
"""A member that does not get on though its process lives: its disk hangs, or its appliers are stuck."""
import subprocess
import time

import pymysql

from harness import NOT_READY, Group, Writers, check, root, run, small_disk, used_megabytes, wait_for


def rows_of(member):
    columns, rows = member.group_members()
    return {row["MEMBER_PORT"]: row for row in (dict(zip(columns, each)) for each in rows)}


def build_shim(group):
    library = group.directory / "lib" / "hanging.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, root / "tests/server/hanging.c", "-ldl"], check=True)
    group.give(library)
    group.environment["LD_PRELOAD"] = str(library)


def leader_of(group):
    return next(each for each in group.members if rows_of(group[0])[each.sql_port]["IS_LEADER"] == "YES")


def hang(member, names=""):
    (member.directory / "hang").write_text(names)


def mend(member):
    (member.directory / "hang").unlink()


def refused(member):
    """It runs, and takes neither a write nor a read that could be old."""
    for statement in ("INSERT INTO test.acknowledged VALUES (99, 1, 1)", "SELECT COUNT(*) FROM test.acknowledged"):
        try:
            member.sql(statement)
        except pymysql.err.OperationalError as error:
            check(error.args[0] == NOT_READY, f"{statement}: {error}")
        else:
            check(False, f"{member.name} took: {statement}")


def a_disk_hangs():
    """nothing can be written any more at a follower, then at the leader: the others write on, and it is one of them again when its disk is"""
    with Group(3, server_options={"innodb_use_native_aio": "OFF"}) as group:
        build_shim(group)
        group.form()
        writers = Writers(group.members)
        time.sleep(1)
        leader = leader_of(group)
        follower = next(each for each in group.members if each is not leader)
        for victim, what, limit in ((follower, "a follower", 1.0), (leader, "the leader", 4.0)):
            witness = next(each for each in group.members if each is not leader and each is not victim)
            before = time.monotonic()
            hang(victim)
            wait_for(f"{victim.name} to be expelled", 40, lambda: victim.sql_port not in rows_of(witness))
            mended = time.monotonic()
            mend(victim)
            pause = writers.longest_pause(witness.name, before, mended)
            print(f"  the disk of {what} hangs: {witness.name} paused {pause * 1000:.0f} ms, expelled after {mended - before:.1f} s")
            check(pause < limit, f"{witness.name} stood still for {pause:.1f} s")
            wait_for(f"{victim.name} to be ONLINE again", 90, lambda: rows_of(witness).get(victim.sql_port, {}).get("MEMBER_STATE") == "ONLINE")
            print(f"  it is ONLINE again {time.monotonic() - mended:.1f} s after its disk was")
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def appliers_are_stuck():
    """only InnoDB cannot write at one member: the group does not wait for it, it stays, and catches up"""
    with Group(3, server_options={"innodb_use_native_aio": "OFF", "innodb_flush_log_at_trx_commit": 1}) as group:
        build_shim(group)
        group.form()
        writers = Writers(group.members[:2])
        time.sleep(1)
        victim = group[2]
        before = time.monotonic()
        hang(victim, "ib")
        time.sleep(10)
        pause = max(writers.longest_pause(each.name, before, time.monotonic()) for each in group.members[:2])
        print(f"  InnoDB of {victim.name} hangs: the others paused {pause * 1000:.0f} ms")
        check(pause < 1.0, f"the others stood still for {pause:.1f} s")
        row = rows_of(group[0])[victim.sql_port]
        behind = rows_of(group[0])[group[0].sql_port]["APPLIED_POSITION"] - row["APPLIED_POSITION"]
        check(row["MEMBER_STATE"] == "ONLINE" and behind > 0, f"{row}, {behind} behind")
        mend(victim)
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def a_disk_is_full():
    """no room is left at a follower: it leaves by itself and says why, the others write on, and with room again it comes back with all it had"""
    with Group(3) as group:
        group.form()
        victim = next(each for each in group.members if each is not leader_of(group))
        others = [each for each in group.members if each is not victim]
        victim.stop()
        with small_disk(victim, used_megabytes(victim.data) + 400):
            victim.start()
            writers = Writers(others)
            time.sleep(1)
            filler = victim.data / "filler"
            subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], stderr=subprocess.DEVNULL)
            before = time.monotonic()
            said = victim.wait_log(r"the agreed log cannot be written: .*No space left on device", 60)
            print(f"  {said.group(0)}")
            wait_for(f"{victim.name} to be out of the group", 40, lambda: victim.sql_port not in rows_of(others[0]))
            pause = max(writers.longest_pause(each.name, before, time.monotonic()) for each in others)
            print(f"  the others paused {pause * 1000:.0f} ms")
            check(pause < 1.0, f"the others stood still for {pause:.1f} s")
            refused(victim)
            filler.unlink()
            victim.kill()
            victim.start(recover=True)
            check("incremental" in victim.recovery(), f"it came back by {victim.recovery()}")
            writers.stop()
            writers.check_present(victim)
            group.check_equal()
            victim.stop()


if __name__ == "__main__":
    run(a_disk_hangs, appliers_are_stuck, a_disk_is_full)
