"""Groups of real mariadbd processes, as many as a test wants, and nothing of them left afterwards.

A `Group` lives in one temporary directory: a copy of the provider in lib/ (one file, so that wsrep_provider and plugin_dir name
the same inode), a template of a fresh data directory, and a directory for each `Member`. Servers run as an unprivileged user, listen
on loopback only, each in a session of its own, so that whatever they start (state transfer scripts) can be found and ended with
them. They are ended at exit, on an exception, on SIGINT and SIGTERM, and by the kernel should this process be killed outright.

    with Group(3) as group:
        group.form()
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        group.check_equal()

Environment: QUORATE_PROVIDER names the library, or is "galera" to run the same test against that one; QUORATE_KEEP=1 keeps every
directory whole (else a failed test's logs are kept, and nothing of one that passed).
"""
import atexit
import collections
import concurrent.futures
import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import pymysql
import pymysql.cursors

root = pathlib.Path(__file__).resolve().parents[2]
GALERA = "/usr/lib/galera/libgalera_smm.so"
DEADLOCK, LOCK_WAIT_TIMEOUT, NOT_READY, DUPLICATE, INTERRUPTED = 1213, 1205, 1047, 1062, 1317
LOST = (2006, 2013, 2003, 2002, 1053, 0)  # the server went away under a client
MATTERS = re.compile(r"\[ERROR\]|\bERROR\b|WSREP|group_replication|signal \d|assert|Aborting|Fatal", re.IGNORECASE)
# A machine stands still for some seconds now and then; who waited for a member until it is suspected would wait longer than that.
PATIENCE = {"group_replication_communication_flp_timeout": 5, "group_replication_member_expel_timeout": 10}

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """What a test says when a claim about the servers does not hold."""


def check(claim, text):
    if not claim:
        raise Failed(text)


def provider_path():
    wanted = os.environ.get("QUORATE_PROVIDER", str(root / "build" / "group_replication.so"))
    return pathlib.Path(GALERA if wanted == "galera" else wanted)


def grctl(*arguments, must_succeed=True):
    """What a person runs by hand: the program beside the provider that is tested. Returns how it ended, with its words."""
    return subprocess.run([provider_path().parent / "bin" / "grctl", *arguments], capture_output=True, text=True, check=must_succeed)


def unprivileged_user():
    """Who the servers run as: ourselves, unless that is root."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Failed("running as root, and neither user mysql nor nobody exists to run servers as")


PORTS = range(15000, 31000)  # below the range clients get theirs from
PORTS_OF_ONE = 500
_blocks, _ports_given = [], set()


def take_block():
    """Ports that no other test on this machine is given: what is free now may be bound by its owner much later."""
    starts = list(PORTS[::PORTS_OF_ONE])
    for first in random.sample(starts, len(starts)):
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0quorate test ports {first}")
        except OSError:
            mark.close()
            continue
        _blocks.append((first, mark))  # ours until this process ends
        return
    raise Failed("every block of ports is some test's")


def free_port(spare=0):
    """A port free on loopback together with the `spare` ones after it."""
    for attempt in range(1000):
        if attempt % 200 == 0 and (attempt or not _blocks):
            take_block()
        first = random.choice(_blocks)[0] + random.randrange(PORTS_OF_ONE - spare)
        wanted = range(first, first + spare + 1)
        if any(each in _ports_given for each in wanted):
            continue
        with contextlib.ExitStack() as held:
            try:
                for each in wanted:
                    held.enter_context(socket.socket()).bind(("127.0.0.1", each))
            except OSError:
                continue
        _ports_given.update(wanted)
        return first
    raise Failed("no free port on loopback")


def wait_for(what, timeout, claim, pause=0.05):
    """Polls `claim` until it is truthy and returns that; fails with `what` after `timeout` seconds. A server that does not answer at the moment,
    and a row that is not there, are no answer yet."""
    end = time.monotonic() + timeout
    while True:
        answer, error = None, ""
        try:
            answer = claim()
        except (pymysql.err.MySQLError, OSError, LookupError) as found:
            error = f" ({type(found).__name__}: {found})"
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"{what() if callable(what) else what}: not within {timeout} s{error}")
        time.sleep(pause)


def processes_of_session(session):
    """Ids of the living processes of one session: a server and what it started."""
    found = []
    for each in pathlib.Path("/proc").iterdir():
        if each.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = (each / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append(int(each.name))
    return found


class Member:
    """One server: its directory, its ports, its process while it has one."""

    def __init__(self, group, name, **settings):
        self.group, self.name, self.settings = group, name, settings
        self.directory = group.directory / name
        self.data = self.directory / "data"
        self.socket = self.directory / "s"
        self.error_log = self.directory / "error.log"
        self.address = settings.pop("address", "127.0.0.1")
        self.sql_port, self.group_port, self.sst_port = free_port(), free_port(spare=2), free_port()
        self.namespace = settings.pop("namespace", None)
        self.process = None
        self.starts = 0
        group.make_directory(self.directory)
        group.make_directory(self.directory / "tmp")

    # --- files

    def configuration(self):
        galera = self.group.is_galera
        options = [f"gmcast.listen_addr=tcp://{self.address}:{self.group_port}"]
        if galera:
            options += [f"ist.recv_addr={self.address}:{self.group_port + 1}", "gcache.size=256M"]
        options += self.group.provider_options + self.settings.get("provider_options", [])
        lines = {
            "datadir": self.data, "socket": self.socket, "pid-file": self.directory / "pid", "log-error": self.error_log,
            "tmpdir": self.directory / "tmp", "bind-address": self.address, "port": self.sql_port,
            "binlog_format": "ROW", "default_storage_engine": "InnoDB", "innodb_autoinc_lock_mode": 2, "skip-log-bin": None,
            "innodb_buffer_pool_size": "128M", "innodb_log_file_size": "48M", "innodb_flush_log_at_trx_commit": 0,
            "innodb_stats_persistent": 0, "max_connections": 200, "performance_schema": "OFF", "skip-name-resolve": None,
            "wsrep_on": "ON", "wsrep_provider": self.group.provider, "wsrep_cluster_name": self.group.group_name,
            "wsrep_node_name": self.name, "wsrep_node_address": f"{self.address}:{self.group_port}",
            "wsrep_node_incoming_address": f"{self.address}:{self.sql_port}",
            "wsrep_cluster_address": self.group.cluster_address(), "wsrep_provider_options": ";".join(options),
            "wsrep_sst_method": "rsync", "wsrep_sst_auth": "root:",
            "wsrep_sst_receive_address": f"{self.address}:{self.sst_port}", "wsrep_slave_threads": 4,
        }
        if not galera:
            lines |= {"plugin_dir": self.group.directory / "lib", "plugin_load_add": "group_replication", "plugin_maturity": "unknown"}
            if self.group.all_write:
                lines |= {"loose_group_replication_single_primary_mode": "OFF"}
        for given in (self.group.server_options, self.settings.get("server_options", {})):
            lines |= given
        text = "[mysqld]\n" + "".join(f"{key}={value}\n" if value is not None else f"{key}\n" for key, value in lines.items())
        return text + "[sst]\n" + "".join(f"{key}={value}\n" for key, value in self.settings.get("sst_section", {}).items())

    def write_configuration(self):
        path = self.directory / "my.cnf"
        path.write_text(self.configuration())
        self.group.give(path)
        return path

    def make_data(self):
        """A fresh data directory, as after installation."""
        shutil.rmtree(self.data, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.group.template()), str(self.data)], check=True)

    def wipe(self):
        """What an operator does who gives up on a member's data: an empty directory."""
        check(self.process is None, f"{self.name} still runs")
        shutil.rmtree(self.data, ignore_errors=True)
        self.group.make_directory(self.data)

    def log(self):
        with contextlib.suppress(OSError):
            return self.error_log.read_text(errors="replace")
        return ""

    def log_that_matters(self, lines=40):
        return "\n".join([each for each in self.log().splitlines() if MATTERS.search(each)][-lines:])

    def wait_log(self, pattern, timeout=60, since=0):
        return wait_for(f"{self.name}: /{pattern}/ in its error log", timeout, lambda: re.search(pattern, self.log()[since:]))

    def has_vote(self):
        given = self.group.server_options | self.settings.get("server_options", {})
        return given.get("group_replication_non_voting", "OFF") == "OFF"

    # --- life

    def start(self, bootstrap=False, wait=True, timeout=150, recover=False, arguments=()):
        """Starts the server; with `wait` returns once it is a synced member. `recover`: after a crash, as a service unit would."""
        check(self.process is None, f"{self.name} runs already")
        self.write_configuration()
        if not self.data.exists():
            self.make_data()
        extra = list(arguments)
        if bootstrap:
            extra.append("--wsrep-new-cluster")
        if recover and (self.data / "ibdata1").exists():
            position = self.recovered_position()
            if position:
                extra.append(f"--wsrep_start_position={position}")
        self.starts += 1
        self.process = self.group.spawn([self.group.mariadbd, f"--defaults-file={self.directory / 'my.cnf'}", *extra],
                                        self.directory / "stdout.log", namespace=self.namespace)
        if wait:
            self.wait_ready(timeout)
        return self

    def recovered_position(self):
        """The position found in the storage engine after a crash, as uuid:seqno; None if there is none."""
        log = self.directory / "recover.log"
        log.unlink(missing_ok=True)
        process = self.group.spawn([self.group.mariadbd, f"--defaults-file={self.directory / 'my.cnf'}", "--wsrep-recover",
                                    "--skip-networking", f"--log-error={log}"], self.directory / "stdout.log")
        try:
            process.wait(120)
        finally:
            self.group.end(process)
        found = re.findall(r"WSREP: Recovered position:?\s*([0-9a-f-]{36}:-?\d+)", log.read_text(errors="replace"))
        check(found or process.returncode == 0, f"{self.name}: --wsrep-recover failed\n{log.read_text(errors='replace')[-2000:]}")
        return found[-1] if found and not found[-1].startswith("00000000-") else None

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        with contextlib.suppress(pymysql.err.MySQLError, OSError):
            return self.status("wsrep_ready") == "ON" and self.status("wsrep_local_state_comment") == "Synced"
        return False

    def wait_ready(self, timeout=150):
        def claim():
            if not self.is_alive():
                raise Failed(f"{self.name} ended while starting (exit {self.process and self.process.poll()})")
            return self.is_ready()
        wait_for(f"{self.name} to be a synced member", timeout, claim)

    def wait_back(self, timeout=150):
        """After it stood still or was cut off: until the group answers it. Before that it shows what it was, even if it was put out meanwhile."""
        def claim():
            with contextlib.suppress(pymysql.err.MySQLError, OSError):
                self.sql("SELECT COUNT(*) FROM mysql.plugin", causal=True, timeout=20)
                return self.is_ready()
        wait_for(f"{self.name} to be a synced member again", timeout, claim)

    def wait_exit(self, timeout=120):
        """Waits for a server that ends by itself; returns its exit status."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {timeout} s") from None
        self.group.end(self.process)
        self.process = None
        return status

    def stop(self, timeout=180):
        """Orderly shutdown. A server that does not end in time is killed and reported."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.name} did not stop within {timeout} s of SIGTERM") from None
        status = self.process.returncode
        self.group.end(self.process)
        self.process = None
        check(status == 0, f"{self.name} ended with {status} on shutdown")

    def kill(self):
        """kill -9 of the server and of all it started."""
        if self.process is not None:
            self.group.end(self.process)
            self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # --- SQL

    def connect(self, autocommit=True, timeout=60, database=None, causal=False):
        """A client connection. `causal`: its reads see all that was committed anywhere before they began."""
        setup = "SET SESSION wsrep_sync_wait=15" if causal else None
        return pymysql.connect(unix_socket=str(self.socket), user="root", password="", autocommit=autocommit, database=database,
                               connect_timeout=20, read_timeout=timeout, write_timeout=timeout, init_command=setup,
                               max_allowed_packet=1 << 30, local_infile=False)

    def sql(self, *statements, timeout=60, database=None, causal=False):
        """Runs the statements on a connection of their own and returns the last one's rows."""
        rows = ()
        with contextlib.closing(self.connect(timeout=timeout, database=database, causal=causal)) as connection:
            with connection.cursor() as cursor:
                for each in statements:
                    cursor.execute(each)
                    rows = cursor.fetchall()
        return rows

    def value(self, statement, **how):
        rows = self.sql(statement, **how)
        return rows[0][0] if rows else None

    def rows(self, statement, timeout=30):
        """What a query answers, each row by column name."""
        with contextlib.closing(self.connect(timeout=timeout)) as connection, connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def answers(self):
        """It takes connections, in a group or not."""
        with contextlib.suppress(pymysql.err.MySQLError, OSError):
            return self.value("SELECT 1") == 1

    def status(self, name):
        rows = self.sql(f"SHOW GLOBAL STATUS LIKE '{name}'", timeout=20)
        return rows[0][1] if rows else None

    def wait_status(self, name, wanted, timeout=60):
        def claim():
            with contextlib.suppress(pymysql.err.MySQLError, OSError):
                return self.status(name) == wanted
        wait_for(f"{self.name}: {name} = {wanted}", timeout, claim)

    def recovery(self):
        """One line on how this member last caught up: method, donor and why, transactions, seconds."""
        return self.status("wsrep_gr_recovery") or self.status("Gr_recovery") or ""

    def hold_appliers(self, table):
        """A table lock the appliers have to wait for; returns the connection that holds it."""
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION wsrep_on = OFF")
            for _ in range(100):  # while it waits for the table itself, appliers push it aside
                try:
                    cursor.execute(f"FLUSH TABLES {table} WITH READ LOCK")
                    return connection
                except pymysql.err.OperationalError as error:
                    check(error.args[0] in (INTERRUPTED, DEADLOCK), f"{self.name} does not lock the table: {error}")
        raise Failed(f"{self.name}: appliers never let {table} be locked")

    def group_members(self):
        """Rows of REPLICATION_GROUP_MEMBERS as seen here, each by column name."""
        return self.rows("SELECT * FROM information_schema.REPLICATION_GROUP_MEMBERS")

    def members_by_port(self):
        """The same by SQL port; an arbiter has none, and several would be one here."""
        return {row["MEMBER_PORT"]: row for row in self.group_members()}

    def communication(self):
        """The row of REPLICATION_GROUP_COMMUNICATION_INFORMATION, by column name; empty when not connected."""
        return next(iter(self.rows("SELECT * FROM information_schema.REPLICATION_GROUP_COMMUNICATION_INFORMATION")), {})

    def suspicions(self):
        """How often it suspected each of the others, by their addresses in the group."""
        return json.loads(self.communication()["MEMBER_FAILURE_SUSPICIONS_COUNT"])

    def tables(self):
        rows = self.sql("SELECT CONCAT('`',table_schema,'`.`',table_name,'`') FROM information_schema.tables WHERE table_type='BASE TABLE'"
                        " AND table_schema NOT IN ('mysql','sys','information_schema','performance_schema') ORDER BY 1", causal=True, timeout=300)
        return [each[0] for each in rows]

    def checksums(self, timeout=300):
        found = {}
        tables = self.tables()
        for first in range(0, len(tables), 100):
            found |= dict(self.sql("CHECKSUM TABLE " + ",".join(tables[first:first + 100]), timeout=timeout, causal=True))
        return found


class Group:
    """The members of one group and the directory they live in."""

    def __init__(self, size=3, *, provider=None, server_options=None, provider_options=(), member_settings=None, group_name="quorate_test",
                 all_write=True):
        self.source = pathlib.Path(provider) if provider else provider_path()
        check(self.source.exists(), f"no provider at {self.source}: build it first (./dev build)")
        self.is_galera = "galera_smm" in self.source.name
        self.user = unprivileged_user()
        self.mariadbd = shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin") or "mariadbd"
        self.group_name = group_name
        self.server_options, self.provider_options = server_options or {}, list(provider_options)
        self.all_write = all_write  # what is replicated, and how, is the same with one primary; with several more can be seen at once
        self.environment = {}  # of the servers, beside the usual
        self.running = []
        self.keep = False
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="quorate-"))
        self.give(self.directory)
        self.directory.chmod(0o755)
        self.make_directory(self.directory / "lib")
        self.provider = self.source
        if not self.is_galera:
            self.provider = self.directory / "lib" / "group_replication.so"
            shutil.copyfile(self.source, self.provider)
            self.provider.chmod(0o644)
            program = self.source.parent / "bin" / "wsrep_sst_clone"
            if program.exists():  # beside the library it is found without being on PATH
                shutil.copy(program, self.directory / "lib")
        self.members = []
        _groups.append(self)
        for number in range(size):
            settings = dict((member_settings or {}).get(number, {}))
            self.members.append(Member(self, f"m{number + 1}", **settings))

    def __getitem__(self, index):
        return self.members[index]

    def __len__(self):
        return len(self.members)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is not None and kind is not KeyboardInterrupt:
            self.report()
            self.keep = True
        if os.environ.get("QUORATE_KEEP"):
            self.keep = True
        self.close()
        if kind is not None and not os.environ.get("QUORATE_KEEP"):
            self.drop_data()

    def drop_data(self):
        """Removes what is large, and leaves the logs."""
        for each in [self.directory / "template", self.directory / "lib", *(member.data for member in self.members)]:
            shutil.rmtree(each, ignore_errors=True)

    # --- files and processes

    def give(self, path):
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def make_directory(self, path):
        path.mkdir(exist_ok=True)
        self.give(path)

    def cluster_address(self):
        scheme = "gcomm" if self.is_galera else "gr"
        return f"{scheme}://" + ",".join(f"{each.address}:{each.group_port}" for each in self.members)

    def spawn(self, command, output, keep=None, namespace=None):
        """Starts a program as the unprivileged user in a session of its own; `end` ends it and all it started."""
        parent = os.getpid()
        dies_with_us = threading.current_thread() is threading.main_thread()

        def prepare():
            if dies_with_us and os.getppid() == parent and not self.keep:
                _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        if namespace:
            # Entering a namespace needs root; the server drops it itself.
            command = ["ip", "netns", "exec", namespace, "setpriv", *(["--pdeathsig=KILL"] if dies_with_us else []),
                       f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", *map(str, command)]
            who = {}
        with open(output, "ab") as sink:
            process = subprocess.Popen([str(each) for each in command], stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                                       start_new_session=True, cwd=self.directory, preexec_fn=prepare, **who,
                                       env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.directory), "LC_ALL": "C.UTF-8", **self.environment})
        self.running.append(process)
        return process

    def end(self, process):
        """Kills a spawned program and everything in its session, and waits until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            if process.poll() is None:
                process.kill()
        process.wait()
        for _ in range(50):
            left = processes_of_session(process.pid)
            if not left:
                break
            for each in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            time.sleep(0.02)
        if process in self.running:
            self.running.remove(process)

    def template(self):
        """A data directory as after installation, made once for a group."""
        path, temporary = self.directory / "template", self.directory / "tmp"
        if not path.exists():
            # A server that starts removes temporary tables from its tmpdir, also another's.
            temporary.mkdir(exist_ok=True)
            temporary.chmod(0o777)
            process = self.spawn(["mariadb-install-db", "--no-defaults", f"--datadir={path}", "--auth-root-authentication-method=normal",
                                  "--skip-name-resolve", "--force", "--innodb-log-file-size=48M", f"--tmpdir={temporary}"],
                                 self.directory / "install.log")
            status = process.wait(300)
            self.end(process)
            check(status == 0, f"mariadb-install-db failed:\n{(self.directory / 'install.log').read_text()[-2000:]}")
        return path

    def close(self):
        """Ends every server; removes the directory unless it is kept."""
        for process in list(self.running):
            self.end(process)
        for each in self.members:
            each.process = None
        if self in _groups:
            _groups.remove(self)
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    def report(self, lines=40):
        """What a person needs after a failure: where the logs are, and their last lines that matter."""
        print(f"\n--- logs are in {self.directory}", flush=True)
        for each in self.members:
            if each.starts:
                print(f"--- {each.name}: {each.error_log}\n{each.log_that_matters(lines)}", flush=True)

    # --- the group as a whole

    def form(self, timeout=180):
        """Starts all members: the first as a new group, the others joining it at once. Each sees all of them ONLINE afterwards."""
        self.members[0].start(bootstrap=True, timeout=timeout)
        for each in self.members[1:]:
            each.start(wait=False)
        for each in self.members[1:]:
            each.wait_ready(timeout)
        self.wait_size(len(self.members))
        self.wait_settled()
        return self

    def wait_size(self, size, timeout=60, among=None):
        for each in among or [each for each in self.members if each.is_alive()]:
            each.wait_status("wsrep_cluster_size", str(size), timeout)

    def wait_settled(self, timeout=60):
        """Until each running member shows all of them ONLINE, with the vote they are to have. A member knows that of itself a moment before the
        others do, and what is shown is from up to a tenth of a second ago."""
        if self.is_galera:
            return
        running = [each for each in self.members if each.is_alive()]
        wanted = {each.sql_port: ("ONLINE", "YES" if each.has_vote() else "NO") for each in running}

        def seen_by(member):
            with contextlib.suppress(pymysql.err.MySQLError, OSError):
                return {port: (row["MEMBER_STATE"], row["HAS_VOTE"]) for port, row in member.members_by_port().items() if port in wanted}

        for each in running:
            wait_for(lambda each=each: f"{each.name} to show {wanted}, and not {seen_by(each)}", timeout, lambda each=each: seen_by(each) == wanted)

    def restart_after_crash(self, members=None):
        """Starts them all at once, as service units would. Where each stands is found out before the first one starts: a server waits for
        the others no longer than a minute."""
        chosen = list(members or self.members)
        positions = [each.recovered_position() for each in chosen]
        for each, position in zip(chosen, positions):
            each.start(wait=False, arguments=[f"--wsrep_start_position={position}"] if position else [])

    def stop(self):
        for each in self.members:
            each.stop()

    def checksums(self, members=None):
        """CHECKSUM TABLE of every user table on the given members: {member name: {table: checksum}}."""
        chosen = members or self.members
        with concurrent.futures.ThreadPoolExecutor(len(chosen)) as pool:
            return dict(zip([each.name for each in chosen], pool.map(lambda each: each.checksums(), chosen)))

    def check_equal(self, members=None):
        """Every user table has the same checksum on all members; returns how many tables that were."""
        found = self.checksums(members)
        (first, expected), *others = found.items()
        check(expected, f"{first} has no tables to compare")
        check(None not in expected.values(), f"{first}: no checksum for some table: {expected}")
        for name, sums in others:
            differing = sorted(key for key in expected.keys() | sums.keys() if expected.get(key) != sums.get(key))
            check(not differing, f"{first} and {name} differ in {differing[:5]} ({len(differing)} of {len(expected)} tables)")
        return len(expected)


class Writers:
    """Threads that insert rows through given members, one statement at a time, and remember every acknowledged one.

    A refused or lost statement is counted and the row's number never used again. With `stop` they end; `acknowledged` holds, for
    each member, the numbers; `longest_pause` tells the longest time between two acknowledgements in a window.
    """

    def __init__(self, members, table="test.acknowledged", per_member=1):
        self.table = table
        self.stopping = threading.Event()
        self.acknowledged = collections.defaultdict(list)  # member name -> [(when, number)]
        self.errors = collections.Counter()
        members[0].sql("CREATE DATABASE IF NOT EXISTS test",
                       f"CREATE TABLE IF NOT EXISTS {table} (id BIGINT PRIMARY KEY, writer VARCHAR(16), padding VARCHAR(120))")
        for each in members[1:]:
            each.sql(f"SELECT COUNT(*) FROM {table}", causal=True)
        self.threads = [threading.Thread(target=self._write, args=(member, 1_000_000_000 * (1 + index * per_member + copy)), daemon=True)
                        for index, member in enumerate(members) for copy in range(per_member)]
        for each in self.threads:
            each.start()

    def _write(self, member, number):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = member.connect(timeout=60)
                number += 1
                with connection.cursor() as cursor:
                    cursor.execute(f"INSERT INTO {self.table} VALUES ({number}, '{member.name}', REPEAT('x', 100))")
                self.acknowledged[member.name].append((time.monotonic(), number))
            except (pymysql.err.MySQLError, OSError) as error:
                code = error.args[0] if error.args else 0
                self.errors[(member.name, code)] += 1
                if code not in (DEADLOCK, LOCK_WAIT_TIMEOUT, NOT_READY):
                    with contextlib.suppress(Exception):
                        connection and connection.close()
                    connection = None
                time.sleep(0.02)
        with contextlib.suppress(Exception):
            connection and connection.close()

    def stop(self):
        self.stopping.set()
        for each in self.threads:
            each.join(100)
        check(not any(each.is_alive() for each in self.threads), "a writer hangs in its statement")

    def count(self):
        return sum(len(each) for each in self.acknowledged.values())

    def longest_pause(self, name, begin, end):
        """The longest time, within [begin, end], in which the member's writer got no acknowledgement."""
        times = [begin] + [when for when, _ in self.acknowledged[name] if begin <= when <= end] + [end]
        return max(after - before for before, after in zip(times, times[1:]))

    def check_present(self, member):
        """Every acknowledged row is in the table as `member` sees it; returns how many there are."""
        present = {each[0] for each in member.sql(f"SELECT id FROM {self.table}", causal=True, timeout=120)}
        missing = [number for rows in self.acknowledged.values() for _, number in rows if number not in present]
        check(not missing, f"{member.name} lacks {len(missing)} acknowledged rows, such as {missing[:5]}")
        return self.count()


_groups = []


@contextlib.contextmanager
def small_disk(member, megabytes):
    """A file system of that size for the member's data, with what is there now."""
    aside = member.directory / "aside"
    member.data.rename(aside)
    member.group.make_directory(member.data)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0750", "tmpfs", str(member.data)], check=True)
    member.group.give(member.data)
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(member.data)], check=True)
        yield
    finally:
        member.kill()
        subprocess.run(["umount", str(member.data)], check=True)
        member.data.rmdir()
        aside.rename(member.data)


def used_megabytes(path):
    return int(subprocess.run(["du", "-sm", str(path)], check=True, capture_output=True, text=True).stdout.split()[0])


def fill_disk(directory):
    """Takes all the room there is; returns the file that has it."""
    filler = directory / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"], stderr=subprocess.DEVNULL)
    return filler


def preload(group, name):
    """The servers of the group run with tests/server/NAME.c between them and the C library."""
    library = group.directory / "lib" / f"{name}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, root / f"tests/server/{name}.c", "-ldl"], check=True)
    group.give(library)
    group.environment["LD_PRELOAD"] = str(library)


def _end_all():
    for each in list(_groups):
        if not getattr(each, "outlives_us", False):
            each.close()


def _on_signal(number, _):
    raise KeyboardInterrupt(signal.Signals(number).name)


atexit.register(_end_all)
signal.signal(signal.SIGTERM, _on_signal)
signal.signal(signal.SIGHUP, _on_signal)


def skip(why):
    """Ends the test as neither passed nor failed, saying why."""
    print(f"skipped: {why}")
    sys.exit(77)


def run(*tests):
    """Runs the test functions (or those named on the command line), says how each ended, and exits non-zero if one failed."""
    wanted = sys.argv[1:]
    failed = passed = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        began = time.monotonic()
        print(f"{test.__name__}: {(test.__doc__ or '').strip().splitlines()[0] if test.__doc__ else ''}", flush=True)
        try:
            test()
            passed += 1
            print(f"  ok, {time.monotonic() - began:.1f} s", flush=True)
        except KeyboardInterrupt:
            print("  interrupted", flush=True)
            sys.exit(130)
        except Exception as error:  # a test's failure must not hide the others
            failed += 1
            if not isinstance(error, Failed):
                traceback.print_exc()
            print(f"  FAILED after {time.monotonic() - began:.1f} s: {error}", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed or not passed else 0)
