"""The audio of a run's clips as it is here: a record of other audio does not answer for the run.

Plans ask for it again and again. What follows from files that have not moved is remembered in the
home's cache, and needs no NumPy; what has moved is decoded once (`listening`).
"""

import functools
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro.data import clips, manifest, outlines, sources
from repro.data.clips import ClipSource
from repro.data.remembered import code, remembered
from repro.data.sources import Located
from repro.places import Home

_DATA = Path(__file__).parents[1]
_DECIDING = ("audio", "clips", "lists", "manifest", "protocols", "sources", "waveforms/digests",
             "waveforms/listening", "waveforms/opened", "waveforms/table")  # fmt: skip


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
    from repro.data.waveforms import listening

    place = home.cache / "audio" / found["store"]
    if (place / "ids.txt").is_file() and (known := listening.checked(place)) is not None:
        return known
    # The name tells the clips, their files and the rate.
    key = ["store", listening.VERSION, place.name]
    return str(remembered(home.cache / "plans", key, lambda: listening.store(source, rate, home)))


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
    from repro.data.waveforms import listening

    outlines.forget()
    _passes.cache_clear()
    _folders.cache_clear()
    listening.checked.cache_clear()


def _found(source: ClipSource, rate: int, home: Home) -> dict[str, Any] | None:
    if source.audio == "generated" or clips.lacking(source, home.data):
        return None
    return _passes(replace(source, fold=0), rate, home)[source.fold]


@functools.cache
def _passes(source: ClipSource, rate: int, home: Home) -> list[dict[str, Any] | None]:
    """Return what is heard in each fold of a pass, and the name of the store of its clips."""
    made = code(*(str(_DATA / f"{name}.py") for name in _DECIDING))
    folders, states = _folders(clips.dataset_names(source, home.data), home)
    listed = [manifest.file_digest(there.dataset, home.data) for there in folders]
    key = ["heard", made, source.as_dict(), rate, listed, states]

    def listen() -> list[dict[str, Any] | None]:
        from repro.data.waveforms import listening

        return listening.folds(source, rate, folders, home)

    return list(remembered(home.cache / "plans", key, listen))


@functools.cache
def _folders(names: tuple[str, ...], home: Home) -> tuple[list[Located], str]:
    """Return the folders of datasets, and a digest of the states of all clips in them."""
    folders = [there for name in names if (there := sources.scanned(name, home.data)) is not None]
    every = hashlib.sha256()
    for there in folders:
        states = there.states(there.found)
        lines = "\n".join(f"{clip}\t{state}" for clip, state in states.items())
        left_out = "\n".join(there.left_out)
        every.update(f"{there.dataset}\n{lines}\n{left_out}\n".encode())
    return folders, every.hexdigest()
