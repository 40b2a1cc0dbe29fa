#!/usr/bin/python3
"""A member that does not get on though its process lives: its disk hangs, or its appliers are stuck."""
import time

import pymysql

from harness import NOT_READY, PATIENCE, Group, Writers, check, fill_disk, preload, run, small_disk, used_megabytes, wait_for


def leader_of(group):
    def claim():
        rows = group[0].members_by_port()
        return next((each for each in group.members if rows[each.sql_port]["IS_LEADER"] == "YES"), None)
    return wait_for("a member to lead", 60, claim)


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
    with Group(3, server_options={"innodb_use_native_aio": "OFF"} | PATIENCE) as group:
        preload(group, "hanging")
        group.form()
        writers = Writers(group.members)
        time.sleep(1)
        for what, limit in (("a follower", 3.0), ("the leader", 10.0)):  # suspected after 5 s, put out after 15 s
            leader = leader_of(group)
            victim = leader if what == "the leader" else next(each for each in group.members if each is not leader)
            witness = next(each for each in group.members if each is not leader and each is not victim)
            before = time.monotonic()
            hang(victim)
            wait_for(f"{victim.name} to be expelled", 90, lambda: victim.sql_port not in witness.members_by_port())
            mended = time.monotonic()
            mend(victim)
            pause = writers.longest_pause(witness.name, before, mended)
            print(f"  the disk of {what} hangs: {witness.name} paused {pause * 1000:.0f} ms, expelled after {mended - before:.1f} s")
            check(pause < limit, f"{witness.name} stood still for {pause:.1f} s")
            wait_for(f"{victim.name} to be ONLINE again", 180, lambda: witness.members_by_port().get(victim.sql_port, {}).get("MEMBER_STATE") == "ONLINE")
            print(f"  it is ONLINE again {time.monotonic() - mended:.1f} s after its disk was")
            victim.wait_back()
            group.wait_settled()
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def appliers_are_stuck():
    """only InnoDB cannot write at one member: the group does not wait for it, it stays, and catches up"""
    with Group(3, server_options={"innodb_use_native_aio": "OFF", "innodb_flush_log_at_trx_commit": 1}) as group:
        preload(group, "hanging")
        group.form()
        writers = Writers(group.members[:2])
        time.sleep(1)
        victim = group[2]
        before = time.monotonic()
        hang(victim, "ib")
        time.sleep(10)
        pause = max(writers.longest_pause(each.name, before, time.monotonic()) for each in group.members[:2])
        print(f"  InnoDB of {victim.name} hangs: the others paused {pause * 1000:.0f} ms")
        check(pause < 5, f"the others stood still for {pause:.1f} s of the ten")

        def behind():
            rows = group[0].members_by_port()
            return rows[group[0].sql_port]["APPLIED_POSITION"] - rows[victim.sql_port]["APPLIED_POSITION"]

        wait_for(lambda: f"it to be ONLINE and behind: {group[0].members_by_port()}", 30, lambda: group[0].members_by_port()[victim.sql_port][
            "MEMBER_STATE"] == "ONLINE" and behind() > 0)
        mend(victim)
        writers.stop()
        wait_for(lambda: f"it to catch up: {behind()} left", 180, lambda: behind() <= 0)
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def a_disk_is_full():
    """no room is left at a follower: it leaves by itself and says why, the others write on, and with room again it comes back with all it had"""
    with Group(3, server_options=PATIENCE) as group:
        group.form()
        leader = leader_of(group)
        victim = next(each for each in group.members if each is not leader)
        others = [each for each in group.members if each is not victim]
        victim.stop()
        with small_disk(victim, used_megabytes(victim.data) + 400):
            victim.start()
            victim.sql("SET GLOBAL group_replication_disk_watermark = 0")
            writers = Writers(others)
            time.sleep(1)
            filler = fill_disk(victim.data)
            before = time.monotonic()
            said = victim.wait_log(r"the agreed log cannot be written: .*No space left on device", 120)
            print(f"  {said.group(0)}")
            wait_for(f"{victim.name} to be out of the group", 90, lambda: victim.sql_port not in others[0].members_by_port())
            pause = max(writers.longest_pause(each.name, before, time.monotonic()) for each in others)
            print(f"  the others paused {pause * 1000:.0f} ms")
            check(pause < 3, f"the others stood still for {pause:.1f} s")
            victim.wait_status("wsrep_ready", "OFF")
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
