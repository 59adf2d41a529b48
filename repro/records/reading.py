"""Read a record, or say why it is none to believe: it is then left out of every number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from repro.errors import UserError
from repro.records import again, checks, known, predictions, record, rows, seal
from repro.records.known import Files, Known
from repro.records.record import Record, Training
from repro.records.rows import Row
from repro.records.seal import FILES, SEAL

NOTHING_KNOWN = Known(None)
ASIDE = re.compile(r"\.(failed|damaged)-\d+$")


@dataclass(frozen=True)
class Damaged:
    """A record that cannot be believed: where it lies, and what was found."""

    path: Path
    findings: tuple[str, ...]

    @property
    def name(self) -> str:
        """What a person calls it: run and folder."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def aside(self) -> bool:
        """Whether it stepped aside for a later attempt."""
        return bool(ASIDE.search(self.path.name))


def left_out(damaged: Sequence[Damaged]) -> str:
    """Say how many records are left out of what stands beside it; empty where none is."""
    if not damaged:
        return ""
    what = "1 record is" if len(damaged) == 1 else f"{len(damaged):,} records are"
    return f"{what} damaged and left out"


def read(folder: str, before: Known = NOTHING_KNOWN) -> Record | Damaged | None:
    """Read the record in `<run>/<execution>`; None for a folder without a file of a record."""
    there = _there(folder)
    if there is None or isinstance(there, Damaged):
        return there
    run, name = folder.rsplit("/", 2)[1:]
    return read_as(Path(folder), there, run, name, before)


def row(folder: str, before: Known = NOTHING_KNOWN) -> Row | Damaged | None:
    """Return the record in `<run>/<execution>` as a row; None where no training lies there.

    One that was read as it is now is not read again.
    """
    there = _there(folder)
    if there is None or isinstance(there, Damaged):
        return there
    said = before.get(known.mark(folder, there))
    if _sound(said):
        return rows.as_row(said[0], folder) if said[0] else None
    run, name = folder.rsplit("/", 2)[1:]
    found = read_as(Path(folder), there, run, name, before)
    if isinstance(found, Damaged):
        return found
    return rows.of(found) if isinstance(found, Training) else None


def _sound(said: list[Any] | None) -> TypeGuard[list[list[Any]]]:
    """Tell whether what is known of a record is that it is sound; a measurement is no row."""
    return (
        said is not None
        and said[:1] != []
        and isinstance(said[0], list)
        and len(said[0]) in (0, rows.VALUES)
    )


def _there(folder: str) -> Files | Damaged | None:
    """Return the files in a folder; None for one without a file of a record.

    A record that was copied to where none is looked for is named.
    """
    try:
        there = known.files(folder)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        misplaced = folder.endswith("/run.json")
        return (
            Damaged(Path(folder), ("it lies in no folder of an execution",)) if misplaced else None
        )
    except OSError as error:
        return Damaged(Path(folder), (f"it cannot be read: {error.strerror}",))
    if any(file[0] in FILES for file in there):
        return there
    deeper = [name for name, *_ in there if Path(folder, name, "run.json").is_file()]
    return (
        Damaged(Path(folder), (f"a record lies one folder deeper, in {deeper[0]}",))
        if deeper
        else None
    )


def read_as(
    folder: Path, there: Files, run: str, name: str, before: Known = NOTHING_KNOWN
) -> Record | Damaged:
    """Read a folder as the record of a run and execution, whatever it is called itself."""
    mark = known.mark(str(folder), there)
    said = before.get(mark)
    if said and all(isinstance(finding, str) for finding in said):
        return Damaged(folder, tuple(said))
    names = [file[0] for file in there]
    found: list[str] = []
    try:
        content = _parsed(folder, names)
        if not _sound(said):
            found = [*checks.findings(content, run, name), *_sealed(content, names)]
            found = found or _epochs(content, names)
            before.keep(mark, there, found or [rows.values(content)], lasting=bool(found))
    except _NoRecordError as error:
        before.keep(mark, there, [str(error)], lasting=True)
        return Damaged(folder, (str(error),))
    except OSError as error:  # not kept: it may be over the next time
        last = Path(str(error.filename)).name
        return Damaged(folder, (f"{last} cannot be read: {error.strerror}",))
    return Damaged(folder, tuple(found)) if found else content


def note(content: Record, findings: Sequence[str], kept: Known) -> None:
    """Keep what was found in the files of a record that seemed sound."""
    there = known.files(str(content.path))
    kept.keep(known.mark(str(content.path), there), there, findings, lasting=True)


class _NoRecordError(Exception):
    """There is no run.json, or it is none."""


def _parsed(folder: Path, names: list[str]) -> Record:
    """Parse a run.json, and note where it lies."""
    if "run.json" not in names:
        raise _NoRecordError("run.json is missing")
    try:
        content = record.parse((folder / "run.json").read_bytes())
    except ValueError as error:
        raise _NoRecordError(str(error)) from None
    return content.lying_in(folder, SEAL in names)


def _epochs(content: Record, names: list[str]) -> list[str]:
    """Ask whether epochs are rows that tables and figures can read: a seal holds garbage too."""
    if "epochs.jsonl" in names and isinstance(content, Training) and content.done:
        try:
            content.epochs()
        except UserError as error:
            return [error.message]
    return []


def _sealed(content: Record, names: list[str]) -> list[str]:
    """Hold the files of a record against its seal; without one, ask what can be asked at once."""
    there = [name for name in names if name in FILES]
    if content.sealed:
        try:
            told = seal.sums((content.path / SEAL).read_bytes())
        except ValueError as error:
            return [str(error)]
        return seal.broken(content.path, there, told)
    if content.form > 1:
        return [f"its seal ({SEAL}) is missing"]
    if not isinstance(content, Training) or not content.done:
        return []
    lacking = [f"{name} is missing" for name in required(content) if name not in there]
    return lacking or [*again.epochs(content)]


def required(content: Training) -> list[str]:
    """Return the files that a result calls for, besides run.json."""
    if content.status != "complete":
        return []
    return ["epochs.jsonl", predictions.FILE] if predictions.scored(content) else ["epochs.jsonl"]
