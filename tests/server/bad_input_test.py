#!/usr/bin/python3
"""Wrong settings, damaged files, foreign bytes: each ends with a clear line in the error log, no crash, and the data as it was."""
import os
import re
import shutil
import socket
import time

import pymysql

from harness import Failed, Group, check, grctl, run, wait_for

CRASHED = re.compile(r"got signal \d|Segmentation|Assertion .* failed|terminate called")


def no_crash(member):
    found = CRASHED.search(member.log())
    check(not found, f"{member.name} crashed: {found and found[0]}\n{member.log_that_matters()}")


def refuses_to_start(member, pattern, within=150, **how):
    """The server ends by itself, in time, with an error line that matches `pattern`; returns that line."""
    since = len(member.log())
    began = time.monotonic()
    member.start(wait=False, **how)
    status = member.wait_exit(within)
    check(status != 0, f"{member.name} ended well though it should have refused")
    no_crash(member)
    errors = [line for line in member.log()[since:].splitlines() if "[ERROR]" in line]
    telling = [line for line in errors if re.search(pattern, line, re.IGNORECASE)]
    check(telling, f"no error line about /{pattern}/ among:\n" + "\n".join(errors[-12:]))
    print(f"  {time.monotonic() - began:.1f} s: {telling[0].split('[ERROR]', 1)[1].strip()[:200]}")
    return telling[0]


def with_data(group):
    """A group of one with a row in it, stopped again."""
    group[0].start(bootstrap=True)
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (42)")
    group[0].stop()


def data_is_there(group):
    group[0].start(bootstrap=True)
    check(group[0].value("SELECT id FROM d.t") == 42, "the data was touched")
    group[0].stop()


def wrong_settings():
    """unknown option, bad value, malformed addresses: refused with the offending text named, data untouched"""
    with Group(1) as group:
        with_data(group)
        member = group[0]
        for options, pattern in [(["no_such_option=1"], "no_such_option"), (["gcache.size=many"], "gcache.size.*many|many.*gcache.size"),
                                 (["group_replication_member_weight=-7"], "member_weight"),
                                 (["group_replication_durability=PAPER"], "durability.*MEMORY,OS,DISK")]:
            member.settings["provider_options"] = options
            refuses_to_start(member, pattern, bootstrap=True)
        member.settings["provider_options"] = []
        for address in ("gr://127.0.0.1:99999", "gr://127.0.0.1:port", "gr://[::1:4567", "nonsense://127.0.0.1:1"):
            member.settings["server_options"] = {"wsrep_cluster_address": address}
            refuses_to_start(member, r"address|port|:1:4567|99999|nonsense")
        member.settings["server_options"] = {}
        member.settings["provider_options"] = ["gmcast.listen_addr=tcp://127.0.0.1:http"]
        refuses_to_start(member, "listen_addr|http", bootstrap=True)
        member.settings["provider_options"] = []
        data_is_there(group)


def option_refused_at_run_time():
    """SET GLOBAL wsrep_provider_options with a wrong name or value is an error, and changes nothing"""
    with Group(1) as group:
        group[0].start(bootstrap=True)
        before = group[0].value("SELECT @@global.wsrep_provider_options")
        for wrong in ("no_such_option=1", "gcache.size=many", "=", "a=b=c;;;"):
            try:
                group[0].sql(f"SET GLOBAL wsrep_provider_options = '{wrong}'")
            except pymysql.err.MySQLError as error:
                check(error.args[0] in (1210, 1231), f"{wrong}: {error}")
            else:
                raise Failed(f"accepted: {wrong}")
        check(group[0].value("SELECT @@global.wsrep_provider_options") == before, "an option changed")
        no_crash(group[0])


def port_in_use():
    """the group's port is taken: refused, the address named"""
    with Group(1) as group, socket.socket() as taken:
        with_data(group)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", group[0].group_port))
        taken.listen()
        refuses_to_start(group[0], str(group[0].group_port), bootstrap=True)
        taken.close()
        data_is_there(group)


def nobody_to_join():
    """one of two members comes back alone: it is no majority, and gives up in bounded time"""
    with Group(2) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (42)")
        group.check_equal()
        for each in group.members:
            each.kill()
        refuses_to_start(group[0], "reach|connect|join|seed|bootstrap|timed out|timeout|no member|majority", recover=True)
        if group.is_galera:
            return
        group.restart_after_crash()  # once both are back they go on by themselves
        for each in group.members:
            each.wait_ready()
            check(each.value("SELECT id FROM d.t") == 42, "the data was touched")


def nothing_to_be_copied_with():
    """the joiner's state transfer script fails at once: the server ends in bounded time, without a crash, and says why"""
    with Group(2) as group:
        group[0].start(bootstrap=True)
        group[1].settings["server_options"] = {"wsrep_sst_method": "nowhere"}
        refuses_to_start(group[1], "could not prepare to receive a full copy", within=50)  # a server waits a minute for what may still come
        check(group[0].value("SELECT 1") == 1, "the member that stayed is gone")


def group_name_mismatch():
    """a server of another group's name is refused, and the group does not notice"""
    with Group(2) as group:
        group[0].start(bootstrap=True)
        group[1].settings["server_options"] = {"wsrep_cluster_name": "another_group"}
        refuses_to_start(group[1], "another_group|group name|cluster name|name")
        check(group[0].is_ready(), "the group's member is no longer ready")
        group[1].settings["server_options"] = {}
        group[1].start()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
        group.check_equal()


def foreign_bytes():
    """what is not ours on the group's port costs the connection, never the member"""
    with Group(2) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
        for each in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", bytes(64), b"\xff" * 4096, os.urandom(100_000), b"\x7f\xff\xff\xff" * 8, b""):
            with socket.create_connection(("127.0.0.1", group[0].group_port), 20) as stranger:
                stranger.settimeout(5)
                try:
                    stranger.sendall(each)
                    stranger.shutdown(socket.SHUT_WR)
                    while stranger.recv(4096):
                        pass
                except OSError:
                    pass
        idle = [socket.create_connection(("127.0.0.1", group[0].group_port), 20) for _ in range(50)]
        group[0].sql("INSERT INTO d.t VALUES (1)")
        for each in idle:
            each.close()
        group.wait_size(2)
        no_crash(group[0])
        group.check_equal()


def damaged_state_file():
    """grastate.dat full of nonsense: named in the log; refused or copied anew, never trusted"""
    with Group(2) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (42)")
        group.check_equal()
        group[1].stop()
        state = group[1].data / "grastate.dat"
        state.write_bytes(b"\x00\xffversion: what\nuuid: not-a-uuid\nseqno: 99999999999999999999\n")
        since = len(group[1].log())
        group[1].start(wait=False)
        try:
            group[1].wait_ready()
        except Failed:
            check(not group[1].is_alive(), "neither refused nor joined")
            group[1].wait_exit()
        no_crash(group[1])
        told = [line for line in group[1].log()[since:].splitlines() if "grastate" in line and ("ERROR" in line or "Warning" in line)]
        check(told, "the damaged file is not named in the log")
        print(f"  {told[0][:200]}")
        if group[1].is_alive():
            group.check_equal()


def log_tool(*files):
    """what a person would run on the log's files"""
    return grctl("log", "verify", *files, must_succeed=False)


def damaged_log():
    """a flipped byte in the middle of the agreed log: named in the log; the member refuses or is copied anew, never diverges"""
    with Group(2) as group:
        if group.is_galera:
            return
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(100))")
        for number in range(50):
            group[0].sql(f"INSERT INTO d.t VALUES ({number}, REPEAT('y', 100))")
        group.check_equal()
        group[1].stop()
        group[0].sql("INSERT INTO d.t VALUES (1000, 'written meanwhile')")
        segments = sorted(group[1].data.glob("group_replication.*.log"))
        check(segments, "no segments of the agreed log in the data directory")
        damaged = segments[0]
        for member in group:
            held = log_tool(*sorted(member.data.glob("group_replication.0*.log")))
            # A member that runs may be in the middle of a record.
            check(member.is_alive() or held.returncode == 0, f"grctl log verify finds fault with {member.name}: {held.stdout}")
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 0x55
        damaged.write_bytes(content)
        verdict = log_tool(damaged)
        check(verdict.returncode == 1 and "not whole from byte" in verdict.stdout, f"grctl log verify says: {verdict.stdout}")
        print(f"  {verdict.stdout.strip()[:200]}")
        since = len(group[1].log())
        group[1].start(wait=False)
        try:
            group[1].wait_ready()
        except Failed:
            check(not group[1].is_alive(), "neither refused nor joined")
            group[1].wait_exit()
        no_crash(group[1])
        told = [line for line in group[1].log()[since:].splitlines() if damaged.name in line]
        check(told, f"{damaged.name} is not named in the log")
        print(f"  {told[0][:200]}")
        if group[1].is_alive():
            group.check_equal()


def library_in_two_places():
    """wsrep_provider and plugin_dir name two copies of the library: said so, and the member works"""
    with Group(1) as group:
        if group.is_galera:
            return
        group.make_directory(group.directory / "other")
        shutil.copyfile(group.provider, group.directory / "other" / "group_replication.so")
        group[0].settings["server_options"] = {"plugin_dir": group.directory / "other"}
        group[0].start(bootstrap=True, wait=False)
        wait_for("the server to be up or gone", 150, lambda: group[0].is_ready() or not group[0].is_alive())
        no_crash(group[0])
        told = [line for line in group[0].log().splitlines() if re.search(r"(same file|two copies|two places|twice|another copy|plugin_dir)", line)
                and ("ERROR" in line or "Warning" in line)]
        check(told, "the log does not say that the library is loaded twice")
        print(f"  {told[0][:200]}")


if __name__ == "__main__":
    run(wrong_settings, option_refused_at_run_time, port_in_use, nobody_to_join, nothing_to_be_copied_with, group_name_mismatch, foreign_bytes,
        damaged_state_file, damaged_log, library_in_two_places)
