"""The digests of a dataset's clips as they are here, by file: what has not moved is not read again.

    cache/heard/<dataset>-<rate>-v<version>   digest, state and id of each clip, a line each

The state is what `Located.states` says of a file. Nothing is believed that would not be found again
by decoding; without the file all is the same, and slower.
"""

import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from repro import atomic
from repro.data.decoding.decode import UndecodableError, decode
from repro.data.sources import Located
from repro.data.waveforms import digests, opened
from repro.errors import UserError

UNDECODABLE = bytes(digests.SIZE)  # stands for a clip that cannot be decoded: no audio has it
_READERS = 2  # threads
_EVERY = 10.0  # seconds between two lines about a long reading
_LOG = logging.getLogger(__name__)

Item = TypeVar("Item")
Table = dict[str, tuple[str, bytes]]  # clip id -> state of its file, digest of its samples


def heard(there: Located, ids: Iterable[str], rate: int, cache: Path) -> dict[str, bytes]:
    """Return the digest of each clip as it is here at `rate` Hz; decode what is not known.

    `cache` is the home's cache folder. A clip that cannot be decoded is UNDECODABLE.
    """
    states = there.states(ids)
    known = read(there.dataset, rate, cache)
    unknown = [clip for clip, state in states.items() if known.get(clip, ("",))[0] != state]
    if unknown:
        found = _listened(there, unknown, rate)
        learn(there.dataset, rate, cache, {clip: (states[clip], found[clip]) for clip in unknown})
        known |= {clip: (states[clip], found[clip]) for clip in unknown}
    return {clip: known[clip][1] for clip in states}


def _listened(there: Located, ids: list[str], rate: int) -> dict[str, bytes]:
    """Decode clips in threads; where it takes long, say how far it is."""

    def listen(clip: str) -> bytes:
        try:
            return digests.of_clip(decode(there.found[clip], rate))
        except UndecodableError:
            return UNDECODABLE
        except OSError as error:
            raise UserError(
                f"{there.found[clip]}: cannot be read ({error.strerror or error})"
            ) from error

    with ThreadPoolExecutor(_READERS) as pool:
        heard = telling(there.dataset, pool.map(listen, ids), len(ids))
        return dict(zip(ids, heard, strict=True))


def telling(dataset: str, clips: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield what is read of clips; where it takes long, say how far it is."""
    said = time.monotonic()
    for done, clip in enumerate(clips, start=1):
        yield clip
        if time.monotonic() - said >= _EVERY:
            said = time.monotonic()
            far = f"{done:,} of {total:,} clips"
            _LOG.warning("reading the audio of %s once, to compare: %s", dataset, far)


def read(dataset: str, rate: int, cache: Path) -> Table:
    """Return what is known of a dataset's clips; nothing where the file is missing or damaged."""
    with suppress(OSError, ValueError):
        body, _, mark = _file(dataset, rate, cache).read_text(encoding="utf-8").rpartition("\n")
        if mark == hashlib.sha256(body.encode()).hexdigest():
            lines = (line.split("\t", 1) for line in body.split("\n"))
            rows = ((digest, *rest.rsplit("\t", 1)) for digest, rest in lines)
            return {clip: (state, bytes.fromhex(digest)) for digest, state, clip in rows}
    return {}


def learn(dataset: str, rate: int, cache: Path, found: Table) -> None:
    """Add clips to what is known of a dataset; a cache that cannot be written keeps nothing."""
    known = read(dataset, rate, cache)
    if all(known.get(clip) == row for clip, row in found.items()):
        return
    rows = sorted((known | found).items())
    body = "\n".join(f"{digest.hex()}\t{state}\t{clip}" for clip, (state, digest) in rows)
    mark = hashlib.sha256(body.encode()).hexdigest()
    with suppress(OSError):
        if cache.parent.is_dir():  # to ask a question makes no home
            atomic.write(_file(dataset, rate, cache), f"{body}\n{mark}".encode())


def learned(
    folders: Iterable[Located], states: Mapping[str, str], made: opened.Store, cache: Path
) -> None:
    """Add the clips of a store whose files were in these states before it was made or found."""
    each = made.heard
    for there in folders:
        found = {clip: (states[clip], each[clip]) for clip in there.found if clip in each}
        learn(there.dataset, made.rate, cache, found)


def _file(dataset: str, rate: int, cache: Path) -> Path:
    return cache / "heard" / f"{dataset}-{rate}-v{opened.VERSION}"
