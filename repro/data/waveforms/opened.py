"""The waveform store: all clips of a run as int16 in one memory-mapped file, written once.

A store is a folder: `samples.i16` (clips end to end, then zeros of the longest clip's length, so
that a window of any clip stays inside), `offsets.npy`, `ids.txt`, `clips.sha256` (the digest of
each clip's samples, 32 bytes each), and `store.json`, written last. `checked.json` holds what its
files were when all of them were last read and found right: when one moves, all are read again.
"""

import functools
import hashlib
import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from repro import atomic
from repro.data import remembered
from repro.data.decoding.decode import Waveform
from repro.data.waveforms import digests
from repro.errors import UserError

_CLIPS = "clips.sha256"
_FILES = ("samples.i16", "offsets.npy", "ids.txt", _CLIPS, "store.json")
_CHECKED = "checked.json"


@dataclass(frozen=True, eq=False)
class Store:
    """Waveforms of clips, ready to be read in any order.

    ids: sorted; offsets: int64 (clips + 1,), where each clip starts; samples: memory-mapped int16,
    the clips end to end and zeros behind them; rate in Hz; digest: SHA-256 over all of it;
    clips: uint8 (clips, 32), SHA-256 of each clip's samples.
    """

    folder: Path
    ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    samples: Waveform
    rate: int
    digest: str
    clips: digests.Digests

    @property
    def heard(self) -> dict[str, bytes]:
        """Return the digest of each clip's samples, by its id."""
        return {clip: row.tobytes() for clip, row in zip(self.ids, self.clips, strict=True)}

    def positions(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return where the clips stand in the store; KeyError for one that is not in it."""
        return np.array([self._position[clip] for clip in ids], dtype=np.int64)

    @functools.cached_property
    def _position(self) -> dict[str, int]:
        return {clip: position for position, clip in enumerate(self.ids)}

    def batch(self, positions: NDArray[np.int64]) -> tuple[Waveform, NDArray[np.int64]]:
        """Return (B, longest of the batch) int16, zeros behind shorter clips, and lengths (B,)."""
        starts = self.offsets[positions]
        lengths = self.offsets[positions + 1] - starts
        longest = int(lengths.max())
        batch: Waveform = sliding_window_view(self.samples, longest)[starts]
        for row in np.flatnonzero(lengths < longest):
            batch[row, lengths[row] :] = 0
        return batch, lengths


VERSION = 1  # of what a store holds


class DamagedError(UserError):
    """The files of a store are not what was written."""


def content(rate: int, ids: Sequence[str]) -> str:
    """Return the part of a store's name that stands for its rate and clips; `ids` are sorted."""
    text = "\n".join((str(VERSION), str(rate), *ids))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def whole(
    place: Path, ids: Sequence[str], note: Callable[[str], None] = lambda _: None
) -> Store | None:
    """Open a store; None, and a note, where its files are not what was written."""
    try:
        return store(place, tuple(ids))
    except DamagedError as error:
        note(f"{error.message}; it is made anew")
        return None


def store(place: Path, ids: tuple[str, ...]) -> Store:
    """Map the store of these clips; all of it is read where a file has moved since the last time.

    DamagedError where its content is not what it states; UserError if it cannot be read.
    """
    try:
        before = _states(place)
        about = json.loads((place / "store.json").read_bytes())
        offsets: NDArray[np.int64] = np.load(place / "offsets.npy").astype(np.int64)
        samples = np.asarray(np.memmap(place / "samples.i16", dtype="<i2", mode="r"))
        expected = int(offsets[-1] + np.diff(offsets).max())
        fits = len(offsets) == len(ids) + 1 and len(samples) == expected
        named = place.name.endswith(f"-{content(about['rate'], ids)}")
        if not (fits and named) or (place / "ids.txt").read_text() != "\n".join(ids):
            raise ValueError("its files do not fit together")
        clips = _known_clips(place, before, len(ids))
        if clips is None:
            digest, clips = digests.of_store(place / "samples.i16", offsets, ids)
            if digest != about["digest"]:
                raise ValueError(f"its content is {digest[:12]}, it states {about['digest'][:12]}")
            _restate(place, before, clips)
        return Store(place, ids, offsets, samples, about["rate"], about["digest"], clips)
    except (ValueError, KeyError, TypeError, IndexError, FileNotFoundError) as error:
        raise DamagedError(
            f"{place}: damaged waveform store ({error})",
            next_step=f"rm -r {shlex.quote(str(place))}",
        ) from error
    except OSError as error:
        raise UserError(
            f"{place}: the waveform store cannot be read ({error.strerror or error})",
            next_step=f"mend its permissions, or delete it: rm -r {shlex.quote(str(place))}",
        ) from error


def remember(place: Path) -> None:
    """Note what the files of a store are, now that all of them are known to be right."""
    atomic.write(place / _CHECKED, json.dumps(_states(place)).encode())


def _states(place: Path) -> dict[str, str]:
    """Return what each file of a store is; one that is not there is left out."""
    found = {}
    for name in _FILES:
        with suppress(FileNotFoundError):
            found[name] = remembered.state(place / name)
    return found


def _known_clips(place: Path, states: dict[str, str], clips: int) -> digests.Digests | None:
    """Return the digests of the clips if no file has moved since all were known to be right."""
    try:
        if json.loads((place / _CHECKED).read_bytes()) != states or len(states) < len(_FILES):
            return None
    except (FileNotFoundError, ValueError):
        return None
    return np.fromfile(place / _CLIPS, dtype=np.uint8).reshape(clips, digests.SIZE)


def _restate(place: Path, before: dict[str, str], clips: digests.Digests) -> None:
    """Write the digests of a store's clips if they are missing or other ones, and remember it.

    A store that cannot be written to, or that has moved meanwhile, is read again the next time.
    """
    file = place / _CLIPS
    with suppress(OSError):
        if not file.is_file() or file.read_bytes() != clips.tobytes():
            atomic.write(file, clips.tobytes())
        if all(_states(place).get(name) == before.get(name) for name in _FILES if name != _CLIPS):
            remember(place)


def drop(place: Path) -> None:
    """Delete a store, by one rename: nobody opens what is left of it."""
    gone = atomic.temporary(place)
    place.rename(gone)
    shutil.rmtree(gone)
