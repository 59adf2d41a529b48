"""The waveform store: all clips of a run as int16 in one memory-mapped file, written once.

A store is a folder: `samples.i16` (clips end to end, then zeros of the longest clip's length, so
that a window of any clip stays inside), `offsets.npy`, `ids.txt`, and `store.json`, written last.
"""

import errno
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from repro import atomic
from repro.data.decode import Waveform
from repro.data.lists import Clip
from repro.errors import UserError

VERSION = 1

READERS = 2  # threads that decode
_JOURNAL = "lengths.i64"  # of the clips that are written, while a store grows
_NOTE_EVERY = 1 << 25  # bytes of samples between two notes in the journal


@dataclass(frozen=True, eq=False)
class Store:
    """Waveforms of clips, ready to be read in any order.

    ids: sorted; offsets: int64 (clips + 1,), where each clip starts; samples: memory-mapped int16,
    the clips end to end and zeros behind them; rate in Hz; digest: SHA-256 over all of it.
    """

    folder: Path
    ids: tuple[str, ...]
    offsets: NDArray[np.int64]
    samples: Waveform
    rate: int
    digest: str

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


def prepare(
    clips: Sequence[Clip],
    read: Callable[[Clip], Waveform],
    key: str,
    folder: Path,
    rate: int,
    progress: Callable[[int, int], None] | None = None,
) -> Store:
    """Open the store of these clips under `folder`; write it first if it is not there.

    `key` names where the audio comes from (two sources of equal ids need two keys); rate, VERSION
    and the ids are added to it. `read` gives a clip's samples, int16 (n,) with n > 0; it is called
    in threads, and its errors pass through. What a killed or failed call has written is continued
    by the next. `progress` is called with clips done and clips in all.
    Several processes may prepare the same store: one writes, the others wait. UserError if the disk
    is full or the folder cannot be written.
    """
    by_id = {clip.id: clip for clip in clips}
    if not clips or len(by_id) != len(clips):
        raise ValueError("a store needs at least one clip, and each once")
    ids = tuple(sorted(by_id))
    ordered = [by_id[clip] for clip in ids]
    place = folder / _name(key, rate, ids)
    if not place.is_dir():
        lengths = np.zeros(len(ordered), dtype=np.int64)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _part_of(place) as part:
                if not place.is_dir():
                    _write(part, place, ordered, read, lengths, rate, progress)
        except OSError as error:
            raise _unwritable(folder, error, lengths) from error
    return _open(place, ids)


def _name(key: str, rate: int, ids: Sequence[str]) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.@-]*", key):
        raise ValueError(f"not a key for a file name: {key!r}")
    content = "\n".join((str(VERSION), str(rate), *ids))
    return f"{key}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


@contextmanager
def _part_of(place: Path) -> Iterator[Path]:
    """Hold the store's lock and give the folder in which it grows.

    The system drops the lock with its process, so a killed writer's part is continued. Where the
    file system knows no locks two may write at once: each has a part of its own, and the first
    rename wins. Another machine has parts of its own too.
    """
    with place.with_name(f".{place.name}.lock").open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
            part = atomic.temporary(place)
            try:
                yield part
            finally:
                shutil.rmtree(part, ignore_errors=True)
        else:
            yield place.with_name(f".{place.name}.{socket.gethostname()}.part")


def _write(
    part: Path,
    place: Path,
    clips: Sequence[Clip],
    read: Callable[[Clip], Waveform],
    lengths: NDArray[np.int64],
    rate: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write the store in `part`, then rename it; `lengths` (clips,) is filled in."""
    part.mkdir(exist_ok=True)
    for left in part.glob(".*.part"):
        left.unlink()  # half of a file that a killed writer was about to rename
    try:
        _fill(part, clips, read, lengths, rate, progress)
    except BaseException:
        if not (part / _JOURNAL).exists() or (part / _JOURNAL).stat().st_size == 0:
            shutil.rmtree(part)  # nothing in it that could be continued
        raise
    atomic.sync_folder(part)
    try:
        part.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise  # else another process was first: its store is this one
        shutil.rmtree(part)
    atomic.sync_folder(place.parent)


def _fill(
    part: Path,
    clips: Sequence[Clip],
    read: Callable[[Clip], Waveform],
    lengths: NDArray[np.int64],
    rate: int,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Write the files of a store, or what is missing of them, a few clips in memory at a time."""
    journal, samples = part / _JOURNAL, part / "samples.i16"
    done, digest = _resume(journal, samples, lengths)
    with samples.open("ab") as file, journal.open("ab") as notes:
        noted, waiting = done, 0
        for number, audio in enumerate(_decoded(clips[done:], read), start=done):
            lengths[number] = len(audio)
            data = audio.astype("<i2").tobytes()
            digest.update(data)
            file.write(data)
            waiting += len(data)
            if waiting >= _NOTE_EVERY:
                _note(file, notes, lengths[noted : number + 1])
                noted, waiting = number + 1, 0
            if progress:
                progress(number + 1, len(clips))
        file.write(bytes(2 * int(lengths.max())))
        _sync(file)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype("<i8")
    ids = "\n".join(clip.id for clip in clips).encode()
    digest.update(offsets.tobytes() + ids)
    with (part / "offsets.npy").open("wb") as file:
        np.save(file, offsets)
        _sync(file)
    atomic.write(part / "ids.txt", ids)
    about = {"version": VERSION, "rate": rate, "clips": len(clips), "digest": digest.hexdigest()}
    atomic.write(part / "store.json", json.dumps(about, indent=2).encode())
    journal.unlink()


def _note(samples: BinaryIO, notes: BinaryIO, lengths: NDArray[np.int64]) -> None:
    """Bring samples to the disk, then note the lengths of their clips: what is noted is there."""
    _sync(samples)
    notes.write(lengths.astype("<i8").tobytes())
    _sync(notes)


def _resume(
    journal: Path, samples: Path, lengths: NDArray[np.int64]
) -> tuple[int, "hashlib._Hash"]:
    """Return how many clips a killed writer has left, and the digest up to there.

    What lies behind them in `samples` is cut off; `lengths` (clips,) gets theirs.
    """
    digest = hashlib.sha256()
    notes = journal.read_bytes() if journal.exists() else b""
    noted = np.frombuffer(notes[: len(notes) // 8 * 8], dtype="<i8")[: len(lengths)]
    size = 2 * int(noted.sum())
    if not samples.exists() or samples.stat().st_size < size or (noted <= 0).any():
        journal.unlink(missing_ok=True)
        samples.unlink(missing_ok=True)
        return 0, digest
    os.truncate(samples, size)
    with samples.open("rb") as file:
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    lengths[: len(noted)] = noted
    return len(noted), digest


def _decoded(clips: Sequence[Clip], read: Callable[[Clip], Waveform]) -> Iterator[Waveform]:
    """Yield the clips' samples in order; a few are read ahead in threads.

    libsndfile and PyTorch work outside the interpreter's lock, so threads are enough.
    """
    with ThreadPoolExecutor(READERS) as pool:
        ahead: deque[Future[Waveform]] = deque()
        try:
            for clip in clips:
                ahead.append(pool.submit(_samples, clip, read))
                if len(ahead) > 4 * READERS:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _samples(clip: Clip, read: Callable[[Clip], Waveform]) -> Waveform:
    try:
        samples = read(clip)
    except OSError as error:  # of the clip's file, not of the store
        raise UserError(f"{clip.id}: cannot be read ({error})") from error
    if samples.dtype != np.int16 or samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"{clip.id}: {samples.dtype} {samples.shape}, not int16 (n > 0,)")
    return samples


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _open(place: Path, ids: tuple[str, ...]) -> Store:
    """Map the store of these clips; UserError if its files are not whole."""
    try:
        about = json.loads((place / "store.json").read_bytes())
        offsets: NDArray[np.int64] = np.load(place / "offsets.npy").astype(np.int64)
        samples = np.asarray(np.memmap(place / "samples.i16", dtype="<i2", mode="r"))
        expected = int(offsets[-1] + np.diff(offsets).max())
        whole = len(offsets) == len(ids) + 1 and len(samples) == expected
        if not whole or (place / "ids.txt").read_text() != "\n".join(ids):
            raise ValueError("its files do not fit together")
        return Store(place, ids, offsets, samples, about["rate"], about["digest"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(
            f"{place}: damaged waveform store ({error})",
            next_step=f"rm -r {place}; the next run prepares it again",
        ) from error


def _unwritable(folder: Path, error: OSError, lengths: NDArray[np.int64]) -> UserError:
    """Name the folder and, for a full disk, the bytes needed as far as the clips read can tell."""
    read = np.count_nonzero(lengths)
    if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not read:
        return UserError(
            f"{folder}: the waveform store cannot be written ({error.strerror or error})",
            next_step="set REPRO_CACHE to a folder you can write to",
        )
    needed = 2 * int(lengths.sum()) * len(lengths) // read
    return UserError(
        f"{folder}: disk full; the store of {len(lengths):,} clips needs about {needed:,} bytes",
        next_step="make room, or set REPRO_CACHE to a folder on a larger disk",
    )
