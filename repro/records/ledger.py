"""The ledger: folders of records, the only source of our numbers; nothing else writes results.

    runs/<run id>/<execution id>/run.json  epochs.jsonl  predictions.npz  log.txt  SHA256SUMS
    runs/.work/<run id>-<execution id>/    a run in progress: checkpoints and its log
    runs/.work/<run id>.lock               who trains it

A record appears whole, by one rename of its folder: no reader ever sees half of one. What is read
is checked; a damaged record is left out, named and counted, and stops nothing else.
"""

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from repro import places
from repro.errors import UserError, started
from repro.places import Home
from repro.records import alike, known, reading, rows, seal
from repro.records.reading import Damaged
from repro.records.record import Measurement, Record, Training
from repro.records.rows import Row


class Ledger:
    """Read records from several roots; the first root is preferred.

    cache: the home's folder for what follows from records; None keeps nothing. trusting: a record
    whose files have the size and the time that they had when it was checked is not checked again.
    """

    def __init__(self, roots: list[Path], cache: Path | None = None, trusting: bool = True) -> None:
        self.roots = roots
        self.cache = cache
        self._kept = known.at(cache / "records" / "checked") if cache else reading.NOTHING_KNOWN
        self._known = self._kept if trusting else reading.NOTHING_KNOWN
        calm = cache / "records" / "calm" if cache and trusting else None
        self._calm = known.at(calm) if calm else reading.NOTHING_KNOWN
        self._damaged: dict[str, list[Damaged]] = {}  # met so far, by the folder of their run

    @classmethod
    def of(cls, home: Home, trusting: bool = True) -> "Ledger":
        """Return a home's ledger: what ships with the suite first, then the user's own runs."""
        return cls([places.shipped("results"), home.runs], home.cache, trusting)

    def state(self) -> str:
        """Return a digest (hex) that changes when a record comes or goes; reads none of them."""
        digest = hashlib.sha256()
        for root in self.roots:
            for run in _runs(root):
                with suppress(FileNotFoundError):  # it went a moment ago
                    changed = os.stat(f"{root}/{run}").st_mtime_ns  # noqa: PTH116 - of 10,000
                    digest.update(os.fsencode(f"{root}\t{run}\t{changed}\n"))
        return digest.hexdigest()

    def records(self, run: str) -> list[Record]:
        """Return the sound records of a run: by root, then the newest first.

        A record that lies in several roots is one: that of the first, or of the first that has
        kept its weights.
        """
        found: list[Record] = []
        for root in self.roots:
            here = [r for r in self._look(root, run) if not isinstance(r, Damaged)]
            before = list(found)
            for record in sorted(here, key=lambda r: r.finished, reverse=True):
                same = (n for n, other in enumerate(before) if alike.same_files(record, other))
                if (place := next(same, None)) is None:
                    found.append(record)
                elif _has_weights(record) and not _has_weights(found[place]):
                    found[place] = record
        return found

    def trainings(self, run: str) -> list[Training]:
        """Return the sound records of a run that is trained, in the order of `records`."""
        return [record for record in self.records(run) if isinstance(record, Training)]

    def measurements(self, run: str) -> list[Measurement]:
        """Return the sound records of what was measured of a network."""
        return [record for record in self.records(run) if isinstance(record, Measurement)]

    def result(self, run: str, execution: str | None = None) -> Training | None:
        """Return the one record that stands for a run: complete, of `execution` if named."""
        for record in self.trainings(run):
            if record.done and execution in (None, record.execution):
                return record
        return None

    def all(self) -> Iterator[Record]:
        """Yield every sound record, by run id; a run in several roots comes from each.

        A record that lies in several is one.
        """
        for record in self.every():
            if not isinstance(record, Damaged):
                yield record

    def every(self, prefix: str = "") -> Iterator[Record | Damaged]:
        """Yield every record of the runs that start with `prefix`, the damaged ones too."""
        for root in self.roots:
            for run in _runs(root, prefix):
                yield from self._look(root, run, once=True)
        if not prefix:
            self._known.swept()

    def rows(self) -> Iterator[Row]:
        """Yield every sound training as a row, by run id: for lists, where each has a line.

        A record that has not changed since is not read again; tables read records.
        """
        for root in map(str, self.roots):
            for run in _runs(root):
                yield from self._rows(root, run)
        self._known.swept()

    def failed(self) -> list[str]:
        """Return the runs with a failed record, by root.

        A run in which nothing was failed or damaged is looked into again once a record of it has
        come or gone; that a file was edited in place is noticed by whoever reads the record.
        """
        found = []
        for root in map(str, self.roots):
            for run in _runs(root):
                folder = f"{root}/{run}"
                there = known.folder(folder)
                if self._calm.get(mark := known.mark(folder, there)) is not None:
                    continue
                failed = [row for row in self._rows(root, run) if row["status"] == "failed"]
                found += [run] if failed else []
                if there and not failed and folder not in self._damaged:
                    self._calm.keep(mark, there, [])
        self._calm.swept()
        return list(dict.fromkeys(found))

    def _rows(self, root: str, run: str) -> list[Row]:
        if self._before(root, run):
            every = self._look(root, run, once=True)
            return [rows.of(read) for read in every if isinstance(read, Training)]
        there = (reading.row(folder, self._known) for folder in _folders(f"{root}/{run}"))
        found = [row for row in there if row is not None]
        self._meet(root, run, [row for row in found if isinstance(row, Damaged)])
        return [row for row in found if not isinstance(row, Damaged)]

    def note(self, record: Record, findings: Sequence[str]) -> None:
        """Leave out a record, as long as its files stay as they are, for what was found inside."""
        reading.note(record, findings, self._kept)

    def damaged(self, runs: Iterable[str] | None = None) -> list[Damaged]:
        """Return the damaged records met so far, of some runs or of all; they are in no number.

        What stepped aside for a later attempt stands in nobody's way, and is none of them.
        """
        names = None if runs is None else set(runs)
        return [
            record
            for found in self._damaged.values()
            for record in found
            if not record.aside and (names is None or record.path.parent.name in names)
        ]

    def find(self, prefix: str) -> list[Record]:
        """Return the sound records of the one run whose id starts with `prefix`."""
        there = {name for root in self.roots for name in _runs(root, prefix)}
        found = {run: records for run in sorted(there) if (records := self.records(run))}
        lost = [] if found else self.damaged(there)
        if lost:
            raise UserError(
                f"{lost[0].path} is damaged: {'; '.join(lost[0].findings)}",
                f"repro runs check {lost[0].path.parent.name}",
            )
        return found[started("run", prefix, found, "repro runs list")]

    def _look(self, root: Path | str, run: str, once: bool = False) -> list[Record | Damaged]:
        """Read all of a run's records in a root, by the names of their folders.

        One that contradicts a record of an earlier root is damaged: that one stands. once: without
        copies of such a record; they may keep its weights.
        """
        before = self._before(root, run)
        found: list[Record | Damaged] = []
        for folder in _folders(f"{root}/{run}"):
            read = reading.read(folder, self._known)
            if read is None:
                continue
            if not isinstance(read, Damaged):
                if once and any(alike.same_files(read, other) for other in before):
                    continue
                read = _held(read, before)
            found.append(read)
        self._meet(root, run, [read for read in found if isinstance(read, Damaged)])
        return found

    def _before(self, root: Path | str, run: str) -> list[Record]:
        """Return a run's sound records in the roots before this one."""
        earlier = itertools.takewhile(lambda other: str(other) != str(root), self.roots)
        there = [other for other in earlier if os.path.isdir(f"{other}/{run}")]  # noqa: PTH112
        return [r for other in there for r in self._look(other, run)
                if not isinstance(r, Damaged)]  # fmt: skip

    def _meet(self, root: Path | str, run: str, lost: list[Damaged]) -> None:
        """Note which of a run's records in a root are damaged."""
        self._damaged.pop(f"{root}/{run}", None)
        if lost:
            self._damaged[f"{root}/{run}"] = lost


def _has_weights(record: Record) -> bool:
    return (record.path / seal.WEIGHTS).is_file()


def _held(read: Record, before: Sequence[Record]) -> Record | Damaged:
    """Hold a sound record against those of the roots before its own."""
    other = alike.contradicted(read, before)
    if other is None:
        return read
    what = f"{other.path} is another result of this run, by the same execution, of the same audio"
    if alike.cut_apart(read, other):
        what += "; how many of its clips were cut (run.json: data) cannot be as both say"
    return Damaged(read.path, (what,))


def _runs(root: Path | str, prefix: str = "") -> list[str]:
    """Return the runs of a root that start with `prefix`, sorted; work folders are none."""
    try:
        names = os.listdir(root)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in names if name.startswith(prefix) and name[0] != ".")


def _folders(run: str) -> list[str]:
    """Return what lies in the folder of a run, as text: 10,000 Path objects take their time."""
    try:
        names = os.listdir(run)  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [f"{run}/{name}" for name in sorted(names)]
