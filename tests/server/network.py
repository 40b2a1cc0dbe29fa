"""Hosts of a test's own, as network namespaces: on a switch of the kernel's, or on one of ours that loses, delays and reorders."""
import os
import subprocess
import sys

from harness import check, root


class Network:
    """Three hosts on a switch, as network namespaces that only this test has. A cut port swallows packets in silence."""

    def __init__(self, size):
        self.prefix = f"qt{os.getpid() % 100000}"
        self.hub = f"{self.prefix}hub"
        self.names = [f"{self.prefix}m{number}" for number in range(size)]
        self.addresses = [f"10.213.0.{number + 1}" for number in range(size)]

    @staticmethod
    def run(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(done.returncode == 0, f"{' '.join(command)}: {done.stdout.strip()}")

    def __enter__(self):
        try:
            self.run("ip", "netns", "add", self.hub)
            self.run("ip", "-n", self.hub, "link", "add", "switch", "type", "bridge")
            self.run("ip", "-n", self.hub, "link", "set", "switch", "up")
            for number, (name, address) in enumerate(zip(self.names, self.addresses)):
                self.run("ip", "netns", "add", name)
                self.run("ip", "-n", self.hub, "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
                self.run("ip", "-n", self.hub, "link", "set", f"port{number}", "master", "switch", "up")
                self.run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
                self.run("ip", "-n", name, "link", "set", "eth0", "up")
                self.run("ip", "-n", name, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for each in [*self.names, self.hub]:
            subprocess.run(["ip", "netns", "del", each], stderr=subprocess.DEVNULL)

    def cut(self, number):
        self.run("ip", "-n", self.hub, "link", "set", f"port{number}", "nomaster")

    def heal(self, number):
        self.run("ip", "-n", self.hub, "link", "set", f"port{number}", "master", "switch")


class Weather(Network):
    """The same hosts on a switch in user space (weather.py), whose every port can be told how bad it is. Slow: some 10,000 frames a second."""

    def __enter__(self):
        super().__enter__()
        try:
            for number in range(len(self.names)):
                self.cut(number)  # from the kernel's switch
                self.run("ip", "netns", "exec", self.names[number], sys.executable, str(root / "tests/server/weather.py"), "plain", "eth0")
                self.run("ip", "netns", "exec", self.hub, sys.executable, str(root / "tests/server/weather.py"), "plain", f"port{number}")
            ports = [f"port{number}" for number in range(len(self.names))]
            self.switch = subprocess.Popen(["ip", "netns", "exec", self.hub, sys.executable, str(root / "tests/server/weather.py"), "switch", *ports],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            check(self.switch.stdout.readline() == "ready\n", "the switch did not start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if getattr(self, "switch", None):
            self.switch.kill()
            self.switch.wait()
        super().__exit__()

    def say(self, line):
        self.switch.stdin.write(line + "\n")
        self.switch.stdin.flush()
        check(self.switch.stdout.readline() == "ok\n", f"the switch did not take '{line}'")

    def be(self, delay_ms=0, spread_ms=0, loss=0.0):
        """On every way from host to host. Frames with different delays overtake each other."""
        self.say(f"weather {delay_ms} {spread_ms} {loss}")

    def cut_way(self, source, target):
        """What `source` sends to `target` vanishes; the other direction is whole."""
        self.say(f"cut {source} {target}")

    def heal_all(self):
        self.say("heal")
