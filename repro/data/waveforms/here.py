"""The audio of a run's clips as it is here: a record of other audio does not answer for the run.

Plans ask for it again and again. What follows from files that have not moved is remembered in the
home's cache; what has moved is decoded once.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro.data import audio, clips, lists, manifest, outlines, protocols, sources
from repro.data.clips import ClipSource
from repro.data.decoding.decode import UndecodableError
from repro.data.protocols import Split
from repro.data.remembered import code, remembered
from repro.data.sources import Located
from repro.data.waveforms import digests, opened, table
from repro.places import Home


def heard(source: ClipSource, rate: int, home: Home) -> str | None:
    """Return the digest of a run's clips at `rate` Hz as they are here; see `digests.joined`.

    None for generated audio, which is named by its version, and where not all clips are here.
    """
    found = _found(source, rate, home)
    return None if found is None else str(found["audio"])


def store(source: ClipSource, rate: int, home: Home) -> str | None:
    """Return the digest that a waveform store of exactly a run's clips has here; None as `heard`.

    Records of earlier versions state it and nothing else. Where no such store is here, the clips
    are decoded once.
    """
    found = _found(source, rate, home)
    if found is None:
        return None
    place = home.cache / "audio" / found["store"]
    if (place / "ids.txt").is_file() and (known := _checked(place)) is not None:
        return known
    key = ["store", opened.VERSION, place.name]  # which tells the clips, their files and the rate
    return str(remembered(home.cache / "plans", key, lambda: _decoded(source, rate, home)))


def is_stated(
    source: ClipSource, rate: int, home: Home, heard_then: str | None, store_then: str | None
) -> bool | None:
    """Tell whether the audio here is what a record states; None where it cannot be told."""
    if heard_then is None and store_then is None:
        return None
    now = heard(source, rate, home) if heard_then else store(source, rate, home)
    return None if now is None else now == (heard_then or store_then)


def forget() -> None:
    """Forget what this process knows: a dataset's folder has changed since."""
    outlines.forget()
    _passes.cache_clear()
    _folders.cache_clear()
    _checked.cache_clear()


def _found(source: ClipSource, rate: int, home: Home) -> dict[str, Any] | None:
    if source.audio == "generated" or clips.lacking(source, home.data):
        return None
    return _passes(replace(source, fold=0), rate, home)[source.fold]


@functools.cache
def _passes(source: ClipSource, rate: int, home: Home) -> list[dict[str, Any] | None]:
    """Return what is heard in each fold of a pass, and the name of the store of its clips."""
    deciding = (audio, clips, digests, lists, manifest, opened, protocols, sources, table)
    made = code(*(module.__file__ for module in deciding))
    folders, states = _folders(clips.dataset_names(source, home.data), home)
    listed = [manifest.file_digest(there.dataset, home.data) for there in folders]
    key = ["heard", made, source.as_dict(), rate, listed, states]
    return list(remembered(home.cache / "plans", key, lambda: _listen(source, rate, folders, home)))


@functools.cache
def _folders(names: tuple[str, ...], home: Home) -> tuple[list[Located], str]:
    """Return the folders of datasets, and a digest of the states of all clips in them."""
    folders = [there for name in names if (there := sources.scanned(name, home.data)) is not None]
    every = hashlib.sha256()
    for there in folders:
        states = there.states(there.found)
        lines = "\n".join(f"{clip}\t{state}" for clip, state in states.items())
        every.update(f"{there.dataset}\n{lines}\n".encode())
    return folders, every.hexdigest()


def _listen(
    source: ClipSource, rate: int, folders: Sequence[Located], home: Home
) -> list[dict[str, Any] | None]:
    """Find what is heard in each fold; see `_passes`."""
    each = [_ids(split) for split in clips.whole_pass(source, home.data).splits]
    wanted = {clip for ids in each for clip in ids}
    known: dict[str, bytes] = {}
    for there in folders:
        known |= table.heard(there, wanted & there.found.keys(), rate, home.cache)
    states = clips.states(folders, wanted)
    return [
        None
        if any(clip not in known for clip in ids)
        else {
            "audio": digests.joined((clip, known[clip]) for clip in ids),
            "store": audio.place(source.dataset, {c: states[c] for c in ids}, rate, home).name,
        }
        for ids in each
    ]


def _decoded(source: ClipSource, rate: int, home: Home) -> str:
    """Return the digest of a store of a run's clips; nothing if one cannot be decoded."""
    split = clips.whole_pass(source, home.data).splits[source.fold]
    try:
        return audio.digest(source, _ids(split), rate, home)
    except UndecodableError:
        return ""


def _ids(split: Split) -> list[str]:
    return sorted({clip.id for part in split.parts().values() for clip in part})


@functools.cache
def _checked(place: Path) -> str | None:
    """Return the digest of a store, its content checked; None where it is damaged."""
    made = opened.whole(place, (place / "ids.txt").read_text().split("\n"))
    return None if made is None else made.digest
