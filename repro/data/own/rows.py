"""From the lines of the user's table to clips: every cell is checked, every fault has its line.

Columns are checked whole, each different cell once: a table may have a million lines.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from repro.data.folders import names
from repro.data.lists import PARTS, Clip, is_fold
from repro.data.own.table import Columns, Table, wrong

# What people call the parts of a split.
_PARTS = {"train": "train", "training": "train", "valid": "valid", "validation": "valid",
          "val": "valid", "dev": "valid", "test": "test", "testing": "test", "": ""}  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)*", re.ASCII)
_JOINERS = "\u200c\u200d"  # of letters, in Persian and Indic scripts


class _FaultError(ValueError):
    """What is wrong with a cell, or with a name in it."""


def clips(table: Table, columns: Columns) -> list[Clip]:
    """Turn the lines of a table into clips; UserError with file, line and value.

    Several labels are joined by ";". Without group every clip is its own group.
    """
    numbers, lines = _lines(table)

    def column(name: str, check: Callable[[str], str]) -> list[str]:
        cells = [*map(columns.of[name], lines)]
        known = {}
        for cell in dict.fromkeys(cells):
            try:
                known[cell] = check(cell.strip())
            except _FaultError as fault:
                line = numbers[cells.index(cell)]
                raise wrong(f"{table.file}, line {line}", str(fault)) from fault
        return [known[cell] for cell in cells]

    paths = column("path", _path)
    labels = column("label", _label)
    groups = parts = [""] * len(lines)
    if "group" in columns.of:
        groups = column("group", _group)
    for name, check in (("split", _part), ("fold", _fold)):
        if name in columns.of:
            parts = column(name, check)
    _distinct(table, numbers, paths)
    _unlike(table, numbers, "label", labels, lambda label: label.split(";"))
    _unlike(table, numbers, "group", groups, lambda group: [group] if group else [])
    return [
        Clip(path, label, group or path, part)
        for path, label, group, part in zip(paths, labels, groups, parts, strict=True)
    ]


def _lines(table: Table) -> tuple[list[int], list[list[str]]]:
    """Read all lines; return their numbers and cells."""
    width, numbers, lines = len(table.header), [], []
    for number, cells in table.lines:
        if len(cells) != width:
            raise wrong(
                f"{table.file}, line {number}",
                f"{len(cells)} cells, and the first line has {width} columns",
            )
        numbers.append(number)
        lines.append(cells)
    if not lines:
        raise wrong(table.file, "no clips; expected lines below the first one")
    return numbers, lines


def _path(text: str) -> str:
    """Check a path inside the folder."""
    if _PLAIN.fullmatch(text):
        return text
    if not text:
        raise _FaultError("no path")
    if text.startswith("/") or ".." in PurePosixPath(text).parts:
        raise _FaultError(f"{text!r} is not a path inside the folder")
    return PurePosixPath(_name("path", text)).as_posix()


def _label(text: str) -> str:
    """Sort the names of a label; `a;b` and `b; a` are one."""
    each = {_name("label", one) for one in map(str.strip, text.split(";")) if one}
    if not each:
        raise _FaultError("no label")
    return ";".join(sorted(each))


def _group(text: str) -> str:
    return _name("group", text)


def _part(text: str) -> str:
    """Read a part of the split."""
    if text.lower() not in _PARTS:
        raise _FaultError(f"split {text[:60]!r}: use {', '.join(PARTS)}, or nothing")
    return _PARTS[text.lower()]


def _fold(text: str) -> str:
    """Read the number of a fold."""
    if text and not is_fold(text):
        raise _FaultError(f"fold {text[:60]!r} is no whole number below 10,000")
    return text


def _name(what: str, text: str) -> str:
    """Check a name: printed as it is, and without what the list cannot hold."""
    if any(mark in text for mark in ',"\t\r\n'):
        raise _FaultError(f"comma, quote, tab or line end in {what} {text[:60]!r}")
    if not all(letter.isprintable() or letter in _JOINERS for letter in text):
        raise _FaultError(f"letters that cannot be seen in {what} {text[:60]!a}")
    return text


def _distinct(table: Table, numbers: Sequence[int], paths: Sequence[str]) -> None:
    """Refuse a clip that is listed twice, also as a copy in another format."""
    stems = [*map(names.stem, paths)]
    if len(set(stems)) == len(stems):
        return
    first: dict[str, int] = {}
    for number, path, stem in zip(numbers, paths, stems, strict=True):
        if (before := first.setdefault(stem, number)) != number:
            raise wrong(
                f"{table.file}, line {number}",
                f"{path!r} is the clip of line {before}: listed twice, or a copy",
            )


def _unlike(
    table: Table,
    numbers: Sequence[int],
    what: str,
    cells: Sequence[str],
    inside: Callable[[str], Iterable[str]],
) -> None:
    """Refuse two labels or two groups that look like one."""
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for cell in dict.fromkeys(cells):
        for name in inside(cell):
            alike[names.folded(name)].setdefault(name, cell)
    for same in alike.values():
        if len(same) > 1:
            one, other = (
                f"{what} {name!r} (line {numbers[cells.index(cell)]})"
                for name, cell in [*same.items()][:2]
            )
            raise wrong(table.file, f"{one} and {other} differ only in capitals or in how accents "
                        "are stored")  # fmt: skip
