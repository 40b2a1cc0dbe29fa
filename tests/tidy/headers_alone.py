#!/usr/bin/python3
"""Compiles each header by itself: headers_alone.py [compiler]. A header that needs its includer's includes is refused."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

import verdicts

root = pathlib.Path(__file__).resolve().parents[2]
compiler = sys.argv[1] if len(sys.argv) > 1 else "g++"
flags = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-pragma-once-outside-header", f"-I{root}",
         "-isystem", "/usr/include/mariadb/server", "-DSPDLOG_HEADER_ONLY", "-DSPDLOG_FMT_EXTERNAL", "-DFMT_HEADER_ONLY=1",
         "-x", "c++"]


version = subprocess.run([compiler, "--version"], check=True, text=True, stdout=subprocess.PIPE).stdout
known = verdicts.Verdicts("headers alone", version, *(each for each in flags if not each.startswith("-I")))


def check(name: str) -> tuple[str, str]:
    text = verdicts.text_of([compiler, *flags, "-E", "-P", "-C", "-"], root, f'#include "{name}"\n'.encode())
    if known.passed(text):
        return name, ""
    done = subprocess.run([compiler, *flags, "-"], input=f'#include "{name}"\n', cwd=root, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        return name, done.stdout
    known.note(text)
    return name, ""


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "*.hh"], cwd=root, check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    headers = [each for each in listed if (root / each).is_file()]
    began = time.monotonic()
    wrong = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, output in pool.map(check, headers):
            if output:
                wrong += 1
                print(f"{name} does not compile alone:\n{output}")
    print(f"{len(headers)} headers, {wrong} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
