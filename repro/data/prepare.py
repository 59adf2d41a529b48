"""Prepare a dataset: write the waveform store that its runs read, leaving out what is allowed."""

from collections.abc import Callable
from pathlib import Path

from repro.data import audio, clips, manifest, sources, verify
from repro.data.clips import ClipSource
from repro.data.decoding.decode import UndecodableError
from repro.data.folders import registered
from repro.data.waveforms.opened import Store
from repro.errors import UserError
from repro.places import Home

Progress = Callable[[int, int], None]


def prepare(
    dataset: str,
    rate: int,
    home: Home,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Store:
    """Write the store of all clips of a dataset that are at hand, at `rate` Hz; open it if there.

    A clip that cannot be decoded is named with `note` and left out from now on, as long as the
    dataset's min_share of clips is left; UserError below that, or if no folder is registered.
    """
    source = ClipSource(dataset, "local", "official")
    for name in clips.lacking(source, home.data):
        registered.read(name, home.data)  # which says of a damaged one what is wrong
        why = "" if name == dataset else f", which the official split of {dataset} needs"
        raise UserError(f"no folder is registered for {name}{why}", f"repro data add {name} DIR")
    try:
        return _prepare(source, rate, home, progress)
    except UndecodableError:
        _leave_out(source, home.data, progress, note)
        return _prepare(source, rate, home, progress)


def _prepare(source: ClipSource, rate: int, home: Home, progress: Progress | None) -> Store:
    folders = clips.audio(source, home.data) or []
    here = {clip for folder in folders for clip in folder.found}
    names = [folder.dataset for folder in folders]
    listed = [c for name in names for c in manifest.load(name, home.data).clips if c.id in here]
    classes = manifest.classes(source.dataset, home.data)
    return audio.prepare(source, listed, classes, rate, home, progress)


def _leave_out(
    source: ClipSource, data: Path, progress: Progress | None, note: Callable[[str], None]
) -> None:
    """Find every clip that cannot be decoded, name it, and leave it out if that is allowed."""
    for there in clips.audio(source, data) or []:
        unusable = verify.undecodable(there, progress)
        for clip, why in unusable.items():
            note(f"{clip} cannot be decoded: {why}")
        if unusable:
            sources.leave_out(there, unusable, data)
