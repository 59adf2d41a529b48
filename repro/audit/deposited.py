"""Read results that others deposited: accuracies by fold, run or group, as CSV or JSON.

A CSV has a column for the accuracy (with `n` and `correct` beside it where they are known), one
that numbers folds or runs, and any that tell systems and data sets apart; a file of numbers alone,
one a line, is one series. A JSON file is a list of such rows, or names with numbers, lists of
numbers or confusion matrices ("NAME-1", "NAME-2", ... are the folds of NAME). Rows that sum up
others are left out: those called an average, and a last number that is the mean of those before it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from repro.errors import UserError
from repro.spec.printed import Printed, parse

VALUES = ("accuracy", "acc", "test_accuracy", "test_acc", "value")
UNITS = ("fold", "test_fold", "run", "seed", "split", "actor", "test_actor", "group", "epoch")
COUNTS = ("correct", "n")
ASIDE = ("source", "note", "notes", "url", "file")
LIKELY = 20  # units of the last digit that results spread over, for a mean to be told from one
_FLOAT = Fraction(1, 10**9)  # that a share in floating point may be off
SUMS = re.compile(r"\b(avg|average|mean|all|overall|total)\b", re.IGNORECASE)
_OF = re.compile(r"\((?P<correct>\d+)\s*/\s*(?P<n>\d+)\)")
_FOLD = re.compile(r"(?P<name>.+?)[-_ ](?:fold)?(?P<fold>\d+)")
READABLE = "a CSV or JSON with one accuracy a row; `repro audit --help` says which columns"


@dataclass(frozen=True)
class Outcome:
    """One deposited result: its accuracy in 0..1 as written, and the decisions where known."""

    name: str  # of the fold or run
    value: Printed
    correct: int | None = None
    n: int | None = None


@dataclass(frozen=True)
class Series:
    """The results of one system, fold by fold or run by run."""

    name: str
    outcomes: tuple[Outcome, ...]

    @property
    def words(self) -> frozenset[str]:
        """Return the words of its name, for finding the row that it belongs to."""
        return words(self.name)


def words(text: str) -> frozenset[str]:
    """Return the words of a name in small letters; what stands in brackets is left out."""
    plain = re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text.lower())
    return frozenset(word for word in re.split(r"[^a-z0-9]+", plain) if word)


def read(path: Path) -> tuple[Series, ...]:
    """Read a file of deposited results; UserError for one that holds none."""
    if not path.is_file():
        raise UserError(f"no such file: {path}", "repro audit --help")
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = _json(path, _loaded(text)) if path.suffix == ".json" else _csv(path, text)
    except (ValueError, csv.Error, RecursionError) as error:
        raise UserError(f"{path}: {error}", f"give {READABLE}") from None
    if not found:
        raise UserError(f"{path}: no accuracies in it", f"give {READABLE}")
    return found


# ---- CSV -------------------------------------------------------------------------------------


def _csv(path: Path, text: str) -> tuple[Series, ...]:
    rows = [row for row in csv.reader(text.splitlines()) if any(cell.strip() for cell in row)]
    if not rows:
        return ()
    if all(len(row) == 1 and _number(row[0]) is not None for row in rows):
        return (_plain(path.stem, [row[0] for row in rows]),)
    header = [cell.strip().lower() for cell in rows[0]]
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two columns are called {twice!r}")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(header):
            raise ValueError(f"line {number} has {len(row)} cells under {len(header)} headings")
    lines = [dict(zip(header, row, strict=True)) for row in rows[1:]]
    return _rows(path, {f"line {number}": row for number, row in enumerate(lines, 2)})


def _rows(path: Path, rows: Mapping[str, Mapping[str, str]]) -> tuple[Series, ...]:
    """Put rows together that agree in everything but the fold, the numbers and the source.

    rows: by the words for where each stands in its file.
    """
    together: dict[str, dict[str, Outcome]] = {}
    for number, (where, row) in enumerate(rows.items(), 1):
        column = next((name for name in VALUES if name in row), None)
        if column is None:
            raise ValueError(f"{where}: no column {' or '.join(VALUES)}; found {', '.join(row)}")
        units = [name for name in UNITS if name in row]
        if any(SUMS.search(row[name]) for name in units):
            continue
        value = _number(row[column])
        if value is None:
            raise ValueError(f"{where}: {column} {row[column]!r} is not a number")
        texts = [
            text.strip()
            for name, text in row.items()
            if name not in (column, *units, *COUNTS, *ASIDE) and _number(text) is None
        ]
        name = re.sub(r"\s*\([^)]*\)", "", " ".join(filter(None, texts))) or path.stem
        of = _OF.search(row[column])
        counted = {key: row.get(key, "") for key in COUNTS} if of is None else of.groupdict()
        one = "/".join(row[name].strip() for name in units) or str(number)
        outcome = Outcome(one, value, *(_whole(counted[key], where, key) for key in COUNTS))
        if one in together.setdefault(name, {}):
            raise ValueError(f"{where}: {' and '.join(units)} {one} of {name!r} a second time")
        together[name][one] = outcome
    return tuple(Series(name, _percent(found.values())) for name, found in together.items())


def _whole(text: str, where: str, key: str) -> int | None:
    """Return a count, also one that is written as 40.0; None where nothing is written."""
    if not text.strip():
        return None
    found = re.fullmatch(r"(\d+)(?:\.0*)?", text.strip())
    if found is None:
        raise ValueError(f"{where}: {key} {text!r} is no number of decisions")
    return int(found[1])


def _plain(name: str, texts: Iterable[str]) -> Series:
    """Return the series of numbers alone, without a last one that is the mean of the others.

    ValueError where it is as likely a result: one in twenty would be their mean by chance.
    """
    values = [value for text in texts if (value := _number(text)) is not None]
    *first, last = values
    unit = max(min(value.unit for value in values), _FLOAT)
    shares = [value.value for value in first]
    if len(shares) > 1 and -unit / 2 <= sum(shares) / len(shares) - last.value < unit:
        if max(shares) - min(shares) < LIKELY * unit:
            raise ValueError(
                f"{name}: the last number may be the mean of those before it, or a result; say it "
                "with a column 'fold'"
            )
        values = first
    return Series(name, _percent([Outcome(str(i), v) for i, v in enumerate(values, 1)]))


# ---- JSON ------------------------------------------------------------------------------------


def _loaded(text: str) -> Any:
    """Read JSON; ValueError for what is no number, or a name that would be lost."""

    def constant(name: str) -> None:
        raise ValueError(f"{name} is no accuracy")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name.lower() for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands twice")
        return dict(pairs)

    return json.loads(text, parse_constant=constant, object_pairs_hook=once)


def _json(path: Path, data: Any) -> tuple[Series, ...]:
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        rows = [{k.lower(): _text(v) for k, v in row.items()} for row in data]
        return _rows(path, {f"row {number}": row for number, row in enumerate(rows, 1)})
    if isinstance(data, list) and all(map(_is_number, data)):
        return (_plain(path.stem, map(_text, data)),) if data else ()
    if not isinstance(data, dict):
        raise ValueError("neither rows nor names with numbers")
    together: dict[str, list[Outcome]] = {}
    series = []
    for name, value in data.items():
        if isinstance(value, list) and value and all(map(_is_number, value)):
            series.append(_plain(name, map(_text, value)))
            continue
        parts = _FOLD.fullmatch(name)
        of, fold = (parts["name"], parts["fold"]) if parts else (name, name)
        together.setdefault(of, []).append(_entry(name, fold, value))
    return (*series, *(Series(name, _percent(found)) for name, found in together.items()))


def _entry(name: str, fold: str, value: Any) -> Outcome:
    """Read a number, or a confusion matrix (rows: true classes)."""
    if _is_number(value):
        number = _number(_text(value))
        assert number is not None
        return Outcome(fold, number)
    square = isinstance(value, list) and all(
        isinstance(row, list) and len(row) == len(value) for row in value
    )
    if not square or not all(type(x) is int and x >= 0 for row in value for x in row):
        raise ValueError(f"{name!r} is neither a number, a list of numbers nor a confusion matrix")
    n, correct = sum(map(sum, value)), sum(value[i][i] for i in range(len(value)))
    if not n:
        raise ValueError(f"{name!r} counts no clips")
    exact = Fraction(correct, n)
    return Outcome(fold, Printed(exact, Fraction(0), 0), correct, n)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


# ---- both ------------------------------------------------------------------------------------


def _number(text: str) -> Printed | None:
    """Return the number of a cell, also one with counts in brackets behind it."""
    found = parse(_OF.sub("", text))
    return None if found is None or found.bound or found.value < 0 else found


def _percent(outcomes: Collection[Outcome]) -> tuple[Outcome, ...]:
    """Return the results as shares in 0..1; a series with a number above 1 is in percent."""
    worst = max(outcome.value.value for outcome in outcomes)
    if worst > 100:
        raise ValueError(f"an accuracy lies in 0..1 or 0..100 %, found {float(worst):g}")
    shares = [
        outcome if worst <= 1 else replace(outcome, value=_hundredth(outcome.value))
        for outcome in outcomes
    ]
    for outcome in shares:
        _agreeing(outcome)
    return tuple(shares)


def _hundredth(value: Printed) -> Printed:
    return Printed(value.value / 100, value.unit / 100, value.decimals + 2)


def _agreeing(outcome: Outcome) -> None:
    """Refuse counts that cannot be, or that are not what the accuracy beside them is."""
    if outcome.correct is None or outcome.n is None:
        return
    if not 0 <= outcome.correct <= outcome.n or outcome.n == 0:
        raise ValueError(f"{outcome.name}: {outcome.correct} correct of {outcome.n}")
    value, exact = outcome.value, Fraction(outcome.correct, outcome.n)
    if abs(value.value - exact) > max(value.unit, _FLOAT):
        raise ValueError(
            f"{outcome.name}: {outcome.correct} of {outcome.n} is {float(exact):.6g}, not "
            f"{float(value.value):g}"
        )
