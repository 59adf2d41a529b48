"""What a folder says of itself where the suite made it from another: it is no original."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.data.folders import noted as notes
from repro.errors import UserError

NOTE, BY = "derived.json", "repro data trim"
_SAID = {"by": str, "clips": int, "cut": int, "rates": list}
# Clips that are not as long as stated, by why, in words; notes of before say nothing of them, and
# count those of the last among the cut.
UNLIKE = {"left": "longer", "short": "shorter", "apart": "cut to another length"}


@dataclass(frozen=True)
class Note:
    """A note, and what it says: by whom, clips, how many were cut, the rates in Hz, UNLIKE."""

    file: Path
    about: dict[str, Any]


def noted(root: Path, files: Iterable[str], dataset: str) -> Note | None:
    """Return the note that covers a folder of audio, whose files these are; None without one.

    It lies in the folder or above, or above what a link in it leads to; the nearest counts. One of
    another dataset covers no clip of this one; dataset "" takes any. UserError for a note that
    cannot be read.
    """
    for folder in _above(root, files):
        note = _read(folder / NOTE, folder == root)
        if note is not None and ("" in (dataset, note["dataset"]) or note["dataset"] == dataset):
            return Note(folder / NOTE, {key: note[key] for key in note if key != "dataset"})
    return None


def told(made: Mapping[str, Any]) -> str:
    """Say what was done to a copy that is not the archive's audio, and what was not mended."""
    rates = " and ".join(f"{rate:,} Hz" for rate in made["rates"])
    return (
        f"not the archive's audio but a copy of it ({rates}), by {made['by']}: {made['cut']:,} "
        f"looped clips of {made['clips']:,} cut to one turn{unlike(made)}"
    )


def unlike(made: Mapping[str, Any]) -> str:
    """Say of how many clips the length is still not the stated one; nothing where of none."""
    each = {words: made.get(kind, 0) for kind, words in UNLIKE.items()}
    told = ", ".join(f"{count:,} {words}" for words, count in each.items() if count)
    total = sum(each.values())
    return f", {total:,} still not as long as stated ({told})" if total else ""


def _above(root: Path, files: Iterable[str]) -> Iterator[Path]:
    """Yield the folder, those above it, and those above its files where links lead elsewhere."""
    folders = {str(root)}
    for file in files:
        linked = os.path.islink(file)  # noqa: PTH114 - of 100,000 files no Path is made
        folders.add((os.path.realpath(file) if linked else file).rpartition("/")[0])
    starts = [root, *(Path(os.path.realpath(folder)) for folder in sorted(folders))]
    yield from dict.fromkeys(f for start in starts for f in (start, *start.parents))


def _read(file: Path, whole: bool) -> dict[str, Any] | None:
    """Read a note; None where there is none. whole: a file of this name must be a note of ours.

    Elsewhere it must be one only if it names us: another program may call a file so.
    """
    try:
        if not file.is_file():
            return None
        text = file.read_text(errors="replace")
        if not whole and BY not in text:
            return None
        note = json.loads(text)
        return {**checked(note), "dataset": str(note.get("dataset", ""))}
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{file}: not what {BY} writes ({error})", "make the folder anew"
        ) from error


def checked(note: object) -> dict[str, Any]:
    """Return the fields of such a note; ValueError in one line for what is none."""
    if not isinstance(note, dict):
        raise ValueError("it is no JSON object")
    found = notes.check(note, _SAID, dict.fromkeys(UNLIKE, int))
    if not found["by"].isprintable():
        raise ValueError("by is no line of text")
    if not found["rates"] or not all(type(rate) is int and rate > 0 for rate in found["rates"]):
        raise ValueError(f"rates is {found['rates']!r:.40}, not a list of rates in Hz")
    return found
