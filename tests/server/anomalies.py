"""Clients that look for anomalies on a running group, while members are killed, stopped and cut off; what they saw goes to histories.py.

Four workloads at once, each client at one member: lists (append and read, in transactions of some operations), a bank (transfers between
accounts, and the sum of all), counters (read, then write one more), and pairs of rows (which of two independent ones is there). Every
transaction is REPEATABLE READ with innodb_snapshot_isolation, computed in the client: no locking read hides anything.
"""
import collections
import contextlib
import itertools
import random
import threading
import time

import pymysql

from harness import check
from histories import FAILED, NEVER, OK, STALE, UNKNOWN, WRITE_SKEW, Lists, Transaction, long_forks

DEADLOCK, LOCK_WAIT, CHANGED, NOT_READY, READ_ONLY = 1213, 1205, 1020, 1047, 1290
REFUSED = (DEADLOCK, CHANGED)  # at COMMIT: it did not happen. Any other error there leaves it open
ACCOUNTS, BALANCE, COUNTERS = 8, 100, 4
KEYS, KEYS_FOR = 12, 2.0  # lists in use at a time, and seconds until the next ones are: a list that is read whole must not grow for ever
SERVER_OPTIONS = {"innodb_snapshot_isolation": "ON", "transaction_isolation": "REPEATABLE-READ"}


class Refused(Exception):
    """The transaction did not happen."""


class Unknown(Exception):
    """Nobody told whether it did."""


class Session:
    """A connection to one member, made again when it breaks."""

    def __init__(self, member, setup):
        self.member, self.setup, self.connection = member, setup, None

    def run(self, body):
        """`body(execute)` in a transaction."""
        try:
            if self.connection is None:
                self.connection = self.member.connect(autocommit=False, timeout=30)
                with self.connection.cursor() as cursor:
                    for each in self.setup:
                        cursor.execute(each)
                self.connection.commit()
            with self.connection.cursor() as cursor:
                def execute(statement):
                    cursor.execute(statement)
                    return cursor.fetchall()
                body(execute)
        except (pymysql.err.MySQLError, OSError) as error:
            self._end(error)
            raise Refused(str(error)) from None
        try:
            self.connection.commit()
        except (pymysql.err.MySQLError, OSError) as error:
            self._end(error)
            if error.args and error.args[0] in REFUSED:
                raise Refused(str(error)) from None
            raise Unknown(str(error)) from None

    def _end(self, error):
        code = error.args[0] if error.args else 0
        with contextlib.suppress(Exception):
            if code in (*REFUSED, LOCK_WAIT):
                self.connection.rollback()
                return
        self.close()

    def close(self):
        with contextlib.suppress(Exception):
            self.connection.close()
        self.connection = None


class Clients:
    def __init__(self, group, setup=(), seed=1, per_member=2):
        self.group, self.setup, self.random = group, list(setup), random.Random(seed)
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.transactions, self.numbers = [], itertools.count(1)
        self.sums, self.pairs = [], collections.defaultdict(list)
        self.counted = collections.Counter()  # (outcome) of increments
        self.outcomes = collections.Counter()
        self._tables()
        bodies = (self._lists, self._bank, self._counters, self._pairs)
        self.threads = [threading.Thread(target=self._client, args=(each, body, random.Random(f"{seed} {each.name} {body.__name__} {copy}")), daemon=True)
                        for each in group.members for body in bodies for copy in range(per_member if body == self._lists else 1)]
        for each in self.threads:
            each.start()

    def _tables(self):
        first = self.group[0]
        first.sql("CREATE DATABASE a", "CREATE TABLE a.lists (k INT PRIMARY KEY, v MEDIUMTEXT)", "CREATE TABLE a.bank (id INT PRIMARY KEY, balance INT)",
                  "CREATE TABLE a.counters (id INT PRIMARY KEY, n INT)", "CREATE TABLE a.pairs (id INT, side INT, PRIMARY KEY (id, side))",
                  f"INSERT INTO a.bank SELECT seq, {BALANCE} FROM a.seq_1_to_{ACCOUNTS}", f"INSERT INTO a.counters SELECT seq, 0 FROM a.seq_1_to_{COUNTERS}")
        for each in self.group.members:
            each.sql("SELECT COUNT(*) FROM a.lists", causal=True)

    def _client(self, member, body, draw):
        session = Session(member, self.setup)
        while not self.over.is_set():
            try:
                body(session, draw)
                self.outcomes[body.__name__, OK] += 1
            except Refused:
                self.outcomes[body.__name__, FAILED] += 1
                time.sleep(0.01)
            except Unknown:
                self.outcomes[body.__name__, UNKNOWN] += 1
        session.close()

    def _lists(self, session, draw):
        mine = Transaction(next(self.numbers), session.member.name, time.monotonic())
        first = int((mine.begun - self.began) / KEYS_FOR) * KEYS
        wanted = [(draw.choice(("append", "read")), first + draw.randrange(KEYS)) for _ in range(draw.randint(1, 4))]

        def body(execute):
            for kind, key in wanted:
                if kind == "append":
                    value = next(self.numbers)
                    mine.operations.append(("append", key, value))
                    execute(f"INSERT INTO a.lists VALUES ({key}, '{value},') ON DUPLICATE KEY UPDATE v = CONCAT(v, '{value},')")
                else:
                    text = "".join(row[0] for row in execute(f"SELECT v FROM a.lists WHERE k = {key}"))
                    mine.operations.append(("read", key, [int(each) for each in text.split(",") if each]))
        try:
            session.run(body)
            mine.outcome = OK
        except Refused:
            mine.outcome = FAILED
            raise
        finally:
            mine.ended = time.monotonic()
            with self.lock:
                self.transactions.append(mine)

    def _bank(self, session, draw):
        if draw.random() < 0.5:
            found = []
            session.run(lambda execute: found.extend(execute("SELECT balance FROM a.bank")))
            self.sums.append((session.member.name, sum(each[0] for each in found)))
            return
        source, target = draw.sample(range(1, ACCOUNTS + 1), 2)
        amount = draw.randint(1, 20)

        def body(execute):
            balances = dict(execute(f"SELECT id, balance FROM a.bank WHERE id IN ({source}, {target})"))
            execute(f"UPDATE a.bank SET balance = {balances[source] - amount} WHERE id = {source}")
            execute(f"UPDATE a.bank SET balance = {balances[target] + amount} WHERE id = {target}")
        session.run(body)

    def _counters(self, session, draw):
        which = draw.randint(1, COUNTERS)

        def body(execute):
            now = execute(f"SELECT n FROM a.counters WHERE id = {which}")[0][0]
            execute(f"UPDATE a.counters SET n = {now + 1} WHERE id = {which}")
        try:
            session.run(body)
            with self.lock:
                self.counted[OK] += 1
        except Unknown:
            with self.lock:
                self.counted[UNKNOWN] += 1
            raise

    def _pairs(self, session, draw):
        """Each pair's rows are written by two members, at about the same time; everybody looks at the last few."""
        slot = int(time.monotonic() * 5)
        side = (self.group.members.index(session.member) + slot) % len(self.group.members)
        if side < 2 and draw.random() < 0.3:
            session.run(lambda execute: execute(f"INSERT IGNORE INTO a.pairs VALUES ({slot}, {side})"))
            return
        found = []
        session.run(lambda execute: found.extend(execute(f"SELECT id, side FROM a.pairs WHERE id BETWEEN {slot - 5} AND {slot}")))
        for pair in range(slot - 5, slot + 1):
            self.pairs[pair].append(((pair, 0) in found, (pair, 1) in found))

    def done(self):
        """How many transactions were committed so far."""
        return sum(number for (_, outcome), number in list(self.outcomes.items()) if outcome == OK)

    def stop(self):
        self.over.set()
        for each in self.threads:
            each.join(180)
        check(not any(each.is_alive() for each in self.threads), "a client hangs in its transaction")

    # ---- what they saw ----
    def found(self):
        """{anomaly: [texts]}, after all members are back."""
        finals = {}
        for member in self.group.members:
            rows = member.sql("SELECT k, v FROM a.lists", causal=True, timeout=120)
            finals[member.name] = {key: [int(each) for each in text.split(",") if each] for key, text in rows}
        found = dict(Lists(self.transactions, finals).check())
        total = ACCOUNTS * BALANCE
        found["bank: a wrong sum"] = [f"{what} at {name}" for name, what in self.sums if what != total]
        counted = self.group[0].value("SELECT SUM(n) FROM a.counters", causal=True)
        if not self.counted[OK] <= counted <= self.counted[OK] + self.counted[UNKNOWN]:
            found["counter: an update is lost"] = [f"{self.counted[OK]} acknowledged, {self.counted[UNKNOWN]} unknown, {counted} counted"]
        found["long fork"] = [f"pair {each}" for each in long_forks(self.pairs)]
        return {name: what for name, what in found.items() if what}


def forbidden(waits):
    """What may not be found; `waits`: the level makes readers or writers wait for each other."""
    return (*NEVER, "bank: a wrong sum", "counter: an update is lost", "long fork", *((STALE,) if waits else ()))


ALLOWED = (STALE, WRITE_SKEW)


class Faults:
    """One member at a time is killed, stopped or cut off, and is back before the next one is."""

    def __init__(self, group, seed=1, network=None, rest=3.0):
        self.group, self.draw, self.network, self.rest = group, random.Random(seed), network, rest
        self.done = collections.Counter()
        self.over = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.over.wait(self.rest):
                getattr(self, "_" + self.draw.choice(("kill", "stop", *(("cut",) if self.network else ()))))()
        except Exception as error:  # told by stop()
            self.error = error

    def _member(self):
        return self.draw.choice(self.group.members)

    def _kill(self):
        member = self._member()
        member.kill()
        time.sleep(self.draw.uniform(0, 3))
        member.start(recover=True)
        self.done["killed"] += 1

    def _stop(self):
        member = self._member()
        member.pause()
        time.sleep(self.draw.uniform(0.5, 4))
        member.resume()
        self._back(member)
        self.done["stopped"] += 1

    def _cut(self):
        number = self.draw.randrange(len(self.group.members))
        self.network.cut(number)
        time.sleep(self.draw.uniform(1, 8))
        self.network.heal(number)
        self._back(self.group[number])
        self.done["cut off"] += 1

    def _back(self, member):
        member.wait_back()

    def stop(self):
        self.over.set()
        self.thread.join(300)
        if self.error:
            raise self.error
