#!/usr/bin/python3
"""What a user sees of a join, while it runs and afterwards: REPLICATION_GROUP_RECOVERY, _DONORS and _JOIN_PLAN, and the error log."""
import contextlib
import re
import subprocess
import time

import pymysql
from harness import Failed, Group, Writers, check, run, wait_for

HEAVY_ROWS = 60_000  # of one transaction: some 10 MB, applied in about a second
UNSUSPECTING = {"group_replication_communication_flp_timeout": 10}  # where a machine that stands still for some seconds would change the choice


def rows(member, table, where="1"):
    """The rows of one of our tables as dictionaries, in the table's order."""
    return member.rows(f"SELECT * FROM information_schema.REPLICATION_GROUP_{table} WHERE {where}")


def last_join(member):
    found = rows(member, "RECOVERY")
    check(found, f"{member.name} knows of no join")
    return found[0]


def donors_of(member, join):
    return rows(member, "DONORS", f"JOIN_NUMBER = {join['JOIN_NUMBER']}")


def chosen_in(donors):
    return [each["MEMBER_NAME"] for each in donors if each["IS_DONOR"] == "YES"]


def watch(member, until, timeout=300):
    """Reads the newest row of RECOVERY again and again, from the first moment the server answers until it is in phase `until`."""
    seen, slowest, end = [], 0, time.monotonic() + timeout
    while time.monotonic() < end:
        began = time.monotonic()
        with contextlib.suppress(pymysql.err.MySQLError, OSError, Failed):
            row = last_join(member)
            slowest = max(slowest, time.monotonic() - began)
            seen.append(row)
            if row["PHASE"] == until:
                return seen, slowest
        check(member.is_alive(), f"{member.name} ended: {member.log_that_matters(8)}")
        time.sleep(0.02)
    raise Failed(f"{member.name}: not {until} within {timeout} s; last seen: {seen[-1:]}")


def prepare(group):
    group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(200), KEY (v))",
                 "CREATE TABLE d.small (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    group.check_equal()


def write_heavily(member, transactions):
    member.sql("SET GLOBAL group_replication_compression_threshold = 0")  # these rows pack to next to nothing
    for each in range(transactions):
        first = each * HEAVY_ROWS + 1
        member.sql(f"INSERT INTO d.t SELECT seq, REPEAT(MD5(seq), 5) FROM seq_{first}_to_{first + HEAVY_ROWS - 1}", database="d", timeout=400)


def incrementally():
    """a member that was away reads the log: phase, donor, what is done and left, rate and ETA while it does, and one row of it afterwards"""
    with Group(3, server_options=UNSUSPECTING) as group:
        group.form()
        prepare(group)
        joiner = group[2]
        joiner.stop()
        write_heavily(group[0], 12)
        joiner.start(wait=False)
        seen, slowest = watch(joiner, "ONLINE")
        joiner.wait_ready()
        fetching = [each for each in seen if each["PHASE"] in ("INCREMENTAL", "APPLYING") and each["TRANSACTIONS_LEFT"] > 0]
        check(len(fetching) > 3, f"the join was not seen while it ran: {[each['PHASE'] for each in seen]}")
        lefts = [each["TRANSACTIONS_LEFT"] for each in fetching]
        check(lefts[0] > lefts[-1] and max(lefts) >= 6, f"nothing went on: {lefts}")
        check(any(each["ETA_MS"] > 0 and each["BYTES_READ"] > 1_000_000 and each["BYTES_LEFT"] > 0 for each in fetching), f"no rate, no bytes: {fetching[-1]}")
        row = last_join(joiner)
        print(f"  seen {len(seen)} times, slowest answer {slowest * 1000:.0f} ms: {row}")
        check(slowest < 8, f"the table took {slowest:.1f} s to answer")
        check(row["METHOD"] == "incremental" and row["TRANSACTIONS_LEFT"] == 0 and row["TRANSACTIONS_DONE"] >= 12, f"{row}")
        check(row["DONOR_NAME"] in ("m1", "m2") and row["ATTEMPTS"] == 1 and row["LAST_ERROR"] == "", f"{row}")
        donors = donors_of(joiner, row)
        check({each["MEMBER_NAME"] for each in donors} == {"m1", "m2"}, f"not every candidate: {donors}")
        check(all(each["VERDICT"] == "kept" and each["MEMBER_STATE"] == "ONLINE" and each["LOG_UP_TO"] >= 12 for each in donors), f"{donors}")
        check(chosen_in(donors) == [row["DONOR_NAME"]], f"{donors}")
        lines = re.findall(r"recovery: (?:INCREMENTAL|APPLYING).*transactions applied.*", joiner.log())
        check(row["LASTED_MS"] < 5500 or lines, "no line of progress in the error log")
        print(f"  {lines[:1]}")
        group.check_equal()


def after_a_kill():
    """a member that was killed and comes back with its own log chooses a donor by the same rules, and the join is a row"""
    with Group(3, server_options={"innodb_flush_log_at_trx_commit": 1}) as group:
        group.form()
        prepare(group)
        joiner = group[2]
        joiner.kill()
        write_heavily(group[0], 3)
        joiner.start(recover=True)
        row = last_join(joiner)
        check(row["PHASE"] == "ONLINE" and row["FULL_COPIES"] == 0 and row["TRANSACTIONS_DONE"] >= 3, f"{row}")
        print(f"  {row}")
        group.check_equal()


def by_full_copy():
    """a member without data takes a full copy: why, from whom, which others were looked at, and the log that followed it"""
    with Group(3) as group:
        group.form()
        prepare(group)
        writers = Writers(group.members[:2])
        joiner = group[2]
        joiner.kill()
        joiner.wipe()
        joiner.start()
        row = last_join(joiner)
        print(f"  {row}")
        check(row["METHOD"] == "full copy, incremental" and row["FULL_COPIES"] == 1 and row["PHASE"] == "ONLINE", f"{row}")
        donors = donors_of(joiner, row)
        check([each["METHOD"] for each in donors][0] == "clone" and "no data" in donors[0]["METHOD_WHY"], f"{donors}")
        check(len(chosen_in(donors)) >= 1, f"{donors}")
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()
        # Known after a restart as well, beside the next one.
        joiner.stop()
        joiner.start()
        again = rows(joiner, "RECOVERY")
        check([each["JOIN_NUMBER"] for each in again[:2]] == [row["JOIN_NUMBER"] + 1, row["JOIN_NUMBER"]], f"{again}")
        check(again[1]["METHOD"] == row["METHOD"] and again[1]["STARTED_AT"] == row["STARTED_AT"], f"{again[1]}")
        check(len(donors_of(joiner, row)) == len(donors), "the donors of the join before are forgotten")


def donor_is_killed():
    """the donor is killed in mid-transfer: another one continues, nothing is read twice into the tables, and both are told"""
    # Put out soon after it died: what a member's log misses comes from whoever has it, and the join may be over in seconds.
    with Group(4, server_options={"wsrep_slave_threads": 1, "innodb_buffer_pool_size": "256M", "group_replication_member_expel_timeout": 1}) as group:
        group.form()
        prepare(group)
        joiner = group[3]
        joiner.stop()
        write_heavily(group[0], 14)  # more than a member takes in before it has applied some
        joiner.start(wait=False)
        wait_for("a donor that sends", 150, lambda: re.search(r"recovery: incremental, from donor (m\d)", joiner.log()))
        first = re.findall(r"recovery: incremental, from donor (m\d)", joiner.log())[-1]
        donor = next(each for each in group.members if each.name == first)
        donor.kill()
        seen, _ = watch(joiner, "ONLINE", 240)
        joiner.wait_ready()
        row = last_join(joiner)
        print(f"  {row}")
        donors = donors_of(joiner, row)
        names = chosen_in(donors)
        check(names[0] == first and names[-1] != first and row["DONOR_NAME"] == names[-1], f"{names}: {row}")
        check(row["ATTEMPTS"] >= 2 and row["LAST_ERROR"].startswith(f"{first}: "), f"{row}")
        check(re.search(rf"recovery: donor {first} failed: ", joiner.log()), "the error log does not say so")
        group.check_equal([each for each in group.members if each.is_alive()])


def donor_stands_still():
    """the donor is stopped (SIGSTOP) in mid-transfer: it is replaced, whether it is found silent or brings nothing"""
    with Group(4, server_options={"wsrep_slave_threads": 1, "innodb_buffer_pool_size": "256M", "group_replication_recovery_progress_timeout": 2,
                                   "group_replication_member_expel_timeout": 1}) as group:
        group.form()
        prepare(group)
        joiner = group[3]
        joiner.stop()
        write_heavily(group[0], 14)
        joiner.start(wait=False)
        wait_for("a donor that sends", 150, lambda: re.search(r"recovery: incremental, from donor (m\d)", joiner.log()))
        first = re.findall(r"recovery: incremental, from donor (m\d)", joiner.log())[-1]
        donor = next(each for each in group.members if each.name == first)
        donor.pause()
        try:
            watch(joiner, "ONLINE", 240)
        finally:
            donor.resume()
        row = last_join(joiner)
        print(f"  {row}")
        names = chosen_in(donors_of(joiner, row))
        check(row["PHASE"] == "ONLINE" and row["ATTEMPTS"] >= 2 and names[0] == first and names[-1] != first, f"{row}: {names}")
        check(any(row["LAST_ERROR"].startswith(f"{each}: ") for each in names[:-1]), f"{row}: {names}")
        for each in (joiner, donor):
            each.wait_back()
        group.check_equal()


def named_donors():
    """group_replication_donor_list comes first, then wsrep_sst_donor, then the policy; who is named and unknown is passed over"""
    with Group(3, server_options=UNSUSPECTING) as group:
        group.form()
        prepare(group)
        joiner = group[2]
        for options, wanted in (({"group_replication_donor_list": "nobody, m2", "wsrep_sst_donor": "m1"}, "m2"),
                                ({"group_replication_donor_list": f"127.0.0.1:{group[0].group_port}"}, "m1"),
                                ({"wsrep_sst_donor": "m2"}, "m2"), ({"wsrep_sst_donor": "m1,"}, "m1")):
            joiner.stop()
            group[0].sql("INSERT INTO d.small (v) VALUES (1), (2)")
            joiner.settings["server_options"] = options
            joiner.start()
            row = last_join(joiner)
            check(row["DONOR_NAME"] == wanted, f"{options}: {row}")
            donors = donors_of(joiner, row)
            check(any(each["MEMBER_NAME"] == wanted and "named" in each["REASON"] and each["ASKED_AS"] == 1 for each in donors), f"{donors}")
        group.check_equal()


def plan(member):
    found = {}
    for each in rows(member, "JOIN_PLAN"):
        found.setdefault(each["JOINER"], []).append(each)
    return found


def planned(member, joiner, what, holds):
    """The rows of one joiner once `holds` is so for them: what others say and what is set counts a moment later, and is shown another one later."""
    def claim():
        found = plan(member).get(joiner)
        return found if found and holds(found) else None
    return wait_for(lambda: f"{member.name}, {joiner}: {what}: {plan(member).get(joiner)}", 30, claim)


def suppose(member, position):
    member.sql(f"SET GLOBAL group_replication_join_plan_position = '{position}'")


def what_if():
    """REPLICATION_GROUP_JOIN_PLAN says on any member what would happen to a joiner: method, why, donors and their verdicts, and obeys SET"""
    asked = "new member at join_plan_position"
    with Group(3) as group:
        group.form()
        prepare(group)
        group[0].sql("INSERT INTO d.small (v) VALUES (1)")
        group.check_equal()
        uuid = group[0].status("wsrep_cluster_state_uuid")
        last = int(group[0].status("wsrep_last_committed"))
        for member in group.members:
            planned(member, "new member", "a clone from any of the three", lambda found: all(
                each["METHOD"] == "clone" for each in found) and sorted(each["ASKED_AS"] for each in found) == [1, 2, 3])
            planned(member, "m1", "no donor of its own", lambda found: {
                each["VERDICT"] for each in found if each["MEMBER_NAME"] == "m1"} == {"self"})
            found = plan(member)
            check(set(found) == {"new member", "m1", "m2", "m3"}, f"{set(found)}")
        member = group[1]
        suppose(member, last - 3)
        planned(member, asked, "by the log, three are missing", lambda found: all(
            each["METHOD"] == "incremental" and each["TRANSACTIONS_MISSING"] == 3 for each in found))
        member.sql("SET GLOBAL group_replication_clone_threshold = 3")
        planned(member, asked, "a clone, as the threshold set says", lambda found: all(each["METHOD"] == "clone" for each in found))
        member.sql("SET GLOBAL group_replication_clone_threshold = 4", "SET GLOBAL group_replication_donor_policy = RANDOM")
        planned(member, asked, "by the log, from any", lambda found: all(each["METHOD"] == "incremental" and each["ASKED_AS"] == 1 for each in found))
        suppose(member, last + 5)
        planned(member, asked, "none of the group's", lambda found: [each["METHOD"] for each in found] == ["leave"] and
                f"{uuid}:{last + 1}-{last + 5}" in found[0]["METHOD_WHY"])
        suppose(member, f"11111111-1111-1111-1111-111111111111:1-4,{uuid}:1-{last}")
        planned(member, asked, "four of another history", lambda found: len(found) == 1 and
                "11111111-1111-1111-1111-111111111111:1-4" in found[0]["METHOD_WHY"])
        for wrong in ("-1", "x", "1:2"):
            try:
                member.sql(f"SET GLOBAL group_replication_join_plan_position = '{wrong}'")
                raise Failed(f"position '{wrong}' was taken")
            except pymysql.err.MySQLError:
                pass
        for name, wrong in (("donor_threshold", "0"), ("donor_threshold", "9223372036854775808"), ("clone_threshold", "0")):
            try:
                member.sql(f"SET GLOBAL group_replication_{name} = {wrong}")
                raise Failed(f"{name} = {wrong} was taken")
            except pymysql.err.MySQLError:
                pass


def own_transactions():
    """a server with transactions the group does not have is refused with their exact set, keeps them, and the command it names helps"""
    with Group(2) as group:
        group.form()
        prepare(group)
        group.check_equal()
        uuid, last = group[0].status("wsrep_cluster_state_uuid"), int(group[0].status("wsrep_last_committed"))
        errant = group[1]
        errant.stop()
        state = errant.data / "grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        group[0].wait_status("wsrep_cluster_size", "1")
        errant.start(bootstrap=True)
        for each in range(60):
            errant.sql(f"INSERT INTO d.small VALUES ({1_000_000 + each}, 7)")
        ahead = int(errant.status("wsrep_last_committed"))
        errant.stop()
        for each in errant.data.glob("group_replication.*.log"):  # else it goes on as the group of its own that it now is
            each.unlink()
        kept = state.read_text()
        errant.start(wait=False)
        errant.wait_exit(150)
        group_last = int(group[0].status("wsrep_last_committed"))
        said = re.findall(r"this server is refused: .*", errant.log())
        check(said, f"no refusal: {errant.log_that_matters()}")
        print(f"  {said[-1]}")
        refused = re.search(rf"it holds (\d+) transactions the group does not have \({uuid}:(\d+)-(\d+)\)", said[-1])
        check(refused and int(refused[3]) == ahead and int(refused[2]) == ahead - int(refused[1]) + 1, f"{said[-1]} ({last}, {ahead}, {group_last})")
        check(last < int(refused[2]) <= group_last + 1, f"the set begins at {refused[2]}, the group stands at {group_last}")
        check(state.read_text().split("seqno")[1].split()[1] == kept.split("seqno")[1].split()[1], "its position was touched")
        # What it says to do: look at them outside the group, then take a copy.
        errant.start(wait=False, arguments=["--wsrep-on=OFF", "--wsrep-provider=none", "--wsrep-cluster-address="])
        wait_for("the server outside the group", 150, errant.answers)
        check(errant.value("SELECT COUNT(*) FROM d.small WHERE v = 7") == 60, "some of its transactions are lost")
        errant.stop()
        state.unlink()
        for each in errant.data.glob("group_replication.*.log"):
            each.unlink()
        errant.start()
        check(last_join(errant)["FULL_COPIES"] == 1, f"{last_join(errant)}")
        group.check_equal()


def insert_rows(member, transactions):
    """So many transactions of one row each, by sysbench."""
    done = subprocess.run(
        ["sysbench", "oltp_insert", "--db-driver=mysql", f"--mysql-socket={member.socket}", "--mysql-user=root", "--mysql-db=d", "--tables=1",
         "--threads=8", "--time=0", f"--events={transactions}", "run"], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"sysbench failed:\n{done.stdout[-1000:]}{done.stderr[-500:]}")


def behind_by_little_and_much():
    """a member 0, 1 and 100,000 transactions behind: it misses so many, and has them afterwards"""
    with Group(3, provider_options=["gcache.size=1G"]) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.sbtest1 (id INT PRIMARY KEY AUTO_INCREMENT, k INT NOT NULL, c CHAR(120) NOT NULL, "
                     "pad CHAR(60) NOT NULL, KEY (k))")
        group.check_equal()
        for transactions in (0, 1, 100_000):
            group[2].stop()
            before = int(group[0].status("wsrep_last_committed"))
            if transactions:
                insert_rows(group[0], transactions)
            written = int(group[0].status("wsrep_last_committed")) - before
            began = time.monotonic()
            group[2].start(timeout=600)
            row = last_join(group[2])
            print(f"  {written} behind: ONLINE after {time.monotonic() - began:.1f} s, {row['TRANSACTIONS_DONE']} read, {row['METHOD']}")
            check(written >= transactions and row["FULL_COPIES"] == 0, f"{written}: {row}")
            # The views of its leaving and coming back are positions as well.
            check(written <= row["TRANSACTIONS_DONE"] <= written + 3, f"{written}: {row}")
            group.check_equal()


def donor_with_a_damaged_log():
    """bytes of a donor's log are damaged on its disk: it says so, sends none of it, and another member is read from"""
    with Group(3) as group:
        group.form()
        prepare(group)
        joiner, damaged = group[2], group[0]
        joiner.stop()
        write_heavily(group[1], 3)
        group.check_equal(group.members[:2])
        for each in sorted(damaged.data.glob("group_replication.0*.log")):
            with open(each, "r+b") as log:  # one byte of each 64 KiB, beyond what was read before
                for at in range(1 << 20, each.stat().st_size, 1 << 16):
                    log.seek(at)
                    byte = log.read(1)
                    log.seek(at)
                    log.write(bytes([byte[0] ^ 0x20]))
        joiner.settings["server_options"] = {"wsrep_sst_donor": damaged.name}
        joiner.start(timeout=240)
        row = last_join(joiner)
        print(f"  {row['DONOR_NAME']}, {row['ATTEMPTS']} attempts, {row['LASTED_MS']} ms: {row['LAST_ERROR']}")
        check(row["FULL_COPIES"] == 0, f"{row}")
        print(f"  {damaged.wait_log('cannot serve another member from the log: .*').group(0)[:200]}")
        group.check_equal()


def two_at_once():
    """two members come back at once while the others are written to, one after a shutdown and one after a kill"""
    with Group(4) as group:
        group.form()
        prepare(group)
        group[2].stop()
        group[3].kill()
        write_heavily(group[0], 3)
        writers = Writers(group.members[:2])
        group[2].start(wait=False)
        group[3].start(wait=False, recover=True)
        for each in group.members[2:]:
            each.wait_ready(240)
        time.sleep(1)
        writers.stop()
        for each in group.members[2:]:
            row = last_join(each)
            check(row["PHASE"] == "ONLINE" and row["TRANSACTIONS_DONE"] >= 3, f"{row}")
            print(f"  {each.name}: {each.recovery()}")
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


if __name__ == "__main__":
    run(incrementally, after_a_kill, by_full_copy, donor_is_killed, donor_stands_still, named_donors, what_if, own_transactions,
        behind_by_little_and_much, donor_with_a_damaged_log, two_at_once)
