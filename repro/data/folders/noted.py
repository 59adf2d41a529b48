"""Read what a home has noted about datasets and weights: JSON in which every field is typed.

Such a file may be cut off, edited, or another one's; nothing is computed from it unchecked.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MOST = 2**63 - 1  # of a count, times in nanoseconds too
_NAMES: dict[type, str] = {str: "a text", int: "a count", float: "a number", bool: "true or false",
                           dict: "an object", list: "a list"}  # fmt: skip


def read(
    file: Path, needed: Mapping[str, type], more: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Return the fields of a note; those of `more` are left out where they are not there.

    int: a whole number from 0; float: a finite number from 0; dict: an object. ValueError in one
    line for what is none; OSError if it cannot be read.
    """
    try:
        content = json.loads(file.read_bytes())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    return check(content, needed, more)


def check(
    content: Mapping[str, Any], needed: Mapping[str, type], more: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Return the fields of plain data as `read` does."""
    if lacking := [name for name in needed if name not in content]:
        raise ValueError(f"{', '.join(lacking)} is missing")
    found = {}
    for name, kind in {**needed, **(more or {})}.items():
        if name in content:
            if not _fits(content[name], kind):
                raise ValueError(f"{name} is {_short(content[name])}, not {_NAMES[kind]}")
            found[name] = content[name]
    return found


def _fits(value: object, kind: type) -> bool:
    """Tell whether a value is of a kind; true and false are no numbers here."""
    if kind is float:
        return type(value) in (int, float) and 0 <= value <= sys.float_info.max  # type: ignore[operator]
    return type(value) is kind and (kind is not int or 0 <= value <= _MOST)  # type: ignore[operator]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
