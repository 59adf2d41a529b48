"""Fit columns of text into a number of characters: text wraps at spaces, never inside a word.

A place of a table is a block of paragraphs. A no-break space holds together what belongs
together ("57.52 ± 13.84"); on the screen it is a space.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

GAP = 2  # spaces between columns
NO_BREAK = "\u00a0"

_VALUE = re.compile(r"[\d.]+ ± [\d.]+|\[[^\s\]]+, [^\s\]]+\]")

Block = tuple[Text, ...]


def together(text: str) -> str:
    """Return text that is never broken into lines."""
    return text.replace(" ", NO_BREAK)


def bound(text: str) -> str:
    """Return text in which a value stays with its spread, and an interval is one word."""
    return _VALUE.sub(lambda match: together(match[0]), text)


def spaced(line: Text) -> Text:
    """Make spaces of those that held words together."""
    line.plain = line.plain.replace(NO_BREAK, " ")
    return line


def block(*paragraphs: str | Text) -> Block:
    """Return a block of those paragraphs that hold something."""
    made = (Text(p) if isinstance(p, str) else p for p in paragraphs)
    return tuple(text for text in made if text.plain)


def shortest(blocks: Sequence[Block]) -> int:
    """Return the width below which a word of a column would be broken."""
    words = (word for one in blocks for text in one for word in text.plain.split(" "))
    return max(map(_length, words), default=0)


def longest(blocks: Sequence[Block]) -> int:
    """Return the width at which no paragraph of a column is broken into lines."""
    return max((text.cell_len for one in blocks for text in one), default=0)


def widths(columns: Sequence[Sequence[Block]], room: int) -> list[int] | None:
    """Share a width among columns: each as wide as its longest word, more where there is room.

    None where even the longest words do not fit side by side.
    """
    least, most = [shortest(c) for c in columns], [longest(c) for c in columns]
    spare = room - sum(least) - GAP * (len(columns) - 1)
    if spare < 0:
        return None
    # Short lacks first: one column that is whole reads better than two that are nearly so.
    found = list(least)
    order = sorted(range(len(columns)), key=lambda index: most[index] - least[index])
    for place, index in enumerate(order):
        share = spare if place == len(order) - 1 else max(spare // 2, spare // (len(order) - place))
        added = min(most[index] - least[index], share)
        found[index] += added
        spare -= added
    return found


def wrap(paragraphs: Block, width: int) -> list[Text]:
    """Break paragraphs into lines of at most `width`, at spaces alone."""
    lines: list[Text] = []
    for paragraph in paragraphs:
        line = Text()
        for word in paragraph.split(" "):
            if line.plain and line.cell_len + 1 + word.cell_len > width:
                lines.append(line)
                line = Text()
            if line.plain:
                line.append(" ")
            line.append_text(word)
        lines.append(line)
    return lines


def pad(line: Text, width: int, side: str) -> Text:
    """Fill a line up to a width; side: l, c or r."""
    lack = max(0, width - line.cell_len)
    left = {"l": 0, "r": lack, "c": lack // 2}[side]
    return Text(" " * left).append_text(line).append(" " * (lack - left))


def row(blocks: Sequence[Block], wide: Sequence[int], align: str) -> list[Text]:
    """Write blocks side by side."""
    wrapped = [wrap(one, width) for one, width in zip(blocks, wide, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped), default=0)):
        line = Text()
        for place, (texts, width, side) in enumerate(zip(wrapped, wide, align, strict=True)):
            own = texts[number] if number < len(texts) else Text()
            line.append(" " * (GAP if place else 0)).append_text(pad(own, width, side))
        line.rstrip()
        lines.append(line)
    return lines


@dataclass(frozen=True)
class Sheet:
    """A plain table: one heading, rows, and on which side each column stands."""

    head: tuple[str, ...]
    rows: Sequence[Sequence[str | Text]]
    align: str

    def lines(self, room: int) -> list[Text]:
        """Return the table in at most `room` characters; wider only if a word is."""
        head = [block(Text(text, style="bold")) for text in self.head]
        body = [[block(text) for text in row] for row in self.rows]
        columns = [list(column) for column in zip(head, *body, strict=True)]
        wide = widths(columns, room) or [shortest(column) for column in columns]
        return [line for blocks in (head, *body) for line in row(blocks, wide, self.align)]


def paragraph(text: str | Text, room: int, indent: str = "") -> list[Text]:
    """Break one paragraph into lines; those after the first are indented."""
    whole = Text(text) if isinstance(text, str) else text
    first, *more = wrap((whole,), room)
    if not more:
        return [first]
    rest = Text(" ").join(more)
    return [first, *(Text(indent).append_text(line) for line in wrap((rest,), room - len(indent)))]


def _length(word: str) -> int:
    return Text(word).cell_len
