#!/usr/bin/python3
"""sysbench side by side: three servers with this provider, three with Galera's, on the same machine in one run.

./dev bench galera [--threads 1,8,32] [--seconds 20] [--workloads oltp_write_only,oltp_read_write] [--rounds 1]
Both groups stand all the time and are measured in turn, case by case, so that a machine whose speed changes from minute to minute hits
both: the ratio is the median over the rounds of two measurements made one after the other. All clients write through the first member, then
spread over all three. Prints commits per second, 95th percentile latency, the ratio, and the least and the greatest ratio of a round.
"""
import argparse
import contextlib
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "server"))
from harness import GALERA, Group, check, provider_path  # noqa: E402

TABLES, ROWS = 4, 20000


def sysbench(member, workload, threads, seconds, action="run", events=0, rate=0):
    return subprocess.Popen(
        ["sysbench", workload, "--db-driver=mysql", f"--mysql-socket={member.socket}", "--mysql-user=root", "--mysql-db=sbtest",
         f"--tables={TABLES}", f"--table-size={ROWS}", f"--threads={threads}", f"--time={seconds}", f"--events={events}", f"--rate={rate}", "--rand-seed=7", "--rand-type=uniform",
         "--mysql-ignore-errors=1213,1205,1020,1180", action], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def figures(output):
    commits = re.search(r"transactions:\s+\d+\s+\(([\d.]+) per sec", output)
    latency = re.search(r"95th percentile:\s+([\d.]+)", output)
    check(commits and latency, f"sysbench failed:\n{output[-1500:]}")
    return float(commits[1]), float(latency[1])


def measure(group, workload, threads, seconds, spread):
    """Commits per second of all clients, and the worst member's 95th percentile in ms."""
    members = group.members if spread else group.members[:1]
    shares = [threads // len(members) + (1 if at < threads % len(members) else 0) for at in range(len(members))]
    clients = [sysbench(member, workload, share, seconds) for member, share in zip(members, shares) if share]
    results = [figures(each.communicate()[0]) for each in clients]
    return sum(each[0] for each in results), max(each[1] for each in results)


def prepared(stack, provider):
    """A group of three with the tables of the benchmark, that lives as long as the stack."""
    options = {"innodb_buffer_pool_size": "256M", "innodb_log_file_size": "256M"}
    group = stack.enter_context(Group(3, provider=provider, server_options=options))
    group.form()
    group[0].sql("CREATE DATABASE sbtest")
    output = sysbench(group[0], "oltp_read_write", 1, 1, "prepare").communicate()[0]
    for each in group.members:
        check(each.value(f"SELECT COUNT(*) FROM sbtest.sbtest{TABLES}", causal=True) == ROWS, f"not prepared:\n{output}")
    return group


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--threads", default="1,8,32")
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--workloads", default="oltp_write_only,oltp_read_write")
    arguments.add_argument("--rounds", type=int, default=1)
    given = arguments.parse_args()
    providers = {"quorate": provider_path(), "galera": GALERA}
    cases = [(workload, int(threads), spread) for workload in given.workloads.split(",") for threads in given.threads.split(",")
             for spread in (False, True)]
    if given.rounds < 1 or given.seconds < 1:
        arguments.error("--rounds and --seconds begin at 1")
    found = {}
    with contextlib.ExitStack() as stack:
        groups = {name: prepared(stack, provider) for name, provider in providers.items()}
        for at in range(given.rounds):
            for case in cases:
                # Turn about, so that neither is always the one measured on a warmer machine.
                for name in sorted(groups, reverse=at % 2 == 0):
                    figure = measure(groups[name], case[0], case[1], given.seconds, case[2])
                    found.setdefault((name, case), []).append(figure)
                    print(f"  {name:8} {case[0]} {case[1]} threads {'spread' if case[2] else 'one member'}: {figure[0]:.0f}/s, {figure[1]:.1f} ms",
                          flush=True)
        for group in groups.values():
            group.check_equal()
    print(f"\n{'workload':18} {'threads':>7} {'through':>10}   {'quorate':>9} {'p95':>8}   {'galera':>9} {'p95':>8}   {'ratio':>5}  of rounds")
    for case in cases:
        (ours, ours_ms), (theirs, theirs_ms) = (tuple(statistics.median(each) for each in zip(*found[(name, case)])) for name in providers)
        ratios = sorted(one[0] / other[0] for one, other in zip(*(found[(name, case)] for name in providers)))
        print(f"{case[0]:18} {case[1]:7} {'all three' if case[2] else 'one':>10}   {ours:7.0f}/s {ours_ms:5.1f} ms   "
              f"{theirs:7.0f}/s {theirs_ms:5.1f} ms   {statistics.median(ratios):5.2f}  {ratios[0]:.2f}..{ratios[-1]:.2f}")


if __name__ == "__main__":
    main()
