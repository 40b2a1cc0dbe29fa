#!/usr/bin/python3
"""Every variable on a running member: its default, its ends, one beyond them, a wrong type, NULL, each of its names. And what some of them do."""
import contextlib
import decimal
import re
import threading
import time

import pymysql

from harness import Group, check, run, wait_for

WRONG_VALUE, WRONG_TYPE, READ_ONLY, GLOBAL_ONLY, BAD_OPTION, SYNTAX, UNKNOWN_ERROR = 1231, 1232, 1238, 1229, 1210, 1064, 1105
COMMANDS = {"force_members": "nobody:1", "communication_protocol": "no number"}  # and what each refuses
WRONG_TEXTS = {"group_name": "shop", "ip_allowlist": "not an address", "join_plan_position": "nowhere"}
A_UUID, ANOTHER_UUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "11111111-2222-4333-8444-555555555555"
RIGHT_TEXTS = {"group_name": A_UUID, "ip_allowlist": "127.0.0.1,10.0.0.0/8", "join_plan_position": "17"}


class Variables:
    """The plugin's variables as the server describes them, and their rows in REPLICATION_GROUP_CONFIGURATION."""

    def __init__(self, server):
        self.server = server
        self.described = {each["VARIABLE_NAME"].lower(): each for each in server.rows(
            "SELECT * FROM information_schema.SYSTEM_VARIABLES WHERE VARIABLE_NAME LIKE 'group\\_replication\\_%'", timeout=60)}
        self.configured = {each["NAME"]: each for each in server.rows("SELECT * FROM information_schema.REPLICATION_GROUP_CONFIGURATION", timeout=60)}
        check(len(self.described) > 50, f"only {len(self.described)} variables")
        missing = self.described.keys() - self.configured.keys()
        check(not missing, f"not in REPLICATION_GROUP_CONFIGURATION: {missing}")
        missing = {name for name in self.configured if name.startswith("group_replication_")} - self.described.keys()
        check(not missing, f"not a variable: {missing}")

    def of_type(self, *types):
        return [(name, each) for name, each in self.described.items() if each["VARIABLE_TYPE"] in types and not self.is_special(name)]

    def is_special(self, name):
        return self.is_bare(name) in COMMANDS or self.is_of_sessions(name) or self.described[name]["READ_ONLY"] == "YES"

    def is_of_sessions(self, name):
        """group_replication_consistency, which has a test of its own."""
        return self.described[name]["VARIABLE_SCOPE"] == "SESSION"

    @staticmethod
    def is_bare(name):
        return name.removeprefix("group_replication_")

    @staticmethod
    def takes_only_default(name):
        return name == "group_replication_paxos_single_leader"

    def get(self, name):
        return self.server.value(f"SELECT @@GLOBAL.{name}")

    def set(self, name, literal):
        self.server.sql(f"SET GLOBAL {name} = {literal}")

    def takes(self, name, literal, shown):
        """It is accepted and shown; one that is fixed refuses it, unless it is its default."""
        initial = self.get(name)
        if self.takes_only_default(name) and shown != initial:
            return self.refuses(name, literal, WRONG_VALUE, "only to")
        self.set(name, literal)
        check(self.get(name) == shown, f"{name} = {literal}: shown as {self.get(name)!r}, expected {shown!r}")
        self.set(name, "DEFAULT")
        check(self.get(name) == initial, f"{name} = DEFAULT: {self.get(name)!r}, it was {initial!r}")

    def refuses(self, name, literal, codes, pattern="", scope="GLOBAL"):
        codes = codes if isinstance(codes, tuple) else (codes,)
        initial = self.get(name)
        try:
            self.server.sql(f"SET {scope} {name} = {literal}")
        except pymysql.err.MySQLError as error:
            check(error.args[0] in codes and re.search(pattern, error.args[1]),
                  f"SET {scope} {name} = {literal}: expected {codes} /{pattern}/, got {error.args}")
        else:
            check(False, f"SET {scope} {name} = {literal}: accepted, expected {codes}")
        check(self.get(name) == initial, f"{name} changed to {self.get(name)} by a refused {literal}")


def numbers(variables):
    for name, each in variables.of_type("BIGINT UNSIGNED"):
        low, high = int(each["NUMERIC_MIN_VALUE"]), int(each["NUMERIC_MAX_VALUE"])
        named = rf"{name}.*{re.escape(str(low))} \.\. {re.escape(str(high))}"
        for value in (low, high):
            variables.takes(name, value, value)
        for value in (low - 1, high + 1, 2**64, -(2**63)):
            variables.refuses(name, value, WRONG_VALUE, named)
        for literal in ("'many'", "1.5", "NULL"):
            variables.refuses(name, literal, (WRONG_TYPE, WRONG_VALUE))


def reals(variables):
    for name, each in variables.of_type("DOUBLE"):
        low, high = float(each["NUMERIC_MIN_VALUE"]), float(each["NUMERIC_MAX_VALUE"])
        for value in (low, high):
            variables.takes(name, repr(value), value)
        step = decimal.Decimal("0.001")
        for value in (decimal.Decimal(repr(low)) - step, decimal.Decimal(repr(high)) + step, -1):
            variables.refuses(name, value, WRONG_VALUE, rf"{name}.*{re.escape(f'{low:g}')} \.\. ")
        for literal in ("'long'", "NULL"):
            variables.refuses(name, literal, (WRONG_TYPE, WRONG_VALUE))


def switches(variables):
    for name, _ in variables.of_type("BOOLEAN"):
        for literal, shown in (("ON", 1), ("OFF", 0), ("1", 1), ("0", 0), ("'yes'", 1), ("false", 0)):
            variables.takes(name, literal, shown)
        for literal in ("2", "-1", "'maybe'", "NULL", "0.5"):
            variables.refuses(name, literal, (WRONG_VALUE, WRONG_TYPE), "ON or OFF|Incorrect argument type")


def choices(variables):
    for name, each in variables.of_type("ENUM"):
        words = each["ENUM_VALUE_LIST"].split(",")
        for at, word in enumerate(words):
            variables.takes(name, f"'{word}'", word)
            variables.takes(name, f"'{word.lower()}'", word)
            variables.takes(name, at, word)
        for literal in ("'NEVER_EVER'", "''", len(words), "-1", "NULL"):
            variables.refuses(name, literal, (WRONG_VALUE, WRONG_TYPE), "|".join(words) + "|Incorrect argument type")


def texts(variables):
    for name, _ in variables.of_type("VARCHAR"):
        bare = variables.is_bare(name)
        right = RIGHT_TEXTS.get(bare, "some text, of any length" * 60)
        variables.takes(name, f"'{right}'", right)
        variables.refuses(name, "NULL", WRONG_VALUE, "NULL")
        variables.refuses(name, 17, WRONG_TYPE)
        if bare in WRONG_TEXTS:
            variables.refuses(name, f"'{WRONG_TEXTS[bare]}'", WRONG_VALUE, f"{name}.*{WRONG_TEXTS[bare]}")


def specials(variables):
    for bare, wrong in COMMANDS.items():
        variables.refuses(f"group_replication_{bare}", f"'{wrong}'", WRONG_VALUE, f"group_replication_{bare}")
        variables.refuses(f"group_replication_{bare}", "NULL", WRONG_VALUE, "NULL")
    fixed = [name for name, each in variables.described.items() if each["READ_ONLY"] == "YES"]
    check("group_replication_arbitrator" in fixed, f"fixed: {fixed}")
    for name in fixed:
        variables.refuses(name, "DEFAULT", READ_ONLY)


def every_variable():
    """default, both ends, one beyond, wrong types, NULL, session scope; on a running member, and nothing is changed by what is refused"""
    with Group(1, all_write=False) as group:
        server = group[0].start(bootstrap=True)
        variables = Variables(server)
        for name, each in variables.described.items():
            check(each["VARIABLE_COMMENT"], f"{name} has no description")
            if variables.is_bare(name) != "bootstrap_group":
                check(each["GLOBAL_VALUE"] == each["DEFAULT_VALUE"], f"{name}: {each['GLOBAL_VALUE']}, default {each['DEFAULT_VALUE']}")
            if each["READ_ONLY"] == "NO" and not variables.is_of_sessions(name):
                variables.refuses(name, "DEFAULT", GLOBAL_ONLY, scope="SESSION")
        of_sessions = [name for name in variables.described if variables.is_of_sessions(name)]
        check(of_sessions == ["group_replication_consistency"], f"of each session: {of_sessions}")
        for kind in (numbers, reals, switches, choices, texts, specials):
            kind(variables)
        of_kinds = {each["VARIABLE_TYPE"] for each in variables.described.values()}
        check(of_kinds == {"BIGINT UNSIGNED", "DOUBLE", "BOOLEAN", "ENUM", "VARCHAR"}, f"a type that is not looked at: {of_kinds}")
        check(server.is_ready(), "the server did not survive its settings")
        with contextlib.suppress(pymysql.err.ProgrammingError):
            server.sql("SET PERSIST group_replication_member_weight = 7")
            check(False, "SET PERSIST exists now: docs/variables.md says that it does not")


def other(row):
    """A value that is not the one in force, for an option under one of Galera's names."""
    known = {"group_replication_member_weight": "33", "group_replication_zone_id": "5", "group_replication_communication_flp_timeout": "PT3S",
             "group_replication_message_cache_size": "256M", "group_replication_log_retention_size": "2G", "group_replication_ssl_mode": "no",
             "group_replication_transaction_size_limit": "1M"}
    if row["NAME"] in known:
        return known[row["NAME"]]
    return "/nowhere" if row["ALLOWED"] == "any text" else "32"


def each_alias():
    """Galera's names set the same values, show them, and refuse what is out of range"""
    with Group(1) as group:
        server = group[0].start(bootstrap=True)
        variables = Variables(server)
        with_alias = [(row, alias) for row in variables.configured.values() for alias in row["ALIASES"].split()]
        check(len(with_alias) > 10, f"only {len(with_alias)} aliases")
        for row, alias in with_alias:
            before, value = variables.get(row["NAME"]), other(row)
            server.sql(f"SET GLOBAL wsrep_provider_options = '{alias}={value}'")
            shown = server.value("SELECT @@wsrep_provider_options")
            check(f"; {alias} = " in f"; {shown}" and f"{row['NAME']} = " in shown, f"{alias}, {row['NAME']}: not both in {shown}")
            if alias != "socket.ssl":
                check(variables.get(row["NAME"]) != before, f"{alias} = {value} left {row['NAME']} at {before}")
            with contextlib.suppress(pymysql.err.MySQLError):
                if row["ALLOWED"] != "any text":
                    server.sql(f"SET GLOBAL wsrep_provider_options = '{alias}=nonsense'")
                    check(False, f"{alias} = nonsense was accepted")
        for nonsense in ("no.such.option=1", "pc.weight", "pc.weight=101"):
            try:
                server.sql(f"SET GLOBAL wsrep_provider_options = '{nonsense}'")
                check(False, f"{nonsense} was accepted")
            except pymysql.err.MySQLError as error:
                check(error.args[0] == BAD_OPTION, f"{nonsense}: {error.args}")


def two_settings_of_one():
    """wsrep_provider_options win over the configuration, the later name over the earlier, and the log says so"""
    options = ["pc.weight=33", "group_replication_member_weight=34", "gcache.size=256M"]
    with Group(1, server_options={"group_replication_member_weight": 12}, provider_options=options) as group:
        server = group[0].start(bootstrap=True)
        check(server.value("SELECT @@group_replication_member_weight") == 34, server.value("SELECT @@group_replication_member_weight"))
        server.wait_log(r"\[Warning\] WSREP: .*'pc.weight': 33 is used, and not 12.*group_replication_member_weight")
        server.wait_log(r"\[Warning\] WSREP: .*'group_replication_member_weight': 34 is used, and not 33.*'pc.weight'")
        check("'gcache.size'" not in server.log(), "a setting that contradicts nothing is warned of")


def too_large_a_transaction():
    """group_replication_transaction_size_limit refuses with an error of its own, and nothing of it stays"""
    with Group(1) as group:
        server = group[0].start(bootstrap=True)
        server.sql("CREATE TABLE test.t (id INT PRIMARY KEY, v LONGBLOB)", "SET GLOBAL group_replication_transaction_size_limit = 100000")
        try:
            server.sql("INSERT INTO test.t VALUES (1, REPEAT('x', 200000))")
            check(False, "a transaction of 200,000 bytes was accepted")
        except pymysql.err.MySQLError as error:
            check(error.args[0] == UNKNOWN_ERROR and "Maximum writeset size exceeded" in error.args[1], f"{error.args}")
        server.sql("INSERT INTO test.t VALUES (2, REPEAT('x', 50000))")
        check(server.sql("SELECT id FROM test.t") == ((2,),), "the refused row is there")
        server.sql("SET GLOBAL group_replication_transaction_size_limit = 0", "INSERT INTO test.t VALUES (3, REPEAT('x', 200000))")


def slow_orders_are_told():
    """a commit that a stopped majority held up is a line in the log, with group_replication_request_time_threshold"""
    with Group(2, server_options={"group_replication_communication_flp_timeout": 60}) as group:  # it waits, and does not end with an error
        group.form()
        first, second = group
        first.sql("CREATE TABLE test.t (id INT PRIMARY KEY)", "INSERT INTO test.t VALUES (1)")
        first.sql("SET GLOBAL group_replication_request_time_threshold = 200")
        second.pause()
        writer = threading.Thread(target=lambda: first.sql("INSERT INTO test.t VALUES (2)"))
        writer.start()
        wait_for("the INSERT to be under way", 30, lambda: first.value(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO = 'INSERT INTO test.t VALUES (2)'") == 1)
        time.sleep(3)
        second.resume()
        writer.join()
        first.wait_log(r"\[Warning\] WSREP: ordering transaction \d+ of connection \d+ took \d+ ms, position \d+")
        check(len(re.findall("ordering transaction", first.log())) == 1, "quick ones are told too")


def limits_while_it_runs():
    """group_replication_member_expel_timeout, lowered while a member is silent, puts it out"""
    with Group(3, server_options={"group_replication_member_expel_timeout": 600}) as group:
        group.form()
        group[2].pause()
        time.sleep(8)
        group.wait_size(3, among=group.members[:2])  # who is put out while it stands still does not come back
        for each in group.members[:2]:
            each.sql("SET GLOBAL group_replication_member_expel_timeout = 1")
        group.wait_size(2, among=group.members[:2])
        group[2].resume()


def the_name_of_the_group():
    """group_replication_group_name is the GTIDs' UUID of a new group; who asks for another one does not get in"""
    with Group(2, server_options={"group_replication_group_name": A_UUID}) as group:
        group[0].start(bootstrap=True)
        check(group[0].status("wsrep_cluster_state_uuid") == A_UUID, group[0].status("wsrep_cluster_state_uuid"))
        group[1].settings["server_options"] = {"group_replication_group_name": ANOTHER_UUID}
        group[1].start(wait=False)
        group[1].wait_exit(150)
        group[1].wait_log(rf"group_replication_group_name is {ANOTHER_UUID}, and this is the group {A_UUID}")
        wait_for("the group to go on alone", 60, lambda: group[0].status("wsrep_cluster_size") == "1")
        group[1].settings["server_options"] = {}
        group[1].start()
        group[0].sql("CREATE TABLE test.t (id INT PRIMARY KEY)")
        group.check_equal()


def steps_of_automatic_numbers():
    """auto_increment_increment and _offset follow the view, and wsrep_auto_increment_control turns that off"""
    with Group(2) as group:
        group.form()

        def steps():
            return sorted(each.sql("SELECT @@GLOBAL.auto_increment_increment, @@GLOBAL.auto_increment_offset")[0] for each in group.members)

        wait_for(lambda: f"increment and offset: {steps()}", 30, lambda: steps() == [(2, 1), (2, 2)])
        group[0].sql("SET GLOBAL wsrep_auto_increment_control = OFF")
        check(group[0].sql("SELECT @@GLOBAL.auto_increment_increment, @@GLOBAL.auto_increment_offset") == ((1, 1),), "not off")
        group[1].stop()
        group[0].wait_status("wsrep_cluster_size", "1")
        check(group[0].sql("SELECT @@GLOBAL.auto_increment_increment, @@GLOBAL.auto_increment_offset") == ((1, 1),), "a view set it again")


if __name__ == "__main__":
    run(every_variable, each_alias, two_settings_of_one, too_large_a_transaction, slow_orders_are_told, limits_while_it_runs, the_name_of_the_group,
        steps_of_automatic_numbers)
