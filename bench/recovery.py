#!/usr/bin/python3
"""How members come back, side by side with Galera: incrementally after many small transactions, and by full copies.

./dev bench recovery [--transactions 200000] [--megabytes 1024] [--rounds 1] [--parts incremental,copy] [--providers quorate,galera]
                     [--methods clone,rsync,mariabackup] [--load 0]
Per round and provider, in turn, a group of three: m3 joins, m2 is the donor (wsrep_sst_donor), m1 is somebody else. A probe on m1 and one on
m2 insert a row every 5 ms; told is the longest any row took while m3 joined, and in the seconds before ("quiet").
 incremental: m3 is shut down, 200,000 rows are inserted one by one, m3 starts. Told: seconds from the start of its process to InnoDB
   standing and to ONLINE (Synced), and the transactions per second between the two.
 copy: m3 has no data, and the others are written to with --load transactions a second (sysbench oltp_write_only) meanwhile. Told: seconds to ONLINE, the tables' bytes by them, and how much processor time the donor used.
"""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "server"))
from galera import sysbench  # noqa: E402
from harness import GALERA, Group, check, processes_of_session, provider_path, wait_for  # noqa: E402

PROBE = pathlib.Path(__file__).resolve().parent / "probe.py"
PROBE_INTERVAL_MS = 5
METHODS = {"quorate": ("clone", "rsync", "mariabackup"), "galera": ("rsync", "mariabackup")}
OPTIONS = {"innodb_buffer_pool_size": "512M", "innodb_log_file_size": "512M", "wsrep_slave_threads": 4}
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class Probe:
    """A writer on one member, in a process of its own."""

    count = 0

    def __init__(self, member):
        Probe.count += 1
        member.sql("CREATE DATABASE IF NOT EXISTS probe", f"CREATE TABLE probe.t{Probe.count} (id BIGINT PRIMARY KEY, v VARCHAR(100))")
        self.process = subprocess.Popen([sys.executable, str(PROBE), str(member.socket), f"probe.t{Probe.count}", "0", str(PROBE_INTERVAL_MS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check(self.process.stdout.readline() == "writing\n", "a probe did not begin")

    def stop(self):
        output, _ = self.process.communicate()
        self.rows = [tuple(map(float, line.split())) for line in output.splitlines()]

    def longest(self, begin, end):
        """The longest row, in ms, that began or ended within the window."""
        return max((waited for when, waited in self.rows if when <= end and when + waited / 1000 >= begin), default=0.0)


class Milestones(threading.Thread):
    """When words first came up in an error log, by time.monotonic()."""

    def __init__(self, member, words):
        super().__init__(daemon=True)
        self.member, self.words, self.seen, self.done = member, words, {}, threading.Event()
        self.from_byte = member.error_log.stat().st_size if member.error_log.exists() else 0
        self.start()

    def run(self):
        text, at, new = "", self.from_byte, b""
        while not self.done.wait(0.004):
            with contextlib.suppress(OSError), open(self.member.error_log, "rb") as log:
                log.seek(at)
                new = log.read()
            now = time.monotonic()
            at, text, new = at + len(new), text + new.decode(errors="replace"), b""
            for name, word in self.words.items():
                if name not in self.seen and word in text:
                    self.seen[name] = now

    def stop(self):
        self.done.set()
        self.join()


def processor_seconds(member):
    """Of a server and all it started, those included that have ended."""
    used = 0
    for each in processes_of_session(member.process.pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            used += sum(map(int, fields[11:15]))
    return used / CLOCK_TICKS


def bytes_of(directory):
    """Of the tables: neither logs nor ring buffers."""
    return sum(each.stat().st_size for each in directory.rglob("*.ibd"))


def joined(group, begin_quiet, load=0):
    """m3 starts and becomes a member under probes: what that took, by name."""
    other, donor, joiner = group.members
    probes = [Probe(donor), Probe(other)]
    writers = [sysbench(each, "oltp_write_only", 2, 0, rate=load // 2) for each in (donor, other) if load > 1]
    time.sleep(begin_quiet)
    joiner.settings["server_options"] = joiner.settings.get("server_options", {}) | {"wsrep_sst_donor": "m2"}
    milestones = Milestones(joiner, {"innodb": "InnoDB: log sequence number", "ready": "ready for connections"})
    before = processor_seconds(donor)
    began = time.monotonic()
    joiner.start(wait=False)
    wait_for("m3 to be a member", 900, joiner.is_ready, pause=0.01)
    ended = time.monotonic()
    used = processor_seconds(donor) - before
    milestones.stop()
    time.sleep(1)
    for each in writers:
        each.terminate()
        each.communicate()
    for each in probes:
        each.stop()
    found = {"innodb": milestones.seen.get("innodb", began) - began, "online": ended - began, "donor_cpu": used}
    for name, probe in zip(("donor", "other"), probes):
        found |= {f"{name}_wait": probe.longest(began, ended + 1), f"{name}_quiet": probe.longest(began - begin_quiet, began - 0.01)}
    return found


def incremental(group, transactions):
    group[0].sql("CREATE DATABASE sbtest")
    sysbench(group[0], "oltp_insert", 1, 1, "prepare").communicate()
    group.check_equal()
    joiner = group[2]
    joiner.stop()
    position = int(group[0].status("wsrep_last_committed"))
    began = time.monotonic()
    output = sysbench(group[0], "oltp_insert", 8, 0, events=transactions).communicate()[0]
    wrote = int(group[0].status("wsrep_last_committed")) - position
    check(wrote >= transactions, f"{wrote} transactions only:\n{output[-1000:]}")
    print(f"    {wrote} transactions written in {time.monotonic() - began:.0f} s", flush=True)
    time.sleep(2)
    found = joined(group, 3)
    found["rate"] = wrote / max(0.001, found["online"] - found["innodb"])
    group.check_equal()
    return found


def fill(member, megabytes):
    """Rows that pack to about half, written outside the group: what is measured is the copy."""
    member.sql("CREATE DATABASE big")
    for table in range(4):
        member.sql("SET SESSION wsrep_on = OFF", f"CREATE TABLE t{table} (id INT PRIMARY KEY, v VARCHAR(1024))", database="big")
        for part in range(4):
            rows = megabytes * 64
            word = ", ".join(f"MD5(seq * 32 + {each})" for each in range(32))
            member.sql("SET SESSION wsrep_on = OFF", f"INSERT INTO t{table} SELECT seq, CONCAT({word}) FROM "
                       f"seq_{part * rows + 1}_to_{(part + 1) * rows}", database="big", timeout=900)


def copies(group, name, given):
    group[0].start(bootstrap=True)
    fill(group[0], given.megabytes)
    group[0].sql("CREATE DATABASE sbtest")
    sysbench(group[0], "oltp_write_only", 1, 1, "prepare").communicate()
    group[1].start(timeout=900)
    group[1].stop()  # so that InnoDB has a checkpoint behind the tables it copies, as a server has that runs for a while
    group[1].start(timeout=900)
    found = {}
    for method in (each for each in METHODS[name] if each in given.methods.split(",")):
        joiner = group[2]
        joiner.wipe()
        joiner.settings["server_options"] = {"wsrep_sst_method": method}
        found[method] = joined(group, 3, given.load)
        found[method]["rate"] = bytes_of(joiner.data) / 1e6 / found[method]["online"]
        print(f"    {method}: {found[method]}", flush=True)
        group.check_equal()
        joiner.stop()
    return found


def measure(given, name, provider, found):
    for part in given.parts.split(","):
        options = ["gcache.size=2G"] if name == "galera" else []
        with Group(3, provider=provider, server_options=OPTIONS, provider_options=options) as group:
            if part == "incremental":
                group.form()
                one = {"incremental": incremental(group, given.transactions)}
                print(f"    incremental: {one['incremental']}", flush=True)
            else:
                one = copies(group, name, given)
            for how, figures in one.items():
                found.setdefault((how, name), []).append(figures)


def middle(rows, what):
    return statistics.median(each[what] for each in rows)


def print_table(found):
    print(f"\n{'how':12} {'provider':9} {'InnoDB':>7} {'ONLINE':>8} {'rate':>12} {'donor waits':>16} {'others wait':>16} {'donor CPU':>9}   vs Galera, by rate")
    for (how, name), rows in sorted(found.items()):
        unit = "trx/s" if how == "incremental" else "MB/s"
        ratios = " ".join(f"{other}: {middle(rows, 'rate') / middle(theirs, 'rate'):.2f}" for (other, whose), theirs in sorted(found.items())
                          if whose == "galera" and name != "galera" and (other == "incremental") == (how == "incremental"))
        waits = [f"{max(each[f'{who}_wait'] for each in rows):.0f} ({max(each[f'{who}_quiet'] for each in rows):.0f}) ms" for who in ("donor", "other")]
        print(f"{how:12} {name:9} {middle(rows, 'innodb'):5.1f} s {middle(rows, 'online'):6.1f} s {middle(rows, 'rate'):6.0f} {unit:5} "
              f"{waits[0]:>16} {waits[1]:>16} {middle(rows, 'donor_cpu'):7.1f} s   {ratios}")
    print("waits: the longest row of a probe while m3 joined, and in brackets before; greatest of the rounds. The rest is their median.")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--transactions", type=int, default=200_000)
    arguments.add_argument("--megabytes", type=int, default=1024)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--parts", default="incremental,copy")
    arguments.add_argument("--providers", default="quorate,galera")
    arguments.add_argument("--methods", default="clone,rsync,mariabackup")
    arguments.add_argument("--load", type=int, default=0)
    given = arguments.parse_args()
    if given.rounds < 1 or given.transactions < 1 or given.megabytes < 1:
        arguments.error("--rounds, --transactions and --megabytes begin at 1")
    paths = {"quorate": provider_path(), "galera": GALERA}
    names = given.providers.split(",")
    if not set(names) <= set(paths) or not set(given.parts.split(",")) <= {"incremental", "copy"}:
        arguments.error("--providers are quorate and galera, --parts incremental and copy")
    found = {}
    for at in range(given.rounds):
        for name in sorted(names, reverse=at % 2 == 0):
            print(f"  round {at + 1}, {name}", flush=True)
            measure(given, name, paths[name], found)
    print_table(found)


if __name__ == "__main__":
    main()
