"""What a home could do without: failures that stepped aside, dropped work, unused waveforms.

Nothing here is a result, and nothing that a living process uses is named.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repro.data.folders import noted
from repro.places import Home
from repro.records import locks, reading
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.records.writing import Work

_TRASH = ".pruned."  # what is being deleted is first moved away under such a name, by one rename


@dataclass(frozen=True)
class Leftover:
    """A folder that can be deleted, and why."""

    path: Path
    why: str
    lock: Path | None = None  # held while it is deleted

    @property
    def size(self) -> int:
        """Return its bytes."""
        inside = (path for path in self.path.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in inside)


def leftovers(home: Home, records: Ledger) -> list[Leftover]:
    """Return what can be deleted from a home; `records` are those whose waveforms are kept."""
    found = [*_asides(home.runs), *_work(home.runs), *_verifications(home.cache / "verify")]
    found += _trash(home)
    busy = [lock for lock in (home.runs / ".work").glob("*.lock") if not _free(lock)]
    if not busy:  # a run whose record is yet to come may use any store
        used = {str(r.store) for r in records.all() if isinstance(r, Training)}
        found += _stores(home.cache / "audio", used)
    return found


def delete(left: Leftover) -> bool:
    """Delete a leftover; False where a process has taken it up meanwhile."""
    if left.lock is None:
        _drop(left.path, left.path.parent)
        return True
    left.lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with locks.held(left.lock):
            _drop(left.path, left.lock.parent)
    except locks.BusyError:
        return False
    return True


def _drop(path: Path, beside: Path) -> None:
    """Move a folder away by one rename, then delete it: it is never half there under its name."""
    trash = beside / f"{_TRASH}{os.urandom(6).hex()}"
    path.rename(trash)
    shutil.rmtree(trash)


def _asides(runs: Path) -> Iterator[Leftover]:
    """Yield the failed records that stepped aside for a later attempt."""
    for path in sorted(runs.glob("*/*.failed-*")):
        there = reading.read(str(path))
        if isinstance(there, Training) and not there.done:
            yield Leftover(path, "a failed record; the run was tried again",
                           runs / ".work" / f"{path.parent.name}.lock")  # fmt: skip


def _work(runs: Path) -> Iterator[Leftover]:
    """Yield the work that no process has in hand; a result that waits for its name is none."""
    for path in sorted((runs / ".work").glob("*-*")):
        run, _, execution = path.name.partition("-")
        lock = path.parent / f"{run}.lock"
        if path.is_dir() and _free(lock) and not Work(path, runs / run / execution).waits():
            yield Leftover(path, "an interrupted run; asking for it again continues it", lock)
    importing = runs / ".work" / "import"
    if importing.is_dir() and _free(lock := importing.with_suffix(".lock")):
        yield Leftover(importing, "an interrupted import", lock)


def _verifications(folder: Path) -> Iterator[Leftover]:
    """Yield the homes apart of `repro verify` that no process trains in."""
    for path in sorted(folder.glob("[!.]*")):
        if all(_free(lock) for lock in path.glob("runs/.work/*.lock")):
            yield Leftover(path, "an interrupted verification")


def _stores(folder: Path, used: set[str]) -> Iterator[Leftover]:
    """Yield the waveform stores that no record names, and those that were never finished."""
    for path in sorted(folder.glob("*")):
        about = path / "store.json"
        if path.name.endswith(".part"):
            name = path.name[1:].split(".")[0]
            if not _flocked(path.with_name(f".{name}.lock")):
                yield Leftover(path, "an unfinished waveform store")
        elif not path.name.startswith(".") and _digest(about) not in (None, *used):
            yield Leftover(path, "waveforms that no record here was made from")


def _digest(about: Path) -> str | None:
    """Return the digest of a store; None for a folder that is none."""
    try:
        return str(noted.read(about, {"digest": str})["digest"])
    except (OSError, ValueError):
        return None


def _trash(home: Home) -> Iterator[Leftover]:
    """Yield what an earlier deletion was interrupted in."""
    for folder in (home.runs / ".work", home.cache / "audio", home.cache / "verify"):
        for path in sorted(folder.glob(f"{_TRASH}*")):
            yield Leftover(path, "half deleted")


def _free(lock: Path) -> bool:
    """Whether no living process holds a lock; a dead one's is taken away."""
    if not lock.exists():
        return True
    try:
        with locks.held(lock):
            return True
    except locks.BusyError:
        return False


def _flocked(lock: Path) -> bool:
    """Whether a process holds the system's lock on a file."""
    if not lock.is_file():
        return False
    with lock.open("rb+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
