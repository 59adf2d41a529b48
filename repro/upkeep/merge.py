"""Move results between ledgers: one archive, equal bytes for equal records, checked by hash.

    repro-ledger.json           format, and the SHA-256 of every file
    ro-crate-metadata.json      the same for others to read: an RO-Crate
    <run>/<execution>/run.json  epochs.jsonl  predictions.npz  log.txt

Failed records stay where they failed: they are no results.
"""

import gzip
import io
import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from repro import atomic, places
from repro.data.fetching import unpack
from repro.errors import UserError
from repro.records import again, alike, known, locks, reading, seal, writing
from repro.records.ledger import Ledger
from repro.records.reading import Damaged
from repro.records.record import Record
from repro.upkeep import crate, listed

INDEX = "repro-ledger.json"
FORMAT = 1
_ASIDE = {INDEX, crate.NAME}  # members that are no record's
LONGEST = 100_000_000  # bytes of an index: a record takes a few hundred
# More comes out of no honest archive: logs and numbers shrink to a tenth, predictions hardly.
GROWTH = 100

_NAME = re.compile(r"[0-9a-f]{12}/\w+(\.heard-\w+)?")

Index = dict[str, dict[str, str]]  # "<run>/<execution>" -> file -> SHA-256


@dataclass
class Merged:
    """What became of the records of an archive; each is "<run>/<execution>"."""

    added: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)  # there already, file by file
    agreeing: list[str] = field(default_factory=list)  # trained here too, with the same bits
    conflicts: list[str] = field(default_factory=list)  # trained here too, with other bits
    busy: list[str] = field(default_factory=list)  # being trained here
    left: dict[str, str] = field(default_factory=dict)  # why clips were not compared with a list


def export(records: Iterable[Record], file: Path, weights: bool = False) -> None:
    """Write an archive of results.

    The same records give the same bytes. Weights that other runs start from (`weights`) are large.
    """
    names = [name for name in seal.FILES if weights or name != seal.WEIGHTS]
    done = {record.name: record for record in records if record.done}
    chosen = {name: record.path for name, record in sorted(done.items())}
    files = {
        f"{name}/{path.name}": path
        for name, folder in sorted(chosen.items())
        for path in sorted(folder / file_name for file_name in names)
        if path.is_file()
    }
    index: Index = {name: {} for name in sorted(chosen)}
    for member, path in files.items():
        name, _, last = member.rpartition("/")
        index[name][last] = seal.digest(path)
    told = crate.metadata([done[name] for name in chosen], files)
    with atomic.output(file) as stream:
        _pack(stream, index, told, files)


def _pack(stream: IO[bytes], index: Index, told: bytes, files: Mapping[str, Path]) -> None:
    """Write the archive: no owner, no time, the index first; `told`: the crate's metadata."""
    text = json.dumps({"format": FORMAT, "records": index}, indent=1, sort_keys=True).encode()
    with (
        gzip.GzipFile("", "wb", 6, stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.addfile(_member(INDEX, len(text)), io.BytesIO(text))
        tar.addfile(_member(crate.NAME, len(told)), io.BytesIO(told))
        for name, path in files.items():
            with path.open("rb") as content:
                tar.addfile(_member(name, path.stat().st_size), content)


def _member(name: str, size: int) -> tarfile.TarInfo:
    """Describe a member that tells nothing of who made it, and when."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


def take(file: Path, runs: Path, data: Path | None = None) -> Merged:
    """Add the results of an archive to the ledger in `runs`; what is there is never replaced.

    data: the home's data folder, whose lists clips are compared with beside those of the suite.
    Everything is checked before the first record is added. UserError for an archive that is
    damaged or none of ours.
    """
    if not file.is_file():
        what = "is not a file" if atomic.existing(file) else "does not exist"
        raise UserError(f"{file} {what}", _AGAIN)
    merged = Merged()
    base = runs / ".work"
    base.mkdir(parents=True, exist_ok=True)
    try:
        with locks.held(base / "import.lock"):
            folder = base / "import"
            shutil.rmtree(folder, ignore_errors=True)  # of an import that was killed
            try:
                records = _unpacked(file, folder)
                merged.left = _compared(file, records, data)
                for record in records:
                    _add(record, runs, merged)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except locks.BusyError as busy:
        raise UserError(f"another import into {runs} is at work ({busy})", "wait for it") from None
    return merged


def _add(record: Record, runs: Path, merged: Merged) -> None:
    """Add one record that has been checked, unless a result is here, or shipped, in its place."""
    run, execution = record.run, record.execution
    kept = Ledger([places.shipped("results"), runs]).records(run)
    there = [r for r in kept if alike.stands_for(r, record)]
    if there and not _brings_weights(record, there, runs):
        here, found = there[0], merged.conflicts
        if alike.same_files(record, here):
            found = merged.equal
        elif alike.same_result(record, here):
            found = merged.agreeing
        found.append(record.name)
        return
    try:
        writing.adopt(runs, record.path, run, execution)
        merged.added.append(record.name)
    except locks.BusyError:
        merged.busy.append(record.name)


def _brings_weights(record: Record, there: Sequence[Record], runs: Path) -> bool:
    """Tell whether a record has kept weights, and what is here of it ships without them."""
    alone = not (runs / record.name).exists()
    kept = [(r.path / seal.WEIGHTS).is_file() for r in (there[0], record)]
    return alone and kept == [False, True] and alike.same_files(record, there[0])


def _unpacked(file: Path, folder: Path) -> list[Record]:
    """Unpack an archive and check all of it; return its records in `folder`."""
    index = _index(file, _first(file))
    listed = {f"{name}/{last}" for name, files in index.items() for last in files}
    limit = GROWTH * file.stat().st_size + 10_000_000
    try:
        unpack.unpack(file, folder, limit, only=listed | _ASIDE)
    except UserError as error:
        raise UserError(error.message, _AGAIN) from None
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    } - _ASIDE
    for odd in sorted(listed ^ there):
        state = "is missing" if odd in listed else "is not in its index"
        raise _bad(file, f"{odd} {state}")
    return [_checked(file, folder, name, files) for name, files in index.items()]


def _compared(file: Path, records: Iterable[Record], data: Path | None) -> dict[str, str]:
    """Refuse what contradicts tables or lists; return whose clips were not compared, and why."""
    left = {}
    for record in records:
        found = listed.compared(record, data)
        if found.findings:
            what = f"{record.name}: {'; '.join(found.findings)}"
            raise UserError(
                f"{file} contradicts tables or lists, nothing was imported: {what}", _AGAIN
            )
        if found.left:
            left[record.name] = found.left
    return left


def _first(file: Path) -> bytes:
    """Read the first member of an archive, its index, and nothing behind it."""
    try:
        with tarfile.open(file, "r:gz") as tar:
            member = tar.next()
            if member is not None and member.name == INDEX and member.size <= LONGEST:
                content = tar.extractfile(member)
                if content is not None:
                    return content.read()
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(f"{file}: damaged archive ({error})", _AGAIN) from None
    raise UserError(f"{file} is no export of a ledger: it begins with no {INDEX}", _AGAIN)


def _index(file: Path, content: bytes) -> Index:
    """Read the index of an archive; UserError if it is none that we know."""
    try:
        told = json.loads(content)
        form, index = told["format"], told["records"]
        if form == FORMAT:
            return {str(name): {str(k): str(v) for k, v in files.items()} for name, files in
                    index.items()}  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _bad(file, f"its index cannot be read ({error})") from None
    raise UserError(
        f"{file} was written in format {form!r}; this version reads {FORMAT}",
        "import it with the version of repro that wrote it, or a newer one",
    )


def _checked(file: Path, folder: Path, name: str, files: Mapping[str, str]) -> Record:
    """Return a record of an archive in which `repro runs check` would find nothing."""
    if not _NAME.fullmatch(name):
        raise _bad(file, f"{name!r} names no run and execution")
    for last, said in files.items():
        if last not in seal.FILES:
            raise _bad(file, f"{name}/{last} is no file of a record")
        if seal.digest(folder / name / last) != said:
            raise _bad(file, f"{name}/{last} has another SHA-256 than its index says")
    if "run.json" not in files:
        raise _bad(file, f"{name}: run.json is missing")
    place = folder / name
    run, execution = name.split("/")
    read = reading.read_as(place, known.files(str(place)), run, execution)
    found = read.findings if isinstance(read, Damaged) else again.findings(read)
    if found or isinstance(read, Damaged):
        raise _bad(file, f"{name}: {'; '.join(found)}")
    if not read.done:
        raise _bad(file, f"{name} says {read.status}: that is no result")
    return read


_AGAIN = (
    "export anew where the records are: `repro runs export FILE`"  # not from the home that imports
)


def _bad(file: Path, what: str) -> UserError:
    return UserError(f"{file} is damaged, nothing was imported: {what}", _AGAIN)
