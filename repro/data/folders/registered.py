"""What was noted when a folder was added: a registration, `<data folder>/<dataset>.json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro import atomic
from repro.data.folders import derived, noted
from repro.errors import UserError

# What is noted of where audio comes from: of what was fetched, and of a folder of the user's.
FETCHED = {"source": str, "name": str, "sha256": str, "verified": bool}
FETCHED_MORE = {"bytes": int, "revision": str, "files": dict}
_FOLDER = {"source": str, "added": str}
_ENTRY = {"dataset": str, "folder": str, "found": int, "total": int}
_ENTRY_MORE = {"unusable": dict, "origin": dict, "checked": dict}


class UnusableError(UserError):
    """A registration cannot be used: it is damaged, or its folder has gone."""


@dataclass(frozen=True)
class Registration:
    """What was noted when a folder was added; nothing is scanned to read it."""

    folder: Path
    found: int  # clips that were there then
    total: int
    unusable: Mapping[str, str] = field(default_factory=dict)  # clip id -> what is wrong
    origin: Mapping[str, Any] = field(default_factory=dict)  # where the audio comes from
    # What all files were when their hashes were found equal to the published ones, and when.
    checked: Mapping[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Return the share of the dataset's clips that was there."""
        return self.found / self.total

    @property
    def refused(self) -> str:
        """Say why its folder cannot be used; empty where it can."""
        try:
            return "" if self.folder.is_dir() else "does not exist any more"
        except OSError as error:  # a disk that does not answer, a folder of somebody else's
            return f"cannot be looked at ({error.strerror})"


def read(dataset: str, data: Path) -> Registration | None:
    """Read a dataset's registration; None if there is none, UnusableError if it is damaged."""
    file = data / f"{dataset}.json"
    return _parsed(file, dataset) if file.is_file() else None


def usable(dataset: str, data: Path) -> bool:
    """Tell whether a dataset has a registration that can be read."""
    try:
        return read(dataset, data) is not None
    except UnusableError:
        return False


def write(file: Path, entry: Mapping[str, object]) -> None:
    """Write a registration; UserError where that cannot be."""
    try:
        atomic.write(file, (json.dumps(entry, indent=2) + "\n").encode())
    except OSError as error:
        raise UserError(
            f"{file}: cannot be written ({error.strerror})",
            next_step="point --home or REPRO_DATA at a folder you can write to",
        ) from error


def _parsed(file: Path, dataset: str) -> Registration:
    try:
        entry = noted.read(file, _ENTRY, _ENTRY_MORE)
        there = Registration(
            Path(entry["folder"]),
            entry["found"],
            entry["total"],
            entry.get("unusable", {}),
            entry.get("origin", {}),
            entry.get("checked", {}),
        )
        if entry["dataset"] != dataset:
            raise ValueError(f"it is that of {entry['dataset']}")
        if not there.folder.is_absolute():
            raise ValueError(f"folder is {entry['folder']!r}, not an absolute path")
        if there.origin:
            _check_origin(there.origin)
        if not 0 < there.total >= there.found:
            raise ValueError(f"{there.found:,} of {there.total:,} clips")
        for name in ("unusable", "checked"):
            if not all(isinstance(text, str) for text in entry.get(name, {}).values()):
                raise ValueError(f"{name} says something else than texts")
        if there.checked and there.checked.keys() != {"on", "state"}:
            raise ValueError("checked says something else than on and state")
    except (OSError, ValueError) as error:
        raise UnusableError(
            f"{file}: not a readable registration ({error})",
            next_step=f"repro data add {dataset} DIR",
        ) from error
    return there


def _check_origin(origin: Mapping[str, Any]) -> None:
    """Refuse what a record could not say of where audio comes from: ValueError in one line."""
    if origin.get("source") != "folder":
        noted.check(origin, FETCHED, FETCHED_MORE)
        return
    noted.check(origin, _FOLDER)
    if "derived" in origin:
        try:
            derived.checked(origin["derived"])
        except ValueError as error:
            raise ValueError(f"origin.derived: {error}") from None
