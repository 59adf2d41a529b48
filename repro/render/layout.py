"""Lay a grid out as printed, as ours, or side by side: headings, lines, lettered notes.

Formats take it from here; they escape and arrange, and decide nothing.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from string import ascii_lowercase
from typing import Literal, NamedTuple

from repro.render import words
from repro.render.grid import Cell, Grid
from repro.spec.printed import parse
from repro.spec.schema import CellFields, Column, Row

View = Literal["printed", "ours", "both"]
Notes = Literal["full", "short", "none"]  # how much is said beside the table
_SIDES = ("printed", "ours")
_SLOT = re.compile(r"\{([^{}]+)\}(%?)")


@dataclass(frozen=True)
class Text:
    """What stands in one place of the table."""

    main: str
    parts: tuple[str, ...] = ()  # evidence of ours: difference, coverage, verdict
    notes: tuple[str, ...] = ()  # letters
    bold: bool = False
    ours: bool = False  # our side of a cell
    cell: Cell | None = None  # whose side it is

    @property
    def evidence(self) -> str:
        """What stands behind our side, in one piece."""
        return ", ".join(self.parts)


@dataclass(frozen=True)
class Span:
    """A heading over one or more columns; an empty text where a column has none."""

    text: Text
    width: int


@dataclass(frozen=True)
class Line:
    """One line of the body: a heading across the table, or a text for each column."""

    texts: tuple[Text, ...]
    heading: str = ""


@dataclass(frozen=True)
class Layout:
    """A table as it will stand on the page; its first column holds the row labels."""

    title: str
    caption: str  # as printed, where the title does not hold it
    origin: str  # where it is printed
    heading: str  # printed above the columns
    header: tuple[tuple[Span, ...], ...]  # levels, the outermost first
    sides: tuple[str, ...]  # printed and ours where a column is told twice; else empty
    nested: bool  # the paper prints headings above headings
    align: str  # l, c or r for each column
    body: tuple[Line, ...]
    footnotes: tuple[str, ...]  # as printed
    notes: tuple[tuple[str, str], ...]  # letter and text
    legend: str


class _Slot(NamedTuple):
    """One heading of one column; equal keys in neighbours make one span."""

    text: Text
    key: str


class _Letters:
    """Hand out a letter for each distinct note, in the order of first use."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.of: dict[str, str] = {}

    def __call__(self, texts: Iterable[str]) -> tuple[str, ...]:
        if not self.wanted:
            return ()
        return tuple(self.of.setdefault(text, _letter(len(self.of))) for text in texts if text)


def lay_out(grid: Grid, view: View, noted: bool = True) -> Layout:
    """Arrange a grid for one of the three views; `noted`: with the letters of its notes."""
    table, letters = grid.spec, _Letters(noted)
    view = "ours" if grid.plan.entry.on else view  # nothing printed is left of it
    rows = [row for row in table.row if not row.in_heading]
    paired = {c.id for c in table.column if view == "both" and _has_ours(grid, rows, c)}
    heading = _heading(grid, view, letters)
    header = _header(grid, paired, letters)
    body = tuple(_body(grid, rows, view, paired, letters))
    shown = [cell for cell in grid.cells.values() if _shows_ours(cell, view, paired)]
    return Layout(
        title=f"{grid.name}: {table.caption}" if view == "printed" else grid.title,
        caption="" if view == "printed" else table.caption,
        origin=_origin(grid),
        heading=heading,
        header=header,
        sides=tuple(
            side
            for one in ("", *(column.id for column in table.column))
            for side in (_SIDES if one in paired else ("",))
        ),
        nested=bool(table.stub_over or any(column.over for column in table.column)),
        align=_align(body),
        body=body,
        footnotes=tuple(table.footnotes),
        notes=tuple((letter, text) for text, letter in letters.of.items()),
        legend=words.legend(shown, table.statistics.unit, view == "both", grid.bold),
    )


def _origin(grid: Grid) -> str:
    """Say where the table is printed; of other data, whose systems these are."""
    paper, entry = grid.plan.entry.paper, grid.plan.entry
    if entry.on:
        return f"Systems and recipes of {entry.id} ({paper.short}, {paper.url})."
    return f"Printed in {paper.short} ({paper.url}), {grid.spec.printed_in}."


def counted(grid: Grid, lettered: int = 0) -> str:
    """Count the assumptions and the notes that the short form leaves out; empty where none.

    lettered: those of them that cells refer to.
    """
    notes = lettered + len(grid.notes) - bool(grid.plan.runs) + len(grid.findings)
    kinds = {"assumption": len(grid.assumed), "note": notes}
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in kinds.items() if n)


def _letter(index: int) -> str:
    """Return a, b, ... z, aa, ab, ..."""
    more, last = divmod(index, len(ascii_lowercase))
    return (_letter(more - 1) if more else "") + ascii_lowercase[last]


def _has_ours(grid: Grid, rows: list[Row], column: Column) -> bool:
    """Tell whether a number of ours belongs anywhere into a column."""
    return any(grid.cells[row.id, column.id].is_ours for row in rows)


def _remark(fields: CellFields) -> list[str]:
    """Return what a row, column or cell of the table file says to its reader, as one note."""
    parts = []
    if fields.source:
        parts.append(f"Quoted; source: {fields.source}")
    if fields.same_as:
        parts.append("Trained here: {}, row {}, column {}".format(*fields.same_as.split("/")))
    if fields.test_set:
        parts.append(f"Other test set than its column's: {fields.test_set}")
    if fields.note:
        parts.append(fields.note)
    return [" ".join(part if part.endswith((".", '"', "?")) else f"{part}." for part in parts)]


def _header(grid: Grid, paired: set[str], letters: _Letters) -> tuple[tuple[Span, ...], ...]:
    """Return the levels of headings: printed ones above on top, labels at the bottom."""
    table = grid.spec
    chains = [([_Slot(Text(t), t) for t in table.stub_over], [_Slot(Text(table.stub), "")])]
    for column in table.column:
        over = [_Slot(Text(text), text) for text in column.over]
        label = _Slot(Text(column.label, notes=letters(_remark(column))), column.id)
        sides = _SIDES if column.id in paired else ()
        chains += [(over, [label, _Slot(Text(side), side)]) for side in sides] or [(over, [label])]
    depth = max(len(over) + len(labels) for over, labels in chains)
    filled = [
        [*over, *[_Slot(Text(""), "")] * (depth - len(over) - len(labels)), *labels]
        for over, labels in chains
    ]
    return tuple(tuple(_spans(filled, level)) for level in range(depth))


def _spans(chains: list[list[_Slot]], level: int) -> Iterator[Span]:
    """Join neighbours that share this heading and all above it; the lowest level joins nothing."""

    def shared(numbered: tuple[int, list[_Slot]]) -> tuple[object, ...]:
        index, chain = numbered
        alone = level == len(chain) - 1 or not chain[level].key
        return (index,) if alone else tuple(slot.key for slot in chain[: level + 1])

    for _, group in groupby(enumerate(chains), key=shared):
        members = [chain for _, chain in group]
        yield Span(members[0][level].text, len(members))


def _body(
    grid: Grid, rows: list[Row], view: View, paired: set[str], letters: _Letters
) -> Iterator[Line]:
    """Return the lines of the table."""
    own = {(cell.row, cell.column): cell for cell in grid.spec.cell}
    group = ""
    for row in rows:
        if row.group not in ("", group):
            group = row.group
            yield Line((), group)
        texts = [Text(row.label, notes=letters(_remark(row)))]
        for column in grid.spec.column:
            cell = grid.cells[row.id, column.id]
            remarks = _remark(own[row.id, column.id]) if (row.id, column.id) in own else []
            if view == "ours":
                side = _ours_alone(cell, letters(remarks), letters)
                texts.append(replace(side, bold=_is_bold(grid, cell)))
                continue
            bold = grid.bold is None and column.id in row.bold
            texts.append(Text(cell.printed, notes=letters(remarks), bold=bold))
            if column.id in paired:
                side = _ours(cell, letters, delta=True)
                texts.append(replace(side, bold=_is_bold(grid, cell)))
        yield Line(tuple(texts))


def _is_bold(grid: Grid, cell: Cell) -> bool:
    """Tell whether our side of a cell is set bold."""
    return grid.bold is not None and (cell.row, cell.column) in grid.bold


def _ours(cell: Cell, letters: _Letters, delta: bool) -> Text:
    """Return our side of a cell; the verdict's flags and what is missing are notes."""
    missing = "" if cell.diverged or words.tells_reason(cell) else cell.reason
    notes = letters([missing, cell.judged.note, *cell.judged.flags])
    return Text(words.ours(cell), words.evidence(cell, delta), notes, ours=True, cell=cell)


def _ours_alone(cell: Cell, remarks: tuple[str, ...], letters: _Letters) -> Text:
    """Return our side where it stands alone."""
    if _is_text(cell):
        return Text(cell.printed or "(blank)", notes=remarks)
    side = _ours(cell, letters, delta=False)
    return replace(side, notes=(*side.notes, *remarks))


def _is_text(cell: Cell) -> bool:
    """Tell whether the view of ours shows a cell as printed: text does, quoted numbers do not."""
    return cell.state == "declared" or (
        cell.state == "cited" and re.search(r"\d|^[-/]$", cell.printed) is None
    )


def _shows_ours(cell: Cell, view: View, paired: set[str]) -> bool:
    """Tell whether our side of a cell stands in the table or its heading."""
    if view == "both":
        return cell.column in paired or cell.is_ours
    return view == "ours" and not _is_text(cell)


def _heading(grid: Grid, view: View, letters: _Letters) -> str:
    """Fill the heading above the columns with the cells that stand in it."""
    first = grid.spec.column[0].id
    slots = {match[1]: grid.cells[match[1], first] for match in _SLOT.finditer(grid.spec.heading)}

    def fill(match: re.Match[str]) -> str:
        cell = slots[match[1]]
        if view != "ours":
            return cell.printed + match[2]
        return words.ours(cell) + (match[2] if cell.ours is not None else "")

    text = _SLOT.sub(fill, grid.spec.heading)
    if view == "printed":
        return text
    for cell in slots.values():
        side = _ours(cell, letters, delta=view == "both")
        main = f"{side.main} " if view == "both" else ""
        marks = "".join(f" [{letter}]" for letter in side.notes)
        text += f"; ours: {main}({side.evidence}){marks}"
    return text


def _align(body: tuple[Line, ...]) -> str:
    """Set labels and text left, numbers and ours right, short marks in the centre."""
    lines = [line.texts for line in body if line.texts]
    align = "l"
    for texts in list(zip(*lines, strict=True))[1:]:
        if any(text.ours or parse(text.main) is not None for text in texts):
            align += "r"
        else:
            align += "c" if all(len(text.main) <= 3 for text in texts) else "l"
    return align
