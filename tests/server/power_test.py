#!/usr/bin/python3
"""Every member dies at the same moment: by kill -9, and by a power failure that takes what was not synced."""
import os
import random
import time

from harness import Group, Writers, check, preload, run, wait_for

ROUNDS = int(os.environ.get("QUORATE_ROUNDS", "2"))


def everybody_is_killed():
    """durability OS: all are killed at once under load, time and again; every acknowledged row is there afterwards"""
    with Group(3) as group:
        group.form()
        for each in range(ROUNDS):
            fail_at_once(group, f"killed, round {each + 1}", before_restart=lambda member: None)
        group.check_equal()


def power_fails_everywhere():
    """durability DISK: all lose power at once under load, and the log what was not synced; every acknowledged row is there afterwards"""
    with Group(3, provider_options=["group_replication_durability=DISK"]) as group:
        preload(group, "synced")
        group.form()
        for each in range(ROUNDS):
            fail_at_once(group, f"power failed, round {each + 1}", before_restart=lambda member: take_what_was_not_synced(member, "DISK"))
        group.check_equal()


def power_fails_at_one():
    """durability OS: one member's host restarts, and its log lost what was not synced; it comes back as a new incarnation and nothing is lost"""
    with Group(3) as group:
        preload(group, "synced")
        group.form()
        writers = Writers(group.members)
        time.sleep(2)
        group[1].kill()
        take_what_was_not_synced(group[1], "OS")
        group[1].start(recover=True)
        group[1].wait_log("comes back as a new incarnation|does not fit the server's data")
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def one_that_forgot():
    """durability MEMORY: one is killed under load and comes back as a new incarnation, by the others' log and without a copy"""
    with Group(3, provider_options=["group_replication_durability=MEMORY"]) as group:
        group.form()
        for each in range(ROUNDS):
            writers = Writers(group.members)
            time.sleep(random.uniform(1, 2))
            killed = random.choice(group.members)
            since = len(killed.log())
            killed.kill()
            time.sleep(random.uniform(0, 1))
            killed.start(recover=True)
            killed.wait_log("comes back as a new incarnation.*MEMORY", since=since)
            group.wait_settled()  # the next one that is killed must not leave it alone
            writers.stop()
            print(f"  round {each + 1}: {killed.recovery()}")
            check("copy" not in killed.recovery().lower(), f"{killed.name} copied everything: {killed.recovery()}")
            for member in group.members:
                writers.check_present(member)
        group.check_equal()


def everybody_forgot():
    """durability MEMORY: all are killed at once; nobody begins by itself, each says what to do, and the most advanced one founds the group again"""
    with Group(3, provider_options=["group_replication_durability=MEMORY"]) as group:
        group.form()
        writers = Writers(group.members)
        time.sleep(2)
        for each in group.members:
            each.process.kill()
        for each in group.members:
            each.kill()
        writers.stop()
        group.restart_after_crash()
        for each in group.members:
            each.wait_log(r"find the server whose data stands furthest \(mariadbd --wsrep-recover", timeout=180)
            each.kill()
        furthest = max(group.members, key=lambda each: int(each.recovered_position().split(":")[1]))
        state = furthest.data / "grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        furthest.start(bootstrap=True, recover=True)
        for each in group.members:
            if each is not furthest:
                each.start(recover=True)
        group.check_equal()
        furthest.sql("CREATE TABLE test.after (id INT PRIMARY KEY)")
        group.check_equal()


def fail_at_once(group, what, before_restart):
    writers = Writers(group.members, table=f"test.t{random.randrange(10**9)}", per_member=2)
    time.sleep(random.uniform(0.5, 2.5))
    wait_for("a row to be acknowledged", 60, writers.count)
    for each in group.members:
        each.process.kill()
    for each in group.members:
        each.kill()
    writers.stop()
    for each in group.members:
        before_restart(each)
    began = time.monotonic()
    order = random.sample(group.members, len(group.members))
    group.restart_after_crash(order)
    for each in order:
        each.wait_ready()
    print(f"  {what}: {writers.count()} acknowledged, a group again after {time.monotonic() - began:.1f} s")
    check(writers.count() > 0, "nothing was acknowledged before the failure")
    for each in group.members:
        writers.check_present(each)


def take_what_was_not_synced(member, durability):
    """Each segment keeps what was synced and a random part of the rest, the last sector of that perhaps as garbage; and the host's boot is another one."""
    synced = {}
    for line in (member.directory / "synced").read_text().splitlines():
        name, length = line.split()
        synced[name] = max(int(length), synced.get(name, 0))
    for segment in sorted(member.data.glob("group_replication.0*.log")):
        size, safe = segment.stat().st_size, synced.get(segment.name, 0)
        keep = random.randint(min(safe, size), size)
        with open(segment, "r+b") as file:
            file.truncate(keep)
            torn = min(512, keep - safe)
            if torn > 0 and random.random() < 0.5:
                file.seek(keep - torn)
                file.write(os.urandom(torn))
    (member.data / "group_replication.host.log").write_text(f"another boot\n{durability}\n")


if __name__ == "__main__":
    run(everybody_is_killed, power_fails_everywhere, power_fails_at_one, one_that_forgot, everybody_forgot)
