#!/usr/bin/python3
"""One writer that inserts a row every few milliseconds and remembers how long each took: a process of its own, so that nothing but the
server makes it wait. Used by recovery.py.

probe.py SOCKET TABLE FIRST_ID INTERVAL_MS: writes until its standard input ends, then prints "when_seconds waited_ms" of each row, by the
clock time.monotonic(). What is due while a statement waits is not made up for.
"""
import gc
import select
import sys
import time

import pymysql


def main():
    socket, table, number, interval = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]) / 1000
    connection = pymysql.connect(unix_socket=socket, user="root", autocommit=True, read_timeout=300, write_timeout=300)
    found = []
    gc.disable()
    print("writing", flush=True)
    with connection.cursor() as cursor:
        while not select.select([sys.stdin], [], [], interval)[0]:
            number += 1
            began = time.monotonic()
            try:
                cursor.execute(f"INSERT INTO {table} VALUES ({number}, REPEAT('x', 100))")
            except pymysql.err.MySQLError as error:
                print(f"probe of {socket}: {error}", file=sys.stderr)
            found.append((began, time.monotonic() - began))
    print("".join(f"{when:.4f} {1000 * waited:.2f}\n" for when, waited in found), end="", flush=True)


if __name__ == "__main__":
    main()
