"""What an audit is made of: the printed cells of a paper, the checks made, and the findings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

from repro.audit.deposited import Series
from repro.errors import UserError, nearest
from repro.spec import printed
from repro.spec.entry import Entry
from repro.spec.printed import Printed
from repro.spec.schema import CellFields, Claim, Column, Row, Scored, Tested

Counts = Mapping[tuple[str, str], Mapping[str, int]]  # (system, data set) -> name -> parameters

Severity = Literal[
    "impossible", "inconsistent", "not comparable", "coincidence", "unlike ours", "unstated"
]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # the strongest first
CONTRADICTIONS: tuple[Severity, ...] = ("impossible", "inconsistent")  # the others are notes

# What a finding sets side by side: two numbers of the paper, or less.
Sides = Literal["value and size", "two numbers", "unlike tests", "chance", "ours", "one number"]
_OF_SIDES: dict[Sides, Severity] = {
    "value and size": "impossible",
    "two numbers": "inconsistent",
    "unlike tests": "not comparable",
    "chance": "coincidence",
    "ours": "unlike ours",
    "one number": "unstated",
}

_UNIT = re.compile(r"[(\[](?:%|[×x]?10.*|msec|ms)[)\]]")


@dataclass(frozen=True)
class Spot:
    """A printed cell and all that decides it."""

    entry: Entry
    row: Row
    column: Column
    text: str
    number: Printed | None
    fields: CellFields

    @property
    def address(self) -> str:
        """Return "table/row/column"."""
        return f"{self.entry.id}/{self.row.id}/{self.column.id}"

    @property
    def name(self) -> str:
        """Return what a reader calls the cell: its two headings, or the row's alone."""
        row = _heading(self.row, self.entry.table.row)
        if len(self.entry.table.column) == 1:
            return row
        return f"{row}, {_heading(self.column, self.entry.table.column)}"

    @property
    def system(self) -> str:
        """Return what a reader calls the system: the row, or the column where a row is a metric."""
        if self.row.metric is None:
            return _heading(self.row, self.entry.table.row)
        return _heading(self.column, self.entry.table.column)

    @property
    def column_numbers(self) -> list[Printed]:
        """Return the numbers of its column."""
        index = self.entry.table.column.index(self.column)
        numbers = [printed.parse(row.cells[index]) for row in self.entry.table.row]
        return [number for number in numbers if number is not None]

    @property
    def quantity(self) -> tuple[str | None, str | None]:
        """Return what cells must share to be compared: data set and metric."""
        return self.fields.dataset, self.fields.metric

    @property
    def scored(self) -> Scored | None:
        """Return what the cell is a share of, where the table file says so."""
        for scored in self.entry.table.scored:
            in_row = not scored.rows or self.row.id in scored.rows
            if in_row and (not scored.columns or self.column.id in scored.columns):
                return scored
        return None

    @property
    def tested(self) -> Tested | None:
        """Return how its p-value was computed, where the table file says so."""
        for tested in self.entry.table.tested:
            in_row = not tested.rows or self.row.id in tested.rows
            if in_row and (not tested.columns or self.column.id in tested.columns):
                return tested
        return None

    @property
    def share(self) -> Printed | None:
        """Return the number where it is an accuracy in percent: no increment, bound or p-value."""
        number = self.number
        if number is None or number.signed or number.bound or self.fields.kind == "derived":
            return None
        return number


@dataclass(frozen=True)
class Finding:
    """One finding, with everything that a reader needs to judge it."""

    rule: str
    sides: Sides
    paper: str
    tables: tuple[str, ...]  # ids
    cells: tuple[str, ...]  # addresses
    title: str
    claim: str  # the sentence of the paper, verbatim; empty where it says nothing
    computation: tuple[str, ...]
    survives: tuple[str, ...]  # readings under which there is nothing to find
    sentence: str
    chance: float | None = None  # of as much without any cause, where a law of chance is known
    numbers: dict[str, Any] = field(default_factory=dict)
    number: int = 1  # among those of its paper and rule

    @property
    def name(self) -> str:
        """Return what can be typed for it: paper, rule and number."""
        return f"{self.paper}/{self.rule.lower().replace(' ', '-')}-{self.number}"

    @property
    def severity(self) -> Severity:
        """Return how much it weighs: by whose numbers stand on each side, and what survives."""
        severity = _OF_SIDES[self.sides]
        return "unstated" if self.survives and severity in CONTRADICTIONS else severity

    @property
    def contradiction(self) -> bool:
        """Tell whether two numbers of the paper exclude each other under every listed reading."""
        return self.severity in CONTRADICTIONS

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        own = {"id": self.name, "severity": self.severity, "contradiction": self.contradiction}
        return {**own, **asdict(self)}

    @property
    def strength(self) -> tuple[int, float]:
        """Return what sorts findings, the strongest first."""
        return SEVERITIES.index(self.severity), 1.0 if self.chance is None else self.chance


@dataclass
class Checks:
    """How much was checked, cell by cell where that is worth a line."""

    made: Counter[str] = field(default_factory=Counter)
    records: list[dict[str, Any]] = field(default_factory=list)  # granularity, cell by cell
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    deposits: list[dict[str, Any]] = field(default_factory=list)  # cells against deposited outputs
    skipped: list[dict[str, str]] = field(default_factory=list)  # what cannot be checked, and why

    def of(self, table: str) -> Checks:
        """Return the checks with the records of one table alone."""
        inside = f"{table}/"
        return replace(
            self,
            records=[r for r in self.records if r["cell"].startswith(inside)],
            comparisons=[c for c in self.comparisons if c["table"] == table],
            deposits=[d for d in self.deposits if d["cell"].startswith(inside)],
            skipped=[s for s in self.skipped if s["cell"].startswith(inside)],
        )

    def count(self, rule: str, number: int = 1) -> None:
        """Add checks of a rule."""
        self.made[rule] += number


@dataclass(frozen=True)
class Paper:
    """The tables of one paper that are audited together, and what is known beside them.

    counted: parameters of the networks as built here, by (system, data set). sizes: decisions of
    one run by cell, where a search found them. deposits: results that others deposited, with the
    address of the cell that they belong to.
    """

    id: str
    short: str
    entries: tuple[Entry, ...]
    counted: Counts = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    deposits: tuple[tuple[str, Series], ...] = ()

    @cached_property
    def spots(self) -> tuple[Spot, ...]:
        """Return every printed cell, in the printed order."""
        return tuple(
            Spot(entry, row, column, text, printed.parse(text), entry.fields(row, column))
            for entry in self.entries
            for row in entry.table.row
            for column, text in zip(entry.table.column, row.cells, strict=True)
        )

    @cached_property
    def _by_address(self) -> dict[str, Spot]:
        return {spot.address: spot for spot in self.spots}

    def size_of(self, spot: Spot) -> int | None:
        """Return the decisions of one run: the only size stated, or the one that a search found."""
        scored = spot.scored
        if scored is None or spot.fields.test_set is not None:
            return None
        stated = [n for size in scored.sizes if size.stated for n in size.n]
        return stated[0] if len(stated) == 1 else self.sizes.get(spot.address)

    def pair(self, entry: Entry, claim: Claim) -> tuple[Spot, Spot] | None:
        """Return the cells of the better and the worse system, where both print a result."""
        pair = []
        for name in (claim.better, claim.worse):
            spots = [s for s in self.of(entry) if s.fields.metric == claim.metric and s.number]
            by_id = [s for s in spots if name in (s.row.id, s.column.id)]
            found = by_id or [s for s in spots if s.fields.system == name]
            if len(found) != 1:
                return None
            pair.append(found[0])
        return pair[0], pair[1]

    def of(self, entry: Entry) -> list[Spot]:
        """Return the cells of one table."""
        return [spot for spot in self.spots if spot.entry is entry]

    def find(self, entry: Entry, reference: str) -> list[Spot]:
        """Return the cells that "row/column" or "table/row/column" names; "*" stands for any.

        UserError for a name that does not exist.
        """
        parts = reference.split("/")
        if len(parts) == 2:
            parts = [entry.id, *parts]
        if len(parts) != 3:
            raise UserError(f"{entry.path}: {reference!r} is not ROW/COLUMN or TABLE/ROW/COLUMN")
        table, row, column = parts
        found = [
            spot
            for spot in self.spots
            if spot.entry.id == table and row in ("*", spot.row.id)
            and column in ("*", spot.column.id)
        ]  # fmt: skip
        if not found:
            near = nearest("/".join(parts), self._by_address)
            hint = f": did you mean {near!r}?" if near else ""
            raise UserError(f"{entry.path}: no cell {'/'.join(parts)!r}{hint}")
        return found


def _heading(one: Row | Column, others: Sequence[Row | Column]) -> str:
    """Return a heading without its unit; the id where two are printed alike."""
    alike = sum(other.label == one.label for other in others)
    return _UNIT.sub("", one.label).strip() if alike == 1 else one.id


def table_name(entry: Entry) -> str:
    """Return "Table II" or "Table 6a"."""
    return f"Table {entry.table.number}"


def tables_named(entries: Iterable[Entry]) -> str:
    """Return "Table 2" or "Tables 2, 3 and 6a", each once."""
    numbers = list(dict.fromkeys(entry.table.number for entry in entries))
    return f"Table{'s' if len(numbers) > 1 else ''} {listing(numbers)}"


def tables_of(spots: list[Spot]) -> tuple[str, ...]:
    """Return the ids of the cells' tables, each once."""
    return tuple(dict.fromkeys(spot.entry.id for spot in spots))


def addresses(spots: list[Spot]) -> tuple[str, ...]:
    """Return the cells' addresses, each once."""
    return tuple(dict.fromkeys(spot.address for spot in spots))


def listing(words: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def either(words: Sequence[str]) -> str:
    """Return "a", "a or b" or "a, b or c"."""
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else "".join(words)


def ranges(values: Iterable[int]) -> str:
    """Return whole numbers with neighbours put together: "2, 3, 4 and 9" as "2 to 4 and 9"."""
    spans: list[list[int]] = []
    for value in sorted(values):
        if spans and value == spans[-1][-1] + 1:
            spans[-1].append(value)
        else:
            spans.append([value])
    long = [f"{span[0]:,} to {span[-1]:,}" if len(span) > 2 else "" for span in spans]
    parts = [
        part
        for text, span in zip(long, spans, strict=True)
        for part in ([text] if text else [f"{value:,}" for value in span])
    ]
    return listing(parts) or "none"


def capital(text: str) -> str:
    """Return a text with its first letter large."""
    return text[:1].upper() + text[1:]


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return "1 run" or "3 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
