#!/usr/bin/python3
"""clang-tidy over the named sources, or all but tests and benches: lint.py [file...]. Needs build/compile_commands.json."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time

import verdicts

root = pathlib.Path(__file__).resolve().parents[2]
tidy = "clang-tidy-16"
NOISE = ("warnings generated", "warning generated", "Suppressed", "Use -header-filter")


def commands():
    """How each file is compiled, by its absolute path."""
    return {each["file"]: each for each in json.loads((root / "build" / "compile_commands.json").read_text())}


def preprocess(entry):
    words = shlex.split(entry["command"])
    if os.path.basename(words[0]) == "ccache":
        words = words[1:]
    kept, skip = [], False
    for word in words[1:]:
        if skip or word == "-c" or word == entry["file"]:
            skip = False
        elif word == "-o":
            skip = True
        else:
            kept.append(word)
    return ["clang++-16", "-w", "-E", "-P", "-C", *kept, entry["file"]]


def seen_by_checker(entry):
    command = preprocess(entry)
    text = verdicts.text_of(command, entry["directory"])
    flags = " ".join(each for each in command if str(root) not in each)
    return None if text is None else flags.encode() + b"\0" + text


def sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", "*.cc"], cwd=root, check=True, text=True,
                            stdout=subprocess.PIPE).stdout.split()
    return [each for each in listed if not each.startswith(("tests/", "bench/")) and (root / each).is_file()]


def main():
    files = sys.argv[1:] or sources()
    compiled = commands()
    version = subprocess.run([tidy, "--version"], check=True, text=True, stdout=subprocess.PIPE).stdout
    known = verdicts.Verdicts("lint", version, (root / ".clang-tidy").read_text())
    began = time.monotonic()

    def check(name):
        path = str((root / name).resolve())
        entry = compiled.get(path)
        text = seen_by_checker(entry) if entry else None
        if known.passed(text):
            return name, True, ""
        # One file each: clang-tidy 16 keeps what it knows of the first file's includes for the second, and may crash on it.
        done = subprocess.run([tidy, "-p", "build", "--quiet", "--warnings-as-errors=*", path], cwd=root, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode == 0:
            known.note(text)
            return name, False, ""
        return name, False, "\n".join(each for each in done.stdout.splitlines() if not any(noise in each for noise in NOISE)) or "it crashed"

    wrong, looked_at = 0, 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("QUORATE_JOBS", os.cpu_count()))) as pool:
        for name, was_known, output in pool.map(check, files):
            looked_at += not was_known
            if output:
                wrong += 1
                print(f"{name}:\n{output}", flush=True)
    known.forget_old()
    print(f"clang-tidy: {len(files)} files, {len(files) - looked_at} of them as in a run before; {wrong} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
