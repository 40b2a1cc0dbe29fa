#!/usr/bin/python3
"""Two servers and an arbiter: any one of the three may die."""
import signal
import subprocess
import time

from harness import Group, Writers, check, free_port, provider_path, run, wait_for


class Arbiter:
    """A grarb process beside a group."""

    def __init__(self, group, name="arbiter", options=None):
        self.group, self.name, self.options = group, name, options
        self.directory = group.directory / name
        self.output = group.directory / f"{name}.log"
        self.address = f"127.0.0.1:{free_port()}"
        self.process = None

    def command(self, **changes):
        given = {"address": "gr://" + ",".join(f"127.0.0.1:{each.group_port}" for each in self.group.members), "group": self.group.group_name,
                 "own-address": self.address, "data-dir": self.directory, "name": self.name, "options": self.options} | changes
        return [provider_path().parent / "bin" / "grarb"] + [f"--{key}={value}" for key, value in given.items() if value is not None]

    def start(self, wait=True):
        """With `wait` returns once it votes, and the running servers know it."""
        since = len(self.log())
        self.process = self.group.spawn(self.command(), self.output)
        if wait:
            wait_for(lambda: f"{self.name} to vote\n{self.log()[-2000:]}", 60, lambda: "votes in the group" in self.log()[since:])
            for each in [member for member in self.group.members if member.is_alive()]:
                wait_for(lambda each=each: f"{each.name} to see its vote: {each.group_members()}", 60, lambda each=each: [
                    (row["MEMBER_STATE"], row["HAS_VOTE"]) for row in each.group_members() if row["MEMBER_ROLE"] == "ARBITRATOR"] == [("ONLINE", "YES")])
        return self

    def log(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def kill(self):
        self.group.end(self.process)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(60) == 0, f"{self.name} ended with {self.process.returncode}\n{self.log()[-2000:]}")
        self.group.end(self.process)


def any_one_of_the_three_may_die():
    """one of two servers is killed and the other writes on; so it is when the arbiter is killed; each comes back as the member it was"""
    # Nobody is put out meanwhile: what writes on does so with the votes of the two that are left, and who is away longer is another when it is back.
    patience = "group_replication_member_expel_timeout=60"
    with Group(2, provider_options=[patience]) as group:
        group.form()
        arbiter = Arbiter(group, options=patience).start()
        # Which links it has it says in the group's protocol; an arbiter that stayed with the first one says nothing.
        wait_for("the arbiter's links", 60, lambda: all(each["UNLINKED"] == "" for each in group[0].group_members()))
        writers = Writers(group.members)
        time.sleep(1)
        for victim, survivor in ((group[0], group[1]), (group[1], group[0])):
            before = time.monotonic()
            victim.kill()
            time.sleep(8)
            pause = writers.longest_pause(survivor.name, before, time.monotonic())
            print(f"  {victim.name} killed: {survivor.name} paused {pause * 1000:.0f} ms")
            check(pause < 5, f"{survivor.name} stood still for {pause:.1f} s when {victim.name} died")
            victim.start(recover=True)
            group.wait_settled()
        before = time.monotonic()
        arbiter.kill()
        time.sleep(8)
        for each in group.members:
            check(writers.longest_pause(each.name, before, time.monotonic()) < 5, f"{each.name} stood still when the arbiter died")
        arbiter.start()
        check("coming back as" in arbiter.log(), f"the arbiter is not the one it was\n{arbiter.log()[-2000:]}")
        before = time.monotonic()
        group[0].kill()
        time.sleep(8)
        check(writers.longest_pause(group[1].name, before, time.monotonic()) < 5, "the arbiter that came back does not vote")
        group[0].start(recover=True)
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()
        arbiter.stop()
        wait_for("the arbiter to be out of the group", 60, lambda: len(group[0].group_members()) == 2)
        group[0].sql("INSERT INTO test.acknowledged VALUES (1, 'x', 'x')")
        group.check_equal()


def all_are_killed_and_come_back():
    """both servers and the arbiter are killed at once: one server and the arbiter are a group again, and the other server rejoins them"""
    with Group(2) as group:
        group.form()
        arbiter = Arbiter(group).start()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
        group.check_equal()
        for each in (arbiter, *group.members):
            each.kill()
        arbiter.start(wait=False)
        group[1].start(recover=True)
        group[1].sql("INSERT INTO d.t VALUES (2)")
        group[0].start(recover=True)
        check(group[0].value("SELECT COUNT(*) FROM d.t", causal=True) == 2, "rows are missing")
        group.check_equal()
        arbiter.stop()


def a_server_joins_past_an_arbiter():
    """an arbiter that orders the messages has no state to give: a new server is taken in by the other server"""
    with Group(3) as group:
        group[0].start(bootstrap=True)
        group[1].start()
        arbiter = Arbiter(group).start()
        group[0].sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
        for each in group.members[:2]:  # whoever orders, a restart of each leaves it to the arbiter now and then
            each.stop()
            each.start()
        group[2].start()
        group.check_equal()
        arbiter.stop()


def wrong_arguments():
    """each mistake ends the arbiter with a line that says what is wrong"""
    with Group(1) as group:
        group.form()
        arbiter = Arbiter(group).start()
        second = Arbiter(group, "second")

        def ends_with(status, text, **changes):
            done = subprocess.run([str(each) for each in second.command(**changes)], capture_output=True, text=True, timeout=150)
            said = done.stdout + done.stderr
            check(done.returncode == status and text in said, f"{changes}: exit {done.returncode}, wanted {status} and '{text}'\n{said[-1500:]}")

        ends_with(106, "--group is required", group=None)
        ends_with(2, "--own-address", **{"own-address": "127.0.0.1:99999999"})
        ends_with(2, "another arbiter uses", **{"data-dir": arbiter.directory})
        ends_with(2, "no_such_option", options="no_such_option=1")
        ends_with(1, "Address already in use", **{"own-address": arbiter.address})
        ends_with(1, "name only this arbiter", address=f"gr://{second.address}")
        arbiter.stop()


if __name__ == "__main__":
    run(any_one_of_the_three_may_die, all_are_killed_and_come_back, a_server_joins_past_an_arbiter, wrong_arguments)
