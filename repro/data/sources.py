"""Registered local folders: which folder holds a dataset, and which of its clips are there.

What was noted of it is a registration (`folders/registered`); the audio stays where the user keeps
it.
"""

import datetime
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro import atomic, places
from repro.data import evidence, manifest, remembered
from repro.data.folders import derived, missing, names, registered
from repro.data.folders.registered import UnusableError
from repro.data.folders.scan import scan
from repro.data.lists import Clip
from repro.data.registry import card
from repro.errors import UserError


@dataclass(frozen=True)
class Located:
    """A dataset's folder and the clips found in it."""

    dataset: str
    root: Path
    found: dict[str, str]  # clip id -> file; text, because 100,000 Path objects take half a second
    total: int  # clips of the complete dataset
    registration: Path
    left_out: Mapping[str, str] = field(default_factory=dict)  # clip id -> why it is not used

    @property
    def missing(self) -> int:
        """Return how many clips are not there."""
        return self.total - len(self.found)

    @property
    def coverage(self) -> str:
        """Return the words for titles, such as "683 of 105,829 clips"."""
        return f"{len(self.found):,} of {self.total:,} clips"

    def states(self, ids: Iterable[str]) -> dict[str, str]:
        """Return what each of these clips' files is: its name in the folder, size, times of change.

        It tells that audio changed under the same ids, without reading it.
        """
        clips, skip = list(ids), len(str(self.root)) + 1
        files = [self.found[clip] for clip in clips]
        try:
            states = remembered.states(files)
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be read ({error.strerror})") from error
        each = zip(clips, files, states, strict=True)
        return {clip: f"{file[skip:]}\t{state}" for clip, file, state in each}


def provenance(dataset: str, data: Path) -> dict[str, Any]:
    """Return what a run's record says of where a dataset's audio comes from; {} if it is not here.

    Fetched: source (archive or hub), name, sha256, verified (whether a source states its hash or
    revision), and the hub's revision and files. Added by the user: source "folder", date. With all:
    evidence, the level that its source allows, and checked, the day on which every file here was
    found equal to its published hash, if none has changed since.
    """
    known = registered.read(dataset, data)
    if known is None:
        return {}
    told = {**known.origin, "evidence": evidence.level(card(dataset, data), known.origin)}
    if known.checked:
        there = located(dataset, data)
        if there is not None and state(there) == known.checked.get("state"):
            told["checked"] = known.checked["on"]
    return told


def state(there: Located) -> str:
    """Return SHA-256 (hex) over what the files of all clips that are here are."""
    lines = "\n".join(f"{clip}\t{now}" for clip, now in sorted(there.states(there.found).items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def remember(there: Located, state: str, data: Path) -> None:
    """Note that all files, being so, have the published hashes; "" forgets what was noted."""
    known = registered.read(there.dataset, data)
    if known is None or known.checked.get("state", "") == state:
        return
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    checked = {"on": today, "state": state} if state else {}
    _note(there, known.unusable, known.origin, checked)


def add(dataset: str, folder: Path, data: Path, origin: Mapping[str, Any] | None = None) -> Located:
    """Register `folder` as the dataset's audio; a part of the clips is enough.

    `data` is the home's data folder; `origin` says what was fetched (see `provenance`), None for a
    folder of the user's. UserError if the folder is missing, unreadable, or holds no clip of the
    dataset.
    """
    root, found = found_in(dataset, folder, data)
    total = len(manifest.load(dataset, data).clips)
    return register(dataset, root, data, found, total, origin)


def found_in(
    dataset: str, folder: Path, data: Path, again: str = ""
) -> tuple[Path, dict[str, str]]:
    """Return a folder's absolute path and the file of each clip in it; errors as of `add`.

    again: the command that takes the folder in place of DIR; "" for the one that adds it.
    """
    clips = manifest.load(dataset, data).clips
    again = again or _adding(dataset)
    root = checked(folder, again)
    found = _scan(dataset, root, data)
    if not found:
        raise _foreign(dataset, root, clips, data, again)
    return root, found


def register(
    dataset: str,
    root: Path,
    data: Path,
    found: dict[str, str],
    total: int,
    origin: Mapping[str, Any] | None = None,
) -> Located:
    """Register a folder in which these of `total` clips were found; see `add`."""
    if origin is None:
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        origin = {"source": "folder", "added": today}  # where it lies is nobody else's business
        if made := noted(dataset, root, found, data):
            origin["derived"] = made.about
    return _note(_usable(dataset, root, found, data, {}, total), {}, origin)


def noted(dataset: str, root: Path, found: Mapping[str, str], data: Path) -> derived.Note | None:
    """Return the note of how a folder's clips were made from others; None where there is none.

    A dataset of the user's own takes the note of any dataset.
    """
    covers = dataset if card(dataset, data).source_states else ""
    return derived.noted(root, found.values(), covers)


def checked(folder: Path, again: str) -> Path:
    """Return a folder of audio as an absolute path; UserError if it is none, or named in bytes.

    again: the command that takes the folder in place of DIR.
    """
    root = names.checked(places.absolute(folder), again)
    if root.is_dir():
        return root
    if root.is_file() and missing.is_archive(root.name):
        raise UserError(
            f"{root} is an archive, not a folder",
            f"{missing.unpack(root)}, then {missing.of(again, root.parent)}",
        )
    what = "is not a folder" if atomic.existing(root) else "does not exist"
    raise UserError(f"{names.shown(root)} {what}", next_step=again)


def leave_out(there: Located, unusable: Mapping[str, str], data: Path) -> Located:
    """Note clips that cannot be used, with the reason; they count as missing from now on.

    Allowed as long as the dataset's min_share of clips is left; UserError, naming them, below it.
    """
    left = len(there.found.keys() - unusable.keys())
    needed = card(there.dataset, data).min_share
    if left < needed * there.total:
        named = "\n".join(f"  {clip}: {why}" for clip, why in list(unusable.items())[:20])
        raise UserError(
            f"{len(unusable):,} clips of {there.dataset} cannot be used, and it needs "
            f"{needed:.0%} of its clips:\n{named}",
            f"mend or remove these files, then repro data prepare {there.dataset}",
        )
    known = registered.read(there.dataset, data)
    before, origin = (known.unusable, known.origin) if known else ({}, {})
    bad = {**before, **unusable}
    found = _scan(there.dataset, there.root, data)
    here = _usable(there.dataset, there.root, found, data, bad, there.total)
    return _note(here, bad, origin)


def located(dataset: str, data: Path) -> Located | None:
    """Look the dataset's folder up and scan it; None if none is registered.

    UnusableError if the registration is damaged, or the folder has gone, cannot be read, or holds
    no clip any more.
    """
    known = registered.read(dataset, data)
    if known is None:
        return None
    root, file = known.folder, data / f"{dataset}.json"
    again = _adding(dataset)
    if why := known.refused:
        raise UnusableError(f"{root} (registered in {file}) {why}", again)
    total = len(manifest.load(dataset, data).clips)
    try:
        found = _scan(dataset, root, data)
    except UserError as error:
        raise UnusableError(f"{error.message} (registered in {file})", again) from error
    if not found:
        raise UnusableError(f"{root} (registered in {file}) holds no clip of {dataset} any more",
                            again)  # fmt: skip
    return _usable(dataset, root, found, data, known.unusable, total)


@functools.cache
def scanned(dataset: str, data: Path) -> Located | None:
    """Do as `located`, once in a process: among 100,000 clips that takes most of a plan's time.

    For plans, which one bad registration does not stop: it counts as none, and `unusable` has it.
    """
    try:
        return located(dataset, data)
    except UnusableError as error:
        _unusable[dataset, data] = error
        return None


_unusable: dict[tuple[str, Path], UnusableError] = {}


def unusable(data: Path) -> dict[str, UnusableError]:
    """Return the registrations that `scanned` has met and that cannot be used, by dataset."""
    return {name: error for (name, folder), error in _unusable.items() if folder == data}


def forget() -> None:
    """Forget what was scanned: a dataset's folder has changed since."""
    scanned.cache_clear()
    _unusable.clear()


def _usable(
    dataset: str,
    root: Path,
    found: dict[str, str],
    data: Path,
    unusable: Mapping[str, str],
    total: int,
) -> Located:
    """Leave out the clips that are known to be bad and those that were found to be."""
    bad = {**card(dataset, data).known_bad, **unusable}
    left_out = {clip: why for clip, why in bad.items() if clip in found}
    for clip in left_out:
        del found[clip]
    return Located(dataset, root, found, total, data / f"{dataset}.json", left_out)


def _note(
    there: Located,
    unusable: Mapping[str, str],
    origin: Mapping[str, Any],
    checked: Mapping[str, str] | None = None,
) -> Located:
    """Register a folder, with the clips in it that cannot be used and where it comes from."""
    entry: dict[str, object] = {
        "dataset": there.dataset,
        "folder": str(there.root),
        "found": len(there.found),
        "total": there.total,
        "origin": dict(origin),
    }
    if unusable:
        entry["unusable"] = dict(unusable)
    if checked:
        entry["checked"] = dict(checked)
    registered.write(there.registration, entry)
    return there


def _scan(dataset: str, root: Path, data: Path) -> dict[str, str]:
    """Return the file of each of a dataset's clips that is in a folder."""
    about = card(dataset, data)
    return scan(root, manifest.load(dataset, data).clips, about.layouts, about.spelt)


def _adding(dataset: str) -> str:
    """Return the command that adds a folder, DIR."""
    return f"repro data add {dataset} DIR"


def _foreign(dataset: str, root: Path, clips: Sequence[Clip], data: Path, again: str) -> UserError:
    """Say what was expected in a folder without clips, and which folder near it looks right."""
    such_as = (clips[0].id, clips[len(clips) // 2].id)
    layout = card(dataset, data).layout
    return missing.no_clip(
        dataset, root, layout, such_as, lambda near: bool(_scan(dataset, near, data)), again
    )
