"""Add a dataset of the user's own: the list in a table, and what its card says."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from repro import atomic
from repro.data import lists, manifest, registry, sources
from repro.data.decoding import containers, decode
from repro.data.folders import names
from repro.data.folders.missing import Search
from repro.data.folders.scan import scan
from repro.data.lists import Manifest
from repro.data.own import listing, rows, table
from repro.data.own.table import Columns
from repro.data.sources import Located
from repro.errors import UserError

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NAMED = 10  # clips that are missing are named, with what is there instead
# To open a file that is no link, without waiting for a pipe.
_AS_IT_IS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Added:
    """What was added, and what has to be said of it."""

    there: Located
    notes: tuple[str, ...]


def add(
    name: str, folder: Path, file: Path, data: Path, columns: Mapping[str, str] | None = None
) -> Added:
    """Note a dataset of the user's own, and register its folder.

    `columns` says which column of the table is what (`table.mapping`). Every clip has to be in
    `folder`, in any format that is read; UserError names what is missing, and why.
    """
    check_name(name, table.AGAIN)
    try:
        with lists.no_collection():
            return _added(name, folder, file, data, columns or {})
    except UserError as error:
        again = f"repro data add {name} {names.quoted(folder)} --manifest {names.quoted(file)}"
        error.next_step = (error.next_step or "").replace(table.AGAIN, again) or None
        raise


def _added(name: str, folder: Path, file: Path, data: Path, columns: Mapping[str, str]) -> Added:
    """Do what `add` says."""
    opened = table.read(file)
    known = table.columns(opened, columns)
    clips = rows.clips(opened, known)
    root = sources.checked(folder, f"repro data add {name} DIR")
    listed = lists.build(name, clips)
    found = scan(root, listed.clips, (str,))
    absent = [clip.id for clip in listed.clips if clip.id not in found]
    if absent:
        search = Search(root)
        raise table.wrong(
            file, f"{len(absent):,} of {len(clips):,} clips are not in {names.shown(root)}:"
            + "".join(f"\n  {clip}: {search.why(clip)}" for clip in absent[:_NAMED]),
            f"mend the paths or the folder, then {table.AGAIN}; a path may be made of columns: "
            "--columns 'path=fold{fold}/{filename}'",
        )  # fmt: skip
    longest, links = lengths(root, found)
    about = {
        "seconds": longest,
        "multilabel": any(";" in clip.label for clip in clips),
        "group": "clip" if all(c.group == c.id for c in clips) else "group of your CSV",
        "clips": len(clips),
        "classes": len(listed.classes),
    }
    atomic.write(data / f"{name}{registry.ABOUT}", (json.dumps(about, indent=2) + "\n").encode())
    lists.write(listed, registry.own_file(name, data))
    manifest.forget()
    notes = [*opened.notes, *_notes(listed, known, links)]
    return Added(sources.register(name, root, data, found, len(clips)), tuple(notes))


def check_name(name: str, again: str) -> None:
    """Refuse a name that no dataset can have, or that one has which is not the user's table.

    again: the next step.
    """
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name for a dataset: use small letters, digits and _", again
        )
    if name in registry.names() or registry.has_file(name):
        raise UserError(
            f"{name} is the name of a dataset that the suite knows; choose another", again
        )


def lengths(root: Path, found: Mapping[str, str]) -> tuple[float, list[str]]:
    """Return the length in seconds of the longest clip, by the headers, and the clips outside.

    Those are links that leave the folder. UndecodableError naming a file that is no audio.
    """
    longest, outside = 0.0, []
    inside = os.path.realpath(root)
    leaving: dict[str, bool] = {}  # folders that are links themselves
    for clip, file in found.items():
        folder = file.rpartition("/")[0]
        if folder not in leaving:
            leaving[folder] = not _within(inside, folder)
        seconds = _length(file)
        if leaving[folder] or (seconds is None and not _within(inside, file)):
            outside.append(clip)
        longest = max(longest, decode.header(file).seconds if seconds is None else seconds)
    return longest, outside


def _length(file: str) -> float | None:
    """Return the length of a plain wav file by its first bytes; None for a link and all others.

    libsndfile takes a tenth of a millisecond to open a file, which is minutes for a million.
    """
    try:
        opened = os.open(file, _AS_IT_IS)
    except OSError:
        return None
    try:
        return containers.plain_seconds(os.read(opened, 44), os.fstat(opened).st_size)
    finally:
        os.close(opened)


def _within(root: str, path: str) -> bool:
    real = os.path.realpath(path)
    return real == root or real.startswith(f"{root}/")


def _notes(listed: Manifest, known: Columns, outside: list[str]) -> list[str]:
    """Say what is not used, what lies elsewhere, and how the clips will be divided."""
    notes = []
    if known.unused:
        notes.append(f"columns not used: {', '.join(known.unused)}")
    if outside:
        notes.append(f"{len(outside):,} clips are links to files outside the folder, such as "
                     f"{outside[0]}")  # fmt: skip
    return [*notes, *listing.divided(listed)]
