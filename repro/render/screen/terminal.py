"""Render a grid for a terminal: fitted to its width, coloured by word, the table last.

A printed column with ours beside it is laid out in one of several ways: in one line (printed,
ours, difference, verdict), with the evidence under our value, or stacked; words may be their
short marks. The way that takes the fewest lines is taken; where none fits, columns are told apart
in parts of the table, each with the row labels.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from rich.text import Text

from repro.render import words
from repro.render.grid import Grid
from repro.render.layout import Layout, Notes, View, counted, lay_out
from repro.render.layout import Text as Place
from repro.render.looks import LOOKS
from repro.render.screen import fitting
from repro.render.screen.fitting import Block, block, together
from repro.spec.printed import parse

# The colours of a terminal for those of report and figures.
_ANSI = {"good": "green", "fair": "cyan", "bad": "red", "open": "yellow", "aside": "magenta",
         "none": "bright_black"}  # fmt: skip
STYLES = {word: _ANSI[look.colour] for word, look in LOOKS.items()}
_UNIT = re.compile(r"(?<=[^\s(\[])(?=[(\[])")
_RULE, _FAINT = "\u2500", "bright_black"

Way = Literal["line", "two", "stack"]
# Words in full before their marks, one line before two; a later way is taken where it is shorter.
_WAYS: tuple[tuple[Way, bool], ...] = (
    ("line", True), ("line", False), ("two", True), ("two", False), ("stack", True),
    ("stack", False),
)  # fmt: skip


def render(grid: Grid, view: View, notes: Notes, width: int) -> list[Text]:
    """Return the lines of a table on a terminal of that width."""
    layout = lay_out(grid, view, noted=notes == "full")
    lines = _paragraph(Text(layout.title, style="bold"), width)
    if view != "printed":
        lines += _paragraph(Text(grid.warning, style="bold magenta"), width) if grid.warning else []
        if notes == "full":
            lines += _full(grid, layout, width)
        elif notes == "short":
            lines += _short(grid, view, width)
    elif notes == "full":
        lines += _below(layout, width)
    if layout.heading:
        lines += [Text(), *_paragraph(Text(layout.heading), width)]
    return [fitting.spaced(line) for line in [*lines, Text(), *table(layout, width)]]


def words_of_verdicts() -> str:
    """Return the pattern of all words that have a colour."""
    return rf"\b(?:{'|'.join(STYLES)})\b"


def style(word: str) -> str:
    """Return the colour of a verdict's word; none for any other text."""
    return STYLES.get(word, "")


def _paragraph(text: Text, width: int, indent: str = "") -> list[Text]:
    return fitting.paragraph(text, width, indent)


# ---- what stands above the table -------------------------------------------------------------


def _short(grid: Grid, view: View, width: int) -> list[Text]:
    """Return one line of verdict, our own pairs of systems, and one line that counts the notes."""
    lines = []
    if grid.plan.runs:
        word, *more = words.verdict(grid)
        word = f"Verdict: {word}" if grid.plan.entry.on else word
        text = Text(word, style=f"bold {style(grid.judgement.table.word)}")
        for piece in more:
            if text.cell_len + len(piece) + 2 > width:
                break
            text.append(f"; {piece}", style="not bold default")
        lines = _paragraph(text, width)
    lines += [line for text in words.beside(grid) for line in _paragraph(Text(text), width)]
    layout = lay_out(grid, view)
    count = counted(grid, len(layout.notes))
    hints = [f"{count}: --notes full"] if count else []
    hint = "; ".join([*hints, "what the words mean: repro explain"])
    lines += _paragraph(Text(hint, style=_FAINT), width)
    return [*lines, *(line for text in layout.footnotes for line in _paragraph(Text(text), width))]


def _full(grid: Grid, layout: Layout, width: int) -> list[Text]:
    """Return everything that is to be said, in paragraphs."""
    lines = _below(layout, width)
    told = [*grid.notes, *(f"Data check, {finding}" for finding in grid.findings)]
    told.append(f"Command: {grid.command}")
    lines += [Text(), *(line for text in told for line in _item(text, width))]
    if grid.assumed:
        lines += [Text(), Text("Where the paper is silent (--assume KEY=VALUE):", style="bold")]
        for one in grid.assumed:
            key = Text(together(f"{one.key}={one.value}"), style="bold")
            text = " ".join(filter(None, (one.mark, one.reading.told())))
            lines += _item(key.append(f" {text}", style="not bold"), width)
    return lines


def _below(layout: Layout, width: int) -> list[Text]:
    """Return origin, footnotes, lettered notes and legend."""
    origin = layout.origin
    if layout.caption:
        origin = f"{origin.removesuffix('.')}: \u201c{layout.caption}\u201d"
    lines = [*_paragraph(Text(origin), width), Text()]
    lines += [line for text in layout.footnotes for line in _item(text, width)]
    for letter, text in layout.notes:
        lines += _item(f"[{letter}] {text}", width)
    return [*lines, *_paragraph(Text(layout.legend), width)] if layout.legend else lines


def _item(text: str | Text, width: int) -> list[Text]:
    return fitting.paragraph(Text("- ").append_text(Text(text) if isinstance(text, str) else text),
                             width, "  ")  # fmt: skip


# ---- the table -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Column:
    """One column on the screen, and the layout's column that its headings are taken from."""

    of: int
    blocks: list[Block]  # by line of the body
    head: Block  # what tells it from its neighbours of the same printed column
    align: str


def table(layout: Layout, width: int) -> list[Text]:
    """Return the lines of the table itself."""
    fields = _fields(layout)
    whole = _fitted(layout, fields, width)
    if whole is not None:
        return whole
    lines: list[Text] = []
    labels, rest = fields[0], fields[1:]
    while rest:
        part = None
        for count in range(len(rest), 0, -1):
            part = _fitted(layout, [labels, *rest[:count]], width)
            if part is not None:
                break
        if part is None:  # a single column that is wider than the screen
            part = _written(layout, [labels, rest[0]], _WAYS[-1], width)
        lines += [*([Text()] if lines else []), *part]
        rest = rest[count:]
    return lines


def _fields(layout: Layout) -> list[tuple[int, ...]]:
    """Return the layout's columns by printed column: one of its own, or printed with ours."""
    fields: list[tuple[int, ...]] = []
    for index, side in enumerate(layout.sides):
        if side == "ours":
            fields[-1] = (index - 1, index)
        else:
            fields.append((index,))
    return fields


def _fitted(layout: Layout, fields: Sequence[tuple[int, ...]], width: int) -> list[Text] | None:
    """Return the shortest way to write some columns that fits the width; None if none does."""
    made = [_written(layout, fields, way, width) for way in _WAYS]
    fits = [lines for lines in made if max(line.cell_len for line in lines) <= width]
    return min(fits, key=len, default=None)


def _written(
    layout: Layout,
    fields: Sequence[tuple[int, ...]],
    way: tuple[Way, bool],
    width: int,
) -> list[Text]:
    """Write some columns in one way."""
    columns = [column for field in fields for column in _columns(layout, field, way)]
    depth = len(layout.header) - any(layout.sides)
    levels = [list(_spans(layout, level, columns)) for level in range(depth)]
    wide = _widths(columns, [pair for level in levels for pair in level], width)
    align = "".join(column.align for column in columns)
    lines = [line for level in levels for line in _heading(level, wide, align)]
    if any(column.head for column in columns):
        lines += fitting.row([column.head for column in columns], wide, align)
    lines.append(Text(_RULE * _across(wide, range(len(wide))), style=_FAINT))
    at = 0
    for line in layout.body:
        if line.heading:
            lines += fitting.wrap((Text(line.heading, style="bold"),), width)
        else:
            lines += fitting.row([column.blocks[at] for column in columns], wide, align)
            at += 1
    return lines


def _widths(
    columns: Sequence[_Column], spans: Sequence[tuple[Block, list[int]]], width: int
) -> list[int]:
    """Return the width of each column, so that no word of a heading over it is broken."""
    blocks = [[*column.blocks, column.head] for column in columns]
    for span, own in spans:
        if len(own) == 1:  # its words, one below the other: a heading alone widens no column
            blocks[own[0]].append(tuple(word for text in span for word in text.split(" ")))
    wide = fitting.widths(blocks, width) or [fitting.shortest(one) for one in blocks]
    for span, own in spans:
        wide[own[-1]] += max(0, fitting.shortest([span]) - _across(wide, own))
    return wide


def _columns(layout: Layout, field: tuple[int, ...], way: tuple[Way, bool]) -> Iterator[_Column]:
    """Yield the columns on the screen for one printed column; one without any text is left out."""
    lines = [line.texts for line in layout.body if not line.heading]
    align, sided = layout.align[field[-1]], len(field) == 2
    printed = [_printed(texts[field[0]]) for texts in lines]
    if not any(texts[field[-1]].ours for texts in lines):
        head = _label(layout, field[0]) if any(layout.sides) else ()
        yield _Column(field[0], printed, head, align)
        return
    kind, full = way
    ours = [_ours(texts[field[-1]], full) for texts in lines]
    beside: dict[str, list[Block]] = {"printed": printed} if sided else {}
    if kind == "line":
        beside |= {
            "ours": [block(one.value, one.lacking) for one in ours],
            "difference": [block(one.delta) for one in ours],
            "verdict": [block(one.word) for one in ours],
        }
    else:
        told = [block(one.value, one.evidence, one.lacking) for one in ours]
        beside |= {"ours": told}
        if kind == "stack" and sided:
            both = [_above(*pair) for pair in zip(printed, told, strict=True)]
            beside = {"printed ours": both}
    for name, blocks in beside.items():
        if any(blocks):
            heads = block(*(Text(text, style=_FAINT) for text in name.split() if sided))
            yield _Column(field[0], blocks, heads, "l" if name == "verdict" else align)


def _above(printed: Block, ours: Block) -> Block:
    """Put printed above ours; what is no result of ours stands beside it where there is room."""
    if len(printed) == len(ours) == 1 and ours[0].plain in ("cited", "declared"):
        return (printed[0].copy().append(" ").append_text(ours[0]),)
    return (*printed, *ours)


@dataclass(frozen=True)
class _Ours:
    """The pieces of our side of a cell."""

    value: Text
    delta: Text
    word: Text
    lacking: Text  # why there is no value, or how much of it is there

    @property
    def evidence(self) -> Text:
        """Difference and word in one piece."""
        return Text(" ").join(text for text in (self.delta, self.word) if text.plain)


def _ours(place: Place, full: bool) -> _Ours:
    """Take our side of a cell apart; `full`: words are written out."""
    cell, nothing = place.cell, Text()
    if cell is None:  # text that is printed, or nothing of ours
        return _Ours(_printed_text(place), nothing, nothing, nothing)
    look = style(cell.verdict) if cell.is_ours else _FAINT
    value = Text(together(place.main), style=look).append_text(_letters(place))
    delta = "" if cell.delta is None else words.number(cell.delta, cell.decimals, signed=True)
    word = words.told(cell, full)
    return _Ours(
        value,
        Text(delta, style=look),
        Text(together(word), style=look),
        Text(words.lacking(cell), style=_FAINT),
    )


def _printed(place: Place) -> Block:
    """Return what the paper prints, or a row's label."""
    return block(_printed_text(place))


def _printed_text(place: Place) -> Text:
    text = place.main if parse(place.main) is None else together(place.main)
    return Text(text, style="bold" if place.bold else "").append_text(_letters(place))


def _letters(place: Place) -> Text:
    return Text(f"[{','.join(place.notes)}]" if place.notes else "", style=_FAINT)


# ---- headings --------------------------------------------------------------------------------


def _spans(
    layout: Layout, level: int, columns: Sequence[_Column]
) -> Iterator[tuple[Block, list[int]]]:
    """Yield each heading of a level with the columns on the screen that it stands over."""
    of: list[int] = []  # which span each column of the layout lies under
    for number, span in enumerate(layout.header[level]):
        of += [number] * span.width
    for number, group in groupby(range(len(columns)), key=lambda place: of[columns[place].of]):
        yield block(_head(layout.header[level][number].text)), list(group)


def _label(layout: Layout, index: int) -> Block:
    """Return the lowest heading of a column."""
    at = 0
    for span in layout.header[-1]:
        if at <= index < at + span.width:
            return block(_head(span.text))
        at += span.width
    return ()


def _head(place: Place) -> Text:
    """Return a heading, which may break before its unit."""
    return Text(_UNIT.sub(" ", place.main), style="bold")


def _across(wide: Sequence[int], own: Sequence[int]) -> int:
    """Return the width of neighbouring columns with the gaps between them."""
    return sum(wide[place] for place in own) + fitting.GAP * (len(own) - 1)


def _heading(
    level: Sequence[tuple[Block, list[int]]], wide: Sequence[int], align: str
) -> list[Text]:
    """Write one level of headings, with a rule under those that stand over several columns."""
    widths = [_across(wide, own) for _, own in level]
    sides = "".join("c" if len(own) > 1 else align[own[0]] for _, own in level)
    lines = fitting.row([span for span, _ in level], widths, sides)
    rules = [
        block(Text(_RULE * width if len(own) > 1 and span else "", style=_FAINT))
        for (span, own), width in zip(level, widths, strict=True)
    ]
    return [*lines, *fitting.row(rules, widths, sides)]
