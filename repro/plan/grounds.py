"""Why every value of a run is what it is: printed, assumed, or of something never mentioned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repro.spec import readings
from repro.spec.entry import Entry
from repro.spec.schema import Stated, Unmentioned

PARTS = ("model", "frontend", "recipe")


@dataclass(frozen=True)
class Ground:
    """One value of a system's runs, and what it rests on."""

    path: str
    value: Any
    kind: str  # stated, assumption, unmentioned; "" where nothing covers it
    why: str  # the sentence, the assumption's key, or the reason


def grounds(entry: Entry, system: str, settings: Mapping[str, Any]) -> Iterator[Ground]:
    """Yield every value that decides the runs of a system, with what it rests on."""
    parts = {name: settings[name] for name in PARTS}
    for path, value in readings.leaves(parts):
        if path not in ("model.name", "frontend.name"):  # the system itself
            yield Ground(path, value, *_found(entry, system, settings, path))


def _found(entry: Entry, system: str, settings: Mapping[str, Any], path: str) -> tuple[str, str]:
    """Return kind and reason of a path's value."""
    for assumption in entry.assumptions():
        paths = [assumption.path, *(p for a in assumption.alternatives for p in a.also)]
        bears = readings.applies(assumption, system, dict(settings))
        if bears and any(_covers(p, path) for p in paths):
            return "assumption", assumption.key
    for stated in entry.recipes.stated:
        if _bears(stated, entry, system) and any(_covers(p, path) for p in stated.paths):
            return "stated", f"{stated.where}: {stated.sentence}"
    for left in entry.recipes.unmentioned:
        if _bears(left, entry, system) and any(_covers(p, path) for p in left.paths):
            return "unmentioned", left.why
    return "", ""


def _bears(entry: Stated | Unmentioned, here: Entry, system: str) -> bool:
    return (not entry.tables or here.id in entry.tables) and (
        not entry.systems or system in entry.systems
    )


def _covers(wide: str, path: str) -> bool:
    return path == wide or path.startswith(f"{wide}.")
