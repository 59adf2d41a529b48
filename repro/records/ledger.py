"""The ledger: folders of records, the only source of our numbers; nothing else writes results.

    runs/<run id>/<execution id>/run.json  epochs.jsonl  predictions.npz  log.txt
    runs/.work/<run id>-<execution id>/    a run in progress: checkpoints and its log
    runs/.work/<run id>.lock               who trains it

A record appears whole, by one rename of its folder: no reader ever sees half of one.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import atomic, places
from repro.errors import UserError, started
from repro.places import Home
from repro.records import locks

WEIGHTS = "weights.pt"  # of a run from which others start
# All that a record holds.
FILES = ("run.json", "epochs.jsonl", "predictions.npz", "log.txt", WEIGHTS)
COMPLETE = ("complete", "diverged")  # both are results; "failed" is a record, not a result


@dataclass(frozen=True)
class Record:
    """One finished run: where it lies and what its run.json says."""

    path: Path
    data: dict[str, Any]

    @property
    def run(self) -> str:
        """The run id."""
        return str(self.data["run"])

    @property
    def execution(self) -> str:
        """The execution id."""
        return self.path.name.partition(".")[0]

    @property
    def status(self) -> str:
        """Return complete, diverged or failed."""
        return str(self.data["status"])

    @property
    def done(self) -> bool:
        """Whether the run has a result."""
        return self.status in COMPLETE

    def epochs(self) -> list[dict[str, Any]]:
        """Return the rows of epochs.jsonl."""
        path = self.path / "epochs.jsonl"
        if not path.is_file():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


class Ledger:
    """Read records from several roots; the first root is preferred.

    cache: a folder for what follows from all records together; None keeps nothing.
    """

    def __init__(self, roots: list[Path], cache: Path | None = None) -> None:
        self.roots = roots
        self.cache = cache

    @classmethod
    def of(cls, home: Home) -> "Ledger":
        """Return a home's ledger: what ships with the suite first, then the user's own runs."""
        return cls([places.shipped("results"), home.runs], home.cache / "plans")

    def state(self) -> str:
        """Return a digest (hex) that changes when a record comes or goes; reads none of them."""
        digest = hashlib.sha256()
        for root in self.roots:
            for run in _runs(root):
                with suppress(FileNotFoundError):  # it went a moment ago
                    changed = os.stat(f"{root}/{run}").st_mtime_ns  # noqa: PTH116 - of 10,000
                    digest.update(f"{root}\t{run}\t{changed}\n".encode())
        return digest.hexdigest()

    def records(self, run: str) -> list[Record]:
        """Return the records of a run: by root, then the newest first."""
        found: list[Record] = []
        for root in self.roots:
            here = [_read(folder) for folder in _folders(root / run)]
            found += sorted(here, key=lambda r: str(r.data["finished"]), reverse=True)
        return found

    def result(self, run: str, execution: str | None = None) -> Record | None:
        """Return the one record that stands for a run: complete, of `execution` if named."""
        for record in self.records(run):
            if record.done and execution in (None, record.execution):
                return record
        return None

    def all(self) -> Iterator[Record]:
        """Yield every record, by run id; a run in several roots comes from each."""
        for root in self.roots:
            for run in _runs(root):
                yield from map(_read, sorted(_folders(f"{root}/{run}")))

    def find(self, prefix: str) -> list[Record]:
        """Return the records of the one run whose id starts with `prefix`."""
        there = [(root, run) for root in self.roots for run in _runs(root, prefix)]
        ids = [run for root, run in there if _folders(root / run)]
        return self.records(started("run", prefix, ids, "repro runs list"))


def _runs(root: Path, prefix: str = "") -> list[str]:
    """Return the runs of a root that start with `prefix`, sorted; work folders are none."""
    try:
        names = os.listdir(root)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if name.startswith(prefix) and name[0] != ".")


def _folders(run: str | Path) -> list[str]:
    """Return the folders of a run's records, as text: 10,000 Path objects take their time."""
    try:
        with os.scandir(run) as entries:
            return [e.path for e in entries if os.path.isfile(f"{e.path}/run.json")]  # noqa: PTH113
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(folder: str) -> Record:
    """Read a record; one that cannot be read is named, never skipped."""
    path = f"{folder}/run.json"
    try:
        with open(path, "rb") as stream:  # noqa: PTH123
            return Record(Path(folder), json.loads(stream.read()))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read: {error}", f"move {folder} away, then ask again"
        ) from None


@dataclass(frozen=True)
class Work:
    """A run in progress: a folder of its own, which becomes the record by one rename."""

    folder: Path
    final: Path

    def recorded(self) -> bool:
        """Tell whether a result is there: published, or written by a process killed before that."""
        paths = (self.final / "run.json", self.folder / "run.json")
        return any(path.is_file() and _read(str(path.parent)).done for path in paths)

    def finish(self, record: dict[str, Any]) -> Path:
        """Write run.json, the last file of a record, and publish it."""
        for name in FILES:
            if (self.folder / name).is_file():
                atomic.sync_folder(self.folder / name)
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        atomic.write(self.folder / "run.json", text.encode())
        return self.publish()

    def publish(self) -> Path:
        """Give the folder its final name.

        An earlier failed record steps aside as `<execution>.failed-1`, ...; a result is never
        replaced: where one exists already, this work is dropped.
        """
        for path in self.folder.iterdir():
            if path.name not in FILES:
                path.unlink()  # checkpoints, and what a killed process was writing
        self.final.parent.mkdir(parents=True, exist_ok=True)
        atomic.sync_folder(self.final.parent.parent)
        if (self.final / "run.json").is_file():
            if _read(str(self.final)).done:
                shutil.rmtree(self.folder)
                return self.final
            self.final.rename(_aside(self.final))
        self.folder.rename(self.final)
        atomic.sync_folder(self.final.parent)
        return self.final


@contextmanager
def work(runs: Path, run: str, execution: str) -> Iterator[Work]:
    """Hold the lock of a run and give its work folder; raise BusyError if another process has it.

    Leaving without `Work.finish` (Ctrl-C, an error) keeps the folder: the next call resumes there.
    """
    base = runs / ".work"
    base.mkdir(parents=True, exist_ok=True)
    with locks.held(base / f"{run}.lock"):
        folder = base / f"{run}-{execution}"
        folder.mkdir(exist_ok=True)
        yield Work(folder, runs / run / execution)


def put(root: Path, run: str, execution: str, record: dict[str, Any]) -> Path:
    """Write a record that is ready at once, such as a measurement; return its folder.

    Where a result of that execution is there already, it stays and this one is dropped.
    """
    base = root / ".work"
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=base) as temporary:
        folder = Path(temporary) / run
        folder.mkdir()
        path = Work(folder, root / run / execution).finish(record)
    with suppress(OSError):
        base.rmdir()  # where runs are in progress it stays
    return path


def adopt(runs: Path, whole: Path, run: str, execution: str) -> Path:
    """Give a whole record that was made elsewhere its place, by the rules of `Work.publish`.

    `whole` is its folder, on the disk of `runs`. BusyError if a process trains the run.
    """
    base = runs / ".work"
    base.mkdir(parents=True, exist_ok=True)
    with locks.held(base / f"{run}.lock"):
        return Work(whole, runs / run / execution).publish()


def in_progress(runs: Path) -> list[str]:
    """Return the run ids that have a work folder: being trained, or interrupted."""
    return sorted({p.name.rpartition("-")[0] for p in (runs / ".work").glob("*-*") if p.is_dir()})


def _aside(final: Path) -> Path:
    """Return the first free name for a failed record that steps aside."""
    number = 1
    while (aside := final.with_name(f"{final.name}.failed-{number}")).exists():
        number += 1
    return aside
