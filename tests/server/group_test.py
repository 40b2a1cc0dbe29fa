#!/usr/bin/python3
"""A group forms; what is written anywhere arrives everywhere; of two writers of one row one wins; members leave and return."""
import time

import pymysql

from harness import DEADLOCK, Group, Writers, check, provider_path, run


def forms_and_replicates():
    """three servers form a group; rows and tables made on any of them arrive on all"""
    with Group(3) as group:
        group.form()
        for each in group.members:
            check(each.status("wsrep_cluster_status") == "Primary", f"{each.name} is not in a primary view")
        group[0].sql("CREATE DATABASE shop", "CREATE TABLE shop.item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40))")
        for number, each in enumerate(group.members):
            each.sql(f"CREATE TABLE shop.made_on_{each.name} (id INT PRIMARY KEY, note TEXT)", causal=True)
            each.sql(f"INSERT INTO shop.item (name) VALUES ('from {each.name}'), ('also from {each.name}')")
            each.sql(f"INSERT INTO shop.made_on_{each.name} VALUES ({number}, 'x')")
        for each in group.members:
            check(each.value("SELECT COUNT(*) FROM shop.item", causal=True) == 6, f"{each.name} lacks rows")
        group[1].sql("ALTER TABLE shop.item ADD COLUMN price INT DEFAULT 7", "UPDATE shop.item SET price = id * 2")
        group[2].sql("DELETE FROM shop.item WHERE name LIKE 'also%'", "DROP TABLE shop.made_on_m1", causal=True)
        check(group.check_equal() == 3, "three tables expected")
        group.stop()


def one_writer_of_a_row_wins():
    """two members update the same row at once: one commits, the other gets a deadlock error, nobody diverges"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE DATABASE test2", "CREATE TABLE test2.t (id INT PRIMARY KEY, v INT)", "INSERT INTO test2.t VALUES (1, 0)")
        group[1].sql("SELECT * FROM test2.t", causal=True)
        won = lost = 0
        for attempt in range(20):
            ours, theirs = (each.connect(autocommit=False, causal=True) for each in group.members[:2])
            outcomes = []
            for connection in (ours, theirs):
                connection.cursor().execute("SELECT v FROM test2.t WHERE id = 1")
            for number, connection in enumerate((ours, theirs)):
                try:
                    connection.cursor().execute(f"UPDATE test2.t SET v = {attempt * 10 + number + 1} WHERE id = 1")
                    outcomes.append(None)
                except pymysql.err.OperationalError as error:
                    outcomes.append(error.args[0])
            for number, connection in enumerate((ours, theirs)):
                if outcomes[number] is None:
                    try:
                        connection.commit()
                    except pymysql.err.OperationalError as error:
                        outcomes[number] = error.args[0]
                connection.close()
            check(outcomes.count(None) == 1 and outcomes.count(DEADLOCK) == 1, f"outcomes {outcomes}: one winner and one deadlock expected")
            won, lost = won + 1, lost + 1
            winner = attempt * 10 + outcomes.index(None) + 1
            for each in group.members:
                seen = each.value("SELECT v FROM test2.t WHERE id = 1", causal=True)
                check(seen == winner, f"{each.name} reads {seen}, the winner wrote {winner}")
        group.check_equal()


def is_leader(member):
    return member.members_by_port().get(member.sql_port, {}).get("IS_LEADER") == "YES"


def killed_member_returns_incrementally():
    """kill -9 of a member under load: the others go on, it returns and fetches only what it missed"""
    with Group(3) as group:
        group.form()
        writers = Writers(group.members)
        time.sleep(2)
        before = time.monotonic()
        group[2].kill()
        time.sleep(8)
        after = time.monotonic()
        for each in group.members[:2]:
            pause = writers.longest_pause(each.name, before, after)
            print(f"  longest pause of {each.name}'s writer: {pause * 1000:.0f} ms")
            check(pause < (30 if group.is_galera else 5), f"{each.name}'s writer stood still for {pause:.1f} s")
        group.wait_size(2)
        group[2].start(recover=True)
        print(f"  {group[2].recovery()}")
        if not group.is_galera:
            check(group[2].recovery().startswith("incremental"), f"not an incremental return: {group[2].recovery()!r}")
        time.sleep(1)
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        print(f"  {writers.count()} acknowledged inserts, errors {dict(writers.errors)}")
        group.check_equal()


def stopped_member_returns_incrementally():
    """an orderly stop and a later start: what was missed is fetched, no copy"""
    with Group(3) as group:
        group.form()
        writers = Writers(group.members[:2])
        group[2].stop()
        group.wait_size(2)
        time.sleep(2)
        group[2].start()
        print(f"  {group[2].recovery()}")
        if not group.is_galera:
            check(group[2].recovery().startswith("incremental"), f"not an incremental return: {group[2].recovery()!r}")
        writers.stop()
        check(not writers.errors, f"writers were disturbed: {dict(writers.errors)}")
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def paused_follower_does_not_stop_commits():
    """SIGSTOP of a follower: the others keep committing, and it catches up when it goes on"""
    galera = "galera_smm" in provider_path().name
    # It is not suspected while it stands still: who waited for it, until then or for good, would wait all the time.
    with Group(3, server_options={} if galera else {"group_replication_communication_flp_timeout": 20}) as group:
        group.form()
        follower = group[2] if galera else next(each for each in reversed(group.members) if not is_leader(each))
        others = [each for each in group.members if each is not follower]
        writers = Writers(others)
        time.sleep(2)
        before = time.monotonic()
        follower.pause()
        time.sleep(6)
        follower.resume()
        after = time.monotonic()
        for each in others:
            pause = writers.longest_pause(each.name, before, after)
            print(f"  longest pause of {each.name}'s writer: {pause * 1000:.0f} ms")
            check(galera or pause < 4, f"{each.name}'s writer stood still for {pause:.1f} s")
        follower.wait_back()
        group.wait_settled()
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def everybody_stops_and_the_group_restarts():
    """all members stop in order; the last one starts the group again, the others rejoin it"""
    with Group(3) as group:
        group.form()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1),(2),(3)")
        group.check_equal()
        for number, each in enumerate(group.members):
            each.stop()
            if number < 2:  # who is the last one has to be told that it is alone
                group.wait_size(2 - number)
        group[2].start(bootstrap=True)
        for each in group.members[:2]:
            each.start()
        group.wait_size(3)
        group[0].sql("INSERT INTO d.t VALUES (4)")
        group.check_equal()
        check(group[2].value("SELECT COUNT(*) FROM d.t") == 4, "rows lost over a full restart")


if __name__ == "__main__":
    run(forms_and_replicates, one_writer_of_a_row_wins, killed_member_returns_incrementally, stopped_member_returns_incrementally,
        paused_follower_does_not_stop_commits, everybody_stops_and_the_group_restarts)
