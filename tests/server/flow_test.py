#!/usr/bin/python3
"""Flow control: a member that is slow, or stuck, slows the others as much as it has to and no more, and for no longer."""
import contextlib
import threading
import time

import pymysql
from harness import Group, Writers, check, run, wait_for

PREFIX = "group_replication_flow_control_"
# Small enough that a test sees them met, in a group that orders some hundred transactions a second.
BOUND = 400
OPTIONS = [f"{PREFIX}applier_threshold={BOUND}", f"{PREFIX}certifier_threshold={BOUND * 10}", f"{PREFIX}min_quota=40"]


def stats(member):
    """Rows of REPLICATION_GROUP_MEMBER_STATS, by member id."""
    return {row["MEMBER_ID"]: row for row in member.rows("SELECT * FROM information_schema.REPLICATION_GROUP_MEMBER_STATS")}


def states(member):
    """State of each member as this one sees it, by SQL port."""
    return {row["MEMBER_PORT"]: row["MEMBER_STATE"] for row in member.group_members()}


def member_id(member):
    return next(row["MEMBER_ID"] for row in stats(member).values() if row["COUNTERS_FROM"] == "SELF")


def set_everywhere(group, **options):
    for member in group.members:
        member.sql(*(f"SET GLOBAL {PREFIX}{name} = {value}" for name, value in options.items()))


class DutyCycle:
    """Runs a server for a part of the time only, as a cgroup with a small quota would."""

    def __init__(self, member, part, period=0.1):
        self.member, self.part, self.period = member, part, period
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._turn, daemon=True)

    def _turn(self):
        while not self.over.is_set():
            self.member.pause()
            time.sleep(self.period * (1 - self.part))
            self.member.resume()
            time.sleep(self.period * self.part)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.member.resume()


class Watch:
    """Looks at one member's backlog from another, ten times a second."""

    def __init__(self, group, seen_from, of):
        self.seen_from, self.of = seen_from, member_id(of)
        self.rows = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.is_set():
            with contextlib.suppress(pymysql.err.MySQLError, OSError):
                row = stats(self.seen_from).get(self.of)
                if row:
                    self.rows.append((time.monotonic(), row))
            self.over.wait(0.1)

    def stop(self):
        self.over.set()
        self.thread.join()

    def most(self, column, since=0.0):
        return max((row[column] for when, row in self.rows if when >= since), default=-1)


def rate(writers, names, seconds):
    """Acknowledged transactions a second of these members' writers in the next seconds."""
    before = sum(len(writers.acknowledged[name]) for name in names)
    time.sleep(seconds)
    return (sum(len(writers.acknowledged[name]) for name in names) - before) / seconds


def settles(writers, names, low, high, seconds=5):
    """The rate, looked at again while it is not from `low` to `high`: what was set or locked needs a moment to count, and a machine that stands
    still for some seconds takes them from what is counted. What holds in one of six looks holds; a limit that is not met is met in none."""
    for _ in range(6):
        now = rate(writers, names, seconds)
        if low <= now <= high:
            break
    return now


def text_of_slow(member, since):
    return [line for line in member.log()[since:].splitlines() if "flow control:" in line]


def held_lock():
    """a table is locked at one member: backlog bounded as long as the floor allows, writers keep the floor, and are free at once after it"""
    with Group(3, provider_options=OPTIONS) as group:
        group.form()
        writers = Writers(group.members[:2], per_member=8)
        names = [each.name for each in group.members[:2]]
        time.sleep(2)
        free = rate(writers, names, 3)
        victim, since = group[2], len(group[0].log())
        watch = Watch(group, group[0], victim)
        began = time.monotonic()
        lock = victim.hold_appliers("test.acknowledged")
        wait_for("writers to be slowed", 60, lambda: group[0].status("wsrep_flow_control_active") == "true")
        time.sleep(3)
        held = settles(writers, names, 25, 60, 10)
        pause = max(writers.longest_pause(name, began, time.monotonic()) for name in names)
        slowest = group[0].status("Gr_flow_control_slowest")
        waits = int(group[0].status("Gr_flow_control_throttle_count"))
        lock.close()
        released = time.monotonic()
        wait_for("writers to be free", 60, lambda: all(each.status("wsrep_flow_control_active") == "false" for each in group.members[:2]))
        after = time.monotonic() - released
        again = comes_to(writers, names, free * 0.5)
        watch.stop()
        print(f"  {free:.0f} a second, {held:.0f} while {victim.name} is locked (40 is the floor), free {after:.1f} s after, then {again:.0f}")
        print(f"  backlog at most {watch.most('BACKLOG_TO_APPLY')} of {BOUND}; longest pause {pause * 1000:.0f} ms; slowest {slowest}; {waits} waits")
        check(25 <= held <= 60, f"{held:.0f} transactions a second with a floor of 40")
        check(pause < 4, f"writers stood still for {pause:.1f} s")  # who is not let through at all waits for ten
        check(slowest.endswith(f":{victim.sql_port}"), f"the slowest is {slowest!r}")
        check(waits > 0, "nobody waited")
        check(after < 15, f"writers were free only {after:.1f} s after the lock was")
        check(again > free * 0.5, f"{again:.0f} a second afterwards, {free:.0f} before")
        said = text_of_slow(group[0], since)
        check(any("are slowed" in line for line in said) and any("not slowed any more" in line for line in said), f"the log says {said}")
        print("  " + next(line for line in said if "are slowed" in line).split("flow control:")[1].strip())
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def comes_to(writers, names, least, within=60):
    """The rate once it is at least `least`, or what it is after that time: a limit is lifted by steps."""
    end, now = time.monotonic() + within, 0
    while now < least and time.monotonic() < end:
        now = rate(writers, names, 2)
    return now


def a_tenth_of_the_speed():
    """one member gets a tenth of the time: the group goes at its speed, its backlog stays within the bound, nobody stalls"""
    with Group(3, provider_options=OPTIONS) as group:
        group.form()
        writers = Writers(group.members[:2], per_member=8)
        names = [each.name for each in group.members[:2]]
        time.sleep(2)
        free = rate(writers, names, 3)
        victim = group[2]
        watch = Watch(group, group[0], victim)
        with DutyCycle(victim, 0.1):
            time.sleep(15)
            settled = time.monotonic()
            slow = rate(writers, names, 15)
            pause = max(writers.longest_pause(name, settled, time.monotonic()) for name in names)
        most, most_settled = watch.most("BACKLOG_TO_APPLY"), watch.most("BACKLOG_TO_APPLY", settled)
        wait_for("writers to be free", 60, lambda: all(each.status("wsrep_flow_control_active") == "false" for each in group.members[:2]))
        again = comes_to(writers, names, free * 0.4)
        watch.stop()
        print(f"  {free:.0f} a second, {slow:.0f} with {victim.name} at a tenth, then {again:.0f}")
        print(f"  backlog at most {most} at first, then {most_settled} of {BOUND}; longest pause {pause * 1000:.0f} ms")
        # It is never less than what is applied in a second, as of late.
        for found, bound in (most, max(BOUND, free)), (most_settled, max(BOUND, slow)):
            check(found < bound * 2.5, f"{found} transactions behind, with a bound of {bound:.0f}")
        check(pause < 5, f"writers stood still for {pause:.1f} s")
        check(again > free * 0.4, f"{again:.0f} a second afterwards, {free:.0f} before")
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def each_variable():
    """max_quota, member_quota_percent, the modes and min_quota are met by what writers get; DISABLED and a stopped member slow nobody"""
    # Nobody is put out: what a stopped member does not count for any more is its silence.
    with Group(3, provider_options=[*OPTIONS, "group_replication_member_expel_timeout=120"]) as group:
        group.form()
        writers = Writers(group.members[:1], per_member=8)
        names = [group[0].name]
        time.sleep(1)
        free = rate(writers, names, 3)
        set_everywhere(group, max_quota=100)
        time.sleep(1)
        capped = settles(writers, names, 85, 115)
        set_everywhere(group, member_quota_percent=50)
        time.sleep(1)
        half = settles(writers, names, 40, 60)
        set_everywhere(group, period=2, member_quota_percent=0)
        time.sleep(1)
        longer = settles(writers, names, 30, 70, 6)
        print(f"  {free:.0f} a second; max_quota 100: {capped:.0f}; half of it: {half:.0f}; in two seconds: {longer:.0f}")
        check(85 <= capped <= 115 and 40 <= half <= 60 and 30 <= longer <= 70, f"{capped:.0f}, {half:.0f}, {longer:.0f} a second")
        set_everywhere(group, period=1, max_quota=0)
        lock = group[2].hold_appliers("test.acknowledged")
        wait_for("writers to be slowed", 60, lambda: group[0].status("wsrep_flow_control_active") == "true")
        time.sleep(3)
        floor = settles(writers, names, 25, 60)
        set_everywhere(group, min_quota=120)
        time.sleep(1)
        raised = settles(writers, names, 95, 150)
        set_everywhere(group, mode="'MAJORITY'")
        majority = comes_to(writers, names, free * 0.5)
        set_everywhere(group, mode="'QUOTA'")
        wait_for("writers to be slowed again", 60, lambda: group[0].status("wsrep_flow_control_active") == "true")
        group[2].sql(f"SET GLOBAL {PREFIX}mode = 'DISABLED'")  # it asks nobody to wait
        disabled = comes_to(writers, names, free * 0.5)
        print(f"  locked: {floor:.0f} a second; min_quota 120: {raised:.0f}; MAJORITY: {majority:.0f}; the slow one DISABLED: {disabled:.0f}")
        check(25 <= floor <= 60 and 95 <= raised <= 150, f"{floor:.0f}, {raised:.0f} a second")
        check(majority > free * 0.5 and disabled > free * 0.5, f"{majority:.0f} and {disabled:.0f} a second, {free:.0f} without a limit")
        group[2].sql(f"SET GLOBAL {PREFIX}mode = 'QUOTA'")
        wait_for("writers to be slowed once more", 60, lambda: group[0].status("wsrep_flow_control_active") == "true")
        group[2].pause()  # silent: it counts no longer than until it is suspected
        wait_for("writers to be free", 30, lambda: group[0].status("wsrep_flow_control_active") == "false")
        group[2].resume()
        lock.close()
        for name, value in (("certifier_threshold", -1), ("member_quota_percent", 101), ("period", 61), ("mode", "'SOMETIMES'")):
            with contextlib.suppress(pymysql.err.MySQLError):
                group[0].sql(f"SET GLOBAL {PREFIX}{name} = {value}")
                check(False, f"{name} = {value} was taken")
        group[0].sql("SET GLOBAL wsrep_provider_options = 'gcs.fc_limit=77'")
        check(int(group[0].value(f"SELECT @@{PREFIX}applier_threshold")) == 77, "gcs.fc_limit is applier_threshold")
        writers.stop()


def a_hopeless_member():
    """a member that applies nothing leaves by itself, catches up when it can, and comes back; the last two stay whatever happens"""
    options = [f"{PREFIX}applier_threshold=100", f"{PREFIX}min_quota=60", f"{PREFIX}quarantine_time=5"]
    with Group(3, provider_options=options) as group:
        group.form()
        writers = Writers(group.members[:2], per_member=4)
        names = [each.name for each in group.members[:2]]
        time.sleep(1)
        free = rate(writers, names, 3)
        victim = group[2]
        lock = victim.hold_appliers("test.acknowledged")
        victim.wait_log("flow control: this member is .* leaves the group", 120)
        wait_for("it to be RECOVERING", 60, lambda: states(group[0]).get(victim.sql_port) == "RECOVERING")
        wait_for("writers to be free", 60, lambda: all(each.status("wsrep_flow_control_active") == "false" for each in group.members[:2]))
        without = comes_to(writers, names, free * 0.5)
        lock.close()
        began = time.monotonic()
        wait_for("it to be ONLINE again", 180, lambda: states(group[0]).get(victim.sql_port) == "ONLINE")
        print(f"  {free:.0f} a second; without the hopeless one {without:.0f}; ONLINE {time.monotonic() - began:.1f} s after its lock was gone")
        said = [line for line in victim.log().splitlines() if "it leaves the group" in line]
        check(len(said) == 1, f"it left {len(said)} times: {said}")
        check(without > free * 0.5, f"{without:.0f} a second after it left, {free:.0f} before")
        writers.stop()
        for each in group.members:
            each.wait_ready()
            writers.check_present(each)
        group.check_equal()


if __name__ == "__main__":
    run(held_lock, a_tenth_of_the_speed, each_variable, a_hopeless_member)
