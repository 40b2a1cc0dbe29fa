#!/usr/bin/python3
"""Full copies by wsrep_sst_method = clone: a wiped member, killed and starved ones, TLS, a throttle; never neither data."""
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import pymysql

from harness import Failed, Group, Writers, check, processes_of_session, run, small_disk, used_megabytes, wait_for
from tls_test import Authority, secure

# Steps of the joiner, in their order (tools/wsrep_sst_clone, runtime/data_swap.cc). Those of the swap are named just before they are
# taken: killed at "guard", the guard is not there yet.
BEFORE = ["listening", "received", "preparing", "prepared", "synced", "journal", "link", "guard"]
WITHIN = ["move_out", "move_in", "move_in_more"]
AFTER = ["swapped", "placed"]


def clone_group(size=2, **more):
    options = {"wsrep_sst_method": "clone"} | more.pop("server_options", {})
    return Group(size, server_options=options, **more)


def fill(member, rows=20000):
    member.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(200), KEY (v))",
               "CREATE TABLE d.round (number INT PRIMARY KEY)", "INSERT INTO d.round VALUES (0)")
    member.sql(f"INSERT INTO d.t SELECT seq, REPEAT(MD5(seq), 5) FROM seq_1_to_{rows}", database="d")


def fill_noise(member, megabytes):
    """Rows that no packing makes smaller."""
    member.sql("CREATE DATABASE IF NOT EXISTS noise", "CREATE TABLE noise.t (id INT PRIMARY KEY, v VARBINARY(1024))")
    member.sql(f"INSERT INTO noise.t SELECT seq, RANDOM_BYTES(1024) FROM seq_1_to_{megabytes * 1024}", database="noise", timeout=300)


def forget_the_group(member):
    """What makes a member that has data take a copy: it no longer knows where in the group's history it stands."""
    check(member.process is None, f"{member.name} still runs")
    for each in [member.data / "grastate.dat", *member.data.glob("group_replication.*.log")]:
        each.unlink(missing_ok=True)


def cloned(member):
    line = member.recovery()
    check(line.startswith("full copy"), f"{member.name} was not copied in full: {line!r}")
    check(f"--datadir '{member.data}/'" in member.log() and "wsrep_sst_clone --role 'joiner'" in member.log(), "clone was not used")
    return line


def work(member):
    return member.data / ".clone"


def left_over(member):
    return sorted(each.name for each in work(member).iterdir()) if work(member).exists() else []


def wiped_member_is_cloned():
    """a killed and wiped member is cloned while the others are written to"""
    with clone_group(3) as group:
        group.form()
        fill(group[0])
        group[0].sql("CREATE TABLE d.aria (id INT PRIMARY KEY, v INT) ENGINE=Aria", "CREATE DATABASE empty_one")
        writers = Writers(group.members[:2])
        group[2].kill()
        group[2].wipe()
        time.sleep(1)
        began = time.monotonic()
        group[2].start()
        ended = time.monotonic()
        print(f"  {cloned(group[2])}")
        time.sleep(1)
        writers.stop()
        pauses = {each.name: writers.longest_pause(each.name, began, ended) for each in group.members[:2]}
        print(f"  longest pauses of writers meanwhile: {', '.join(f'{name} {1000 * pause:.0f} ms' for name, pause in pauses.items())}")
        for each in group.members:
            writers.check_present(each)
        group.check_equal()
        group[2].sql("INSERT INTO d.t VALUES (-1, 'written on the cloned member')")
        group.check_equal()
        wait_for("what the clone left to be removed", 60, lambda: not work(group[2]).exists())
        names = [each[0] for each in group[2].sql("SHOW DATABASES")]
        check("empty_one" in names, "an empty database is missing")
        check(not [each for each in names if "clone" in each], f"the clone's directory shows as a database: {names}")


@contextlib.contextmanager
def bare_server(member):
    """A server on the data as it is: no group, no library of ours. Yields None when its InnoDB refuses the data."""
    log = member.directory / "bare.log"
    log.unlink(missing_ok=True)
    socket = member.directory / "bare"
    process = member.group.spawn(
        [member.group.mariadbd, "--no-defaults", f"--datadir={member.data}", f"--socket={socket}", "--skip-networking", "--skip-grant-tables",
         f"--log-error={log}", f"--pid-file={member.directory / 'bare.pid'}", "--innodb-log-file-size=48M"], member.directory / "stdout.log")

    def connect():
        if process.poll() is not None:
            return "ended"
        with contextlib.suppress(pymysql.err.MySQLError, OSError):
            return pymysql.connect(unix_socket=str(socket), user="root")
    try:
        found = wait_for("a bare server to start or to end", 150, connect)
        if found == "ended":
            check("InnoDB" in log.read_text(errors="replace"), f"a bare server ended without a word of InnoDB: {log}")
            yield None
            return
        with contextlib.closing(found):
            yield found
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(180)
        member.group.end(process)


def whose_data(member, old, new):
    """'old', 'new', or 'guarded'; anything else in the data directory is a failure."""
    with bare_server(member) as connection:
        if connection is None:
            return "guarded"
        with connection.cursor() as cursor:
            cursor.execute("SELECT MAX(number) FROM d.round")
            (number,), = cursor.fetchall()
            cursor.execute("CHECK TABLE d.t, d.round")
            wrong = [row for row in cursor.fetchall() if row[3] != "OK"]
            cursor.execute("SELECT COUNT(*) FROM d.t")
            (rows,), = cursor.fetchall()
    check(not wrong, f"tables are damaged: {wrong}")
    check(rows == 20000, f"{rows} rows of 20000")
    check(number in (old, new), f"round {number} is neither {old} nor {new}")
    return "old" if number == old else "new"


def killed_at(group, step, number, recover):
    """One round: the joiner's program is killed at a step of a clone that would bring it the data of round `number`."""
    donor, joiner = group.members
    old = joiner.value("SELECT MAX(number) FROM d.round")
    joiner.stop()
    donor.sql(f"INSERT INTO d.round VALUES ({number})")
    forget_the_group(joiner)
    group.environment["QUORATE_CLONE_KILL_AT"] = step
    since = len(joiner.log())
    joiner.start(wait=False)
    joiner.wait_exit(150)
    group.environment.clear()
    name = step.split(":")[0]
    check(f"killed at step '{name}'" in joiner.log()[since:], f"step {name} was not reached")
    found = whose_data(joiner, old, number)
    expected = "old" if name in BEFORE else "guarded" if name in WITHIN else "new"
    check(found == expected, f"killed at {step}: the data is {found}, expected {expected}")
    joiner.start(recover=recover)
    check(joiner.value("SELECT MAX(number) FROM d.round", causal=True) == number, "the newest round is missing")
    group.check_equal()
    check(left_over(joiner) == [] or wait_for("old data to be removed", 60, lambda: left_over(joiner) == []), "")
    how = joiner.recovery()
    if name not in BEFORE:
        check(not how.startswith("full copy"), f"killed at {step}, it was copied again although the new data was there")
    print(f"  {step:20} {found:8} then {how}")


def killed_at_steps(steps):
    with clone_group(2) as group:
        group.form()
        fill(group[0])
        for number, step in enumerate(steps, 1):
            killed_at(group, step, number, recover=number % 2 == 0)


def joiner_killed_before_the_swap():
    """the joiner's program is killed at each step up to the swap: the old data is whole, and the next start clones"""
    killed_at_steps(BEFORE)


def joiner_killed_in_the_swap():
    """... at each step of the swap and after it: InnoDB refuses what is half, and the next start has the new data"""
    killed_at_steps(WITHIN + AFTER)


def server_killed_with_the_joiner():
    """the server and the program are killed at the same instant, as by a machine that stops"""
    killed_at_steps([f"{each}:server" for each in ("received", "prepared", "journal", "guard", "move_out", "move_in_more", "swapped")])


def donor_of(member):
    name = re.findall(r"recovery: full copy, from donor (\w+)", member.log())[-1]
    return next(each for each in member.group.members if each.name == name)


def donor_killed():
    """the donor is killed in mid-transfer: another one is asked, and what came from the first is dropped"""
    with clone_group(4, provider_options=["group_replication_clone_max_rate=4M"]) as group:
        group.form()
        fill(group[0])
        fill_noise(group[0], 24)
        joiner = group[3]
        joiner.stop()
        joiner.wipe()
        since = len(joiner.log())
        before = {each.name: len(each.log()) for each in group.members}
        joiner.start(wait=False)
        joiner.wait_log(r"clone: received .* of about", 150, since)
        donor = donor_of(joiner)
        donor.kill()
        joiner.wait_log("another donor waited for", 150)
        joiner.wait_ready(180)
        check(joiner.log()[since:].count("clone: receiving about") == 2, "more than two sessions")
        helped = [each.name for each in group.members[:3] if each != donor and "clone: donating" in each.log()[before[each.name]:]]
        check(len(helped) == 1, f"helped by {helped}")
        print(f"  {donor.name} was killed, {helped[0]} went on: {cloned(joiner)}")
        donor.start(recover=True)
        group.check_equal()


def donor_is_behind():
    """a donor with more to apply itself than group_replication_clone_backlog_max holds what it sends until it has caught up"""
    options = ["group_replication_clone_max_rate=4M", "group_replication_clone_backlog_max=20"]
    with clone_group(3, provider_options=options) as group:
        group.form()
        fill(group[0], 1000)
        fill_noise(group[0], 64)
        writer, donor, joiner = group.members
        joiner.stop()
        joiner.wipe()
        since = len(donor.log())
        joiner.start(wait=False, arguments=["--wsrep-sst-donor=m2"])
        joiner.wait_log(r"clone: received .* of about", 150)
        with contextlib.closing(donor.hold_appliers("d.t")):
            for each in range(60):
                writer.sql(f"INSERT INTO d.t VALUES ({100_000 + each}, 'behind')")
            held = donor.wait_log(r"clone: sending is held: this server has (\d+) transactions to apply", 60, since)
            check(int(held.group(1)) > 20, held.group(0))
            def sent():
                return re.findall(r"clone: sent (.*%)", donor.log()[since:])[-1]
            time.sleep(2)  # for what was under way
            before = sent()
            time.sleep(3)
            check(sent() == before, f"it went on sending: {before}, then {sent()}")
        print(f"  {donor.wait_log(r'clone: sending goes on after .*', 60, since).group(0)}")
        joiner.wait_ready(180)
        print(f"  {cloned(joiner)}; {donor.wait_log(r'clone: sent .* held for this server.*', 60, since).group(0)}")
        group.check_equal()


def copy_that_does_not_start():
    """a copy that no server starts with is not taken: the old data stays"""
    with clone_group(2) as group:
        group.form()
        fill(group[0], 1000)
        joiner = group[1]
        joiner.stop()
        forget_the_group(joiner)
        before = sorted(each.name for each in joiner.data.iterdir() if each.is_dir())
        group.environment["QUORATE_CLONE_KILL_AT"] = "prepared:stop"
        since = len(joiner.log())
        joiner.start(wait=False)
        joiner.wait_log("stopped at step 'prepared'", 150, since)
        # What a broken disk makes of a page after the last checksum was looked at.
        with open(work(joiner) / "new" / "ibdata1", "r+b") as system:
            system.seek(5 * 16384)
            system.write(os.urandom(16384))
        for each in programs_of(joiner):
            os.kill(each, signal.SIGCONT)
        print(f"  {joiner.wait_log('a server does not start with the copy.*', 150, since).group(0)[:200]}")
        joiner.wait_exit(150)
        check(sorted(each.name for each in joiner.data.iterdir() if each.is_dir() and each.name != ".clone") == before, "the old data changed")
        group.environment.clear()
        joiner.start()
        print(f"  {cloned(joiner)}; {joiner.wait_log('clone: started on trial in .*', 60, since).group(0)}")
        group.check_equal()


def donor_program_killed():
    """only the donor's program is killed: its server goes on, the joiner hears of it and asks again"""
    with clone_group(2, provider_options=["group_replication_clone_max_rate=4M"]) as group:
        group.form()
        fill_noise(group[0], 24)
        fill(group[0])
        group[1].stop()  # in order: of two, one alone is no majority
        group[1].wipe()
        since = len(group[1].log())
        group[1].start(wait=False)
        group[1].wait_log(r"clone: received .* of about", 150, since)
        programs = list(programs_of(group[0]))
        check(programs, "the donor's program was not found")
        for each in programs:
            os.kill(each, signal.SIGKILL)
        status = None
        with contextlib.suppress(Failed):
            group[1].wait_ready(240)
            status = group[1].recovery()
        if status is None:  # the only donor failed: the joiner ended with a reason, and is started again as a supervisor would
            group[1].wait_exit(150)
            check("full copy" in group[1].log(), "no reason in the log")
            group[1].start()
        print(f"  {cloned(group[1])}")
        group.check_equal()


def programs_of(member):
    """Ids of the transfer programs a server runs."""
    for each in processes_of_session(member.process.pid):
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{each}/comm").read_text().strip() == "wsrep_sst_clone":
                yield each


def donor_program_hangs():
    """the donor's program is stopped: after a while the joiner ends with a reason and its old data, and a new start clones"""
    options = ["group_replication_clone_max_rate=4M", "group_replication_clone_reconnect_timeout=3"]
    with clone_group(2, provider_options=options) as group:
        group.form()
        fill(group[0])
        fill_noise(group[0], 24)
        group[0].sql("INSERT INTO d.round VALUES (1)")
        group.check_equal()
        joiner = group[1]
        joiner.stop()
        group[0].sql("INSERT INTO d.round VALUES (2)")
        forget_the_group(joiner)
        since = len(joiner.log())
        joiner.start(wait=False)
        joiner.wait_log(r"clone: received .* of about", 150, since)
        hanging = list(programs_of(group[0]))
        for each in hanging:
            os.kill(each, signal.SIGSTOP)
        began = time.monotonic()
        joiner.wait_exit(150)
        print(f"  {joiner.wait_log('clone: no other donor came.*').group(0)}, after {time.monotonic() - began:.0f} s")
        for each in hanging:
            os.kill(each, signal.SIGKILL)
        check(whose_data(joiner, 1, 2) == "old", "the old data is gone")
        joiner.start()
        print(f"  {cloned(joiner)}")
        group.check_equal()


def connection_lost():
    """the connections are cut again and again: the copy goes on where it stood, and nothing is read twice from the donor"""
    with clone_group(2, provider_options=["group_replication_clone_max_rate=8M", "group_replication_clone_streams=3"]) as group:
        group.form()
        fill(group[0])
        fill_noise(group[0], 32)
        group[1].stop()  # in order: of two, one alone is no majority
        group[1].wipe()
        since = len(group[1].log())
        group[1].start(wait=False)
        group[1].wait_log(r"clone: received .* of about", 150, since)
        for _ in range(4):
            subprocess.run(["ss", "-tK", "dst", "127.0.0.1", "dport", "=", f":{group[1].sst_port}"], check=True, stdout=subprocess.DEVNULL)
            time.sleep(1)
        group[1].wait_ready(180)
        lost = len(re.findall("trying again", group[0].log()))
        check(lost >= 3, f"connections were lost {lost} times only")
        check(group[1].log()[since:].count("clone: receiving about") == 1, "the copy was begun anew")
        check("is dropped" not in group[1].log(), "what was received was dropped")
        print(f"  {cloned(group[1])}; {lost} connections lost")
        group.check_equal()


def disk_full():
    """no room on the joiner, known at once or found out in the middle: it says so, and its old data is whole"""
    with clone_group(2, provider_options=["group_replication_clone_max_rate=4M"]) as group:
        group.form()
        fill(group[0])
        fill_noise(group[0], 48)
        group[0].sql("INSERT INTO d.round VALUES (1)")
        group.check_equal()
        joiner = group[1]
        joiner.stop()
        group[0].sql("INSERT INTO d.round VALUES (2)")
        forget_the_group(joiner)
        with small_disk(joiner, used_megabytes(joiner.data) + 100):
            joiner.start(wait=False)
            joiner.wait_exit(150)
            line = joiner.wait_log(r"clone: the copy needs about .* are free there. Nothing was touched")
            print(f"  {line.group(0)}")
            check(whose_data(joiner, 1, 2) == "old", "the old data is gone")
        with small_disk(joiner, 2 * used_megabytes(joiner.data) + 400):
            since = len(joiner.log())
            joiner.start(wait=False)
            joiner.wait_log(r"clone: received .* of about", 150, since)
            free = os.statvfs(joiner.data)
            with open(joiner.data / "filler.log", "wb") as filler, contextlib.suppress(OSError):
                filler.write(bytes(free.f_bavail * free.f_frsize - (8 << 20)))
            joiner.wait_exit(150)
            line = joiner.wait_log(r"clone: cannot receive: .*The old data was not touched", since=since)
            print(f"  {line.group(0)[:250]}")
            check(not (work(joiner) / "new").exists(), "what had come was left")
            (joiner.data / "filler.log").unlink()
            check(whose_data(joiner, 1, 2) == "old", "the old data is gone")
        joiner.start()
        print(f"  {cloned(joiner)}")
        group.check_equal()


def wrong_credentials():
    """mariadb-backup is not let in on the donor: both sides say so, the joiner keeps its data, and it works once it is put right"""
    with clone_group(2, server_options={"wsrep_sst_auth": "nobody:wrong"}) as group:
        group[0].start(bootstrap=True)
        fill(group[0])
        group[1].start(wait=False)
        group[1].wait_exit(150)
        line = group[0].wait_log(r"clone: the donation failed: mariadb-backup ended with .*Access denied[^|]*")
        print(f"  {line.group(0)[:200]}")
        check("Access denied" in group[1].log(), "the joiner's log does not say why")
        group[0].sql("SET GLOBAL wsrep_sst_auth = 'root:'")
        group[1].start()
        print(f"  {cloned(group[1])}")
        group.check_equal()


def no_donor_can_but_the_log_would_do():
    """a member with data asks for a clone by clone_threshold and its donor fails: it ends with the reason and its data, and the log brings it back"""
    options = {"group_replication_clone_threshold": 3, "group_replication_recovery_reconnect_interval": 1}
    with clone_group(2, server_options=options) as group:
        group.form()
        fill(group[0])
        group[1].stop()
        for number in range(1, 11):
            group[0].sql(f"INSERT INTO d.round VALUES ({number})")
        group[0].sql("SET GLOBAL wsrep_sst_auth = 'nobody:wrong'")
        group[1].start(wait=False)
        group[1].wait_exit(150)
        print(f"  {group[1].wait_log('nobody is left to clone from.*').group(0)}")
        group[1].settings["server_options"] = {"group_replication_clone_threshold": 1000}
        group[1].start()
        check(group[1].recovery().startswith("incremental"), group[1].recovery())
        group.check_equal()


def with_tls():
    """TLS with the group's certificates; a joiner that wants it refuses a donor without, and the reverse"""
    with clone_group(2) as group:
        secure(group, Authority(group))
        group.form()
        fill(group[0])
        group[1].stop()  # in order: of two, one alone is no majority
        group[1].wipe()
        group[1].start()
        print(f"  {cloned(group[1])}")
        line = group[0].wait_log(r"clone: connected to the joiner, (TLSv1\.3, [^(]*)")
        print(f"  {line.group(0)}")
        group.check_equal()


def tls_on_one_side_only():
    """by [sst], one side of a clone speaks TLS and the other does not: refused with the reason, no data lost"""
    with clone_group(2) as group:
        authority = Authority(group)
        secure(group, authority)
        group[0].start(bootstrap=True)
        fill(group[0])
        for plain, words in ((1, r"clone: a connection was refused: it speaks TLS"), (0, r"clone: .*the joiner refuses: the joiner wants TLS")):
            group[plain].settings["sst_section"] = {"ssl-mode": "DISABLED"}
            group[plain].write_configuration()
            group[1].start(wait=False)
            group[1].wait_exit(150)
            print(f"  {group[plain].wait_log(words + '.*').group(0)}")
            group[plain].settings["sst_section"] = {}
            group[plain].write_configuration()
        group[1].start()
        print(f"  {cloned(group[1])}")


def throttled():
    """a donor keeps to its rate, told while it runs, and can be used meanwhile"""
    with clone_group(2) as group:
        group.form()
        fill_noise(group[0], 40)
        fill(group[0])
        group[1].stop()  # in order: of two, one alone is no majority
        group[1].wipe()
        group[0].sql("SET GLOBAL group_replication_clone_max_rate = 4194304")
        writers = Writers(group.members[:1])
        began = time.monotonic()
        group[1].start()
        took = time.monotonic() - began
        writers.stop()
        pause = writers.longest_pause(group[0].name, began, began + took)
        found = list(re.finditer(r"clone: sent (.*?) \((.*?) on the wire\) in ([\d.]+) s", group[0].log()))[-1]
        print(f"  {found.group(0)}; longest pause of a writer {1000 * pause:.0f} ms")
        check(float(found.group(3)) >= 40 / 4.25, f"40 MiB at 4 MiB/s in {found.group(3)} s")
        check(re.search(r"clone: sent .* of about .*%\), .*/s, about \d+ s left", group[0].log()), "no progress on the donor")
        check(re.search(r"clone: received .* of about .*%\), .*/s, about \d+ s left", group[1].log()), "no progress on the joiner")
        check(pause < 5, f"the donor could not be used for {pause:.1f} s of the {found.group(3)} s")
        group.check_equal()


def every_way_of_packing():
    """lz4, nothing and zstd, over one connection and over several"""
    with clone_group(2) as group:
        group.form()
        fill(group[0])
        for packing, streams in (("LZ4", 1), ("NONE", 4), ("ZSTD", 16)):
            group[1].stop()
            group[1].wipe()
            group[0].sql(f"SET GLOBAL group_replication_clone_compression = '{packing}'", f"SET GLOBAL group_replication_clone_streams = {streams}")
            group[1].start()
            cloned(group[1])
            print(f"  {packing} over {streams}: {re.findall(r'clone: sent .*? on the wire.*?/s', group[0].log())[-1]}")
            group.check_equal()


def old_data_is_kept():
    """what becomes of the old data: removed when ONLINE, kept for a human, or removed at once"""
    with clone_group(2) as group:
        group.form()
        fill(group[0])
        group.check_equal()
        for keep, expected in (("UNTIL_ONLINE", 0), ("ALWAYS", 1), ("NEVER", 1)):
            group[1].stop()
            (group[1].data / "mine.pem").write_text("a certificate")
            (group[1].data / "ssl").mkdir(exist_ok=True)
            (group[1].data / "ssl" / "key.pem").write_text("a key")
            forget_the_group(group[1])
            group[1].settings["provider_options"] = [f"group_replication_clone_keep_old={keep}"]
            group[1].start()
            cloned(group[1])
            wait_for("old data to be settled", 60, lambda: not (work(group[1]) / "old").exists())
            kept = [each for each in left_over(group[1]) if each.startswith("kept.")]
            check(len(kept) == expected, f"{keep}: {left_over(group[1])}")
            if keep == "ALWAYS":
                check((work(group[1]) / kept[0] / "ibdata1").exists() and (work(group[1]) / kept[0] / "d" / "t.ibd").exists(), "not all is kept")
            check((group[1].data / "mine.pem").exists() and (group[1].data / "ssl" / "key.pem").exists(), "files of the server's own are gone")
            group.check_equal()
            print(f"  {keep}: left {left_over(group[1])}")


def data_elsewhere():
    """a table outside the data directory, or a system tablespace there, is refused with a reason, before anything is touched"""
    with clone_group(2) as group:
        group[0].start(bootstrap=True)
        fill(group[0])
        group.make_directory(group.directory / "elsewhere")
        group[0].sql(f"CREATE TABLE d.away (id INT PRIMARY KEY) DATA DIRECTORY='{group.directory / 'elsewhere'}'")
        group[1].start(wait=False)
        group[1].wait_exit(150)
        print(f"  {group[0].wait_log(r'clone: the donation failed: the table of [^;]*').group(0)}")
        check("DATA DIRECTORY" in group[1].log(), "the joiner's log does not say why")
        group[0].sql("DROP TABLE d.away")
        group.make_directory(group.directory / "undo")
        group[1].settings["server_options"] = {"innodb_undo_directory": group.directory / "undo"}
        group[1].start(wait=False)
        group[1].wait_exit(150)
        print(f"  {group[1].wait_log(r'clone: innodb-undo-directory = [^:]*').group(0)}")
        group[1].settings["server_options"] = {}
        group[1].start()
        print(f"  {cloned(group[1])}")
        group.check_equal()


if __name__ == "__main__":
    run(wiped_member_is_cloned, joiner_killed_before_the_swap, joiner_killed_in_the_swap, server_killed_with_the_joiner, donor_killed,
        donor_is_behind, copy_that_does_not_start, donor_program_killed, donor_program_hangs, connection_lost, disk_full, wrong_credentials,
        no_donor_can_but_the_log_would_do, with_tls, tls_on_one_side_only, throttled, every_way_of_packing,
        old_data_is_kept, data_elsewhere)
