"""Which records were checked before, by size and time of their files: kept in the home's cache.

A line is a mark and what was found, "<mark> <JSON list>", and the last of a mark counts. A mark
stands for a folder, its files with their sizes and times, and the code that checks; so a changed
file, or a change of ours, has no line. Without the file all is checked again, and slower.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from repro import identity

JUST_NOW = 2 * 10**9  # nanoseconds: what is younger may change again within one tick of the clock
MOST = 1000  # lines that may be stale before the file is written anew

Files = Sequence[tuple[str, int, int, int]]  # name, size, times of change of content and of entry


@cache
def at(file: Path) -> "Known":
    """Return what is kept in a file; it is read once for all ledgers of a process."""
    return Known(file)


class Known:
    """What was found of records; `file` is None where nothing is kept."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self._found: dict[str, list[str]] | None = None
        self._lines = 0

    def get(self, mark: str) -> list[str] | None:
        """Return what was found (nothing: []), or None if it was not checked as it is now."""
        if self.file is None:
            return None
        if self._found is None:
            self._found = self._read()
        return self._found.get(mark)

    def keep(self, mark: str, files: Files, found: list[str]) -> None:
        """Keep what was found; nothing found, only of files that are old enough to stay."""
        newest = max((max(file[2:]) for file in files), default=0)
        young = newest > time.time_ns() - JUST_NOW
        if self.file is None or (young and not found):
            return
        if self._found is None:
            self._found = self._read()
        self._found[mark] = found
        self._lines += 1
        # To ask a question makes no home; a full or read-only disk is no reason not to answer.
        with suppress(OSError):
            if self.file.parents[2].is_dir():
                self.file.parent.mkdir(parents=True, exist_ok=True)
                with self.file.open("a", encoding="utf-8") as stream:
                    stream.write(_line(mark, found))

    def _read(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if self.file is None:
            return found
        with suppress(OSError):
            for line in self.file.read_bytes().splitlines():
                self._lines += 1
                mark, _, text = line.partition(b" ")
                if text == b"[]":
                    found[mark.decode("ascii", "replace")] = []
                    continue
                with suppress(ValueError):  # a line that was cut off while it was written
                    value = json.loads(text)
                    if isinstance(value, list) and value:
                        found[mark.decode("ascii", "replace")] = [str(item) for item in value]
        return found


def _line(mark: str, found: list[str]) -> str:
    return f"{mark} {json.dumps(found)}\n"


def files(folder: str) -> Files:
    """Return the files of a record's folder with their sizes and times."""
    with os.scandir(folder) as entries:
        there = [(entry.name, _stat(entry)) for entry in entries]
    return sorted((name, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in there)


def _stat(entry: "os.DirEntry[str]") -> os.stat_result:
    try:
        return entry.stat()
    except FileNotFoundError:  # a link to nothing
        return entry.stat(follow_symlinks=False)


def mark(folder: str, there: Files) -> str:
    """Return what stands for a folder and its files as they are now (hex)."""
    return hashlib.blake2b(f"{_code()}{folder}{there}".encode(), digest_size=16).hexdigest()


@cache
def _code() -> str:
    """Return a digest of the code that checks: an edit forgets."""
    digest = hashlib.sha256(Path(identity.__file__).read_bytes())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
