"""Write records: a run in progress has a folder, which becomes the record by one rename."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from repro import atomic
from repro.records import known, locks, reading, seal
from repro.records.locks import Lock, LostError, set_aside
from repro.records.reading import Damaged
from repro.records.record import Record, Training
from repro.records.seal import FILES, SEAL, SEALED, WEIGHTS

_WORK = re.compile(r"[0-9a-f]{12}-\w+")


@dataclass(frozen=True)
class Work:
    """A run in progress: a folder of its own, which becomes the record by one rename.

    fits: whether a result answers for the run here; one of other audio does not.
    """

    folder: Path
    final: Path
    fits: Callable[[Record], bool] = lambda _: True
    lock: Lock | None = None  # of a run that others may be training; None: a folder of our own
    notes: tuple[str, ...] = ()  # what lay in the way, and where it is now

    def check(self) -> None:
        """Refuse to go on (LostError) if another process has taken the run over, or ended it."""
        if self.lock is not None:
            self.lock.check()
            self._is_here()

    def _is_here(self) -> None:
        """Refuse to go on without the work folder: it is part of another process's record now."""
        if not self.folder.is_dir():
            raise LostError(locks.NOBODY)

    @contextmanager
    def file(self, name: str) -> Iterator[Path]:
        """Give a name that no other process writes to; the file then becomes one of the record.

        Who is stopped in the midst of it does not go on writing into that of the next holder.
        """
        part = atomic.temporary(self.folder / name)
        try:
            yield part
            self.check()
            part.rename(self.folder / name)
        finally:
            part.unlink(missing_ok=True)

    def result(self) -> Path | None:
        """Return the result that is there; a whole one that waits for its name gets it first.

        Where there is one, what is in progress beside it is dropped.
        """
        if self.waits():
            self.publish()
        for path in [self.final, *sorted(self.final.parent.glob(f"{self.final.name}.heard-*"))]:
            there = self._read(path)
            if _is_result(there) and self.fits(there):
                if self.folder.is_dir():
                    with self._alone():
                        self._sweep()
                        shutil.rmtree(self.folder)
                return path
        self.folder.mkdir(exist_ok=True)
        return None

    def waits(self) -> bool:
        """Tell whether a whole result waits in the work folder for its name."""
        return _is_result(self._read(self.folder))

    def _read(self, folder: Path) -> Record | Damaged | None:
        """Read what lies in a folder as the record of this run; None where nothing does."""
        if not (folder / "run.json").is_file():
            return None
        there = known.files(str(folder))
        name = self.final.name if folder == self.folder else folder.name
        return reading.read_as(folder, there, self.final.parent.name, name)

    def finish(self, record: dict[str, Any]) -> Path:
        """Write the seal and run.json, the last file of a record, and publish it as `publish` does.

        Nobody can take the run over from the first byte to the last.
        """
        for name in SEALED:
            if (self.folder / name).is_file():
                atomic.sync_folder(self.folder / name)
        content = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
        with self._alone():
            atomic.write(self.folder / SEAL, seal.text(self.folder, content).encode())
            atomic.write(self.folder / "run.json", content)
            return self._publish()

    def publish(self) -> Path:
        """Give the folder its final name; LostError if another has taken the run over.

        An earlier record that is no result steps aside, as `<execution>.failed-1`, ... or
        `<execution>.damaged-1`, ...; a result is never replaced: where one of the same audio exists
        already, this work is dropped, and beside one of other audio it becomes
        `<execution>.heard-<digest>`.
        """
        with self._alone():
            return self._publish()

    def _publish(self) -> Path:
        self._sweep()
        self.final.parent.mkdir(parents=True, exist_ok=True)
        atomic.sync_folder(self.final.parent.parent)
        place = self._place()
        if place.is_dir() and any(place.iterdir()):
            there = self._read(place)
            if _is_result(there):
                shutil.rmtree(self.folder)
                return place
            failed = there is not None and not isinstance(there, Damaged)
            place.rename(_aside(self.final, "failed" if failed else "damaged"))
        self.folder.rename(place)
        atomic.sync_folder(place.parent)
        return place

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody take the run over meanwhile."""
        if self.lock is None:
            yield
            return
        with self.lock.alone():
            self._is_here()
            yield

    def _sweep(self) -> None:
        """Delete what is no file of a record; what is not ours to delete is set aside."""
        for path in self.folder.iterdir():
            if path.name in FILES and path.is_file():
                continue
            if _is_ours(path):
                path.unlink()  # checkpoints, and what a killed process was writing
            else:
                _moved(path)

    def _place(self) -> Path:
        """Return where this record belongs: beside a result of other audio."""
        there = self._read(self.final)
        if not (_is_result(there) and isinstance(there, Training)):
            return self.final
        mine = self._read(self.folder)
        if not isinstance(mine, Training):
            return self.final
        if not mine.done:
            return self.final if self.fits(there) else _aside(self.final, "failed")
        if mine.sounds_like(there) or not mine.heard:
            return self.final
        return self.final.with_name(f"{self.final.name}.heard-{mine.heard[:6]}")


def _is_ours(path: Path) -> bool:
    """Tell whether a file in a work folder is a checkpoint, or one that was being written."""
    ours = path.name.startswith("checkpoint-") or path.match(".*.part")
    return ours and path.is_file()


def _moved(path: Path) -> Path:
    """Set aside what does not belong into a work folder; return where it is now."""
    return set_aside(path, path.parent.parent, f"{path.parent.name}.{path.name}")


def _unblocked(base: Path, folders: Iterable[Path]) -> Iterator[str]:
    """Set aside what is no folder where a run needs one, and say what was moved where."""
    for path in folders:
        if os.path.lexists(path) and not path.is_dir():
            yield f"{path} is no folder: moved to {set_aside(path, base, path.name)}"


def _cleared(work: Work) -> Iterator[str]:
    """Clear a work folder of what would stop the run, and say what was moved where."""
    for path in sorted(work.folder.iterdir()):
        if path.match(".*.part") and path.is_file():
            path.unlink()  # of a process that was killed while it wrote
        elif not path.is_file() or (path.name == "run.json" and isinstance(
            work._read(work.folder), Damaged
        )):  # fmt: skip
            what = "a folder" if path.is_dir() else "no record" if path.is_file() else "no file"
            yield f"{path} is {what}: moved to {_moved(path)}"


def _is_result(read: Record | Damaged | None) -> TypeGuard[Record]:
    return read is not None and not isinstance(read, Damaged) and read.done


def seal_up(record: Record) -> None:
    """Seal a record that was made before there were seals; what it says has been checked."""
    content = (record.path / "run.json").read_bytes()
    atomic.write(record.path / SEAL, seal.text(record.path, content).encode())


def keep(record: Record, weights: Path) -> None:
    """Give a record the weights that it states; BusyError if a process trains the run.

    The seal names them before they are there, which it may: no instant leaves a damaged record.
    """
    base = record.path.parent.parent / ".work"
    base.mkdir(parents=True, exist_ok=True)
    told = record.path / SEAL
    with locks.held(base / f"{record.run}.lock"):
        if told.is_file():
            sums = {**seal.sums(told.read_bytes()), WEIGHTS: seal.digest(weights)}
            atomic.write(told, seal.lines(sums).encode())
        shutil.copyfile(weights, part := base / f".{record.run}.part")
        part.replace(record.path / WEIGHTS)


@contextmanager
def work(
    runs: Path, run: str, execution: str, fits: Callable[[Record], bool] = lambda _: True
) -> Iterator[Work]:
    """Hold the lock of a run and give its work folder; raise BusyError if another process has it.

    Leaving without `Work.finish` (Ctrl-C, an error) keeps the folder: the next call resumes there.
    """
    base = runs / ".work"
    base.mkdir(parents=True, exist_ok=True)
    with locks.held(base / f"{run}.lock") as lock:
        folder, final = base / f"{run}-{execution}", runs / run / execution
        notes = [lock.replaced] if lock.replaced else []
        notes += _unblocked(base, (final.parent, final, folder))
        folder.mkdir(exist_ok=True)
        made = Work(folder, final, fits, lock)
        yield replace(made, notes=(*notes, *_cleared(made)))


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
    with locks.held(base / f"{run}.lock") as lock:
        return Work(whole, runs / run / execution, lock=lock).publish()


def in_progress(runs: Path) -> list[str]:
    """Return the run ids that have a work folder: being trained, or interrupted."""
    return sorted({path.name.partition("-")[0] for path in work_folders(runs)})


def work_folders(runs: Path) -> list[Path]:
    """Return the work folders of runs, by name."""
    return sorted(p for p in (runs / ".work").glob("*-*") if p.is_dir() and _WORK.fullmatch(p.name))


def _aside(final: Path, why: str) -> Path:
    """Return the first free name for a record that steps aside."""
    number = 1
    while (aside := final.with_name(f"{final.name}.{why}-{number}")).exists():
        number += 1
    return aside
