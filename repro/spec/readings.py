"""Readings of silent points: put into nested settings by dotted path, and written as typed."""

from __future__ import annotations  # types without pydantic: shells complete with this file

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from repro.errors import UserError, unknown

if TYPE_CHECKING:
    from repro.spec.schema import Alternative, Assumption

_Plain = TypeVar("_Plain")
Differences = dict[str, tuple[Any, Any]]  # dotted field -> its two values, None where it is absent


class Reading(NamedTuple):
    """The value that an assumption has in a plan, and the one that it has where none is chosen."""

    assumption: Assumption
    value: Any
    default: Any

    @property
    def chosen(self) -> bool:
        """Whether it is not the default."""
        return as_text(self.value) != as_text(self.default)

    @property
    def why(self) -> str:
        """What speaks for this value."""
        listed = {as_text(a.value): a.why for a in self.assumption.alternatives}
        linked = "it goes with another reading that was chosen"
        return listed.get(as_text(self.value), linked) if self.chosen else self.assumption.why

    @property
    def others(self) -> list[tuple[str, str]]:
        """The alternatives beside this value, each with what speaks for it."""
        listed = [(as_text(a.value), a.why) for a in self.assumption.alternatives]
        return [(text, why) for text, why in listed if text != as_text(self.value)]

    def told(self, value: Callable[[str], str] = str, words: Callable[[str], str] = str) -> str:
        """Say what it is about, why, what the default is where it is not that, and what else.

        value, words: how a format writes a value, and all else.
        """
        said = f"{words(self.assumption.title)}. "
        if self.chosen:
            said += (f"{value(as_text(self.value))}: {words(self.why)}. "
                     f"Default {value(as_text(self.default))}: ")  # fmt: skip
        said += words(self.assumption.why)
        others = "; ".join(f"{value(text)} ({words(why)})" for text, why in self.others)
        return f"{said} Alternatives: {others}." if others else said


def alternative(assumption: Assumption, value: str, show: str) -> Alternative:
    """Return the listed alternative that a user's text names."""
    listed = {as_text(a.value): a for a in assumption.alternatives}
    if value not in listed:
        raise unknown(f"value for --assume {assumption.key}", value, listed, show)
    return listed[value]


def as_text(value: Any) -> str:
    """Return a value as a user types it: lists with commas, true, false and none in lower case."""
    if isinstance(value, list | tuple):
        return ",".join(map(as_text, value))
    if value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def applies(assumption: Assumption, system: str, settings: dict[str, Any]) -> bool:
    """Tell whether an assumption's path exists in a system's settings."""
    if assumption.systems and system not in assumption.systems:
        return False
    return get(settings, assumption.path) is not None


def get(settings: dict[str, Any], path: str) -> Any:
    """Return the value at a dotted path, or None where there is none."""
    here: Any = settings
    for part in path.split("."):
        if not isinstance(here, dict) or part not in here:
            return None
        here = here[part]
    return here


def lay(settings: dict[str, Any], assumption: Assumption, chosen: str, table: str) -> None:
    """Put a chosen alternative into the settings; UserError for a value of another kind."""
    picked = alternative(assumption, chosen, "")
    for path, value in {assumption.path: picked.value, **picked.also}.items():
        before = get(settings, path)
        if not _alike(value, before):
            raise UserError(
                f"assumption {assumption.key!r} of {table}: {path} is {before!r}, and {value!r} is "
                "not of its kind",
                f"repro show {table}",
            )
        put(settings, path, value)


def _alike(value: Any, other: Any) -> bool:
    """Tell whether a value may stand in place of another; a whole number may be a float."""
    if isinstance(value, list | tuple) and isinstance(other, list | tuple):
        return all(_alike(each, first) for each in value for first in other[:1])
    if isinstance(other, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return other is None or type(value) is type(other)


def put(settings: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path."""
    *parents, last = path.split(".")
    here = settings
    for part in parents:
        here = here[part]
    here[last] = value


def put_all(settings: dict[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Put typed values at the paths that settings have; return those, each with its new value.

    A text is read as the kind of value that stands there; UserError where it is none.
    """
    found = {}
    for path, text in texts.items():
        there = get(settings, path)
        if there is not None and path.partition(".")[0] in ("model", "frontend", "recipe"):
            found[path] = _typed(path, text, there)
            put(settings, path, found[path])
    return found


def _typed(path: str, text: str, there: Any) -> Any:
    """Read a text as a value of the kind of another."""
    kind = type(there)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        if kind in (int, float):
            return kind(text)
        if kind in (list, tuple):
            parts = [] if text == "none" else text.split(",")
            return kind(_typed(path, part, there[0]) if there else part for part in parts)
        if kind is str:
            return "" if text == "none" else text
    except (KeyError, ValueError):
        pass
    raise UserError(f"--set {path}={text}: expected a value like {as_text(there)}",
                    "repro show ID")  # fmt: skip


def copied(settings: _Plain) -> _Plain:
    """Return a copy of plain settings of which nothing is shared; `copy.deepcopy` is slower."""
    copy: Any = settings
    if isinstance(settings, dict):
        copy = {key: copied(value) for key, value in settings.items()}
    elif isinstance(settings, list | tuple):
        copy = type(settings)(map(copied, settings))
    return cast(_Plain, copy)


def leaves(changes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings that a block changes, nested ones by dotted name."""
    for key, value in changes.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", v) for inner, v in leaves(value))
        else:
            yield key, value


def merge(base: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Lay changes over nested settings."""
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def differences(a: Mapping[str, Any], b: Mapping[str, Any], above: str = "") -> Differences:
    """Return the fields in which two nested mappings differ, by dotted name; lists are whole."""
    found: Differences = {}
    for key in sorted(a.keys() | b.keys()):
        ours, theirs = a.get(key), b.get(key)
        if ours == theirs:
            continue
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
            found |= differences(ours, theirs, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = (ours, theirs)
    return found
