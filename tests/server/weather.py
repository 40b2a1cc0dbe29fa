"""A switch between network interfaces that loses, delays and reorders frames, and swallows those of single ways.

    weather.py switch PORT...   reads commands, a line each, answers "ok": weather DELAY_MS SPREAD_MS LOSS | cut FROM TO | heal
    weather.py plain DEVICE     turns off what the kernel does late to a frame, so that what the switch sees is what would be on a wire
"""
import ctypes
import fcntl
import heapq
import random
import select
import socket
import struct
import sys
import time

SIOCETHTOOL = 0x8946
SET_TX_CHECKSUMS, SET_SCATTER, SET_TSO, SET_GSO, SET_GRO = 0x17, 0x19, 0x1F, 0x24, 0x2C
ETH_P_ALL, PACKET_OUTGOING, SO_RCVBUFFORCE = 3, 4, 33


def plain(device):
    with socket.socket() as any_socket:
        for command in (SET_TSO, SET_GSO, SET_GRO, SET_TX_CHECKSUMS, SET_SCATTER):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            try:
                fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", device.encode(), ctypes.addressof(value)))
            except OSError as error:
                if command == SET_TX_CHECKSUMS:
                    sys.exit(f"{device}: cannot turn off checksum offload: {error}")


class Switch:
    def __init__(self, names):
        self.ports = []
        for name in names:
            port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            port.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            port.bind((name, 0))
            port.setblocking(False)
            self.ports.append(port)
        self.lives_at = {}  # address: port
        self.delay = self.spread = self.loss = 0.0
        self.cuts = set()
        self.waiting = []  # heap of (when, count, port, frame)
        self.count = 0

    def command(self, line):
        what, *numbers = line.split()
        if what == "weather":
            self.delay, self.spread, self.loss = float(numbers[0]) / 1000, float(numbers[1]) / 1000, float(numbers[2])
        elif what == "cut":
            self.cuts.add((int(numbers[0]), int(numbers[1])))
        elif what == "heal":
            self.cuts.clear()
            self.delay = self.spread = self.loss = 0.0
        print("ok", flush=True)

    def take(self, source):
        for _ in range(64):
            try:
                frame, address = self.ports[source].recvfrom(65536)
            except BlockingIOError:
                return
            if address[2] == PACKET_OUTGOING:
                continue
            self.lives_at[frame[6:12]] = source
            known = self.lives_at.get(frame[0:6])
            for target in ([known] if known is not None else range(len(self.ports))):
                if target != source and (source, target) not in self.cuts and random.random() >= self.loss:
                    self.count += 1
                    when = time.monotonic() + self.delay + random.random() * self.spread
                    heapq.heappush(self.waiting, (when, self.count, target, frame))

    def pass_on(self):
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, target, frame = heapq.heappop(self.waiting)
            try:
                self.ports[target].send(frame)
            except OSError:
                pass  # as a full port of a real one

    def run(self):
        print("ready", flush=True)
        while True:
            pause = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select([sys.stdin, *self.ports], [], [], pause)
            for each in ready:
                if each is sys.stdin:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    self.command(line)
                else:
                    self.take(self.ports.index(each))
            self.pass_on()


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        plain(sys.argv[2])
    else:
        Switch(sys.argv[2:]).run()
