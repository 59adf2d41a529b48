"""Undo what a public copy did to a dataset's clips: loops up to one length are cut to one turn.

Copies of UrbanSound8K for classifiers repeat each short clip until it lasts four seconds. The first
turn is the clip; where it ends is found in the samples, nearest to the length that the dataset's
source states, and nothing is cut that is not repeated to the bit. The copy stays a copy: what was
done is written beside it, and registering the folder carries it into every record.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repro import atomic
from repro.data import manifest, sources
from repro.data.decoding.decode import read
from repro.data.folders import derived
from repro.errors import UserError

_LEAST = 0.05  # seconds of the shortest turn that is looked for
_APART = 0.1  # seconds from the stated length that are told: codecs and tables round
_HEAD = 64  # samples that are compared before all are


@dataclass(frozen=True)
class Trimmed:
    """What was done: clips cut to one turn, clips that were whole, those that are neither."""

    folder: Path
    cut: int
    whole: int
    left: tuple[str, ...]  # longer than stated by a tenth of a second, and no loop: copied as is
    apart: tuple[str, ...]  # cut, and a tenth of a second or more from the length stated


def trim(
    dataset: str,
    folder: Path,
    out: Path,
    data: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Trimmed:
    """Copy the clips of a folder to `out`, each looped one cut to its first turn, as 16-bit wav.

    `data` is the home's data folder. UserError where no source states the lengths of the clips,
    where `out` exists, where the folder holds none of them or one that cannot be decoded.
    """
    stated = manifest.load(dataset, data).seconds
    if not stated:
        raise UserError(
            f"no source states how long each clip of {dataset} is, so no loop can be told",
            f"repro data add {dataset} {folder}",
        )
    _, found = sources.found_in(dataset, folder, data)
    if atomic.existing(out):
        raise UserError(f"{out} exists already", "name a folder that does not")
    kinds: dict[str, list[str]] = {"cut": [], "whole": [], "left": [], "apart": []}
    rates = set()
    with atomic.new_folder(out) as work:
        for done, (clip, file) in enumerate(sorted(found.items()), start=1):
            kind, rate = _copy(file, work / clip, stated.get(clip))
            kinds[kind].append(clip)
            rates.add(rate)
            if progress:
                progress(done, len(found))
        cut = len(kinds["cut"]) + len(kinds["apart"])
        note = {"by": "repro data trim", "clips": len(found), "cut": cut, "rates": sorted(rates)}
        (work / derived.NOTE).write_text(json.dumps(note) + "\n")
    left, apart = tuple(kinds["left"]), tuple(kinds["apart"])
    return Trimmed(out, cut, len(kinds["whole"]), left, apart)


def turn(samples: NDArray[np.int16], rate: int, stated: float) -> int | None:
    """Return the frames of one turn of a loop (n, channels), nearest to the stated seconds.

    A loop repeats its first turn to the bit until its end, which may fall within a turn. None for
    samples that are none.
    """
    count = len(samples)
    starts = np.arange(max(int(_LEAST * rate), 1), count - _HEAD + 1)
    windows = np.lib.stride_tricks.sliding_window_view(samples[:, 0], _HEAD)
    fits = np.all(windows[starts] == windows[0], axis=1)
    for length in sorted(starts[fits].tolist(), key=lambda n: abs(n - stated * rate)):
        if np.array_equal(samples[length:], samples[: count - length]):
            return int(length)
    return None


def _copy(file: str, target: Path, stated: float | None) -> tuple[str, int]:
    """Write a clip's first turn, or a copy of its file; return what it is of `trim`'s kinds."""
    import soundfile

    target.parent.mkdir(parents=True, exist_ok=True)
    heard = read(file)
    rate = heard.header.rate
    over = 0.0 if stated is None else len(heard.mono) / rate - stated
    if stated is not None and over > 1 / rate:
        samples, _ = soundfile.read(file, dtype="int16", always_2d=True)
        length = turn(samples, rate, stated)
        if length is not None:
            soundfile.write(target.with_suffix(".wav"), samples[:length], rate, subtype="PCM_16")
            return "cut" if abs(length / rate - stated) < _APART else "apart", rate
    shutil.copyfile(file, target.with_suffix(Path(file).suffix))
    return "left" if over >= _APART else "whole", rate
