"""Forget a dataset: its registration, and of the user's own its list. No audio is deleted."""

from dataclasses import dataclass
from pathlib import Path

from repro.data import manifest, registry
from repro.data.folders import registered
from repro.errors import UserError


@dataclass(frozen=True)
class Removed:
    """What was forgotten, and where the audio still is."""

    own: bool  # its list and its card are gone too: the name is free
    folder: Path | None


def remove(name: str, data: Path) -> Removed:
    """Forget a dataset; UserError where nothing of it is noted, with the nearest name."""
    registry.card(name, data)
    own = name not in registry.names() and not registry.has_file(name)
    files = [data / f"{name}.json"]
    if own:
        files += [data / f"{name}{registry.ABOUT}", registry.own_file(name, data)]
    there = [file for file in files if file.is_file()]
    if not there:
        raise UserError(f"{name} is not registered: nothing to remove", "repro data list")
    try:
        noted = registered.read(name, data)
    except UserError:  # damaged: removing it is what mends it
        noted = None
    for file in there:
        file.unlink()
    manifest.forget()
    return Removed(own, noted.folder if noted else None)
