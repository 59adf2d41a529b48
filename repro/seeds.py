"""Stateless randomness: every draw is a function of named parts, never of what was drawn before.

Because no generator carries state, a resumed run, another number of workers or another order of
runs draws the same numbers; and because the run id is no part of a key, all systems of one seed see
the same batches (their runs are real pairs).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GAMMA = 0x9E3779B97F4A7C15


def derive(*parts: str | int) -> int:
    """Return a 63-bit key for the named parts.

    Parts are length-prefixed and typed before SHA-256, so ("ab", "c") and ("a", "bc") differ, and
    so do 1 and "1".
    """
    digest = hashlib.sha256()
    for part in parts:
        text = f"{type(part).__name__}:{part}".encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return int.from_bytes(digest.digest()[:8], "big") >> 1


def clip_keys(ids: Iterable[str]) -> "NDArray[np.uint64]":
    """Return one key per clip id, shape (n,): the first 8 bytes of its SHA-256."""
    import numpy as np

    return np.array(
        [int.from_bytes(hashlib.sha256(i.encode()).digest()[:8], "big") for i in ids],
        dtype=np.uint64,
    )


def _mix(z: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    """Finalise 64 bits (SplitMix64: Steele, Lea, Flood 2014): one bit in flips half of all out."""
    import numpy as np

    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def bits(key: int, keys: "NDArray[np.uint64]", columns: int) -> "NDArray[np.uint64]":
    """Return 64 hashed bits for each clip and column, shape (n, columns)."""
    import numpy as np

    column = np.arange(1, columns + 1, dtype=np.uint64)[None, :] * np.uint64(_GAMMA)
    return _mix(_mix(keys[:, None] ^ np.uint64(key)) + column)


def uniform(key: int, keys: "NDArray[np.uint64]", columns: int) -> "NDArray[np.float64]":
    """Return draws in [0, 1) of 53 bits, (n, columns); each depends on (key, clip, column)."""
    import numpy as np

    return (bits(key, keys, columns) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def uniform32(key: int, keys: "NDArray[np.uint64]", columns: int) -> "NDArray[np.float32]":
    """Return draws in [0, 1) of 24 bits, (n, columns), those of `augment.hashed_uniform`."""
    import numpy as np

    return (bits(key, keys, columns) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def order(key: int, keys: "NDArray[np.uint64]") -> "NDArray[np.int64]":
    """Return a permutation of range(n): clips sorted by their hashed keys.

    Where the clips stand in the list does not matter: the same clips come out in the same order.
    """
    import numpy as np

    return np.lexsort((keys, bits(key, keys, 1)[:, 0])).astype(np.int64)


def pick(key: int, ids: Sequence[str], count: int) -> list[str]:
    """Return `count` of the ids (all, if fewer), drawn by hashed key, in their given order."""
    chosen = set(order(key, clip_keys(ids))[:count].tolist())
    return [clip for position, clip in enumerate(ids) if position in chosen]
