"""Undo what a public copy did to a dataset's clips: loops up to one length are cut to one turn.

Copies of UrbanSound8K for classifiers repeat each short clip until it lasts four seconds. The first
turn is the clip; where it ends is found in the samples, nearest to the length that the dataset's
source states, and nothing is cut that is not repeated to the bit. The copy stays a copy: what was
done is written beside it, and registering the folder carries it into every record.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro import atomic
from repro.data import evidence, manifest, registry, sources
from repro.data.decoding.decode import Header, UndecodableError, read
from repro.data.folders import derived, names
from repro.data.folders.missing import Search
from repro.errors import UserError

_LEAST = 0.05  # seconds of the shortest turn that is looked for
_APART = 0.1  # seconds from the stated length that are told: codecs and tables round
_HEAD = 64  # samples that are compared before all are
_NAMED = 3  # clips that cannot be decoded are named, the rest counted
_SIGNAL = 32  # changes from sample to sample in what is repeated: silence repeats by chance
# libsndfile's codings whose every sample is kept: as what it is read, and written to a wav.
_KEPT = {
    "PCM_S8": ("int16", "PCM_U8"),
    "PCM_U8": ("int16", "PCM_U8"),
    "PCM_16": ("int16", "PCM_16"),
    "PCM_24": ("int32", "PCM_24"),
    "PCM_32": ("int32", "PCM_32"),
    "FLOAT": ("float32", "FLOAT"),
    "DOUBLE": ("float64", "DOUBLE"),
    "ULAW": ("int16", "PCM_16"),
    "ALAW": ("int16", "PCM_16"),
}


@dataclass(frozen=True)
class Trimmed:
    """What was done: clips cut to one turn, clips that were whole, those that are neither.

    clips: found in the folder, of `total`. left_out: clip id -> what is there under its name and is
    no file of it. cut: to a turn as long as stated. left, short: a tenth of a second or more longer
    than stated, and no loop that can be cut to the sample, or shorter; copied as they are. apart:
    cut, and so far from the length stated.
    """

    folder: Path
    clips: int
    total: int
    left_out: Mapping[str, str]
    cut: int
    whole: int
    left: tuple[str, ...]
    short: tuple[str, ...]
    apart: tuple[str, ...]


def trim(
    dataset: str,
    folder: Path,
    out: Path,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Trimmed:
    """Copy the clips of a folder to `out`, each looped one cut to its first turn, as wav.

    What is kept has the samples of the source, to the bit. `data` is the home's data folder.
    UserError where no source states the lengths of the clips, where `out` exists or lies in the
    folder, where the folder holds none of them, any that cannot be decoded (all are looked at), or
    what was trimmed already.
    """
    listed = manifest.load(dataset, data)
    stated = listed.seconds
    if not stated:
        raise _unstated(dataset, folder, data)
    again = f"repro data trim {dataset} DIR {names.quoted(out)}"
    root, found = sources.found_in(dataset, folder, data, again)
    if before := sources.noted(dataset, root, found, data):
        raise UserError(
            f"{root} was trimmed already, as {before.file} says",
            f"repro data add {dataset} {names.quoted(root)}",
        )
    if (around := _around(out, root, found.values())) is not None:
        raise UserError(f"{out} lies in {around}, whose clips are read; a copy lies outside of it",
                        f"repro data trim {dataset} {names.quoted(folder)} NEW")  # fmt: skip
    search, layouts = Search(root), registry.card(dataset, data).layouts
    absent = (clip.id for clip in listed.clips if clip.id not in found)
    left_out = {clip: why for clip in absent if (why := search.instead(clip, layouts))}
    kinds: dict[str, list[str]] = {"cut": [], "whole": [], "left": [], "short": [], "apart": []}
    rates, unreadable = set(), []
    with atomic.new_folder(out) as work:
        for done, (clip, file) in enumerate(sorted(found.items()), start=1):
            try:
                kind, rate = _copy(file, work / clip, stated.get(clip))
            except UndecodableError as error:
                unreadable.append(error)
            else:
                kinds[kind].append(clip)
                rates.add(rate)
            if progress:
                progress(done, len(found))
        if unreadable:
            raise _unreadable(unreadable, len(found))
        counts = {kind: len(kinds[kind]) for kind in ("cut", *derived.UNLIKE)}
        note = {"by": derived.BY, "dataset": dataset, "clips": len(found), **counts,
                "rates": sorted(rates)}  # fmt: skip
        (work / derived.NOTE).write_text(json.dumps(note) + "\n")
    cut, whole = len(kinds["cut"]), len(kinds["whole"])
    named = (tuple(kinds[kind]) for kind in derived.UNLIKE)
    return Trimmed(out, len(found), len(listed.clips), left_out, cut, whole, *named)


def _unreadable(errors: Sequence[UndecodableError], total: int) -> UserError:
    """Say of all clips that cannot be decoded how many they are, and of the first why."""
    if len(errors) == 1:
        return errors[0]
    named = "\n".join(error.message for error in errors[:_NAMED])
    more = f"\nand {len(errors) - _NAMED:,} more" if len(errors) > _NAMED else ""
    return UserError(f"{len(errors):,} of {total:,} clips cannot be decoded:\n{named}{more}",
                     "mend these files or leave them out, then the same command again"
                     )  # fmt: skip


def _around(out: Path, root: Path, files: Iterable[str]) -> Path | None:
    """Return the folder of the source in which a path lies, by whatever links; None for none."""
    above = Path(os.path.realpath(out)).parents
    inside = {Path(folder) for folder in {file.rpartition("/")[0] for file in files}}
    inside |= {folder for each in inside for folder in each.parents if root in folder.parents}
    return next((f for f in (root, *sorted(inside)) if Path(os.path.realpath(f)) in above), None)


def _unstated(dataset: str, folder: Path, data: Path) -> UserError:
    """Say why no loop can be told by a dataset's lengths."""
    about = registry.card(dataset, data)
    why = f"no source states how long each clip of {dataset} is, so no loop can be told"
    if about.source_states and evidence.one_length(about):
        why = (f"every clip of {dataset} lasts {about.seconds:g} s, as its source states: none is "
               "short, so that a copy could have looped it")  # fmt: skip
    return UserError(why, f"repro data add {dataset} {names.quoted(folder)}")


def turn(samples: NDArray[Any], rate: int, stated: float) -> int | None:
    """Return the frames of one turn of a loop (n, channels), nearest to the stated seconds.

    A loop repeats its first turn to the bit until its end, which may fall within a turn. None for
    samples that are none, and where silence alone is repeated.
    """
    bits = samples.view(f"i{samples.itemsize}")  # of floats, -0.0 is not 0.0
    changes = np.flatnonzero(np.any(bits[1:] != bits[:-1], axis=1))
    if len(changes) < _SIGNAL:
        return None
    first = int(changes[0])  # from here on there is something to compare
    least = max(first + _HEAD, int(changes[_SIGNAL - 1]) + 2)  # frames that have to be repeated
    lowest, highest = max(int(_LEAST * rate), 1), len(bits) - least
    if highest < lowest:
        return None
    channel = int(np.argmax(bits[first + 1] != bits[first]))
    windows = np.lib.stride_tricks.sliding_window_view(bits[first:, channel], _HEAD)
    fits = np.all(windows[lowest : highest + 1] == windows[0], axis=1)
    lengths = (np.flatnonzero(fits) + lowest).tolist()
    for length in sorted(lengths, key=lambda n: abs(n - stated * rate)):
        if np.array_equal(bits[length:], bits[: len(bits) - length]):
            return int(length)
    return None


def _copy(file: str, target: Path, stated: float | None) -> tuple[str, int]:
    """Write a clip's first turn, or a copy of its file; return what it is of `trim`'s kinds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    heard = read(file)
    rate = heard.header.rate
    over = 0.0 if stated is None else len(heard.mono) / rate - stated
    if stated is not None and over > 1 / rate:
        length = _cut(file, heard.header, target.with_suffix(".wav"), stated)
        if length is not None:
            return "cut" if abs(length / rate - stated) < _APART else "apart", rate
    shutil.copyfile(file, target.with_suffix(Path(file).suffix))
    kind = "left" if over >= _APART else "short" if over <= -_APART else "whole"
    return kind, rate


def _cut(file: str, header: Header, target: Path, stated: float) -> int | None:
    """Write the first turn of a looped file as a wav of its own coding; return its frames.

    None, and nothing written, for what is no loop or in a coding whose samples cannot be kept.
    """
    import soundfile

    if header.coding not in _KEPT:
        return None
    dtype, coding = _KEPT[header.coding]
    samples, _ = soundfile.read(file, dtype=dtype, always_2d=True)
    length = turn(samples, header.rate, stated)
    if length is not None:
        soundfile.write(target, samples[:length], header.rate, subtype=coding)
    return length
