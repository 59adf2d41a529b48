"""Refuse assumptions that name what does not exist, or offer what cannot stand in its place."""

from pathlib import Path

from repro.errors import UserError, unknown
from repro.spec import schema
from repro.spec.entry import Entry
from repro.spec.schema import Alternative, Assumption, Recipe, Statistics

_SETTINGS = ("model", "frontend", "recipe", "protocol", "dataset", "system", "statistics")
_TYPED: dict[str, type[schema.Strict]] = {"recipe": Recipe, "statistics": Statistics}


def check(entry: Entry) -> None:
    """Raise UserError for the first assumption of a paper or a table that cannot be meant."""
    folder = entry.path.parent
    tables = sorted(f"{entry.paper_id}-{path.stem}" for path in folder.glob("*.toml"))
    keys: set[str] = set()
    for assumption in entry.assumptions():
        if assumption.key in keys:
            raise UserError(f"{entry.path}: assumption {assumption.key!r} is declared twice")
        keys.add(assumption.key)
    for assumption in entry.recipes.assumption:
        _assumption(entry, folder / "recipes.toml", assumption, tables)
    for assumption in entry.table.assumption:
        _assumption(entry, entry.path, assumption, tables)


def _assumption(entry: Entry, file: Path, assumption: Assumption, tables: list[str]) -> None:
    """Check an assumption's names, its reasons and its alternatives."""
    key = f"assumption {assumption.key!r}"
    named = [
        *((f"system of {key}", name, entry.recipes.systems) for name in assumption.systems),
        *((f"table of {key}", name, tables) for name in assumption.tables),
        (f"path of {key}", assumption.path.partition(".")[0], _SETTINGS),
    ]
    for what, name, valid in named:
        if name not in valid:
            raise unknown(f"{what} in {file}", name, valid)
    if not assumption.why.strip():
        raise UserError(f"{file}: {key}: why: an assumption needs a reason")
    listed = [alternative.value for alternative in assumption.alternatives]
    for index, value in enumerate(listed):
        if any(value == other and type(value) is type(other) for other in listed[:index]):
            raise UserError(f"{file}: {key}: alternative {value!r} is listed twice")
    for alternative in assumption.alternatives:
        _alternative(entry, f"{key} in {file}", assumption.path, alternative)


def _alternative(entry: Entry, where: str, path: str, alternative: Alternative) -> None:
    """Refuse an alternative without a reason, or a value that its setting cannot have."""
    what = f"alternative {alternative.value!r} of {where}"
    if not alternative.why.strip():
        raise UserError(f"{what}: why: an alternative needs a reason")
    if path == "system" and str(alternative.value) not in entry.recipes.systems:
        raise unknown(
            f"alternative system of {where}", str(alternative.value), entry.recipes.systems
        )
    for inner, value in {path: alternative.value, **alternative.also}.items():
        part, _, name = inner.partition(".")
        if part not in _SETTINGS:
            raise unknown(f"path in 'also' of {what}", inner, _SETTINGS)
        if part in _TYPED:
            wrong = schema.mistakes(_TYPED[part], name, value)
            if wrong:
                raise UserError(f"{what}: {part}.{wrong[0]}")
