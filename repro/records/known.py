"""What is known of records that were read before, by size and time of their files.

It is kept in a file of the home's cache: of a damaged record what was found wrong, a list of texts;
of a sound one [what it is as a row]. A line is a mark and a JSON list, and the last line of a mark
counts. A mark stands for a folder, its files with their sizes and times, and the code that checks;
so a changed file, or a change of ours, has no line. Without the file all is read again, and slower.
"""

import errno
import hashlib
import json
import os
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from repro import atomic, identity
from repro.records.seal import FILES

JUST_NOW = 2 * 10**9  # nanoseconds: what is younger may change again within one tick of the clock
MOST = 1000  # lines that nothing asks for before a file is written anew

Files = Sequence[tuple[str, int, int, int]]  # name, size, times of change of content and of entry


@cache
def at(file: Path) -> "Known":
    """Return what is kept in a file; it is read once for all ledgers of a process."""
    return Known(file)


class Known:
    """What is known of records; `file` is None where nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._lines: dict[str, str] | None = None  # JSON by mark; read when first asked for
        self._asked: set[str] = set()

    def get(self, mark: str) -> list[Any] | None:
        """Return what is known, or None if nothing is of a record as it is now."""
        if self.file is None:
            return None
        self._asked.add(mark)
        text = self._read().get(mark)
        if text is None:
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):  # a line that was cut off while it was written
            return None
        return value if isinstance(value, list) else None

    def keep(self, mark: str, files: Files, value: Sequence[Any], lasting: bool = False) -> None:
        """Keep a value: of files that are old enough to stay, unless it is `lasting`."""
        newest = max((max(file[2:]) for file in files), default=0)
        if self.file is None or (newest > time.time_ns() - JUST_NOW and not lasting):
            return
        self._asked.add(mark)
        self._read()[mark] = text = json.dumps(value)
        # To ask a question makes no home; a full or read-only disk is no reason not to answer.
        with suppress(OSError):
            if self.file.parents[2].is_dir():
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with self.file.open("ab") as stream:
                    stream.write(f"{mark} {text}\n".encode())

    def swept(self) -> None:
        """Forget what nothing asked for, once every record there is was asked for."""
        lines = self._read()
        if self.file is None or len(lines) - len(self._asked & lines.keys()) <= MOST:
            return
        self._lines = {mark: text for mark, text in lines.items() if mark in self._asked}
        content = "".join(f"{mark} {text}\n" for mark, text in self._lines.items())
        with suppress(OSError):
            atomic.write(self.file, content.encode())

    def _read(self) -> dict[str, str]:
        if self._lines is None:
            self._lines = {}
            if self.file is not None:
                with suppress(OSError):
                    text = self.file.read_bytes().decode("ascii", errors="replace")
                    parted = (line.partition(" ") for line in text.splitlines())
                    self._lines = {mark: value for mark, _, value in parted}
        return self._lines


def files(folder: str) -> Files:
    """Return the files of a record's folder with their sizes and times.

    OSError for what cannot be looked at, and where something else has the name of a record's file.
    """
    there = []
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - of 10,000, as below
        path = f"{folder}/{name}"
        try:
            now = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:  # a link to nothing
            now = os.lstat(path)
        if name in FILES and not stat.S_ISREG(now.st_mode):  # a pipe or a device has no end
            raise OSError(errno.EINVAL, f"{name} is no file", path)
        there.append((name, now.st_size, now.st_mtime_ns, now.st_ctime_ns))
    return there


def folder(path: str) -> Files:
    """Return the times at which something came into a folder or went; nothing if it is not here."""
    with suppress(OSError):
        now = os.stat(path)  # noqa: PTH116
        return [("", 0, now.st_mtime_ns, now.st_ctime_ns)]
    return []


def mark(folder: str, there: Files) -> str:
    """Return what stands for a folder and its files as they are now (hex)."""
    text = os.fsencode(f"{_code()}{folder}{there}")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


@cache
def _code() -> str:
    """Return a digest of the code that checks: an edit forgets."""
    digest = hashlib.sha256(Path(identity.__file__).read_bytes())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
