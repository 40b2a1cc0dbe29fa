#!/usr/bin/python3
"""Refuses an include that points up, and a path that only one machine has.

The folders below are design's picture: a file may include its own folder's headers and those of the folders named.
"""
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]

MAY_INCLUDE = {
    "base": set(),
    "certifier": {"base"},
    "xcom": {"base"},
    "recovery": {"base", "certifier", "xcom"},
    "clone": {"base"},
    "gr": {"base", "certifier", "xcom", "recovery", "clone"},
    "runtime": {"base", "certifier", "xcom", "recovery", "clone", "gr"},
    "gr/mariadb": {"base", "certifier", "xcom", "recovery", "clone", "gr", "runtime"},
    "sim": {"base", "certifier", "xcom", "recovery", "clone", "gr"},
}
TOP = {"tools", "tests", "bench"}  # may see everything; nothing may include them
ROOMS = set(MAY_INCLUDE) | TOP

# Below runtime and gr/mariadb: no server, no socket, no thread, no clock.
WORLD = re.compile(r"<(mysql/|mysqld|boost/asio|sys/socket|netinet/|arpa/|thread>|mutex>|condition_variable>|future>|openssl/|spdlog/)")
WORLD_ALLOWED = {"runtime", "gr/mariadb"} | TOP
# Single files with a reason.
WORLD_ALLOWED_FILES = {
    "gr/options.hh": "the option values are set by SQL threads and read by the strand",
    "gr/allowlist.cc": "inet_pton turns the text of an address into its bytes; no socket is touched",
    "sim/swarm.cc": "runs whole worlds beside each other; each world is one thread",
}

# Directories that exist on the machine of whoever wrote the line; found in quoted strings of sources, anywhere in scripts.
MACHINE_PATH = re.compile(r"""(?<![\w.$}{])/(work|home|root|Users|build)/[\w.]|["'(=\s]/tmp/[\w.]""")


def room_of(path: str) -> str:
    if path.startswith("gr/mariadb/"):
        return "gr/mariadb"
    return path.split("/", 1)[0]


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split("\n")
    wrong = []
    seen = 0
    for name in filter(None, listed):
        path = root / name
        if not path.is_file() or name == "tests/tidy/includes.py":
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if MACHINE_PATH.search(line):
                wrong.append(f"{name}:{number}: path of a particular machine: {line.strip()}")
        if path.suffix not in (".cc", ".hh"):
            continue
        seen += 1
        room = room_of(name)
        for number, line in enumerate(text.splitlines(), 1):
            quoted = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if quoted:
                target = room_of(quoted[1])
                if "/" not in quoted[1] or quoted[1].startswith("."):
                    wrong.append(f'{name}:{number}: write the path from the top: "{quoted[1]}"')
                elif target in ROOMS and target != room and room not in TOP and target not in MAY_INCLUDE.get(room, set()):
                    wrong.append(f"{name}:{number}: {room} may not include {target}: {quoted[1]}")
            elif re.match(r"\s*#\s*include", line) and WORLD.search(line) and room not in WORLD_ALLOWED and name not in WORLD_ALLOWED_FILES:
                wrong.append(f"{name}:{number}: {room} knows no server, socket or thread: {line.strip()}")
    for each in wrong:
        print(each)
    print(f"{seen} sources, {len(wrong)} wrong")
    return 1 if wrong or seen == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
