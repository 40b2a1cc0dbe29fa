#!/usr/bin/python3
"""What the members of a group agree on beside messages: rules changed at run time, zones, members without a vote, suspicions."""
import time

from harness import Group, Writers, check, run, wait_for


def refused(member, statement, *words):
    try:
        member.sql(statement)
    except Exception as error:  # the driver has several kinds
        check(all(word in str(error) for word in words), f"{statement}: {words} expected in: {error}")
        return
    check(False, f"{statement} was not refused")


def rules_change_while_the_group_writes():
    """write concurrency, zones and the protocol are set on one member and hold on all of them; nonsense is refused with its range"""
    with Group(3) as group:
        group.form()
        writers = Writers(group.members)

        def everywhere(column, wanted):
            wait_for(f"{column} = {wanted} on all", 60, lambda: all(each.communication()[column] == wanted for each in group.members))

        everywhere("WRITE_CONCURRENCY", 200)
        group[1].sql("SET GLOBAL group_replication_write_concurrency = 10")
        everywhere("WRITE_CONCURRENCY", 10)
        refused(group[0], "SET GLOBAL group_replication_write_concurrency = 9", "10 .. 200")
        refused(group[0], "SET GLOBAL group_replication_write_concurrency = 201", "10 .. 200")
        newest = group[0].communication()["PROTOCOL"]
        group[2].sql(f"SET GLOBAL group_replication_communication_protocol = '{newest - 1}'")
        everywhere("PROTOCOL", newest - 1)
        refused(group[0], f"SET GLOBAL group_replication_communication_protocol = '{newest + 1}'", f"1 to {newest}")
        refused(group[0], "SET GLOBAL group_replication_communication_protocol = 'new'", "not a protocol")
        group[0].sql(f"SET GLOBAL group_replication_communication_protocol = '{newest}'")
        everywhere("PROTOCOL", newest)
        group[0].sql("SET GLOBAL group_replication_zone_id_sync_mode = OFF")
        # Whoever comes back follows the group's rules, not its own options.
        group[1].kill()
        group[1].start(recover=True)
        everywhere("WRITE_CONCURRENCY", 10)
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def a_commit_is_in_each_zone():
    """with members in two zones a commit waits for both, as long as the other zone is there; without that rule for none"""
    zones = {number: {"server_options": {"group_replication_zone_id": zone}} for number, zone in enumerate((1, 1, 2))}
    # A zone that stands still is waited for until it is suspected, here for ten seconds, and it is not put out.
    patience = {"group_replication_communication_flp_timeout": 10, "group_replication_member_expel_timeout": 120}
    with Group(3, member_settings=zones, server_options=patience) as group:
        group.form()
        found = {port: row["ZONE_ID"] for port, row in group[0].members_by_port().items()}
        check(found == {group[0].sql_port: 1, group[1].sql_port: 1, group[2].sql_port: 2}, f"zones: {found}")
        wait_for("zones to be waited for everywhere", 60, lambda: all(each.communication()["WAITS_FOR_ZONES"] == "YES" for each in group.members))
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        group[2].pause()
        began = time.monotonic()
        group[0].sql("INSERT INTO test.t VALUES (1)", timeout=120)
        waited = time.monotonic() - began
        print(f"  the other zone stands still: a commit waited {waited:.1f} s")
        check(5 < waited < 60, f"a commit waited {waited:.2f} s for a zone that stands still")
        group[2].resume()
        group[2].wait_back()
        group.wait_settled()
        group[1].sql("SET GLOBAL group_replication_zone_id_sync_mode = OFF")
        wait_for("the rule to be gone everywhere", 60, lambda: all(each.communication()["WAITS_FOR_ZONES"] == "NO" for each in group.members))
        group[2].pause()
        began = time.monotonic()
        group[0].sql("INSERT INTO test.t VALUES (2)", timeout=120)
        waited = time.monotonic() - began
        print(f"  without the rule: {waited * 1000:.0f} ms")
        check(waited < 4, f"a commit waited {waited:.2f} s for a zone nobody waits for")
        group[2].resume()
        group[2].wait_back()
        group.wait_settled()
        group.check_equal()


def who_has_no_vote_is_not_waited_for():
    """a member without a vote takes writes and gets all of them; without it nothing stops, and alone with one other it decides nothing"""
    settings = {2: {"server_options": {"group_replication_non_voting": "ON"}}}
    with Group(3, member_settings=settings, server_options={"group_replication_communication_flp_timeout": 10}) as group:
        group.form()
        wait_for("two of the three to have a vote", 60, lambda: [
            group[0].members_by_port()[each.sql_port]["HAS_VOTE"] for each in group.members] == ["YES", "YES", "NO"])
        writers = Writers(group.members)
        time.sleep(1)
        before = time.monotonic()
        group[2].kill()
        time.sleep(8)
        pause = writers.longest_pause(group[0].name, before, time.monotonic())
        print(f"  the member without a vote was killed: {group[0].name} paused {pause * 1000:.0f} ms")
        check(pause < 4, f"{group[0].name} stood still for {pause:.2f} s")  # who waited for it would wait all the time
        group[2].start(recover=True)
        wait_for("it to be ONLINE for the others", 60, lambda: group[0].members_by_port()[group[2].sql_port]["MEMBER_STATE"] == "ONLINE")
        check(group[0].members_by_port()[group[2].sql_port]["HAS_VOTE"] == "NO", "it came back with a vote")
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()
        # Two vote. One of them killed, the other and the one without a vote are no majority.
        group[1].kill()
        wait_for("the survivor to be without a majority", 60, lambda: group[0].communication()["HAVE_QUORUM"] == "NO")
        group[1].start(recover=True)
        wait_for("the survivor to have a majority", 60, lambda: group[0].communication()["HAVE_QUORUM"] == "YES")


def suspicions_can_be_seen():
    """a member that stands still for longer than it may is suspected, counted, shown as UNREACHABLE, and stays in the group"""
    # Longer than a machine stands still that has too much to do, so that nobody else is suspected.
    patience = {"group_replication_communication_flp_timeout": 5, "group_replication_member_expel_timeout": 300}
    with Group(3, server_options=patience) as group:
        group.form()
        wait_for(lambda: f"all to be linked: {group[0].members_by_port()}", 60, lambda: all(row["UNLINKED"] == "" for row in group[0].members_by_port().values()))
        victim = group[2]
        group[2].pause()
        paused = time.monotonic()
        wait_for("it to be UNREACHABLE", 60, lambda: group[0].members_by_port()[victim.sql_port]["MEMBER_STATE"] == "UNREACHABLE")
        wait_for("the other member to say it has no link to it", 60,
                 lambda: group[0].members_by_port()[group[1].sql_port]["UNLINKED"] == f"127.0.0.1:{victim.group_port}")
        silent = group[0].members_by_port()[victim.sql_port]["SILENT_MS"]
        longest = 1000 * (time.monotonic() - paused) + 4000  # it may have been silent for a while before
        check(4900 <= silent < longest, f"silent for {silent} ms, and not more than {longest:.0f}")
        group[2].resume()
        wait_for("it to be ONLINE", 60, lambda: group[0].members_by_port()[victim.sql_port]["MEMBER_STATE"] == "ONLINE")
        counts = group[0].suspicions()
        check(counts[f"127.0.0.1:{victim.group_port}"] >= 1 and len(counts) == 2, f"suspicions: {counts}")
        check(counts[f"127.0.0.1:{group[1].group_port}"] == 0, f"suspicions: {counts}")
        check("was expelled" not in victim.log(), "it was expelled within member_expel_timeout")


def settings_that_differ():
    """a new server that folds the case of table names, unlike the group, is refused and keeps what it has; another durability is a warning"""
    differ = {1: {"server_options": {"lower_case_table_names": 1}}, 2: {"server_options": {"group_replication_durability": "DISK"}}}
    with Group(3, member_settings=differ) as group:
        group[0].start(bootstrap=True)
        group[0].sql("CREATE DATABASE D", "CREATE TABLE D.T (id INT PRIMARY KEY)")
        group[1].start(wait=False)
        group[1].wait_exit(60)
        refusal = "this server is refused: lower_case_table_names is 1 here and 0 on m1"
        check(refusal in group[1].log(), f"no refusal: {group[1].log_that_matters()}")
        group[2].start()
        warning = "group_replication_durability is DISK here and OS on m1"
        check(warning in group[2].log(), f"no warning: {group[2].log_that_matters()}")
        check("lower_case_table_names" not in group[2].log(), "it was told of what is the same")
        group[1].settings["server_options"] = {"lower_case_table_names": 0}
        group[1].start()
        group.check_equal()


if __name__ == "__main__":
    run(rules_change_while_the_group_writes, a_commit_is_in_each_zone, who_has_no_vote_is_not_waited_for, suspicions_can_be_seen, settings_that_differ)
