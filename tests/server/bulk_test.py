#!/usr/bin/python3
"""Things that are large: one transaction of 200 MB, and the DDL of a thousand tables."""
import concurrent.futures
import re
import time

from harness import Group, check, grctl, run

PATIENT = ["repl.causal_read_timeout=PT10M"]  # a read waits until all of it is applied, which takes what it takes


def a_transaction_of_200_mb():
    """200 MB written by one transaction arrive everywhere, as do its update and its deletion, and nobody suspects anybody"""
    durability = {number: {"server_options": {"group_replication_durability": name}} for number, name in enumerate(["OS", "DISK", "MEMORY"])}
    with Group(3, member_settings=durability, server_options={"innodb_log_file_size": "256M", "innodb_buffer_pool_size": "256M"}, provider_options=PATIENT) as group:
        group.form()
        group[0].sql("CREATE DATABASE big", "CREATE TABLE big.t (id INT PRIMARY KEY, v VARBINARY(1024), n INT DEFAULT 0)")
        suspected = {each.name: each.suspicions() for each in group.members}
        group[0].sql("SET GLOBAL group_replication_compression_threshold = 0")  # these rows pack to next to nothing
        began = time.monotonic()
        group[0].sql("INSERT INTO t (id, v) SELECT seq, REPEAT(MD5(seq), 32) FROM seq_1_to_204800", database="big", timeout=600)
        print(f"  committed after {time.monotonic() - began:.1f} s")
        for each in group.members:
            held = each.value("SELECT SUM(LENGTH(v)) FROM big.t", causal=True, timeout=600)
            check(held == 204800 * 1024, f"{each.name} holds {held} bytes")
        print(f"  everywhere after {time.monotonic() - began:.1f} s")
        group[1].sql("INSERT INTO big.t (id) VALUES (0)", causal=True, timeout=600)
        group.check_equal()
        group[2].sql("DELETE FROM big.t WHERE id > 1000", causal=True, timeout=600)
        check(group[0].value("SELECT COUNT(*) FROM big.t", causal=True, timeout=600) == 1001, "the deletion did not arrive")
        group.wait_size(3)
        group.check_equal()
        for each in group.members:
            check(each.suspicions() == suspected[each.name], f"{each.name} suspects: {each.suspicions()}, before {suspected[each.name]}")
            check("no majority" not in each.log(), f"{each.name} lost the majority")


def dump_of_logs(member):
    """What grctl prints of its agreed log."""
    files = sorted(member.data.glob("group_replication.0*.log"))
    return grctl("log", "dump", *files).stdout


def large_rows_travel_packed():
    """rows of a transaction above group_replication_compression_threshold are in everybody's log in their small form, and come out of it the
    same, on who applies them and on who was away"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE DATABASE big", "CREATE TABLE big.t (id INT PRIMARY KEY, v VARBINARY(1024))")
        group.check_equal()
        group[2].stop()
        insert = "INSERT INTO t SELECT seq, REPEAT(MD5(seq), 32) FROM seq_{}_to_{}"
        group[0].sql(insert.format(1, 800), database="big")  # 0.8 MB of rows
        group[1].sql(insert.format(10_001, 18_192), database="big")  # 8 MB
        group[0].sql("SET GLOBAL group_replication_compression_threshold = 0", insert.format(20_001, 28_192), database="big", causal=True)
        group[2].start()
        for each in group.members:
            check(each.value("SELECT SUM(CRC32(v)) FROM big.t", causal=True) == group[0].value("SELECT SUM(CRC32(REPEAT(MD5(id), 32))) FROM big.t"), f"{each.name} holds other rows")
        group.check_equal()
        written = [line for line in dump_of_logs(group[2]).splitlines() if " in big.t" in line]
        sizes = {packed: [int(size) for size in re.findall(rf"keys, (\d+) bytes{packed} in big\.t", "\n".join(written))] for packed in ("", " packed")}
        check(len(sizes[" packed"]) == 1 and sizes[" packed"][0] < 2_000_000, f"packed: {written}")
        check(len(sizes[""]) == 2 and max(sizes[""]) > 8_000_000, f"as they are: {written}")


def a_thousand_tables():
    """1,000 tables made from three members at once, altered and a part dropped"""
    with Group(3, provider_options=PATIENT) as group:
        group.form()
        group[0].sql("CREATE DATABASE many")
        for each in group.members:
            each.value("SELECT COUNT(*) FROM information_schema.schemata", causal=True)

        def make(member, numbers):
            with member.connect(database="many", timeout=300) as connection, connection.cursor() as cursor:
                for number in numbers:
                    cursor.execute(f"CREATE TABLE t{number} (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
                    if number % 10 == 0:
                        cursor.execute(f"ALTER TABLE t{number} ADD COLUMN w INT DEFAULT {number}, ADD KEY (w)")
                    if number % 25 == 0:
                        cursor.execute(f"INSERT INTO t{number} (v) VALUES (1), (2), (3)")

        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(make, group.members, (range(first, 1000, 3) for first in range(3))))
        print(f"  made in {time.monotonic() - began:.0f} s")
        for number in range(900, 1000):
            group[number % 3].sql(f"DROP TABLE many.t{number}", causal=True, timeout=300)
        check(group.check_equal() == 900, "900 tables expected")


if __name__ == "__main__":
    run(a_transaction_of_200_mb, large_rows_travel_packed, a_thousand_tables)
