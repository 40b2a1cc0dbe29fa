#!/usr/bin/python3
"""What clients see that they should not, on three servers that are killed, stopped and cut off: this provider and Galera's in one run.

./dev bench anomalies [--seconds N] [--only NAME...]: N seconds (default 600) for each level, the same clients and the same faults
(tests/server/anomalies.py: lists, a bank, counters, pairs; every session REPEATABLE READ with innodb_snapshot_isolation). Prints a table of how
often each anomaly was found. Ends non-zero when a level of ours shows what it promises not to.
"""
import argparse
import contextlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "server"))

from anomalies import SERVER_OPTIONS, Clients, Faults, forbidden  # noqa: E402
from harness import Failed, Group  # noqa: E402
from histories import OK  # noqa: E402
from network import Network  # noqa: E402

GALERA = "/usr/lib/galera/libgalera_smm.so"
OURS = {level: [f"SET SESSION group_replication_consistency = '{level}'"] for level in ("EVENTUAL", "BEFORE", "AFTER", "BEFORE_AND_AFTER")}
THEIRS = {"Galera": [], "Galera, wsrep_sync_wait = 15": ["SET SESSION wsrep_sync_wait = 15"]}


def look(name, setup, seconds, seed):
    """(anomalies, transactions, faults) of one level."""
    with contextlib.ExitStack() as stack:
        network, settings = None, {}
        with contextlib.suppress(Failed, OSError):
            network = stack.enter_context(Network(3))
            settings = {number: {"namespace": network.names[number], "address": network.addresses[number]} for number in range(3)}
        group = stack.enter_context(Group(3, provider=GALERA if name in THEIRS else None, server_options=SERVER_OPTIONS, member_settings=settings))
        group.form()
        clients = Clients(group, setup, seed)
        faults = Faults(group, seed, network)
        time.sleep(seconds)
        faults.stop()
        clients.stop()
        for each in group.members:
            each.wait_ready(180)
        done = sum(number for (_, outcome), number in clients.outcomes.items() if outcome == OK)
        return clients.found(), done, faults.done


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=600, help="for each level (default 600)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", nargs="+", choices=[*OURS, *THEIRS], default=[*OURS, *THEIRS], metavar="NAME", help="levels, or Galera")
    given = options.parse_args()
    broken = []
    for name in given.only:
        try:
            found, done, faults = look(name, OURS.get(name) or THEIRS[name], given.seconds, given.seed)
        except Failed as error:
            print(f"{name}: did not end: {error}", flush=True)
            broken += [name] if name in OURS else []
            continue
        told = ", ".join(f"{what} {len(each)}" for what, each in found.items()) or "nothing"
        print(f"{name}: {done} transactions; {', '.join(f'{number} {what}' for what, number in faults.items())}; found: {told}", flush=True)
        wrong = [what for what in forbidden(name not in ("EVENTUAL", "Galera")) if what in found]
        for what in wrong:
            print(f"  {what}: {found[what][0]}", flush=True)
        broken += [name] if wrong and name in OURS else []
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
