"""Write the waveform store of a run's clips, or continue one; see `waveforms/opened.py`."""

import errno
import fcntl
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
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from repro import atomic
from repro.data.decoding.decode import Waveform
from repro.data.lists import Clip
from repro.data.waveforms import digests, opened
from repro.data.waveforms.opened import Store
from repro.errors import UserError

READERS = 2  # threads that decode
_JOURNAL = "lengths.i64"  # of the clips that are written, while a store grows
_NOTE_EVERY = 1 << 25  # bytes of samples between two notes in the journal


def prepare(
    clips: Sequence[Clip],
    read: Callable[[Clip], Waveform],
    key: str,
    folder: Path,
    rate: int,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Store:
    """Open the store of these clips under `folder`; write it first if it is not there.

    `key` names where the audio comes from (two sources of equal ids need two keys); rate, version
    and the ids are added to it. `read` gives a clip's samples, int16 (n,) with n > 0; it is called
    in threads, and its errors pass through. What a killed or failed call has written is continued
    by the next. A store whose content is not what it states is told of with `note` and made anew.
    `progress` is called with clips done and clips in all.
    Several processes may prepare the same store: one writes, the others wait. UserError if the disk
    is full or the folder cannot be written.
    """
    by_id = {clip.id: clip for clip in clips}
    if not clips or len(by_id) != len(clips):
        raise ValueError("a store needs at least one clip, and each once")
    ids = tuple(sorted(by_id))
    ordered = [by_id[clip] for clip in ids]
    place = folder / name(key, rate, ids)
    if place.is_dir() and (made := opened.whole(place, ids, note)) is not None:
        return made
    lengths = np.zeros(len(ordered), dtype=np.int64)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _part_of(place) as part:
            if place.is_dir() and opened.whole(place, ids) is None:
                opened.drop(place)
            if not place.is_dir():
                _write(part, place, ordered, read, lengths, rate, progress)
    except OSError as error:
        raise _unwritable(folder, error, lengths) from error
    return opened.store(place, ids)


def name(key: str, rate: int, ids: Sequence[str]) -> str:
    """Return the name of a store's folder; see `prepare`. `ids` are sorted."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.@-]*", key):
        raise ValueError(f"not a key for a file name: {key!r}")
    return f"{key}-{opened.content(rate, ids)}"


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
    each = np.empty((len(clips), digests.SIZE), dtype=np.uint8)
    done, digest = _resume(journal, samples, lengths, each)
    with samples.open("ab") as file, journal.open("ab") as notes:
        noted, waiting = done, 0
        for number, audio in enumerate(decoded(clips[done:], read), start=done):
            lengths[number] = len(audio)
            data = audio.astype("<i2").tobytes()
            digest.update(data)
            each[number] = np.frombuffer(digests.of_clip(audio), dtype=np.uint8)
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
    atomic.write(part / "clips.sha256", each.tobytes())
    about = {
        "version": opened.VERSION,
        "rate": rate,
        "clips": len(clips),
        "digest": digest.hexdigest(),
    }
    atomic.write(part / "store.json", json.dumps(about, indent=2).encode())
    opened.remember(part)
    journal.unlink()


def _note(samples: BinaryIO, notes: BinaryIO, lengths: NDArray[np.int64]) -> None:
    """Bring samples to the disk, then note the lengths of their clips: what is noted is there."""
    _sync(samples)
    notes.write(lengths.astype("<i8").tobytes())
    _sync(notes)


def _resume(
    journal: Path, samples: Path, lengths: NDArray[np.int64], each: digests.Digests
) -> tuple[int, "hashlib._Hash"]:
    """Return how many clips a killed writer has left, and the digest up to there.

    What lies behind them in `samples` is cut off; `lengths` (clips,) and `each` get theirs.
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
        for number, length in enumerate(noted.tolist()):
            data = file.read(2 * length)
            digest.update(data)
            each[number] = np.frombuffer(hashlib.sha256(data).digest(), dtype=np.uint8)
    lengths[: len(noted)] = noted
    return len(noted), digest


def decoded(clips: Sequence[Clip], read: Callable[[Clip], Waveform]) -> Iterator[Waveform]:
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
