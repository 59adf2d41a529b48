"""The digest of audio: of a clip's samples, and of many clips in the order of their ids.

What a run has heard is stated so that it hangs on its own clips alone, whatever else a store holds.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 32  # bytes of a clip's digest
_AT_ONCE = 1 << 22  # bytes of padding that are looked at together

Digests = NDArray[np.uint8]  # (clips, SIZE)


def of_clip(samples: NDArray[np.int16]) -> bytes:
    """Return SHA-256 over a clip's samples, int16 (n,), little-endian."""
    return hashlib.sha256(samples.astype("<i2", copy=False).tobytes()).digest()


def joined(clips: Iterable[tuple[str, bytes]]) -> str:
    """Return SHA-256 (hex) over clips by id, each with the digest of its samples."""
    lines = "\n".join(f"{clip}\t{digest.hex()}" for clip, digest in sorted(clips))
    return hashlib.sha256(lines.encode()).hexdigest()


def of_store(samples: Path, offsets: NDArray[np.int64], ids: Sequence[str]) -> tuple[str, Digests]:
    """Read all of a store; return its digest (hex) and those of its clips.

    samples: the file; offsets (clips + 1,): where each clip starts, in samples. ValueError where
    anything but zeros stands behind the last clip.
    """
    whole = hashlib.sha256()
    each = np.empty((len(ids), SIZE), dtype=np.uint8)
    with samples.open("rb") as file:
        for number, length in enumerate(np.diff(offsets).tolist()):
            data = file.read(2 * length)
            whole.update(data)
            each[number] = np.frombuffer(hashlib.sha256(data).digest(), dtype=np.uint8)
        while padding := file.read(_AT_ONCE):
            if padding.strip(b"\0"):
                raise ValueError("samples behind its last clip")
    whole.update(offsets.astype("<i8").tobytes() + "\n".join(ids).encode())
    return whole.hexdigest(), each


def of_clips(each: Iterable[NDArray[np.int16]], ids: Sequence[str]) -> str:
    """Return the digest (hex) that a store of these clips has; `each` clip's samples, by `ids`."""
    whole, ends = hashlib.sha256(), [0]
    for samples in each:
        whole.update(samples.astype("<i2", copy=False).tobytes())
        ends.append(ends[-1] + len(samples))
    whole.update(np.array(ends, dtype="<i8").tobytes() + "\n".join(ids).encode())
    return whole.hexdigest()
