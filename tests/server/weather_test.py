#!/usr/bin/python3
"""Bad networks between real servers: loss, delay, reordering, and a link that works one way only."""
import contextlib
import os
import time

from harness import Failed, Group, Writers, check, run, wait_for
from network import Weather


@contextlib.contextmanager
def group_in_weather(size):
    """A formed group on a switch that can be told to be bad; None where namespaces cannot be had."""
    if os.geteuid() != 0:
        print("  skipped: network namespaces need root")
        yield None, None
        return
    with contextlib.ExitStack() as stack:
        try:
            weather = stack.enter_context(Weather(size))
        except (Failed, OSError) as error:
            print(f"  skipped: no network namespaces here ({error})")
            yield None, None
            return
        settings = {number: {"namespace": weather.names[number], "address": weather.addresses[number]} for number in range(size)}
        group = stack.enter_context(Group(size, member_settings=settings))
        group.form()
        yield group, weather


def views_of(group):
    return [each.status("wsrep_cluster_conf_id") for each in group.members]


def loss_delay_and_reordering():
    """5 % of all frames lost, 25 to 35 ms on each way, frames overtaking each other: slower, and nobody is suspected"""
    with group_in_weather(3) as (group, weather):
        if group is None:
            return
        writers = Writers(group.members, per_member=4)
        before = views_of(group)
        for what, how in (("delay 25..35 ms", {"delay_ms": 25, "spread_ms": 10}), ("5 % loss", {"loss": 0.05}),
                          ("both", {"delay_ms": 25, "spread_ms": 10, "loss": 0.05})):
            weather.be(**how)
            since, began = writers.count(), time.monotonic()
            time.sleep(6)
            done = writers.count() - since
            pause = max(writers.longest_pause(each.name, began, time.monotonic()) for each in group.members)
            print(f"  {what}: {done / 6:.0f} commits a second, longest pause {pause * 1000:.0f} ms")
            check(done > 20, f"{what}: only {done} commits in 6 s")
        check(views_of(group) == before, f"the views changed: {before}, now {views_of(group)}")
        weather.heal_all()
        writers.stop()
        for each in group.members:
            writers.check_present(each)
        group.check_equal()


def a_link_that_works_one_way():
    """what one member sends to another vanishes, everything else arrives: one view that all who write agree on, and after healing all three"""
    with group_in_weather(3) as (group, weather):
        if group is None:
            return
        for source, target in ((0, 1), (2, 0)):
            writers = Writers(group.members, table=f"test.t{source}{target}")
            time.sleep(1)
            weather.cut_way(source, target)
            time.sleep(12)

            def those_that_write():
                now = time.monotonic()
                writing = [each for each in group.members if writers.longest_pause(each.name, now - 3, now) < 2.5]
                return writing, {each.name: each.status("wsrep_cluster_conf_id") for each in writing}

            def agreed():
                writing, views = those_that_write()
                return (writing, views) if len(writing) >= 2 and len(set(views.values())) == 1 else None

            what = f"{source} to {target} is cut: two that write and agree about the view"
            writing, views = wait_for(lambda: f"{what}: {those_that_write()[1]}", 60, agreed)
            time.sleep(8)
            again = {each.name: each.status("wsrep_cluster_conf_id") for each in writing}
            print(f"  {source} to {target} is cut: {', '.join(sorted(views))} write, view {set(views.values())}, 8 s later {set(again.values())}")
            check(all(int(again[name]) - int(views[name]) <= 2 for name in views), f"the view flaps: {views}, then {again}")
            weather.heal_all()
            for each in group.members:
                each.wait_back()
            group.wait_size(3)
            group.wait_settled()
            writers.stop()
            for each in group.members:
                writers.check_present(each)
        group.check_equal()


if __name__ == "__main__":
    run(loss_delay_and_reordering, a_link_that_works_one_way)
