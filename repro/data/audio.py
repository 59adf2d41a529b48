"""From a run's clips to the waveform store that it reads, generated or from local files."""

from collections.abc import Callable, Sequence
from pathlib import Path

from repro import identity
from repro.data import clips as clip_sources
from repro.data import generated, registry, store
from repro.data.clips import ClipSource
from repro.data.decode import Waveform, decode
from repro.data.lists import Clip
from repro.errors import UserError
from repro.places import Home


def prepare(
    source: ClipSource,
    clips: Sequence[Clip],
    classes: Sequence[str],
    rate: int,
    home: Home,
    progress: Callable[[int, int], None] | None = None,
) -> store.Store:
    """Open the store of these clips at `rate` Hz; write it first if it is not there.

    A store is found again by its clips, its rate and what its audio is: the version of the
    generator, or name, size and time of change of every file. UserError if a folder is not
    registered any more, or if a clip cannot be decoded.
    """
    ids = sorted(clip.id for clip in clips)
    if source.audio == "generated":
        seconds = registry.card(source.dataset, home.data).seconds

        def read(clip: Clip) -> Waveform:
            return generated.waveform(clip, classes, rate, seconds)

        content = f"generated@{generated.VERSION}"
    else:
        folders = clip_sources.audio(source, home.data)
        if folders is None:
            raise UserError(f"{source.dataset} is not registered any more")
        files = {clip: file for folder in folders for clip, file in folder.found.items()}

        def read(clip: Clip) -> Waveform:
            return decode(Path(files[clip.id]), rate)

        content = clip_sources.fingerprint(folders, ids)
    key = identity.digest([source.dataset, content, rate, ids])
    return store.prepare(clips, read, key, home.cache / "audio", rate, progress)
