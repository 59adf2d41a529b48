"""The list of a dataset's clips: the committed `manifests/<dataset>.csv.gz`, or the user's own.

The user's own list lies in the home's data folder: for a dataset that the suite does not know, and
for one whose card says that the user may supply the list (`own_list`).
"""

import functools
import gc
import gzip
import hashlib
import operator
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from pathlib import Path
from typing import NamedTuple

from repro.data import atomic, datasets
from repro.errors import UserError
from repro.places import shipped

COLUMNS = ("path", "label", "group", "part")
HASH = "hash"  # a fifth column, where hashes of the audio are published
PARTS = ("train", "valid", "test")


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
    32-bit integer.
    """

    dataset: str
    clips: tuple[Clip, ...]
    classes: tuple[str, ...]
    hashes: Mapping[str, str] = field(default_factory=dict)

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
) -> Manifest:
    """Sort the clips into a manifest; classes are the sorted labels unless given.

    Raises ValueError for a repeated id, and for a comma, quote, tab or line end in a field: the
    file is CSV without quoting (it is split, not parsed, to load fast).
    """
    ordered = tuple(sorted(clips))
    for before, clip in pairwise(ordered):
        if before.id == clip.id:
            raise ValueError(f"{dataset}: clip {clip.id!r} is listed twice")
    for clip in ordered:
        if any(mark in field for field in clip for mark in ',"\t\r\n'):
            raise ValueError(f"{dataset}: comma, quote, tab or line end in {clip!r}")
    labels = tuple(classes) or _classes(clip.label for clip in ordered)
    kept = {c.id: hashes[c.id] for c in ordered if c.id in hashes} if hashes else {}
    return Manifest(dataset, ordered, labels, kept)


@functools.cache
def load(dataset: str, data: Path | None = None) -> Manifest:
    """Read a dataset's list, once per process; `data` is the home's data folder.

    UserError for an unknown dataset, and for one whose list the user has yet to supply.
    """
    return _parsed(dataset, *_content(dataset, data))


def forget() -> None:
    """Forget what was read: the user's own list has changed since."""
    _content.cache_clear()
    load.cache_clear()


@functools.cache
def _content(dataset: str, data: Path | None) -> tuple[Path, bytes]:
    """Return the file of a dataset's list and its bytes, the same ones for all who ask."""
    about = datasets.card(dataset, data)
    own = None if data is None else own_file(dataset, data)
    if own is not None and about.own_list and own.is_file():
        return own, _bytes(dataset, own)
    if about.clips is None:
        raise UserError(f"{dataset}: its list is not shipped; {about.by_hand}", about.next_step)
    return file_of(dataset), _bytes(dataset, file_of(dataset))


def file_digest(dataset: str, data: Path | None = None) -> str:
    """Return SHA-256 (hex) of the file that `classes` takes a dataset's classes from."""
    return hashlib.sha256(_content(_listed(dataset, data), data)[1]).hexdigest()


def classes(dataset: str, data: Path | None = None) -> tuple[str, ...]:
    """Return a dataset's classes; where only the user's list has them, its companion's."""
    return load(_listed(dataset, data), data).classes


def _listed(dataset: str, data: Path | None) -> str:
    return dataset if available(dataset, data) else datasets.card(dataset).companions[0]


def available(dataset: str, data: Path | None = None) -> bool:
    """Tell whether the dataset's list is here: committed, or supplied by the user."""
    if data is not None and own_file(dataset, data).is_file():
        return True
    return datasets.card(dataset, data).clips is not None


def joined(listed: Sequence[Manifest]) -> Manifest:
    """Return several datasets' clips as one manifest, under the first one's name."""
    first, *others = listed
    if not others:
        return first
    hashes = {clip: text for one in listed for clip, text in one.hashes.items()}
    every = sorted({name for one in listed for name in one.classes})
    return build(first.dataset, (clip for one in listed for clip in one.clips), every, hashes)


def file_of(dataset: str) -> Path:
    """Return where the dataset's committed manifest lies."""
    return shipped("manifests") / f"{dataset}.csv.gz"


def own_file(dataset: str, data: Path) -> Path:
    """Return where the user's own list of a dataset lies."""
    return data / f"{dataset}.csv.gz"


def read(dataset: str, file: Path) -> Manifest:
    """Read a manifest file; UserError naming it if it is missing, damaged or out of order."""
    return _parsed(dataset, file, _bytes(dataset, file))


def _bytes(dataset: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file}: the manifest of {dataset} is missing") from None
    except OSError as error:
        raise UserError(f"{file}: not a readable manifest ({error})") from error


def _parsed(dataset: str, file: Path, content: bytes) -> Manifest:
    """Turn the bytes of a manifest file into clips."""
    try:
        text = gzip.decompress(content).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not a readable manifest ({error})") from error
    header, _, body = text.partition("\n")
    columns = header.split(",")
    if columns not in ([*COLUMNS], [*COLUMNS, HASH]):
        raise UserError(f"{file}: columns {header!r}, expected {','.join(COLUMNS)!r}")
    width = len(columns)
    cells = body.removesuffix("\n").replace("\n", ",").split(",")
    if len(cells) != width * body.count("\n"):
        raise UserError(f"{file}: a line has not {width} cells, or the last line is cut")
    ids, labels, groups, parts = (cells[column::width] for column in range(len(COLUMNS)))
    if not all(map(operator.lt, ids, ids[1:])):
        raise UserError(f"{file}: clips not sorted by path, or listed twice")
    hashes = dict(zip(ids, cells[4::width], strict=True)) if width > len(COLUMNS) else {}
    with _no_collection():
        clips = tuple(
            map(tuple.__new__, repeat(Clip), zip(ids, labels, groups, parts, strict=True))
        )
    known = {clip: text for clip, text in hashes.items() if text}
    return Manifest(dataset, clips, _classes(labels), known)


def write(manifest: Manifest, file: Path) -> None:
    """Write the manifest as gzipped CSV; equal manifests give equal bytes (no time stamp)."""
    rows: list[tuple[str, ...]] = [COLUMNS, *manifest.clips]
    if manifest.hashes:
        rows = [(*clip, manifest.hashes.get(clip.id, "")) for clip in manifest.clips]
        rows.insert(0, (*COLUMNS, HASH))
    lines = [",".join(row) + "\n" for row in rows]
    data = gzip.compress("".join(lines).encode(), compresslevel=9, mtime=0)
    atomic.write(file, data)


@contextmanager
def _no_collection() -> Iterator[None]:
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
