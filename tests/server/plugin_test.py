#!/usr/bin/python3
"""The plugin face on real servers: variables, status and tables; without a provider, and beside one in the same process."""
import contextlib
import re

import pymysql

from harness import Group, check, run, wait_for

WRONG_VALUE, WRONG_TYPE, READ_ONLY, GLOBAL_ONLY = 1231, 1232, 1238, 1229
TABLES = ("REPLICATION_GROUP_MEMBERS", "REPLICATION_GROUP_MEMBER_STATS", "REPLICATION_GROUP_COMMUNICATION_INFORMATION",
          "REPLICATION_GROUP_CONFLICTS", "REPLICATION_GROUP_RECOVERY", "REPLICATION_GROUP_DONORS", "REPLICATION_GROUP_JOIN_PLAN",
          "REPLICATION_GROUP_MEMBER_ACTIONS", "REPLICATION_GROUP_CONFIGURATION_VERSION")
CONFIGURATION = "REPLICATION_GROUP_CONFIGURATION"
MYSQL_MEMBERS_COLUMNS = ["CHANNEL_NAME", "MEMBER_ID", "MEMBER_HOST", "MEMBER_PORT", "MEMBER_STATE", "MEMBER_ROLE", "MEMBER_VERSION",
                         "MEMBER_COMMUNICATION_STACK"]
BIGGEST = 2**63 - 1


@contextlib.contextmanager
def lone_server(*arguments, plugin=True, **options):
    """A server without replication; the harness's members always have a provider, so it is switched off here."""
    settings = {"wsrep_on": "OFF", "wsrep_provider": "none", "plugin_load_add": "group_replication" if plugin else ""} | options
    with Group(1, server_options=settings) as group:
        server = group[0]
        server.start(wait=False, arguments=arguments)
        wait_for("the server to answer", 150, lambda: answers(server))
        yield server


def answers(server):
    check(server.is_alive(), "the server ended while starting:\n" + server.log()[-2000:])
    return server.answers()


def variable(server, name):
    return server.value(f"SELECT @@GLOBAL.group_replication_{name}")


def status(server):
    return dict(server.sql("SHOW GLOBAL STATUS WHERE variable_name LIKE 'Gr\\_%' OR variable_name LIKE 'Group\\_replication%'"))


def refused(server, statement, code, pattern=""):
    try:
        server.sql(statement)
    except pymysql.err.MySQLError as error:
        check(error.args[0] == code and re.search(pattern, error.args[1]), f"{statement}: expected {code} /{pattern}/, got {error.args}")
        return
    check(False, f"{statement}: expected error {code}, it was accepted")


def active_plugins(server):
    rows = server.sql("SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE PLUGIN_STATUS = 'ACTIVE' AND"
                      " PLUGIN_LIBRARY LIKE 'group_replication%'")
    return {row[0] for row in rows}


def check_idle(server):
    """What a plugin without a group shows."""
    check(active_plugins(server) == {"group_replication", CONFIGURATION, *TABLES}, f"active: {active_plugins(server)}")
    for table in TABLES:
        check(server.sql(f"SELECT * FROM information_schema.{table}") == (), f"{table} should be empty")
    columns = [row[0] for row in server.sql("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'information_schema'"
                                            " AND TABLE_NAME = 'REPLICATION_GROUP_MEMBERS' ORDER BY ORDINAL_POSITION")]
    check(columns[:8] == MYSQL_MEMBERS_COLUMNS, f"columns: {columns}")
    shown = status(server)
    check(shown.get("Gr_state") == "OFFLINE" and shown.get("Gr_members") == "0", f"status: {shown}")


def installed_by_sql():
    """INSTALL SONAME without a provider; tables empty; UNINSTALL leaves nothing and it can come back."""
    with lone_server(plugin=False) as server:
        check(not active_plugins(server), "loaded by itself")
        for _ in range(2):
            server.sql("INSTALL SONAME 'group_replication'")
            check_idle(server)
            check(variable(server, "donor_threshold") == BIGGEST, "default of donor_threshold")
            server.sql("SET GLOBAL group_replication_donor_threshold = 100")
            server.sql("UNINSTALL SONAME 'group_replication'")
            check(not active_plugins(server) and not status(server), "something stayed behind")


def out_of_range_is_refused():
    """A value outside its range is an error that names the range, and changes nothing; at the ends it is taken."""
    ranges = {"donor_threshold": (1, BIGGEST), "clone_threshold": (1, BIGGEST), "member_weight": (0, 100),
              "member_expel_timeout": (0, 3600), "recovery_retry_count": (0, 31536000),
              "recovery_reconnect_interval": (0, 31536000), "message_cache_size": (134217728, BIGGEST),
              "transaction_size_limit": (0, 2**31 - 1)}
    with lone_server() as server:
        for name, (low, high) in ranges.items():
            initial = variable(server, name)
            for value in (low - 1, high + 1, 2**64 - 1, 2**64, -(2**63)):
                refused(server, f"SET GLOBAL group_replication_{name} = {value}", WRONG_VALUE, rf"{name}.*{low} \.\. {high}")
                check(variable(server, name) == initial, f"{name} changed to {variable(server, name)} by a refused {value}")
            for value in (low, high):
                server.sql(f"SET GLOBAL group_replication_{name} = {value}")
                check(variable(server, name) == value, f"{name}: {variable(server, name)}, set to {value}")
            server.sql(f"SET GLOBAL group_replication_{name} = DEFAULT")
            check(variable(server, name) == initial, f"DEFAULT of {name}: {variable(server, name)}")
        check(server.sql("SHOW WARNINGS") == (), "a warning where none is due")


def kinds_of_values():
    """Names of choices, wrong types, scopes; fixed settings stay."""
    with lone_server() as server:
        refused(server, "SET GLOBAL group_replication_donor_threshold = 'many'", WRONG_TYPE)
        refused(server, "SET GLOBAL group_replication_donor_threshold = 1.5", WRONG_TYPE)
        refused(server, "SET SESSION group_replication_donor_threshold = 5", GLOBAL_ONLY)
        refused(server, "SET GLOBAL group_replication_arbitrator = ON", READ_ONLY)
        refused(server, "SET GLOBAL group_replication_recovery_complete_at = 'NEVER'", WRONG_VALUE)
        server.sql("SET GLOBAL group_replication_recovery_complete_at = 'transactions_certified'")
        check(variable(server, "recovery_complete_at") == "TRANSACTIONS_CERTIFIED", variable(server, "recovery_complete_at"))
        server.sql("SET GLOBAL group_replication_group_seeds = '127.0.0.1:1,127.0.0.1:2'")
        check(variable(server, "group_seeds") == "127.0.0.1:1,127.0.0.1:2", variable(server, "group_seeds"))


def configured():
    """Files and command line, dashes and underscores, with and without loose: the last one wins."""
    with lone_server("--loose-group-replication-clone-threshold=77", "--group_replication_member_weight=7",
                     group_replication_donor_threshold=500, group_replication_member_weight=6) as server:
        check_idle(server)
        found = [variable(server, name) for name in ("donor_threshold", "clone_threshold", "member_weight")]
        check(found == [500, 77, 7], f"found {found}")


def wrong_configuration():
    """A wrong value in the configuration stops the plugin, with the range in the log, and not the server."""
    with lone_server(group_replication_donor_threshold=0) as server:
        check("group_replication" not in active_plugins(server), "it runs with a clamped value")
        server.wait_log(r"\[ERROR\] group_replication: .*donor_threshold.*'0'.*1 \.\. 9223372036854775807")


def beside_the_provider():
    """One file, two faces: the tables show the group, and a setting made on either side is seen on the other."""
    with Group(1) as group:
        server = group[0].start(bootstrap=True)
        rows = server.group_members()
        row = rows[0]
        check(len(rows) == 1 and row["MEMBER_STATE"] == "ONLINE" and row["MEMBER_PORT"] == server.sql_port, f"rows: {rows}")
        check(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row["MEMBER_ID"]), row["MEMBER_ID"])
        check(server.value("SELECT COUNTERS_FROM FROM information_schema.REPLICATION_GROUP_MEMBER_STATS") == "SELF", "own counters")
        check(status(server)["Gr_state"] == "ONLINE", f"{status(server)}")
        server.sql("SET GLOBAL wsrep_provider_options = 'pc.weight=33'")
        check(variable(server, "member_weight") == 33, f"member_weight is {variable(server, 'member_weight')}")
        server.sql("SET GLOBAL group_replication_member_weight = 44")
        # The server asks the provider for the list only after setting something in it, and shows a copy until then.
        server.sql("SET GLOBAL wsrep_provider_options = 'evs.suspect_timeout=PT2S'")
        check("group_replication_member_weight = 44" in server.value("SELECT @@wsrep_provider_options"), "not in provider options")


def configured_beside_the_provider():
    """What the plugin's variables say in the configuration holds for the provider, which starts before them."""
    with Group(1, server_options={"group_replication_member_weight": 12}) as group:
        server = group[0].start(bootstrap=True)
        check(variable(server, "member_weight") == 12, f"{variable(server, 'member_weight')}")
        check("group_replication_member_weight = 12" in server.value("SELECT @@wsrep_provider_options"), "not in provider options")


if __name__ == "__main__":
    run(installed_by_sql, out_of_range_is_refused, kinds_of_values, configured, wrong_configuration, beside_the_provider,
        configured_beside_the_provider)
