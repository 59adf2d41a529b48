"""A copy of the waveform store on a node's own disk, where a shared one is slow or far away."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from repro import atomic
from repro.data.waveforms import opened
from repro.data.waveforms.opened import Store

ROOM = 1.05  # of a store's size that must be free


def staged(store: Store, folder: str, note: Callable[[str], None]) -> Store:
    """Return the store from `folder`, copied there first if it is not there, and read as a whole.

    Variables in `folder` are those of the node ($SLURM_TMPDIR). Where it cannot be, the store is
    used where it is, and `note` says why. Two processes may copy at once: one copy stays.
    """
    name = os.path.expandvars(folder)
    if "$" in name:
        note(f"the audio is read where it is: {folder} names a variable that is not set here")
        return store
    place = Path(name).absolute() / "repro-audio" / store.folder.name
    try:
        if not place.is_dir():
            _copy(store.folder, place)
        copy = opened.whole(place, store.ids, note)
    except OSError as error:
        note(f"the audio is read where it is: {place}: {error.strerror or error}")
        return store
    if copy is None or copy.digest != store.digest:
        note(f"the audio is read where it is: what is in {place} is not a copy of it")
        return store
    return copy


def _copy(source: Path, place: Path) -> None:
    """Copy a store under a temporary name, then rename it; OSError where there is no room."""
    place.parent.mkdir(parents=True, exist_ok=True)
    size = sum(file.stat().st_size for file in source.iterdir())
    if size * ROOM > shutil.disk_usage(place.parent).free:
        raise OSError(None, f"no room for {size / 1e9:.1f} GB")
    part = atomic.temporary(place)
    try:
        shutil.copytree(source, part)
        part.rename(place)
    except OSError:
        if not place.is_dir():  # else another process has been faster
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
