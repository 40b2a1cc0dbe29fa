"""A client of a group with a primary: it writes where writes are taken, and goes to another member when they are not any more."""
import contextlib
import threading
import time

import pymysql

from harness import check

READ_ONLY = 1290


class Follower:
    """A thread that inserts one row after another, each until it is acknowledged or its outcome is not known, and remembers when.

    What was acknowledged has to be there at the end, once; what was refused must not be; of what is not known either may hold.
    """

    def __init__(self, members, table="test.followed", first=1, pause=0.0):
        self.members, self.table, self.pause = members, table, pause
        self.number = first
        self.acknowledged = []  # (when, number, member's name)
        self.unknown, self.refused = set(), set()
        self.errors = []  # (when, member's name, code, text)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @staticmethod
    def make_table(member, table="test.followed"):
        member.sql("CREATE DATABASE IF NOT EXISTS test", f"CREATE TABLE IF NOT EXISTS {table} (id BIGINT PRIMARY KEY, who VARCHAR(16), padding VARCHAR(100))")

    def _work(self):
        at, connection = 0, None
        while not self.stopping.is_set():
            member = self.members[at]
            try:
                if connection is None:
                    connection = pymysql.connect(unix_socket=str(member.socket), user="root", password="", autocommit=True, connect_timeout=1,
                                                 read_timeout=20, write_timeout=20)
                with connection.cursor() as cursor:
                    cursor.execute(f"INSERT INTO {self.table} VALUES ({self.number}, '{member.name}', REPEAT('x', 90))")
                self.acknowledged.append((time.monotonic(), self.number, member.name))
                self.number += 1
                if self.pause:
                    time.sleep(self.pause)
            except (pymysql.err.MySQLError, OSError) as error:
                code = error.args[0] if error.args else 0
                self.errors.append((time.monotonic(), member.name, code, str(error)))
                if connection is not None:
                    # Refused in so many words, or the connection broke in the middle of a statement.
                    (self.refused if code == READ_ONLY else self.unknown).add(self.number)
                    self.number += 1
                    with contextlib.suppress(Exception):
                        connection.close()
                connection = None
                at = (at + 1) % len(self.members)
                if at == 0:
                    time.sleep(0.002)
        with contextlib.suppress(Exception):
            connection and connection.close()

    def stop(self):
        self.stopping.set()
        self.thread.join(100)
        check(not self.thread.is_alive(), "a client hangs in its statement")

    def longest_gap(self, since, until):
        """The longest time between two acknowledgements in a window, in seconds; the window's ends count as such."""
        times = [since] + [when for when, *_ in self.acknowledged if since <= when <= until] + [until]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def first_after(self, when, member):
        """When `member` acknowledged something first after `when`; None: not yet."""
        return next((at for at, _, name in self.acknowledged if at >= when and name == member), None)

    def check_present(self, member):
        """Each acknowledged row is there, none that was refused, and nothing that was never sent."""
        there = {row[0] for row in member.sql(f"SELECT id FROM {self.table}", causal=True)}
        mine = {number for _, number, _ in self.acknowledged}
        lost = sorted(mine - there)
        check(not lost, f"{member.name} lacks {len(lost)} acknowledged rows: {lost[:5]}")
        check(not (self.refused & there), f"{member.name} has rows that were refused: {sorted(self.refused & there)[:5]}")
        strangers = there - mine - self.unknown
        check(not strangers, f"{member.name} has rows nobody sent: {sorted(strangers)[:5]}")


def percentile(values, share):
    """Of a few numbers, by rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
