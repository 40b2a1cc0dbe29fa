"""Remembers, from one run or checkout to the next, which texts a checker had nothing to say about.

A text is what the preprocessor makes of a file, comments and all, so nothing a checker reads is left out; with it goes everything that
decides what the checker says: its version, flags and configuration. Only what passed is remembered, and what was not asked for in a month
is forgotten. Where there is no cache directory everything is checked.
"""
import contextlib
import hashlib
import os
import pathlib
import subprocess
import time

MONTH = 30 * 24 * 3600


def directory():
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and os.path.join(os.environ["HOME"], ".cache"))
    return pathlib.Path(home, "quorate-verdicts") if home else None


def text_of(preprocess, cwd, stdin=None):
    """What the preprocessor, this command, makes of a file; None if it fails."""
    done = subprocess.run(preprocess, cwd=cwd, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout if done.returncode == 0 else None


class Verdicts:
    def __init__(self, *decided_by):
        """decided_by: strings that, beside a text, decide what the checker says."""
        self.decided_by = "\0".join(decided_by).encode()
        self.directory = directory()
        if self.directory:
            with contextlib.suppress(OSError):
                self.directory.mkdir(parents=True, exist_ok=True)

    def _place(self, text):
        if text is None or self.directory is None:
            return None
        digest = hashlib.sha256(self.decided_by + b"\0" + text).hexdigest()
        return self.directory / digest

    def passed(self, text):
        place = self._place(text)
        if place is None or not place.exists():
            return False
        with contextlib.suppress(OSError):
            os.utime(place)
        return True

    def note(self, text):
        if place := self._place(text):
            with contextlib.suppress(OSError):
                place.touch()

    def forget_old(self):
        if self.directory is None:
            return
        with contextlib.suppress(OSError):
            for each in self.directory.iterdir():
                if each.stat().st_mtime < time.time() - MONTH:
                    each.unlink(missing_ok=True)
