#!/usr/bin/python3
"""Writers beside a slow member: throughput, latency and backlog over time, this provider and Galera's in one run.

./dev bench flow [--seconds 15] [--threads 8] [--backlog 1000] [--svg FILE] [--only NAME,...]
For each provider in turn a group of three is formed and clients insert rows through the first two members, as fast as they can. One phase
after the other, each so many seconds: all well; the third member gets a tenth of the time (stopped and continued, ten times a second); all
well; a table is locked on it; all well. Quorate is measured with its defaults, and with a backlog bound so small that it is met. Prints a
table of the phases and writes a picture of the whole.
"""
import argparse
import contextlib
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "server"))
import pymysql  # noqa: E402
from flow_test import DutyCycle, hold_appliers  # noqa: E402
from harness import GALERA, Group, provider_path  # noqa: E402

STEP = 0.5  # seconds: a point of the picture
PHASES = ("all well", "one at a tenth", "all well again", "a table locked", "all well at last")
COLORS = {"quorate": "#1f6fb4", "quorate, small bound": "#2f9e44", "galera": "#d9480f"}


class Clients:
    """Inserts through some members, each remembered with its end and how long it took."""

    def __init__(self, members, threads):
        members[0].sql("CREATE DATABASE IF NOT EXISTS test",
                       "CREATE TABLE test.acknowledged (id BIGINT PRIMARY KEY, writer VARCHAR(16), padding VARCHAR(120))")
        for each in members[1:]:
            each.sql("SELECT COUNT(*) FROM test.acknowledged", causal=True)
        self.over = threading.Event()
        self.done = []  # (end, seconds)
        self.threads = [threading.Thread(target=self._write, args=(members[at % len(members)], (at + 1) * 1_000_000_000), daemon=True)
                        for at in range(threads)]
        for each in self.threads:
            each.start()

    def _write(self, member, number):
        with contextlib.closing(member.connect(timeout=600)) as connection, connection.cursor() as cursor:
            while not self.over.is_set():
                number += 1
                began = time.monotonic()
                with contextlib.suppress(pymysql.err.MySQLError):
                    cursor.execute(f"INSERT INTO test.acknowledged VALUES ({number}, '{member.name}', REPEAT('x', 100))")
                    self.done.append((time.monotonic(), time.monotonic() - began))

    def stop(self):
        self.over.set()
        for each in self.threads:
            each.join(120)


class Backlog:
    """How many transactions the last member is behind the first one, looked at twice in each step."""

    def __init__(self, group):
        self.group, self.seen, self.over = group, [], threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.is_set():
            with contextlib.suppress(pymysql.err.MySQLError, OSError, TypeError, ValueError):
                behind, ahead = (int(self.group[at].status("wsrep_last_committed")) for at in (2, 0))
                self.seen.append((time.monotonic(), max(0, ahead - behind)))
            self.over.wait(STEP / 2)

    def stop(self):
        self.over.set()
        self.thread.join(30)


def measure(provider, options, threads, seconds):
    with Group(3, provider=provider, provider_options=options) as group:
        group.form()
        clients, backlog = Clients(group.members[:2], threads), Backlog(group)
        time.sleep(3)
        began = time.monotonic()
        edges = [began]
        for at in range(len(PHASES)):
            with contextlib.ExitStack() as trouble:
                if at == 1:
                    trouble.enter_context(DutyCycle(group[2], 0.1))
                if at == 3:
                    trouble.enter_context(contextlib.closing(hold_appliers(group[2])))
                time.sleep(max(0, edges[-1] + seconds - time.monotonic()))
            edges.append(time.monotonic())
        clients.stop()
        backlog.stop()
        group.check_equal()
    shift = lambda series: [(when - began, value) for when, value in series if when >= began]
    return {"done": shift(clients.done), "behind": shift(backlog.seen), "edges": [each - began for each in edges]}


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def phase_rows(name, found):
    rows = []
    for at, phase in enumerate(PHASES):
        low, high = found["edges"][at], found["edges"][at + 1]
        ends = sorted(when for when, _ in found["done"] if low <= when < high)
        took = [took for when, took in found["done"] if low <= when < high]
        pause = max((later - earlier for earlier, later in zip([low] + ends, ends + [high])), default=0)
        behind = max((value for when, value in found["behind"] if low <= when < high), default=0)
        rows.append((phase, name, len(ends) / (high - low), statistics.median(took) * 1000 if took else float("nan"), percentile(took, 0.99) * 1000,
                     pause * 1000, behind))
    return rows


def series_of(found):
    """Throughput, 95th percentile latency in ms, and transactions behind, by step."""
    steps = int(found["edges"][-1] / STEP)
    took = [[] for _ in range(steps)]
    for when, each in found["done"]:
        if when < steps * STEP:
            took[int(when / STEP)].append(each)
    middle = [(at + 0.5) * STEP for at in range(steps)]
    return {"throughput": [(when, len(each) / STEP) for when, each in zip(middle, took)],
            "latency": [(when, percentile(each, 0.95) * 1000) for when, each in zip(middle, took) if each],
            "behind": found["behind"]}


def picture(results):
    """Three panels over the same time, as SVG."""
    width, height, left, top, gap = 1000, 170, 90, 50, 40
    length = max(found["edges"][-1] for found in results.values())
    panels = (("throughput", "commits a second"), ("latency", "95th percentile, ms"), ("behind", "slow member behind, transactions"))
    x = lambda when: left + when / length * (width - left - 20)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top + 3 * (height + gap)}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>']
    edges = next(iter(results.values()))["edges"]
    for at, (name, _) in enumerate(results.items()):
        parts.append(f'<rect x="{left + at * 190}" y="8" width="14" height="4" fill="{COLORS[name]}"/><text x="{left + 20 + at * 190}" y="15">{name}</text>')
    drawn = {name: series_of(found) for name, found in results.items()}
    for row, (which, title) in enumerate(panels):
        bottom = top + row * (height + gap) + height
        most = max((value for each in drawn.values() for _, value in each[which]), default=1) or 1
        y = lambda value: bottom - value / most * height
        for at, phase in enumerate(PHASES):
            shade = "#f4f4f4" if at % 2 == 0 else "#ffe8cc"
            parts.append(f'<rect x="{x(edges[at]):.1f}" y="{bottom - height}" width="{x(edges[at + 1]) - x(edges[at]):.1f}" height="{height}" fill="{shade}"/>')
            if row == 0:
                parts.append(f'<text x="{x(edges[at]) + 4:.1f}" y="{bottom - height - 6}">{phase}</text>')
        for part in (0, 0.5, 1):
            parts.append(f'<text x="{left - 6}" y="{y(most * part) + 4:.1f}" text-anchor="end">{most * part:.0f}</text>')
        parts.append(f'<text transform="translate(16 {bottom - height / 2}) rotate(-90)" text-anchor="middle">{title}</text>')
        for name, each in drawn.items():
            points = " ".join(f"{x(when):.1f},{y(value):.1f}" for when, value in each[which])
            parts.append(f'<polyline fill="none" stroke="{COLORS[name]}" stroke-width="1.5" points="{points}"/>')
    parts.append(f'<text x="{width / 2}" y="{top + 3 * (height + gap) - 16}" text-anchor="middle">{length:.0f} seconds</text></svg>')
    return "\n".join(parts) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=15, help="of each phase")
    arguments.add_argument("--threads", type=int, default=8)
    arguments.add_argument("--backlog", type=int, default=1000, help="the small bound, in transactions")
    arguments.add_argument("--svg", type=pathlib.Path, default=pathlib.Path("flow.svg"))
    arguments.add_argument("--only", default=",".join(COLORS).replace("quorate, small bound", "small"), help="quorate,small,galera")
    given = arguments.parse_args()
    bound = [f"group_replication_flow_control_{name}" for name in (f"applier_threshold={given.backlog}", f"min_quota={max(1, given.backlog // 20)}")]
    variants = {"quorate": (provider_path(), []), "quorate, small bound": (provider_path(), bound), "galera": (GALERA, [])}
    wanted = given.only.split(",")
    results = {}
    for name, (provider, options) in variants.items():
        if name.replace("quorate, small bound", "small") in wanted:
            print(f"  {name} ...", flush=True)
            results[name] = measure(provider, options, given.threads, given.seconds)
    rows = [row for name, found in results.items() for row in phase_rows(name, found)]
    print(f"\n{'phase':18} {'':22} {'commits':>9} {'median':>9} {'99 %':>9} {'longest pause':>14} {'behind':>8}")
    for phase in PHASES:
        for each in rows:
            if each[0] == phase:
                print(f"{each[0]:18} {each[1]:22} {each[2]:7.0f}/s {each[3]:6.1f} ms {each[4]:6.0f} ms {each[5]:11.0f} ms {each[6]:8}")
    given.svg.write_text(picture(results))
    print(f"\nthe picture is in {given.svg}")


if __name__ == "__main__":
    main()
