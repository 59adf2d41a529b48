"""The user's own datasets: any folder of audio with a CSV of path, label, group, split or fold."""

import csv
import json
import re
from pathlib import Path

from repro import atomic, places
from repro.data import lists, manifest, registry
from repro.data.decoding import decode
from repro.data.folders.scan import scan
from repro.data.lists import PARTS, Clip
from repro.errors import UserError, nearest

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COLUMNS = ("path", "label", "group", "split", "fold")
# What people call the parts of a split.
_PARTS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid",
          "val": "valid", "dev": "valid", "test": "test", "testing": "test", "": ""}  # fmt: skip


def read(name: str, file: Path) -> list[Clip]:
    """Read the user's CSV: columns path and label, and optional group, split or fold.

    Paths are relative to the folder that is added. Several labels are joined by ";". Without group
    every clip is its own group. UserError names file, line and value.
    """
    again = "repro data add NAME DIR --manifest FILE.csv"
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name for a dataset: use small letters, digits and _", again
        )
    if name in registry.names():
        raise UserError(f"{name} is the name of a dataset that the suite knows; choose another",
                        again)  # fmt: skip
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _wrong(file, f"cannot be read ({error})") from error
    if not rows:
        raise _wrong(file, "no clips; expected a first line such as path,label,group,split")
    _check_columns(file, [column for column in rows[0] if column is not None])
    return [_clip(file, number, row) for number, row in enumerate(rows, start=2)]


def _wrong(where: Path | str, what: str) -> UserError:
    """Say what is wrong with a CSV, or with a line of it."""
    return UserError(
        f"{where}: {what}", "mend it, then repro data add NAME DIR --manifest FILE.csv"
    )


def _check_columns(file: Path, columns: list[str]) -> None:
    for column in columns:
        if column not in _COLUMNS:
            near = nearest(column, _COLUMNS)
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(_COLUMNS)}"
            raise _wrong(file, f"unknown column {column!r}: {hint}")
    for column in ("path", "label"):
        if column not in columns:
            raise _wrong(file, f"no column {column!r}")
    if "split" in columns and "fold" in columns:
        raise _wrong(file, "give split or fold, not both")


def _clip(file: Path, number: int, row: dict[str, str | None]) -> Clip:
    """Turn a line into a clip."""
    where = f"{file}, line {number}"
    if None in row:
        raise _wrong(where, "more cells than the first line has columns")
    cells = {column: (value or "").strip() for column, value in row.items()}
    path, label = cells["path"], ";".join(sorted(set(filter(None, cells["label"].split(";")))))
    if not path or not label:
        raise _wrong(where, f"no {'label' if path else 'path'}")
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise _wrong(where, f"{path!r} is not a path inside the folder")
    part = cells.get("fold", "")
    if part and (not part.isdigit() or part != str(int(part))):
        raise _wrong(where, f"fold {part!r} is no whole number")
    if "split" in cells:
        if cells["split"].lower() not in _PARTS:
            raise _wrong(where, f"split {cells['split']!r}: use {', '.join(PARTS)}, or nothing")
        part = _PARTS[cells["split"].lower()]
    clip = Clip(Path(path).as_posix(), label, cells.get("group") or path, part)
    if any(mark in field for field in clip for mark in ',"\t\r\n'):
        raise _wrong(where, f"comma, quote or tab in {path!r}, its label or its group")
    return clip


def add(name: str, folder: Path, file: Path, data: Path) -> None:
    """Note a dataset of the user's own: the list in the CSV, and what its card says.

    Every clip has to be in `folder`, in any format that is read; UserError names what is missing.
    """
    clips = read(name, file)
    root = places.absolute(folder)
    if not root.is_dir():
        raise UserError(f"{root} is not a folder", f"repro data add {name} DIR --manifest {file}")
    try:
        listed = lists.build(name, clips)
    except ValueError as error:
        raise _wrong(file, str(error)) from error
    found = scan(root, listed.clips, (str,))
    missing = [clip.id for clip in listed.clips if clip.id not in found]
    if missing:
        named = "".join(f"\n  {clip}" for clip in missing[:10])
        raise _wrong(file, f"{len(missing):,} of {len(clips):,} clips are not in {root}:{named}")
    about = {
        "seconds": _longest(found),
        "multilabel": any(";" in clip.label for clip in clips),
        "group": "clip" if all(c.group == c.id for c in clips) else "group of your CSV",
    }
    atomic.write(data / f"{name}{registry.ABOUT}", (json.dumps(about, indent=2) + "\n").encode())
    lists.write(listed, registry.own_file(name, data))
    manifest.forget()


def _longest(found: dict[str, str]) -> float:
    """Return the length in seconds of the longest clip, from the files' headers."""
    longest = 0.0
    for file in found.values():
        try:
            longest = max(longest, decode.header(file).seconds)
        except decode.UndecodableError as error:
            raise UserError(f"{file}: no audio that can be read ({error.why})") from error
    return longest
