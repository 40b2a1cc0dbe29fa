#!/usr/bin/python3
"""The main job, shown: three stock servers become one group, lose a member, take it back, and hold the same data at the end.

./dev demo [--keep]. Ends non-zero if anything it says did not hold. Nothing is left behind, also after Ctrl-C, unless --keep.
"""
import argparse
import contextlib
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "server"))
import harness  # noqa: E402
import pymysql  # noqa: E402

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def bold(text):
    return paint("1", text)


class Show:
    """What the reader sees: numbered steps, facts below them, each claim with its mark."""

    def __init__(self):
        self.step_number, self.broken, self.began = 0, [], time.monotonic()

    def step(self, title, why=""):
        self.step_number += 1
        print(f"\n{bold(f'{self.step_number}. {title}')}")
        if why:
            print(paint("2", f"   {why}"))
        sys.stdout.flush()

    def fact(self, text):
        print(f"   {text}", flush=True)

    def claim(self, holds, text, otherwise=""):
        mark = paint("32", "✓") if holds else paint("31", "✗")
        print(f" {mark} {text if holds or not otherwise else text + ': ' + otherwise}", flush=True)
        if not holds:
            self.broken.append(f"step {self.step_number}: {text}")

    def table(self, columns, rows, indent=3):
        cells = [[str(each) if each is not None else "" for each in row] for row in rows]
        widths = [max(len(name), *(len(row[at]) for row in cells)) if cells else len(name) for at, name in enumerate(columns)]
        pad = " " * indent
        print(pad + paint("2", "  ".join(name.ljust(width) for name, width in zip(columns, widths)).rstrip()))
        for row in cells:
            print(pad + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        sys.stdout.flush()


show = Show()
SHOWN = ["MEMBER_HOST", "MEMBER_PORT", "MEMBER_STATE", "MEMBER_ROLE", "APPLIED_POSITION", "IS_LEADER"]


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def name_of(group, port):
    return next((each.name for each in group.members if each.sql_port == int(port or 0)), "")


def settled(member, expected, seconds=15):
    """REPLICATION_GROUP_MEMBERS once it holds as many members as expected, all ONLINE; or as it is after a while."""
    end = time.monotonic() + seconds
    while True:
        rows = member.group_members()
        if [row["MEMBER_STATE"] for row in rows] == ["ONLINE"] * expected or time.monotonic() > end:
            return rows
        time.sleep(0.1)


def show_members(group, expected, unreachable=0):
    """REPLICATION_GROUP_MEMBERS as each living server answers it."""
    for each in group.members:
        if not each.is_alive():
            continue
        if group.is_galera:
            show.claim(each.status("wsrep_cluster_size") == str(expected), f"{each.name} counts {expected} members")
            continue
        rows = settled(each, expected)
        show.fact(f"SELECT ... FROM information_schema.REPLICATION_GROUP_MEMBERS on {bold(each.name)}:")
        show.table(["SERVER", *SHOWN], [[name_of(group, row["MEMBER_PORT"]), *(row[name] for name in SHOWN)] for row in rows])
        states = [row["MEMBER_STATE"] for row in rows]
        gone = states.count("UNREACHABLE")
        text = f"{each.name} sees {expected} members, all ONLINE"
        if unreachable:  # it stays a member until group_replication_member_expel_timeout has passed
            text = f"{each.name} sees {expected} members ONLINE, and the other UNREACHABLE or gone already"
        show.claim(states.count("ONLINE") == expected and len(states) == expected + gone and gone <= unreachable, text, f"it sees {states}")


def the_leader(group):
    """The member that orders the messages: the worst one to lose."""
    if not group.is_galera:
        for row in group[0].group_members():
            if row["IS_LEADER"] == "YES":
                name = name_of(group, row["MEMBER_PORT"])
                return next((each for each in group.members if each.name == name), group[2])
    return group[2]


def forming(group):
    show.step("Three servers form a group", "Stock mariadbd processes on loopback, each with a data directory of its own. The first starts the group, the others join it.")
    show.fact(f"wsrep_provider = {group.provider}")
    show.fact(f"wsrep_cluster_address = {group.cluster_address()}")
    began = time.monotonic()
    group.form()
    show.claim(True, f"all three are synced members after {seconds(time.monotonic() - began)}")
    for each in group.members[1:]:
        show.fact(f"{each.name}: {each.recovery() or '-'}")
    show_members(group, 3)


def replicating(group):
    show.step("Write anywhere, read everywhere", "A table and rows made on different members.")
    group[0].sql("CREATE DATABASE shop", "CREATE TABLE shop.product (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(60), price DECIMAL(8,2))")
    group[1].sql("CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, product INT, amount INT, KEY (product))", causal=True)
    for each, name in zip(group.members, ("quince", "quail egg", "quill")):
        each.sql(f"INSERT INTO shop.product (name, price) VALUES ('{name} from {each.name}', {len(name)}.50)", causal=True)
    began = time.monotonic()
    group[2].sql("INSERT INTO shop.orders (product, amount) SELECT seq % 3 + 1, seq % 17 FROM seq_1_to_20000", causal=True, database="shop")
    show.fact(f"20,000 rows in one transaction through m3: {seconds(time.monotonic() - began)}")
    for each in group.members:
        rows = each.sql("SELECT name FROM shop.product ORDER BY id", causal=True)
        orders = each.value("SELECT COUNT(*) FROM shop.orders", causal=True)
        show.claim(len(rows) == 3 and orders == 20000, f"{each.name} has {', '.join(row[0] for row in rows)}; {orders:,} orders")


def conflicting(group):
    show.step("Two members update the same row at once", "Both transactions see price 1.00, both change it, both commit.")
    group[0].sql("UPDATE shop.product SET price = 1 WHERE id = (SELECT MIN(id) FROM shop.product)")
    row = group[0].value("SELECT MIN(id) FROM shop.product")
    connections = [each.connect(autocommit=False, causal=True) for each in group.members[:2]]
    outcome = [None, None]
    for connection in connections:
        connection.cursor().execute(f"SELECT price FROM shop.product WHERE id = {row}")
    for number, action in [(0, "change"), (1, "change"), (0, "commit"), (1, "commit")]:
        if outcome[number] is None:
            try:
                if action == "commit":
                    connections[number].commit()
                else:
                    connections[number].cursor().execute(f"UPDATE shop.product SET price = {number + 2} WHERE id = {row}")
            except pymysql.err.OperationalError as error:
                outcome[number] = error.args
    for each, result in zip(group.members, outcome):
        show.fact(f"{each.name}: {'committed' if result is None else f'ERROR {result[0]}: {result[1]}'}")
    for each in connections:
        each.close()
    lost = [each for each in outcome if each is not None]
    show.claim(len(lost) == 1 and lost[0][0] == harness.DEADLOCK, "one wins, the other gets a deadlock error")
    prices = {each.value(f"SELECT price FROM shop.product WHERE id = {row}", causal=True) for each in group.members}
    show.claim(prices == {outcome.index(None) + 2} if None in outcome else False, "all three hold the winner's price")


def losing(group, writers):
    victim = the_leader(group)
    others = [each for each in group.members if each is not victim]
    show.step(f"kill -9 of {victim.name} under load",
              "One writer on each member, one insert after the other. "
              + ("The victim is the one that orders the group's messages: the worst case." if not group.is_galera else ""))
    time.sleep(2)
    before = time.monotonic()
    victim.kill()
    time.sleep(5)
    after = time.monotonic()
    for each in others:
        pause = writers.longest_pause(each.name, before, after)
        show.fact(f"longest time without a commit on {each.name}: {bold(seconds(pause))}")
        show.claim(pause < (30 if group.is_galera else 3), f"{each.name} went on writing")
    group.wait_size(2)
    show_members(group, 2, unreachable=1)
    return victim


def returning(group, victim):
    show.step(f"{victim.name} returns and fetches what it missed", "Writes go on meanwhile.")
    began = time.monotonic()
    victim.start(recover=True)
    line = victim.recovery()
    show.fact(f"synced {seconds(time.monotonic() - began)} after its start (the server's own crash recovery included)")
    if not group.is_galera:
        show.fact(f"recovery: {bold(line)}")
        show.claim(line.startswith("incremental"), "the return was incremental", line or "no recovery line")


def copying(group, victim):
    wiped = next(each for each in reversed(group.members) if each is not victim)
    show.step(f"{wiped.name} loses its data directory and is copied in full", f"wsrep_sst_method = {group.server_options.get('wsrep_sst_method', 'rsync')}")
    wiped.stop()
    wiped.wipe()
    began = time.monotonic()
    wiped.start()
    show.fact(f"synced {seconds(time.monotonic() - began)} after its start with an empty directory")
    if not group.is_galera:
        line = wiped.recovery()
        show.fact(f"recovery: {bold(line)}")
        show.claim(line.startswith("full copy"), "it was copied in full", line or "no recovery line")


def comparing(group, writers):
    show.step("Is it the same data everywhere?")
    writers.stop()
    show.fact(f"{writers.count():,} inserts were acknowledged while members came and went")
    for each in group.members:
        writers.check_present(each)
    show.claim(True, "every acknowledged insert is on every member")
    sums = group.checksums()
    names = list(sums)
    tables = sorted(set().union(*sums.values()))
    show.table(["CHECKSUM TABLE"] + names, [[table] + [sums[name].get(table) for name in names] for table in tables])
    equal = all(sums[name] == sums[names[0]] and None not in sums[name].values() for name in names)
    show.claim(equal and bool(tables), f"{len(tables)} tables, equal on all three")
    show_members(group, 3)


def keep_running(group):
    """Leaves the servers to the reader, with what is needed to use and to end them."""
    group.keep = group.outlives_us = True
    stop = group.directory / "stop"
    ids = " ".join(str(each.process.pid) for each in group.members if each.process)
    stop.write_text(f"#!/bin/sh\n# Ends this demo's servers and removes their directory.\nkill {ids} 2>/dev/null\n"
                    f"for each in {ids}; do while kill -0 $each 2>/dev/null; do sleep 0.2; done; done\nrm -rf '{group.directory}'\n")
    stop.chmod(0o755)
    print(f"\n{bold('The servers keep running.')} Connect as root, no password:")
    for each in group.members:
        print(f"   mariadb -u root -S {each.socket}")
    print(f"Stop them and remove {group.directory}:\n   {stop}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--keep", action="store_true", help="leave the servers running")
    arguments.add_argument("--sst", default="rsync", choices=["rsync", "mariabackup"], help="how a member is copied in full")
    given = arguments.parse_args()
    writers = None
    group = harness.Group(3, group_name="demo", server_options={"wsrep_sst_method": given.sst, "innodb_flush_log_at_trx_commit": 2})
    group.keep = given.keep
    try:
        print(f"{bold('Quorate')}: three stock MariaDB servers become one group, and each takes writes")
        forming(group)
        replicating(group)
        conflicting(group)
        writers = harness.Writers(group.members, table="shop.ticket")
        victim = losing(group, writers)
        returning(group, victim)
        copying(group, victim)
        comparing(group, writers)
    except KeyboardInterrupt:
        group.keep = False
        group.close()
        print("\ninterrupted; the servers are gone")
        return 130
    except (harness.Failed, pymysql.err.MySQLError, OSError) as error:
        show.claim(False, str(error))
    if writers:
        writers.stopping.set()
    took = time.monotonic() - show.began
    if show.broken:
        group.report(12)
        print(f"\n{paint('31', 'Did not hold:')}")
        for each in show.broken:
            print(f"   {each}")
    else:
        print(f"\n{paint('32', bold('Everything held.'))} {took:.0f} s")
    if given.keep:
        keep_running(group)
    else:
        for each in group.members:
            with contextlib.suppress(harness.Failed):
                each.stop() if not show.broken else each.kill()
        group.keep = bool(show.broken)
        group.close()
        if show.broken:
            group.drop_data()
            print(f"The servers' error logs are kept in {group.directory}")
    return 1 if show.broken else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
