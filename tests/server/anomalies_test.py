#!/usr/bin/python3
"""Whether what clients see on three members, while these are killed and stopped, is what a database may show them at each level."""
import time

from anomalies import SERVER_OPTIONS, Clients, Faults, forbidden
from harness import Group, check, run, wait_for
from histories import FAILED, OK, Lists, Transaction, long_forks


def seen(*operations, begun=0.0, outcome=OK):
    seen.number += 1
    return Transaction(seen.number, "m1", begun, begun + 1, outcome, list(operations))


seen.number = 0


def the_checker_finds_each():
    """histories that nobody may show are told apart, and those that may be shown pass"""
    append, read = (lambda key, value: ("append", key, value)), (lambda key, values: ("read", key, values))
    cases = {
        "": ([seen(append(1, 1)), seen(read(1, [1]), append(1, 2), read(1, [1, 2]), begun=2.0)], {1: [1, 2]}),
        "lost": ([seen(append(1, 1))], {1: []}),
        "twice": ([seen(append(1, 1))], {1: [1, 1]}),
        "aborted read": ([seen(append(1, 1), outcome=FAILED), seen(read(1, [1]))], {1: [1]}),
        "intermediate read": ([seen(append(1, 1), append(1, 2)), seen(read(1, [1]))], {1: [1, 2]}),
        "own write missed": ([seen(append(1, 1), read(1, []))], {1: [1]}),
        "orders differ": ([seen(append(1, 1)), seen(append(1, 2)), seen(read(1, [2, 1]))], {1: [1, 2]}),
        "G0": ([seen(append(1, 1), append(2, 1)), seen(append(1, 2), append(2, 2))], {1: [1, 2], 2: [2, 1]}),
        "G1c": ([seen(append(1, 1), read(2, [2])), seen(append(2, 2), read(1, [1]))], {1: [1], 2: [2]}),
        "G-single": ([seen(read(1, []), append(1, 1)), seen(read(1, []), append(1, 2))], {1: [1, 2]}),
        "G2-item": ([seen(read(1, []), append(2, 1)), seen(read(2, []), append(1, 2))], {1: [2], 2: [1]}),
        "stale read": ([seen(append(1, 1)), seen(read(1, []), begun=2.0)], {1: [1]}),
    }
    for name, (transactions, final) in cases.items():
        found = Lists(transactions, {"m1": final, "m2": final}).check()
        check(name in found if name else not found, f"{name or 'nothing wrong'}: {found}")
    check("members differ" in Lists([], {"m1": {1: [1]}, "m2": {1: []}}).check(), "members that differ")
    check(long_forks({1: [(True, False), (False, True)], 2: [(True, False), (True, True)]}) == [1], "a long fork")


def look(level, waits, seconds=12):
    # AFTER says no more than a warning when its limit is over, and who is put out while it stands still shows old rows until it hears of that: here
    # clients give up before the one, and nobody stands still for as long as the other takes.
    options = ["repl.causal_read_timeout=PT2M", "group_replication_member_expel_timeout=10"]
    with Group(3, server_options=SERVER_OPTIONS, provider_options=options) as group:
        group.form()
        clients = Clients(group, [f"SET SESSION group_replication_consistency = '{level}'"])
        faults = Faults(group)
        time.sleep(seconds)
        wait_for("enough transactions", 120, lambda: clients.done() > 100)
        faults.stop()
        clients.stop()
        for each in group.members:
            each.wait_back()
        found = clients.found()
        done = clients.done()
        print(f"  {done} transactions, {dict(faults.done)}; found: { {name: len(what) for name, what in found.items()} }")
        for name in forbidden(waits):
            check(name not in found, f"{level}: {name}: {found.get(name, [])[:3]}")
        check(done > 100, f"{dict(clients.outcomes)}")
        group.check_equal()


def eventual():
    """EVENTUAL: snapshots in the log's order, perhaps old ones"""
    look("EVENTUAL", False)


def before():
    """BEFORE: nothing that was acknowledged before is missed"""
    look("BEFORE", True)


def after():
    """AFTER: what is acknowledged is seen everywhere"""
    look("AFTER", True)


if __name__ == "__main__":
    run(the_checker_finds_each, eventual, before, after)
