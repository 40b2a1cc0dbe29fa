#!/usr/bin/python3
"""What a member shows: tables, the function and the views with the same rows, conflicts, Galera's status names, the server's own reports."""
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import threading
import time

import pymysql

from arbiter_test import Arbiter
from harness import Group, check, grctl, run, wait_for

TABLES = ("MEMBERS", "MEMBER_STATS", "COMMUNICATION_INFORMATION", "CONFIGURATION", "CONFLICTS", "RECOVERY", "DONORS", "JOIN_PLAN")
MOVING = {"SILENT_MS", "APPLIED_POSITION", "UNLINKED", "LASTED_MS", "LOG_BYTES", "SLOTS_DECIDED", "LAST_ORDERED_POSITION", "STABLE_POSITION",
          "TRANSACTIONS_COMMITTED_ALL_MEMBERS", "COUNT_TRANSACTIONS_ROWS_VALIDATING", "LOG_FROM", "LOG_UP_TO", "LAG"}
STATUS_NAMES = """local_state local_state_comment local_state_uuid last_committed protocol_version protocol_application protocol_replicator
    replicated replicated_bytes repl_keys repl_keys_bytes repl_data_bytes repl_other_bytes received received_bytes local_commits
    local_cert_failures local_replays local_send_queue local_send_queue_max local_send_queue_min local_send_queue_avg local_recv_queue
    local_recv_queue_max local_recv_queue_min local_recv_queue_avg local_cached_downto flow_control_paused flow_control_paused_ns
    flow_control_sent flow_control_recv flow_control_active flow_control_requested cert_deps_distance cert_index_size cert_interval
    cert_bucket_count apply_oooe apply_oool apply_window apply_waits commit_oooe commit_oool commit_window causal_reads open_transactions
    open_connections incoming_addresses cluster_weight desync_count evs_delayed evs_evict_list evs_repl_latency evs_state gcomm_uuid
    gmcast_segment cluster_size cluster_status cluster_conf_id cluster_state_uuid connected ready local_index local_bf_aborts
    provider_name provider_vendor provider_version provider_capabilities thread_count""".split()


def make_views(member):
    script = grctl("views").stdout
    for _ in range(2):  # again: nothing is in its way
        subprocess.run(["mariadb", "--no-defaults", "-uroot", f"--socket={member.socket}"], input=script, text=True, check=True)


def steady(found):
    return [{name: value for name, value in row.items() if name not in MOVING} for row in found]


def the_same_rows_three_ways():
    """information_schema, the function and the views in sys show the same, on every member, and nonsense is refused"""
    with Group(2) as group:
        group.form()
        make_views(group[0])
        group[1].value("SELECT COUNT(*) FROM mysql.func", causal=True)
        for member in group.members:
            for table in TABLES:
                def three_ways(member=member, table=table):
                    return {"the table": steady(member.rows(f"SELECT * FROM information_schema.REPLICATION_GROUP_{table}")),
                            "as a view": steady(member.rows(f"SELECT * FROM sys.replication_group_{table.lower()}")),
                            "as JSON": steady(json.loads(member.value(f"SELECT group_replication_rows('{table}')")))}

                def alike():
                    found = three_ways()  # what is shown is renewed ten times a second: perhaps between two of them
                    return found if found["the table"] == found["as a view"] == found["as JSON"] else None

                found = wait_for(lambda: f"{member.name}: {table} to be alike: {three_ways()}", 30, alike)
                may_be_empty = table == "CONFLICTS" or (member is group[0] and table in ("RECOVERY", "DONORS"))  # it founded the group
                check(found["the table"] or may_be_empty, f"{member.name}: {table} is empty")
                views = member.rows(f"SHOW COLUMNS FROM sys.replication_group_{table.lower()}")
                tables = member.rows(f"SHOW COLUMNS FROM information_schema.REPLICATION_GROUP_{table}")
                check([each["Field"] for each in views] == [each["Field"] for each in tables], f"columns of {table}")
            wait_for(f"{member.name} to be a candidate", 30, lambda member=member: [(row["viable_candidate"], row["read_only"]) for row in member.rows(
                "SELECT * FROM sys.gr_member_routing_candidate_status")] == [("YES", "NO")])
            check(member.value("SELECT group_replication_rows(NULL)") is None, "NULL has rows")
            check(member.value("SELECT group_replication_rows(ENGINE) FROM information_schema.ENGINES LIMIT 1") is None, "an engine has rows")
            for wrong in ("group_replication_rows('NOTHING')", "group_replication_rows(1)", "group_replication_rows()"):
                with contextlib.suppress(pymysql.err.MySQLError):
                    check(False, f"{wrong}: {member.value(f'SELECT {wrong}')}")
        wait_for("both to be ONLINE", 30, lambda: [each["MEMBER_STATE"] for each in group[0].rows(
            "SELECT MEMBER_STATE, MEMBER_ROLE FROM sys.replication_group_members")] == ["ONLINE", "ONLINE"])


def hammer(member, stop):
    with contextlib.closing(member.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION wsrep_retry_autocommit = 0")
        while not stop.is_set():
            with contextlib.suppress(pymysql.err.OperationalError):
                cursor.execute("UPDATE test.hot SET n = n + 1 WHERE id = 1")


def conflicts_have_rows():
    """two members write one row: both name the table, the key and both transactions, alike for what the whole group refused"""
    with Group(2) as group:
        group.form()
        group[0].sql("CREATE TABLE test.hot (id INT PRIMARY KEY, n INT)", "INSERT INTO test.hot VALUES (1, 0)")
        group[1].value("SELECT COUNT(*) FROM test.hot", causal=True)
        stop = threading.Event()
        threads = [threading.Thread(target=hammer, args=(member, stop)) for member in group.members]
        for each in threads:
            each.start()
        refused = "SELECT * FROM information_schema.REPLICATION_GROUP_CONFLICTS WHERE REASON = 'CERTIFICATION'"
        try:
            wait_for("a conflict", 60, lambda: group[0].rows(refused))
        finally:
            stop.set()
            for each in threads:
                each.join()
        group[1].sql("DO 1", causal=True)
        group[1].value("SELECT COUNT(*) FROM test.hot", causal=True)
        group[0].value("SELECT COUNT(*) FROM test.hot", causal=True)
        found = [{each["REFUSED_GTID"]: each for each in member.rows(refused)} for member in group.members]
        both = found[0].keys() & found[1].keys()
        check(both, f"no conflict is known to both: {found}")
        members = {each["MEMBER_ID"] for each in group[0].rows("SELECT MEMBER_ID FROM information_schema.REPLICATION_GROUP_MEMBERS")}
        history = group[0].status("wsrep_cluster_state_uuid")
        for gtid in both:
            one, other = ({name: value for name, value in side[gtid].items() if name not in ("CONFLICT_NUMBER", "SEEN_AT")} for side in found)
            check(one == other, f"{one}\n{other}")
            check(one["TABLES"] == "test.hot" and one["KEY_KIND"] == "UPDATE" and one["WINNER_KEY_KIND"] == "UPDATE", f"{one}")
            check(re.fullmatch(r"[0-9a-f]{16}", one["KEY_HASH"]), f"{one}")
            check(one["REFUSED_GTID"].startswith(history) and one["WINNER_GTID"].startswith(history), f"{one}")
            position = [int(one[name].split(":")[1]) for name in ("WINNER_GTID", "REFUSED_GTID")]
            check(position[0] < position[1], f"the winner came later: {one}")
            check({one["REFUSED_MEMBER_ID"], one["WINNER_MEMBER_ID"]} == members, f"{one}")
        reasons = {each["REASON"] for member in group.members for each in member.rows("SELECT * FROM information_schema.REPLICATION_GROUP_CONFLICTS")}
        print(f"  {len(both)} refused by certification, reasons seen: {sorted(reasons)}")


def nothing_holds_up_a_look():
    """tables, function and status answer at once while writers wait for a majority, a reader holds the global lock, or DDL waits for a lock"""
    # For a minute nobody is suspected: what waits for a majority here has not heard that there is none.
    with Group(2, server_options={"group_replication_communication_flp_timeout": 60}) as group:
        group.form()
        first, second = group
        make_views(first)
        first.sql("CREATE TABLE test.t (id INT PRIMARY KEY)")

        def look(what):
            for question in (*(f"SELECT COUNT(*) FROM information_schema.REPLICATION_GROUP_{table}" for table in TABLES),
                             "SELECT LENGTH(group_replication_rows('ROUTING'))", "SHOW GLOBAL STATUS LIKE 'wsrep%'", "SHOW GLOBAL STATUS LIKE 'Gr\\_%'"):
                began = time.monotonic()
                first.sql(question, timeout=30)
                took = time.monotonic() - began
                check(took < 10, f"{what}: {question} took {took:.1f} s")

        held = []

        def write(statement):
            with contextlib.suppress(pymysql.err.MySQLError):
                first.sql(statement, timeout=90)

        def begin(statement):
            held.append(threading.Thread(target=write, args=(statement,)))
            held[-1].start()
            there = f"SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO = '{statement}'"
            wait_for(f"'{statement}' to be under way", 30, lambda: first.value(there) == 1 or not held[-1].is_alive())
            time.sleep(0.3)

        with contextlib.closing(first.connect()) as holder, holder.cursor() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            begin("INSERT INTO test.t VALUES (1)")
            look("under the global read lock")
            cursor.execute("UNLOCK TABLES")
        with contextlib.closing(first.connect()) as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLES test.t WRITE")
            begin("ALTER TABLE test.t ADD COLUMN n INT")
            look("while DDL waits")
        second.pause()
        for number in range(2, 6):
            begin(f"INSERT INTO test.t (id) VALUES ({number})")
        look("while commits wait for a majority")
        second.resume()
        for each in held:
            each.join()


def galeras_status_names():
    """every name Galera's tools read, with values that mean something; an arbiter is counted, comes last and has no address"""
    with Group(2) as group:
        group.form()
        arbiter = Arbiter(group).start()
        group.wait_size(3)
        first = group[0]
        first.sql("CREATE TABLE test.t (id INT PRIMARY KEY)", "FLUSH STATUS")
        for number in range(20):
            first.sql(f"INSERT INTO test.t VALUES ({number})")
        group[1].value("SELECT COUNT(*) FROM test.t", causal=True)

        def status(member):
            return {name.lower().removeprefix("wsrep_"): value for name, value in member.sql("SHOW GLOBAL STATUS LIKE 'wsrep\\_%'")}

        missing = [name for name in STATUS_NAMES if name not in status(first)]
        check(not missing, f"missing: {missing}")
        wanted = {"cluster_weight": "3", "evs_state": "OPERATIONAL", "evs_delayed": ""}
        found = wait_for(lambda: f"{wanted}: {status(first)}", 30, lambda: (now := status(first)).items() >= wanted.items() and now)
        least, mean, most, deviation, count = map(float, found["evs_repl_latency"].split("/"))
        check(0 < least <= mean <= most < 60 and deviation >= 0 and count >= 20, found["evs_repl_latency"])  # seconds
        addresses = found["incoming_addresses"].split(",")
        check(len(addresses) == 2, f"incoming_addresses: {addresses}")
        for member in group.members:
            at = int(status(member)["local_index"])
            check(addresses[at] == f"127.0.0.1:{member.sql_port}", f"{member.name} has index {at} in {addresses}")
        check(int(found["local_cached_downto"]) >= 0 and int(found["last_committed"]) >= 20, f"{found}")
        options = first.value("SELECT @@wsrep_provider_options")
        check(re.search(r"(^|; )gcache.size = \d+[KMGT]?; ", options) and "evs.suspect_timeout = PT1S; " in options, options)
        arbiter.kill()
        wait_for("the arbiter to be missed", 60, lambda: arbiter.address in status(first)["evs_delayed"])


NOTE = """#!/bin/sh
echo "$*" >> {file}
"""


def the_servers_own_reports():
    """--wsrep-status-file, --wsrep-notify-cmd and the wsrep_info plugin say what is so"""
    with Group(2) as group:
        script, notes = group.directory / "notify", group.directory / "notes"
        script.write_text(NOTE.format(file=notes))
        script.chmod(0o755)
        notes.touch()
        group.give(notes)
        reports = [group.directory / f"{each.name}.json" for each in group.members]
        for member, report in zip(group.members, reports):
            group.give(group.directory)
            member.settings["server_options"] = {"wsrep_notify_cmd": script, "wsrep_status_file": report}
        plugin = pathlib.Path("/usr/lib/mysql/plugin/wsrep_info.so")
        shutil.copy(plugin, group.directory / "lib")
        group.form()
        for report in reports:
            def told():
                with contextlib.suppress(OSError, ValueError):
                    return json.loads(report.read_text())["status"]["state"] == "SYNCED"
            wait_for(f"{report.name} to say SYNCED", 60, told)
        member_list = ",".join(rf"[0-9a-f-]{{36}}/{each.name}/127.0.0.1:{each.sql_port}" for each in group.members)
        history = group[0].status("wsrep_cluster_state_uuid")
        for index in (0, 1):
            wanted = rf"--status synced --uuid {history} --primary yes --index {index} --members {member_list}\n"
            wait_for(lambda wanted=wanted: f"/{wanted}/ in\n{notes.read_text()}", 60, lambda wanted=wanted: re.search(wanted, notes.read_text()))
        group[0].sql("INSTALL SONAME 'wsrep_info'")
        group[1].value("SELECT COUNT(*) FROM mysql.plugin", causal=True)
        for member in group.members:
            listed = member.rows("SELECT * FROM information_schema.WSREP_MEMBERSHIP ORDER BY `INDEX`")
            check(sorted(each["NAME"] for each in listed) == ["m1", "m2"], f"{listed}")
            check({each["ADDRESS"] for each in listed} == {f"127.0.0.1:{each.sql_port}" for each in group.members}, f"{listed}")
            status, = member.rows("SELECT * FROM information_schema.WSREP_STATUS")
            check(str(status["CLUSTER_STATUS"]).upper() == "PRIMARY" and status["CLUSTER_SIZE"] == 2, f"{status}")
            check(status["CLUSTER_STATE_UUID"] == member.status("wsrep_cluster_state_uuid"), f"{status}")
            check(listed[status["NODE_INDEX"]]["NAME"] == member.name, f"{status}")


if __name__ == "__main__":
    run(the_same_rows_three_ways, conflicts_have_rows, nothing_holds_up_a_look, galeras_status_names, the_servers_own_reports)
