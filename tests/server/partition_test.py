#!/usr/bin/python3
"""A member cut off from the majority refuses writes in bounded time, harms nobody, and rejoins when the network heals."""
import contextlib
import os
import time

import pymysql

from harness import Failed, Group, Writers, check, run, wait_for
from network import Network

REFUSED_WITHIN = 40


def insert_is_refused(member, number):
    """Tries one insert; the error it ends with. An insert that succeeds, or does not end, is a failure."""
    began = time.monotonic()
    try:
        member.sql(f"INSERT INTO d.t VALUES ({number})", timeout=REFUSED_WITHIN)
    except pymysql.err.MySQLError as error:
        took = time.monotonic() - began
        check(took < REFUSED_WITHIN - 1, f"{member.name} hung for {took:.0f} s instead of refusing a write")
        return error.args
    raise Failed(f"{member.name} acknowledged a write without a majority")


def minority_refuses(group, lonely, cut, heal):
    group.form()
    majority = [each for each in group.members if each is not lonely]
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    lonely.sql("SELECT * FROM d.t", causal=True)
    writers = Writers(majority)
    cut()
    try:
        print(f"  refused with {insert_is_refused(lonely, 1000)}")
        began = time.monotonic()
        wait_for(f"{lonely.name} to know that it is alone", 60, lambda: lonely.status("wsrep_ready") == "OFF")
        args = insert_is_refused(lonely, 1001)
        check(args[0] == 1047, f"a write without majority ended with {args}, 1047 expected")
        print(f"  known after {time.monotonic() - began:.1f} s; then {args}")
        yield majority, writers
    finally:
        heal()
    for each in group.members:
        each.wait_back()
    group.wait_size(3)
    writers.stop()
    for each in group.members:
        writers.check_present(each)
    lonely.sql("INSERT INTO d.t VALUES (2000)")
    seen = [row[0] for row in group[0].sql("SELECT id FROM d.t WHERE id > 1001", causal=True)]
    check(seen == [2000], f"after healing: {seen}")
    group.check_equal()


def survivor_of_two_paused_members():
    """two of three are paused: the third refuses writes until they go on"""
    with Group(3) as group:
        def each_of(action):
            for member in group.members[:2]:
                getattr(member, action)()
        for _ in minority_refuses(group, group[2], lambda: each_of("pause"), lambda: each_of("resume")):
            pass


def cut_off_by_the_network():
    """the network swallows one member's packets: it refuses writes, the others go on, it rejoins when healed"""
    if os.geteuid() != 0:
        print("  skipped: network namespaces need root")
        return
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(Network(3))
        except (Failed, OSError) as error:
            print(f"  skipped: no network namespaces here ({error})")
            return
        settings = {number: {"namespace": network.names[number], "address": network.addresses[number]} for number in range(3)}
        group = stack.enter_context(Group(3, member_settings=settings))
        cut_at = []
        for lonely in (2, 0):
            if lonely == 0:
                for each in group.members:
                    each.stop()
                    each.data.exists() and each.wipe()
                    each.data.rmdir()
                cut_at.clear()

            def cut(number=lonely):
                time.sleep(1)
                cut_at.append(time.monotonic())
                network.cut(number)

            for majority, writers in minority_refuses(group, group[lonely], cut, lambda number=lonely: network.heal(number)):
                now = time.monotonic()
                for each in majority:
                    pause = writers.longest_pause(each.name, cut_at[0], now)
                    print(f"  longest pause of {each.name}'s writer: {pause * 1000:.0f} ms")
                    check(pause < (30 if group.is_galera else 10), f"{each.name} stood still for {pause:.1f} s")


def only_who_is_on_the_allowlist():
    """a member that is not on group_replication_ip_allowlist is refused and told so; it is let in once the list says so, while running"""
    if os.geteuid() != 0:
        print("  skipped: network namespaces need root")
        return
    with contextlib.ExitStack() as stack:
        try:
            network = stack.enter_context(Network(2))
        except (Failed, OSError) as error:
            print(f"  skipped: no network namespaces here ({error})")
            return
        settings = {number: {"namespace": network.names[number], "address": network.addresses[number]} for number in range(2)}
        settings[0]["provider_options"] = ["group_replication_ip_allowlist=10.213.0.9, 10.214.0.0/16"]
        group = stack.enter_context(Group(2, member_settings=settings))
        if group.is_galera:
            return
        first, second = group.members
        first.start(bootstrap=True)
        second.start(wait=False)
        second.wait_exit(150)
        told = [line for line in second.log().splitlines() if "[ERROR]" in line and "group_replication_ip_allowlist" in line]
        check(told and network.addresses[1] in told[0], f"the joiner is not told why:\n{second.log_that_matters()}")
        print(f"  {told[0]}")
        first.wait_log("not in group_replication_ip_allowlist")
        for wrong in ("10.0.0.0/33", "10.0.0.1,,", ""):
            try:
                first.sql(f"SET GLOBAL wsrep_provider_options = 'group_replication_ip_allowlist={wrong}'")
            except pymysql.err.MySQLError as error:
                check(error.args[0] in (1210, 1231), f"'{wrong}': {error}")
            else:
                raise Failed(f"accepted: '{wrong}'")
        first.sql("SET GLOBAL wsrep_provider_options = 'group_replication_ip_allowlist=10.213.0.0/24'")
        second.start()
        group.wait_size(2)


if __name__ == "__main__":
    run(survivor_of_two_paused_members, cut_off_by_the_network, only_who_is_on_the_allowlist)
