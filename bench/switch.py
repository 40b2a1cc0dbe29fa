#!/usr/bin/python3
"""How long a client of a single-primary group cannot write: planned changes of the primary, and its sudden death (kill -9).

./dev bench switch [--planned N] [--killed N]: N of each (default 50), three servers on this machine, one client that follows the
primary and four that load it. Prints p50, p90, p99 and the worst of the gap between two commits of the client (planned), and of
the time from the kill to its first commit on another member (killed). Ends non-zero when a row is lost or there twice.
"""
import argparse
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "server"))

from following import Follower, percentile  # noqa: E402
from harness import Group, check, wait_for  # noqa: E402


def report(name, values, aim):
    print(f"{name}: {len(values)} times, p50 {percentile(values, 0.5) * 1000:.0f} ms, p90 {percentile(values, 0.9) * 1000:.0f} ms, "
          f"p99 {percentile(values, 0.99) * 1000:.0f} ms, worst {max(values) * 1000:.0f} ms (aim: {aim})", flush=True)


def member_id(group, member):
    return group[0].members_by_port()[member.sql_port]["MEMBER_ID"]


def planned(group, client, times):
    ids = [member_id(group, each) for each in group.members]
    gaps, calls = [], []
    for number in range(1, times + 1):
        target = group[number % 3]
        began = time.monotonic()
        target.value(f"SELECT group_replication_set_as_primary('{ids[number % 3]}', 5)")
        calls.append(time.monotonic() - began)
        wait_for("the client to write on the new primary", 30, lambda: client.first_after(began, target.name))
        time.sleep(0.3)
        gaps.append(client.longest_gap(began, time.monotonic()))
    report("planned switch, gap between two commits", gaps, "p99 < 300 ms")
    report("planned switch, the function's time", calls, "none")


def killed(group, client, times):
    took = []
    for _ in range(times):
        primary = next(each for each in group.members if each.name == client.acknowledged[-1][2])
        others = [each for each in group.members if each is not primary]
        begun = time.monotonic()
        primary.kill()
        wait_for("another to acknowledge", 60, lambda: any(client.first_after(begun, each.name) for each in others))
        took.append(min(filter(None, (client.first_after(begun, each.name) for each in others))) - begun)
        primary.start(recover=True, timeout=120)
        group.wait_size(3, 60)
        time.sleep(0.5)
    report("killed primary, first commit on another", took, "< 1 s")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--planned", type=int, default=50)
    options.add_argument("--killed", type=int, default=50)
    options.add_argument("--load", type=int, default=4, help="clients beside the one that is watched")
    given = options.parse_args()
    with Group(3, server_options={"group_replication_single_primary_mode": "ON"}) as group:
        group.form()
        Follower.make_table(group[0])
        client = Follower(group.members)
        clients = [client] + [Follower(group.members, first=number * 1_000_000_000) for number in range(1, given.load + 1)]
        time.sleep(2)
        if given.planned:
            planned(group, client, given.planned)
        if given.killed:
            killed(group, client, given.killed)
        for each in clients:
            each.stop()
        acknowledged = {number for each in clients for _, number, _ in each.acknowledged}
        allowed = acknowledged | {number for each in clients for number in each.unknown}
        for member in group.members:
            there = {row[0] for row in member.sql("SELECT id FROM test.followed", causal=True)}
            check(acknowledged <= there, f"{member.name} lacks acknowledged rows: {sorted(acknowledged - there)[:5]}")
            check(there <= allowed, f"{member.name} has rows that were refused: {sorted(there - allowed)[:5]}")
        group.check_equal()
        print(f"{len(acknowledged)} acknowledged rows are on every member, once, and no other")
        group.stop()


if __name__ == "__main__":
    main()
