"""What a run's clips sound like here, found by decoding what is not known: see `here`."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from repro.data import audio, clips
from repro.data.clips import ClipSource
from repro.data.decoding.decode import UndecodableError
from repro.data.protocols import Split
from repro.data.sources import Located
from repro.data.waveforms import digests, opened, table
from repro.places import Home

VERSION = opened.VERSION  # of the digest of a store


def folds(
    source: ClipSource, rate: int, folders: Sequence[Located], home: Home
) -> list[dict[str, Any] | None]:
    """Find what is heard in each fold: the digest of its audio, the name of its store.

    None for a fold of which a clip is not here; for it none is decoded.
    """
    each = [_ids(split) for split in clips.whole_pass(source, home.data).splits]
    here = {clip for there in folders for clip in there.found}
    wanted = {clip for ids in each if here.issuperset(ids) for clip in ids}
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


def store(source: ClipSource, rate: int, home: Home) -> str:
    """Return the digest of a store of a run's clips; nothing if one cannot be decoded."""
    split = clips.whole_pass(source, home.data).splits[source.fold]
    try:
        return audio.digest(source, _ids(split), rate, home)
    except UndecodableError:
        return ""


def _ids(split: Split) -> list[str]:
    return sorted({clip.id for part in split.parts().values() for clip in part})


@functools.cache
def checked(place: Path) -> str | None:
    """Return the digest of a store, its content checked; None where it is damaged."""
    made = opened.whole(place, (place / "ids.txt").read_text().split("\n"))
    return None if made is None else made.digest
