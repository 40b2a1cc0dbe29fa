#!/usr/bin/python3
"""TLS between real servers: who is let in, who is refused and hears why, what passes on the wire, new certificates at run time."""
import contextlib
import re
import signal
import socket
import subprocess
import threading
import time

import pymysql

from arbiter_test import Arbiter
from harness import Failed, Group, check, run, wait_for


class Authority:
    """Makes certificates in a directory that the servers of a group can read."""

    def __init__(self, group, name="ca"):
        self.group, self.name = group, name
        self.directory = group.directory / f"certificates-{name}"
        group.make_directory(self.directory)
        self.openssl("req", "-x509", *self.new_key(name), "-out", self.path(name, "pem"), "-subj", f"/O=Quorate/CN={name}", "-days", 10)

    def path(self, name, kind):
        return self.directory / f"{name}.{kind}"

    def openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"openssl {arguments[0]}: {done.stderr}")
        return done.stdout

    def new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.path(name, "key")]

    def issue(self, name, hosts="IP:127.0.0.1", days=10):
        """NAME.pem and NAME.key for these hosts; days below 0: it expired."""
        self.openssl("req", "-new", *self.new_key(name), "-out", self.path(name, "csr"), "-subj", f"/O=Quorate/CN={name}",
                     "-addext", f"subjectAltName={hosts}")
        self.openssl("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path(self.name, "pem"), "-CAkey", self.path(self.name, "key"),
                     "-CAcreateserial", "-copy_extensions", "copy", "-days", days, "-out", self.path(name, "pem"))
        for each in ("pem", "key"):
            self.group.give(self.path(name, each))

    def serial(self, name):
        return self.openssl("x509", "-in", self.path(name, "pem"), "-noout", "-serial").strip()

    def options(self, name, mode="VERIFY_IDENTITY"):
        return [f"group_replication_ssl_mode={mode}", f"group_replication_ssl_ca={self.path(self.name, 'pem')}",
                f"group_replication_ssl_cert={self.path(name, 'pem')}", f"group_replication_ssl_key={self.path(name, 'key')}"]


def secure(group, authority, mode="VERIFY_IDENTITY", members=None):
    """A certificate of its own for each member, and the settings to use it."""
    for each in members or group.members:
        authority.issue(each.name)
        each.settings["provider_options"] = authority.options(each.name, mode)


def refuses_to_start(member, pattern, within=50, **how):
    """The server ends by itself, before the minute it would wait for an answer, with an error line that matches; returns that line."""
    since = len(member.log())
    began = time.monotonic()
    member.start(wait=False, **how)
    status = member.wait_exit(within)
    check(status != 0, f"{member.name} ended well though it should have refused")
    errors = [line for line in member.log()[since:].splitlines() if "[ERROR]" in line]
    telling = [line for line in errors if re.search(pattern, line)]
    check(telling, f"no error line about /{pattern}/ among:\n" + "\n".join(errors[-12:]))
    print(f"  {time.monotonic() - began:.1f} s: {telling[0].split('[ERROR]', 1)[1].strip()[:250]}")
    return telling[0]


class Wiretap:
    """Passes connections on to a port of loopback and keeps every byte."""

    def __init__(self, to_port):
        self.to_port = to_port
        self.seen = bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        try:
            far = socket.create_connection(("127.0.0.1", self.to_port), 5)
        except OSError:
            near.close()
            return
        far.settimeout(None)  # members' connections carry bytes one way only
        back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
        back.start()
        self._pass(near, far)
        back.join()
        near.close()
        far.close()

    def _pass(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.seen += data
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def tap(group):
    """A wiretap before each member, at the address the others are told."""
    taps = [Wiretap(each.group_port) for each in group.members]
    everybody = "gr://" + ",".join(f"127.0.0.1:{each.port}" for each in taps)
    for member, each in zip(group.members, taps):
        member.settings["server_options"] = {"wsrep_node_address": f"127.0.0.1:{each.port}", "wsrep_cluster_address": everybody}
    return taps


def three_servers_and_nothing_readable():
    """three servers with VERIFY_IDENTITY form a group and replicate; a wiretap before each finds no readable row, name or statement"""
    secrets = (b"a well known row", b"secret_table", b"quorate_test", b"gRQ1")
    for secured in (True, False):
        with Group(3 if secured else 2) as group:
            if secured:
                secure(group, Authority(group))
            taps = tap(group)
            group.form()
            group[0].sql("CREATE DATABASE d", "CREATE TABLE d.secret_table (id INT PRIMARY KEY, v VARCHAR(100))")
            for number, each in enumerate(group.members):
                each.sql(f"INSERT INTO d.secret_table VALUES ({number}, 'a well known row')", causal=True)
            group[0].sql("SET GLOBAL group_replication_compression_threshold = 0", "INSERT INTO d.secret_table SELECT seq + 10, REPEAT('a well known row ', 5) FROM seq_1_to_20000", database="d")
            group.check_equal()
            for each in taps:
                check(len(each.seen) > 1000, "the wiretap saw nothing")
            seen = b"".join(each.seen for each in taps)
            found = [each for each in secrets if each in seen]
            if secured:
                check(not found, f"readable on the wire: {found}")
                print(f"  {len(seen)} bytes on the wire, nothing readable")
            else:
                check(found == list(secrets), f"without TLS all of it is readable, or this test sees nothing; found {found}")
            group.stop()


def another_authoritys_server():
    """a server with a certificate of another authority is refused; both say why, and the group goes on"""
    with Group(3) as group:
        ours, other = Authority(group), Authority(group, "other")
        secure(group, ours, "VERIFY_CA")
        for each in group.members[:2]:
            each.start(bootstrap=each is group[0])
        stranger = group[2]
        other.issue("m3")
        stranger.settings["provider_options"] = other.options("m3", "REQUIRED")  # would itself trust anybody
        refuses_to_start(stranger, "does not accept our certificate.*group_replication_ssl_cert")
        group[0].wait_log(r"refused a connection from .*CN = m3.*not accepted.*group_replication_ssl_ca")
        stranger.settings["provider_options"] = other.options("m3", "VERIFY_CA")
        refuses_to_start(stranger, "no TLS connection to any other member.*(does not accept|not accepted)")
        stranger.settings["provider_options"] = ours.options("m3", "VERIFY_CA")
        stranger.start()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
        group.check_equal()


def another_hosts_certificate():
    """a certificate for another host is refused by its own server; where that does not look, by the group"""
    with Group(2) as group:
        authority = Authority(group)
        secure(group, authority)
        group[0].start(bootstrap=True)
        authority.issue("elsewhere", "DNS:db9.example,IP:10.0.0.9")
        group[1].settings["provider_options"] = authority.options("elsewhere")
        refuses_to_start(group[1], "ssl_cert.*db9.example, 10.0.0.9.*not for '127.0.0.1'")
        group[1].settings["provider_options"] = authority.options("elsewhere", "VERIFY_CA")
        refuses_to_start(group[1], "refused this member.*db9.example.*group_replication_ssl_mode is VERIFY_IDENTITY")


def plain_against_tls():
    """one side has TLS and the other does not: refused at once, both name the setting"""
    with Group(2) as group:
        authority = Authority(group)
        secure(group, authority, "REQUIRED")
        group[0].start(bootstrap=True)
        group[1].settings["provider_options"] = []
        refuses_to_start(group[1], "takes TLS connections only.*group_replication_ssl_mode is REQUIRED on")
        group[0].wait_log("refused a connection.*does not speak TLS.*group_replication_ssl_mode is REQUIRED on")
        group[0].stop()
        group[0].settings["provider_options"] = []
        group[0].start(bootstrap=True)
        group[1].settings["provider_options"] = authority.options("m2", "REQUIRED")
        refuses_to_start(group[1], "does not speak TLS.*group_replication_ssl_mode is DISABLED on")
        group[0].wait_log("refused a connection.*it speaks TLS.*group_replication_ssl_mode is DISABLED on")


def files_that_cannot_be_used():
    """missing, expired, not fitting: the server refuses to start, even as the first of a group, and names setting and file"""
    with Group(1) as group:
        authority = Authority(group)
        member = group[0]
        authority.issue("m1")
        authority.issue("old", days=-1)
        authority.issue("secret")
        authority.path("secret", "key").chmod(0)
        key = str(authority.path("m1", "key"))
        for wrong, pattern in [
                (authority.options("old", "REQUIRED"), r"ssl_cert: '\S*old.pem' has expired.*until"),
                (["group_replication_ssl_mode=REQUIRED"], "group_replication_ssl_cert is not set"),
                ([*authority.options("m1"), "group_replication_ssl_key=/nowhere/m1.key"], "ssl_key: '/nowhere/m1.key'.*No such file"),
                ([*authority.options("m1"), f"group_replication_ssl_key={authority.path('ca', 'key')}"], "ssl_key.*(not the key of|Permission)"),
                ([*authority.options("m1"), f"group_replication_ssl_cert={key}"], "ssl_cert.*m1.key.*PEM"),
                ([*authority.options("m1"), "socket.ssl_ca=/nowhere/ca.pem"], "ssl_ca: '/nowhere/ca.pem'.*No such file"),
                ([*authority.options("m1"), "socket.ssl_cipher=ROT13"], "ssl_cipher.*ROT13"),
                (["group_replication_ssl_mode=SOMETIMES"], "group_replication_ssl_mode.*SOMETIMES.*VERIFY_IDENTITY"),
                *([(authority.options("secret"), "ssl_key.*secret.key.*Permission denied")] if group.user else [])]:
            member.settings["provider_options"] = wrong
            refuses_to_start(member, pattern, bootstrap=True)


def shown_certificate(member, authority, client="m1"):
    """The serial number of the certificate that a new connection to the member's group port is shown."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{member.group_port}", "-cert", authority.path(client, "pem"),
                            "-key", authority.path(client, "key")], input="", capture_output=True, text=True, check=False, timeout=60).stdout
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True, check=False).stdout.strip()


def reload_at_run_time():
    """new certificates without a restart: old connections go on, new ones use them; what cannot be used changes nothing and says why"""
    with Group(2, server_options={"group_replication_communication_flp_timeout": 20}) as group:  # silence is no lost connection here
        authority = Authority(group)
        secure(group, authority)
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
        member = group[1]
        first = authority.serial("m2")
        check(shown_certificate(member, authority) == first, "not the certificate it was given")

        authority.issue("m2")
        second = authority.serial("m2")
        check(shown_certificate(member, authority) == first, "a new file counts before it is asked for")
        member.sql("SET GLOBAL wsrep_provider_options = 'socket.ssl_reload=1'")
        wait_for("the new certificate", 60, lambda: shown_certificate(member, authority) == second)
        member.wait_log("reloaded for new connections.*CN = m2")

        authority.issue("m2")  # FLUSH SSL is the server's own word for the same
        with contextlib.suppress(pymysql.err.MySQLError):  # it may have no certificates for its clients
            member.sql("FLUSH SSL")
        third = authority.serial("m2")
        wait_for("the certificate after FLUSH SSL", 60, lambda: shown_certificate(member, authority) == third)

        good = authority.path("m2", "pem").read_bytes()
        authority.path("m2", "pem").write_text("not a certificate\n")
        try:
            member.sql("SET GLOBAL wsrep_provider_options = 'socket.ssl_reload=1'")
        except pymysql.err.MySQLError:
            pass
        else:
            raise Failed("a reload of nonsense succeeded")
        member.wait_log(r"\[ERROR\].*not reloaded.*ssl_cert.*m2.pem.*PEM")
        check(shown_certificate(member, authority) == third, "a failed reload changed something")
        authority.path("m2", "pem").write_bytes(good)
        for each in group.members:
            check(each.status("wsrep_cluster_size") == "2", "a connection was lost")
        group[0].sql("INSERT INTO d.t VALUES (1)")
        group.check_equal()

        group[0].stop()  # it comes back by connections that are new on both sides
        group[0].start()
        group[0].sql("INSERT INTO d.t VALUES (2)")
        group.check_equal()


def arbiter_with_tls():
    """an arbiter without TLS is refused; with a certificate it votes, and reads a new one on SIGHUP"""
    with Group(2) as group:
        authority = Authority(group)
        secure(group, authority)
        group.form()
        arbiter = Arbiter(group)
        arbiter.start(wait=False)
        wait_for("the arbiter to be refused", 60, lambda: "takes TLS connections only" in arbiter.log())
        arbiter.kill()
        authority.issue("arbiter")
        secured = arbiter.command(options=";".join(authority.options("arbiter")))
        arbiter.command = lambda: secured
        arbiter.start()
        since = len(arbiter.log())
        authority.issue("arbiter")
        arbiter.process.send_signal(signal.SIGHUP)
        wait_for("the arbiter's new certificate", 60, lambda: "reloaded the certificates" in arbiter.log()[since:])
        group[1].kill()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
        arbiter.stop()


def galeras_names():
    """socket.ssl and its files, as a Galera server has them: the same settings under our names"""
    with Group(2) as group:
        authority = Authority(group)
        for each in group.members:
            authority.issue(each.name)
            each.settings["provider_options"] = ["socket.ssl=yes", f"socket.ssl_ca={authority.path('ca', 'pem')}",
                                                 f"socket.ssl_cert={authority.path(each.name, 'pem')}",
                                                 f"socket.ssl_key={authority.path(each.name, 'key')}"]
        group.form()
        check(group[0].value("SELECT @@group_replication_ssl_mode") == "VERIFY_CA", "another mode than Galera's")
        check("socket.ssl = yes" in group[0].value("SELECT @@wsrep_provider_options"), "not shown under Galera's name")
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
        group.check_equal()


if __name__ == "__main__":
    run(three_servers_and_nothing_readable, another_authoritys_server, another_hosts_certificate, plain_against_tls,
        files_that_cannot_be_used, reload_at_run_time, arbiter_with_tls, galeras_names)
