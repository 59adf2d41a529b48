"""From a run's clips to the waveform store that it reads, generated or from local files."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from repro import identity
from repro.data import clips as clip_sources
from repro.data import generated, registry, store
from repro.data.clips import ClipSource
from repro.data.decoding.decode import Waveform, decode
from repro.data.lists import Clip
from repro.data.waveforms import chirps, digests, table
from repro.data.waveforms.opened import Store
from repro.errors import UserError
from repro.places import Home

Progress = Callable[[int, int], None]


def prepare(
    source: ClipSource,
    clips: Sequence[Clip],
    classes: Sequence[str],
    rate: int,
    home: Home,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Store:
    """Open the store of these clips at `rate` Hz; write it first if it is not there.

    A store is found again by its clips, its rate and what its audio is: the version of the
    generator, or name, size and times of change of every file. `note` is told of a damaged one.
    UserError if a folder is not registered any more, lacks a clip, or if one cannot be decoded.
    """
    ids = sorted(clip.id for clip in clips)
    where = home.cache / "audio"
    if source.audio == "generated":
        seconds = registry.card(source.dataset, home.data).seconds

        def make(clip: Clip) -> Waveform:
            return chirps.waveform(clip, classes, rate, seconds)

        key = _key(source.dataset, f"generated@{generated.VERSION}", rate, ids)
        return store.prepare(clips, make, key, where, rate, progress, note)
    folders = clip_sources.audio(source, home.data)
    if folders is None:
        raise UserError(f"{source.dataset} is not registered any more")
    files = {clip: file for folder in folders for clip, file in folder.found.items()}
    if gone := [clip for clip in ids if clip not in files]:
        raise UserError(f"{len(gone):,} of {len(ids):,} clips of {source.dataset} are not here any "
                        f"more: {gone[0]}", f"repro data verify {source.dataset}")  # fmt: skip
    states = clip_sources.states(folders, ids)  # before a file is read

    def read(clip: Clip) -> Waveform:
        return decode(Path(files[clip.id]), rate)

    key = _key(source.dataset, _fingerprint(states), rate, ids)
    made = store.prepare(clips, read, key, where, rate, progress, note)
    table.learned(folders, states, made, home.cache)
    return made


def digest(source: ClipSource, ids: Sequence[str], rate: int, home: Home) -> str:
    """Return the digest (hex) of the store that `prepare` would make of local clips; write none.

    `ids` are sorted. Decodes all of them; UserError as `prepare`.
    """
    folders = clip_sources.audio(source, home.data) or []
    files = {clip: file for folder in folders for clip, file in folder.found.items()}
    clips = [Clip(clip, "", "", "") for clip in ids]
    each = store.decoded(clips, lambda clip: decode(Path(files[clip.id]), rate))
    return digests.of_clips(table.telling(source.dataset, each, len(ids)), ids)


def place(dataset: str, states: Mapping[str, str], rate: int, home: Home) -> Path:
    """Return the folder of the store that `prepare` makes of local clips whose files are so."""
    ids = sorted(states)
    key = _key(dataset, _fingerprint(states), rate, ids)
    return home.cache / "audio" / store.name(key, rate, ids)


def _key(dataset: str, content: str, rate: int, ids: Sequence[str]) -> str:
    return identity.digest([dataset, content, rate, ids])


def _fingerprint(states: Mapping[str, str]) -> str:
    """Return SHA-256 (hex) over what the files of clips are."""
    lines = "\n".join(f"{clip}\t{state}" for clip, state in sorted(states.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
