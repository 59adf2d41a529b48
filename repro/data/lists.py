"""What a list of clips is, and its file: gzipped CSV of path, label, group, part (and hash)."""

import functools
import gc
import gzip
import hashlib
import operator
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise, repeat
from pathlib import Path
from typing import NamedTuple

from repro import atomic
from repro.errors import UserError

COLUMNS = ("path", "label", "group", "part")
# More columns, where a source states them: hashes of the audio, and the length of each clip.
HASH, SECONDS = "hash", "seconds"
_MORE: tuple[list[str], ...] = ([], [HASH], [SECONDS], [HASH, SECONDS])
PARTS = ("train", "valid", "test")


_MARKS = ',"\t\r\n'  # what a field cannot hold
_FOLD = re.compile(r"0|[1-9][0-9]{0,3}")


def is_fold(part: str) -> bool:
    """Tell whether a part is the number of a fold, 0 to 9999 in plain digits."""
    return _FOLD.fullmatch(part) is not None


class Clip(NamedTuple):
    """One audio example.

    id: the dataset's own relative path, suffix included, whatever format the local copy has.
    label: its class; several are joined by ";".
    group: what must not be split between train and test (speaker, source recording, actor).
    part: "train", "valid" or "test" of an official split, or the number of a fold as text; empty
        for a clip that is in no official part.
    """

    id: str
    label: str
    group: str
    part: str


@dataclass(frozen=True)
class Manifest:
    """The clips of a dataset, sorted by id without repeats, and its classes in order of index.

    hashes: by clip id, published hashes as "kind:hex", joined by ";". Kinds: md5 and sha256 of the
    file as published; pcm, SHA-256 of its 16-bit samples, channels in turn, each as a little-endian
    32-bit integer. seconds: by clip id, the length that a source states, to a microsecond; they are
    no part of the digest.
    """

    dataset: str
    clips: tuple[Clip, ...]
    classes: tuple[str, ...]
    hashes: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over one line of id, label, group, part (and hash) per clip, in order."""
        text = "\n".join(map("\t".join, self.clips))
        if self.hashes:
            text = "\n".join("\t".join((*c, self.hashes.get(c.id, ""))) for c in self.clips)
        return hashlib.sha256(text.encode()).hexdigest()

    def counts(self) -> dict[str, int]:
        """Return the number of clips in each part."""
        return dict(Counter(clip.part for clip in self.clips))


def build(
    dataset: str,
    clips: Iterable[Clip],
    classes: Sequence[str] = (),
    hashes: Mapping[str, str] | None = None,
    seconds: Mapping[str, float] | None = None,
) -> Manifest:
    """Sort the clips into a manifest; classes are the sorted labels unless given.

    Raises ValueError for a repeated id, and for a comma, quote, tab or line end in a field: the
    file is CSV without quoting (it is split, not parsed, to load fast).
    """
    ordered = tuple(sorted(clips))
    for before, clip in pairwise(ordered):
        if before.id == clip.id:
            raise ValueError(f"{dataset}: clip {clip.id!r} is listed twice")
    text = "".join(map("".join, ordered))  # looked through as one: there may be a million
    if any(mark in text for mark in _MARKS):
        wrong = next(clip for clip in ordered if any(m in field for field in clip for m in _MARKS))
        raise ValueError(f"{dataset}: comma, quote, tab or line end in {wrong!r}")
    labels = tuple(classes) or _classes(clip.label for clip in ordered)
    kept = {c.id: hashes[c.id] for c in ordered if c.id in hashes} if hashes else {}
    stated = {c.id: round(seconds[c.id], 6) for c in ordered if c.id in seconds} if seconds else {}
    return Manifest(dataset, ordered, labels, kept, stated)


def of_parts(listed: Manifest, parts: Collection[str]) -> Manifest:
    """Return the clips of some parts, under all of the dataset's classes."""
    clips = tuple(clip for clip in listed.clips if clip.part in parts)
    return replace(listed, clips=clips)


def joined(listed: Sequence[Manifest]) -> Manifest:
    """Return several datasets' clips as one manifest, under the first one's name."""
    first, *others = listed
    if not others:
        return first
    hashes = {clip: text for one in listed for clip, text in one.hashes.items()}
    every = sorted({name for one in listed for name in one.classes})
    seconds = {clip: length for one in listed for clip, length in one.seconds.items()}
    clips = (clip for one in listed for clip in one.clips)
    return build(first.dataset, clips, every, hashes, seconds)


def read(dataset: str, file: Path) -> Manifest:
    """Read a manifest file; UserError naming it if it is missing, damaged or out of order."""
    return parsed(dataset, file, content(dataset, file))


def content(dataset: str, file: Path) -> bytes:
    """Return the bytes of a list's file; UserError naming it if it is missing."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file}: the manifest of {dataset} is missing") from None
    except OSError as error:
        raise UserError(f"{file}: not a readable manifest ({error})") from error


def parsed(dataset: str, file: Path, content: bytes) -> Manifest:
    """Turn the bytes of a manifest file into clips."""
    try:
        text = gzip.decompress(content).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a readable manifest ({error})") from error
    header, _, body = text.partition("\n")
    columns = header.split(",")
    more = columns[len(COLUMNS) :]
    if tuple(columns[: len(COLUMNS)]) != COLUMNS or more not in _MORE:
        raise UserError(f"{file}: columns {header!r}, expected {','.join(COLUMNS)!r}")
    width = len(columns)
    cells = body.removesuffix("\n").replace("\n", ",").split(",")
    if len(cells) != width * body.count("\n"):
        raise UserError(f"{file}: a line has not {width} cells, or the last line is cut")
    ids, labels, groups, parts = (cells[column::width] for column in range(len(COLUMNS)))
    if not all(map(operator.lt, ids, ids[1:])):
        raise UserError(f"{file}: clips not sorted by path, or listed twice")
    stated = {
        name: {clip: text for clip, text in zip(ids, cells[place::width], strict=True) if text}
        for place, name in enumerate(more, start=len(COLUMNS))
    }
    try:
        seconds = {clip: float(text) for clip, text in stated.get(SECONDS, {}).items()}
    except ValueError as error:
        raise UserError(f"{file}: a length that is no number ({error})") from error
    with no_collection():
        clips = tuple(
            map(tuple.__new__, repeat(Clip), zip(ids, labels, groups, parts, strict=True))
        )
    return Manifest(dataset, clips, _classes(labels), stated.get(HASH, {}), seconds)


def write(manifest: Manifest, file: Path) -> None:
    """Write the manifest as gzipped CSV; equal manifests give equal bytes (no time stamp)."""
    rows: list[tuple[str, ...]] = [COLUMNS, *manifest.clips]
    if manifest.hashes:
        more = (HASH, *(manifest.hashes.get(clip.id, "") for clip in manifest.clips))
        rows = [(*row, text) for row, text in zip(rows, more, strict=True)]
    if manifest.seconds:
        lengths = (manifest.seconds.get(clip.id) for clip in manifest.clips)
        more = (
            SECONDS,
            *("" if s is None else f"{s:.6f}".rstrip("0").rstrip(".") for s in lengths),
        )
        rows = [(*row, text) for row, text in zip(rows, more, strict=True)]
    lines = [",".join(row) + "\n" for row in rows]
    data = gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0)
    with atomic.output(file) as stream:
        stream.write(data)


@contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector: it doubles the time to make 100,000 clips, and finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _classes(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for label in set(labels) for name in label.split(";")}))
