"""What was computed before, kept in the home's cache: plans are made again and again.

Nothing that is trained, recorded or judged comes from here; without the folder all is the same, and
slower.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from repro import atomic


def remembered(folder: Path, key: Any, compute: Callable[[], Any]) -> Any:
    """Return the value (JSON) that is kept in `folder` for `key`, else compute and keep it.

    `key` is JSON of all that decides the value, `code` of what computes it included. A file that
    is damaged is written anew; a folder that cannot be written to keeps nothing. `folder` lies in
    the home's cache; to ask a question makes no home, so where there is none nothing is kept.
    """
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    file = folder / f"{name[:32]}.json"
    with suppress(OSError, ValueError):
        body, _, mark = file.read_text(encoding="utf-8").rpartition("\n")
        if mark == _mark(name, body):
            return json.loads(body)
    body = json.dumps(compute())
    home = folder.parent.parent
    with suppress(OSError):  # a full or read-only disk is no reason not to answer
        if home.is_dir():
            atomic.write(file, f"{body}\n{_mark(name, body)}".encode())
    return json.loads(body)


@cache
def code(*files: str) -> str:
    """Return SHA-256 (hex) over the sources of modules, by `__file__`; an edit forgets."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(Path(file).read_bytes()).digest())
    return digest.hexdigest()


def state(file: str | Path) -> str:
    """Return what changes when a file does: its size, both times of change, its place on the disk.

    The time of the inode's change moves even where a program sets that of the content back.
    """
    return states([file])[0]


def states(files: Iterable[str | Path]) -> list[str]:
    """Return the `state` of each file; the OSError of one that cannot be looked at names it."""
    return [
        f"{now.st_size} {now.st_mtime_ns} {now.st_ctime_ns} {now.st_ino}"
        for now in map(os.stat, files)  # without a call of ours for each of 100,000
    ]


def _mark(name: str, body: str) -> str:
    return hashlib.sha256(f"{name}\n{body}".encode()).hexdigest()
