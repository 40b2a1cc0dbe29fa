#!/usr/bin/python3
"""sysbench oltp_read_write, 16 threads over three members for 60 s, one of them killed and restarted under it."""
import re
import subprocess
import time

from harness import Group, Writers, check, run

TABLES, ROWS, SECONDS = 4, 10000, 60


def sysbench(group, member, threads, seconds, action="run"):
    """A running sysbench against one member; its output goes to a file beside the member."""
    command = ["sysbench", "oltp_read_write", "--db-driver=mysql", f"--mysql-socket={member.socket}", "--mysql-user=root",
               "--mysql-db=sbtest", f"--tables={TABLES}", f"--table-size={ROWS}", f"--threads={threads}", f"--time={seconds}",
               "--rand-type=uniform", "--mysql-ignore-errors=1213,1205,1020,1180,1062", action]
    output = open(group.directory / f"sysbench-{member.name}-{action}.log", "ab")
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def transactions(group, name):
    text = (group.directory / f"sysbench-{name}-run.log").read_text()
    return [int(each) for each in re.findall(r"transactions:\s+(\d+)", text)], text


def a_member_dies_under_sysbench():
    """equal checksums afterwards, and every acknowledged insert on every member"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE DATABASE sbtest")
        check(sysbench(group, group[0], 1, 1, "prepare").wait(300) == 0, "sysbench could not prepare its tables")
        for each in group.members:
            check(each.value(f"SELECT COUNT(*) FROM sbtest.sbtest{TABLES}", causal=True) == ROWS, f"{each.name} lacks rows")
        writers = Writers(group.members)
        clients = []
        try:
            began = time.monotonic()
            first, second, third = (sysbench(group, member, threads, SECONDS) for member, threads in zip(group.members, (6, 5, 5)))
            clients = [first, second, third]
            time.sleep(15)
            before = time.monotonic()
            group[2].kill()
            third.wait(120)
            time.sleep(8)
            for each in group.members[:2]:
                pause = writers.longest_pause(each.name, before, time.monotonic())
                print(f"  longest pause of {each.name}'s writer after the kill: {pause * 1000:.0f} ms")
            group[2].start(recover=True)
            print(f"  back after {time.monotonic() - before:.1f} s: {group[2].recovery()}")
            left = SECONDS - (time.monotonic() - began)
            if left > 3:
                clients.append(sysbench(group, group[2], 5, int(left)))
            for each in (first, second, clients[-1]):
                each.wait(SECONDS + 180)
            check(first.returncode == 0 and second.returncode == 0, f"sysbench stopped on a survivor: see {group.directory}\n"
                  + transactions(group, "m1")[1][-800:] + transactions(group, "m2")[1][-800:])
            if left > 3:
                check(clients[-1].returncode == 0, f"sysbench stopped on the returned member:\n{transactions(group, 'm3')[1][-800:]}")
        finally:
            for each in clients:
                each.kill()
            writers.stopping.set()
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        print(f"  {writers.count()} acknowledged inserts present on each; sysbench transactions "
              + ", ".join(f"{each.name} {sum(transactions(group, each.name)[0])}" for each in group.members))
        check(group.check_equal() == TABLES + 1, "tables are missing")
        group.stop()


if __name__ == "__main__":
    run(a_member_dies_under_sysbench)
