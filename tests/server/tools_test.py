#!/usr/bin/python3
"""What proxies and monitors ask, in their own words, of a real group in each of its states; and what they conclude.

ProxySQL and MaxScale are not packages of Debian: their queries are sent as they send them and their rules applied to the answers.
mysqld_exporter and HAProxy are the real programs.
"""
import contextlib
import http.server
import re
import socket
import subprocess
import threading
import time
import urllib.request

import pymysql

from harness import NOT_READY, Group, check, free_port, grctl, run, wait_for

PROXYSQL_GALERA = (
    "SELECT (SELECT VARIABLE_VALUE FROM INFORMATION_SCHEMA.GLOBAL_STATUS WHERE VARIABLE_NAME='WSREP_LOCAL_STATE') "
    "wsrep_local_state, @@read_only read_only, (SELECT VARIABLE_VALUE FROM INFORMATION_SCHEMA.GLOBAL_STATUS WHERE VARIABLE_NAME="
    "'WSREP_LOCAL_RECV_QUEUE') wsrep_local_recv_queue , @@wsrep_desync wsrep_desync, @@wsrep_reject_queries wsrep_reject_queries, "
    "@@wsrep_sst_donor_rejects_queries wsrep_sst_donor_rejects_queries, (SELECT VARIABLE_VALUE FROM INFORMATION_SCHEMA.GLOBAL_STATUS "
    "WHERE VARIABLE_NAME='WSREP_CLUSTER_STATUS') wsrep_cluster_status , (SELECT 'DISABLED') pxc_maint_mode")
PROXYSQL_GROUP = "SELECT viable_candidate,read_only,transactions_behind FROM sys.gr_member_routing_candidate_status"
PROXYSQL_PATIENCE = 0.8  # seconds, its default
GALERAMON_NAMES = (" WHERE Variable_name IN ('wsrep_cluster_state_uuid', 'wsrep_cluster_size', 'wsrep_local_index', 'wsrep_local_state',"
                   " 'wsrep_local_state_comment', 'wsrep_desync', 'wsrep_ready', 'wsrep_sst_donor_rejects_queries', 'wsrep_reject_queries')")
CLUSTERCHECK = "SHOW STATUS LIKE 'wsrep_local_state';"
UNREACHABLE = (pymysql.err.OperationalError, OSError)


def ask(member, query):
    """The rows of one check, each a dictionary; it has to answer as soon as ProxySQL gives up."""
    began = time.monotonic()
    answer = member.rows(query, timeout=5)
    took = time.monotonic() - began
    if took > PROXYSQL_PATIENCE:
        print(f"  {member.name}: {query[:60]}... took {took:.2f} s")
    return answer


def proxysql_galera(member):
    """SHUNNED or ONLINE, as its Galera hostgroups decide."""
    try:
        row, = ask(member, PROXYSQL_GALERA)
    except UNREACHABLE:
        return "SHUNNED"
    donor_serves = row["wsrep_local_state"] == "2" and not row["wsrep_sst_donor_rejects_queries"]
    serves = row["wsrep_local_state"] == "4" or donor_serves
    fit = row["wsrep_cluster_status"] == "Primary" and not row["wsrep_desync"] and serves and row["wsrep_reject_queries"] == "NONE"
    int(row["wsrep_local_recv_queue"])
    return "ONLINE" if fit else "SHUNNED"


def proxysql_group(member):
    """SHUNNED, WRITER or READER, as its group replication hostgroups decide."""
    try:
        row, = ask(member, PROXYSQL_GROUP)
    except UNREACHABLE:
        return "SHUNNED"
    check(int(row["transactions_behind"]) >= 0, f"{row}")
    if row["viable_candidate"] != "YES":
        return "SHUNNED"
    return "READER" if row["read_only"] == "YES" else "WRITER"


def galeramon(member):
    """Down, Running, or Running and part of the cluster (with its index)."""
    found = {}
    try:
        for statement in ("SHOW STATUS", "SHOW VARIABLES"):
            found |= {row["Variable_name"].lower(): row["Value"] for row in ask(member, statement + GALERAMON_NAMES)}
    except UNREACHABLE:
        return "Down"
    check(len(found) == 9, f"{member.name}: only {sorted(found)}")
    joined = (found["wsrep_local_state"] == "4" and found["wsrep_desync"] == "OFF" and found["wsrep_ready"] == "ON"
              and found["wsrep_sst_donor_rejects_queries"] == "OFF" and found["wsrep_reject_queries"] == "NONE")
    return f"Synced {int(found['wsrep_local_index'])}" if joined else "Running"


def clustercheck(member, available_when_donor=False):
    try:
        state = ask(member, CLUSTERCHECK)[-1]["Value"]
    except (*UNREACHABLE, IndexError):
        return 503
    return 200 if state == "4" or (state == "2" and available_when_donor) else 503


class Checks:
    """The port 9200 of each member, as xinetd and clustercheck make it."""

    def __init__(self, members):
        self.ports = {each.name: self.serve(each) for each in members}

    @staticmethod
    def serve(member):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                status = clustercheck(member)
                with contextlib.suppress(OSError):  # haproxy has stopped waiting
                    self.send_response(status)
                    self.end_headers()

            do_OPTIONS = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_address[1]


class HAProxy:
    def __init__(self, group, checks):
        self.port, self.socket = free_port(), group.directory / "haproxy.sock"
        servers = "".join(f"  server {each.name} {each.address}:{each.sql_port} check port {checks.ports[each.name]} inter 200 fall 1 rise 1"
                          " on-marked-down shutdown-sessions\n" for each in group.members)
        configuration = group.directory / "haproxy.cfg"
        configuration.write_text(
            f"global\n  stats socket {self.socket}\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout check 10s\n"
            "  timeout client 60s\n  timeout server 60s\n"
            f"listen sql\n  bind 127.0.0.1:{self.port}\n  option httpchk\n  http-check expect status 200\n{servers}")
        group.give(configuration)
        group.spawn(["haproxy", "-db", "-f", configuration], group.directory / "haproxy.log")
        wait_for("haproxy to answer", 60, lambda: self.socket.exists() and self.seen())

    def seen(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as end:
            end.connect(str(self.socket))
            end.sendall(b"show stat\n")
            text = b"".join(iter(lambda: end.recv(65536), b"")).decode()
        lines = [line.split(",") for line in text.splitlines() if line.startswith("sql,") and not re.match("sql,(FRONT|BACK)END", line)]
        return {fields[1]: fields[17].split(" ")[0] for fields in lines}


class Exporter:
    def __init__(self, group, member):
        self.port = free_port()
        settings = group.directory / f"{member.name}.exporter.cnf"
        settings.write_text(f"[client]\nuser=root\npassword=\nsocket={member.socket}\n")
        group.give(settings)
        group.environment["DATA_SOURCE_NAME"] = f"root@unix({member.socket})/"
        self.log = group.directory / f"{member.name}.exporter.log"
        group.spawn(["prometheus-mysqld-exporter", f"--web.listen-address=127.0.0.1:{self.port}", "--no-collect.slave_status"], self.log)
        wait_for("mysqld_exporter to answer", 60, lambda: self.metrics().get("mysql_up") == "1")

    def metrics(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line and not line.startswith("#")]
            return dict(line for line in lines if len(line) == 2)
        return {}


class Tools:
    """All of them, looking at one group."""

    def __init__(self, group):
        script = grctl("views").stdout
        subprocess.run(["mariadb", "--no-defaults", "-uroot", f"--socket={group[0].socket}"], input=script, text=True, check=True)
        for each in group.members[1:]:
            each.value("SELECT COUNT(*) FROM test.marker", causal=True)
        self.haproxy = HAProxy(group, Checks(group.members))
        self.exporter = Exporter(group, group.members[-1])

    def check(self, member, what, *, proxysql, group, maxscale, http, metrics=None):
        """Every tool comes to its conclusion, all of them at a time."""
        def differences():
            found = {"ProxySQL for Galera": (proxysql_galera(member), proxysql), "ProxySQL for group replication": (proxysql_group(member), group),
                     "galeramon": (galeramon(member).split(" ")[0], maxscale), "clustercheck": (clustercheck(member), http),
                     "HAProxy": (self.haproxy.seen()[member.name], "UP" if http == 200 else "DOWN")}
            if metrics:
                shown = self.exporter.metrics()
                found |= {name: (shown.get(name), value) for name, value in metrics.items()}
            return {name: pair for name, pair in found.items() if pair[0] != pair[1]}

        left = {}
        try:
            wait_for("agreement", 60, lambda: not left.update(differences()) and not left or left.clear())
        except Exception:
            check(False, f"{member.name} {what}: (found, expected): {differences()}")
        print(f"  {what}: ProxySQL {proxysql}/{group}, MaxScale {maxscale}, clustercheck {http}, HAProxy {'UP' if http == 200 else 'DOWN'}")


SERVES = {"proxysql": "ONLINE", "group": "WRITER", "maxscale": "Synced", "http": 200}
AWAY = {"proxysql": "SHUNNED", "group": "SHUNNED", "maxscale": "Running", "http": 503}
GONE = AWAY | {"maxscale": "Down"}


def up(**values):
    return {f"mysql_global_status_wsrep_{name}": value for name, value in values.items()}


def each_state():
    """ONLINE, desynced, held up while it comes back, without a majority, stopped; asked by every tool"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE TABLE test.marker (id INT PRIMARY KEY)", "CREATE TABLE test.t (id INT PRIMARY KEY)")
        tools, member = Tools(group), group[2]
        for each in group.members:
            tools.check(each, f"{each.name} ONLINE", **SERVES)
        tools.check(member, "ONLINE", **SERVES, metrics=up(ready="1", local_state="4", cluster_size="3", cluster_status="1", connected="1"))
        wait_for("MaxScale to see one master", 30, lambda: sorted(galeramon(each) for each in group.members) == ["Synced 0", "Synced 1", "Synced 2"])

        member.sql("SET GLOBAL read_only = ON")
        tools.check(member, "read_only", **SERVES | {"group": "READER"})
        member.sql("SET GLOBAL read_only = OFF")

        member.sql("SET GLOBAL wsrep_desync = ON")
        tools.check(member, "desynced", **AWAY | {"group": "WRITER"}, metrics=up(local_state="2", desync_count="1"))
        check(member.status("wsrep_local_state_comment") == "Donor/Desynced", member.status("wsrep_local_state_comment"))
        member.sql("SET GLOBAL wsrep_desync = OFF")
        tools.check(member, "ONLINE again", **SERVES)

        member.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
        tools.check(member, "without a majority", **AWAY, metrics=up(ready="0", local_state="0", cluster_status="0", connected="1"))
        try:
            member.sql("SELECT COUNT(*) FROM test.t")
            check(False, "a member without a majority answers queries")
        except pymysql.err.MySQLError as error:
            check(error.args[0] == NOT_READY, f"a member without a majority: {error.args}")
        group.wait_size(2, among=group.members[:2])
        for each in group.members[:2]:
            tools.check(each, f"{each.name}, whose group lost one", **SERVES)
        member.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
        member.wait_ready()
        tools.check(member, "ONLINE after that", **SERVES)

        # Whoever holds the global lock keeps it from applying, so it stays RECOVERING.
        with contextlib.closing(member.connect()) as holder, holder.cursor() as cursor:
            cursor.execute("FLUSH TABLES WITH READ LOCK")
            member.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
            group.wait_size(2, among=group.members[:2])
            group[0].sql("INSERT INTO test.t VALUES (1)")
            member.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
            wait_for("the others to take it in again", 120, lambda: group[0].value(
                f"SELECT MEMBER_STATE FROM sys.replication_group_members WHERE MEMBER_PORT = {member.sql_port}") == "RECOVERING")
            tools.check(member, "RECOVERING", **AWAY, metrics=up(local_state="1"))
            cursor.execute("UNLOCK TABLES")
        member.wait_ready()
        tools.check(member, "ONLINE after all", **SERVES)

        member.stop()
        tools.check(member, "stopped", **GONE, metrics={"mysql_up": "0"})
        member.start()
        tools.check(member, "started again", **SERVES, metrics=up(local_state="4", ready="1"))
        group.check_equal()


SLOW_METHOD = """#!/bin/sh
# A state transfer whose donor waits until it is told to go on, and then gives nothing.
case " $* " in
  *" donor "*) until [ -e "$QUORATE_GO_ON" ]; do sleep 0.1; done; echo "done 00000000-0000-0000-0000-000000000000:-1"; exit 1 ;;
  *) echo "ready 127.0.0.1:1"; sleep 60; exit 1 ;;
esac
"""


def donating():
    """a donor that goes on serving (clone) is in service; one whose method stands in its way (any other) is where its tools expect it"""
    options = {"wsrep_sst_method": "clone", "group_replication_clone_max_rate": "2M", "group_replication_clone_reconnect_timeout": 5}
    with Group(3, server_options=options) as group:
        group.environment["QUORATE_GO_ON"] = str(group.directory / "go_on")
        group.form()
        first = group[0]
        first.sql("CREATE TABLE test.marker (id INT PRIMARY KEY)", "CREATE TABLE test.big (id INT PRIMARY KEY, v LONGTEXT)")
        first.sql("INSERT INTO big SELECT seq, REPEAT(SHA2(seq, 512), 200) FROM seq_1_to_2000", database="test")
        for each in group.members:  # packed it would all have been sent before it was looked at
            each.sql("SET GLOBAL group_replication_clone_compression = 'NONE'")
        tools = Tools(group)
        joiner = group[2]
        joiner.stop()
        joiner.wipe()
        joiner.start(wait=False)
        donor = wait_for("somebody to donate", 120, lambda: donor_of(group))
        tools.check(donor, "donating by clone", **SERVES)
        tools.check(joiner, "receiving a copy", **GONE)
        donor.sql("INSERT INTO test.marker VALUES (1)")
        check(donor_of(group) is donor, "the donation was over before it was looked at: nothing is shown")
        joiner.kill()
        for each in group.members[:2]:
            tools.check(each, f"{each.name} after it", **SERVES)
        wait_for("nobody to donate any more", 150, lambda: donor_of(group) is None)  # its joiner is gone, and the program tries to reach it

        script = group.directory / "lib" / "wsrep_sst_slow"
        script.write_text(SLOW_METHOD)
        script.chmod(0o755)
        joiner.settings["server_options"] = {"wsrep_sst_method": "slow"}
        joiner.wipe()
        joiner.start(wait=False)
        donor = wait_for("somebody to donate", 120, lambda: donor_of(group))
        # ProxySQL takes a donor unless it rejects queries; clustercheck does when it is told to.
        tools.check(donor, "donating by a script", **AWAY | {"proxysql": "ONLINE", "group": "WRITER"})
        check(clustercheck(donor, available_when_donor=True) == 200, "clustercheck, available_when_donor")
        check(donor.status("wsrep_local_state_comment") == "Donor/Desynced", donor.status("wsrep_local_state_comment"))
        (group.directory / "go_on").touch()
        joiner.kill()
        for each in group.members[:2]:
            tools.check(each, f"{each.name} after that", **SERVES)


def donor_of(group):
    for each in group.members[:2]:
        with contextlib.suppress(pymysql.err.MySQLError, OSError):
            if each.status("Gr_donating") == "1":
                return each
    return None


if __name__ == "__main__":
    run(each_state, donating)
