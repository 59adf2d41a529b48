"""Why every value of a run is what it is: printed, assumed, or of something never mentioned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repro.plan import defaults
from repro.spec import readings
from repro.spec.entry import Entry
from repro.spec.schema import Recipe, Stated, Unmentioned

PARTS = ("model", "frontend", "recipe")
# What a recipe has at these values does nothing, whatever its default is.
_NOTHING: tuple[Any, ...] = (False, 0, 0.0, "", [], None)


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


def does_nothing(settings: Mapping[str, Any], path: str) -> bool:
    """Tell whether a value is the one at which its ingredient does nothing."""
    value = readings.get(dict(settings), path)
    part, _, name = path.partition(".")
    if part == "recipe":
        return bool(value in _NOTHING or value == _default(name))
    known = {"model": defaults.of_model, "frontend": defaults.of_frontend}[part]
    return bool(value == known(str(settings[part]["name"])).get(name.removeprefix("args.")))


def _default(name: str) -> Any:
    """Return the default of a recipe's field by its dotted name."""
    here: Any = Recipe
    *outer, last = name.split(".")
    for part in outer:
        here = here.model_fields[part].annotation
    return here.model_fields[last].default
