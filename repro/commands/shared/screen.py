"""What is printed on a terminal: fitted to its width, the words of verdicts in colour.

Piped, the same lines are plain and whole: for `grep`, and for files.
"""

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.text import Text

_GAP = re.compile(r" {2,}(?=\S)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_BAR = re.compile(r"(?<!\\)\|")


def terminal() -> bool:
    """Tell whether a person is looking: standard output is a terminal."""
    return sys.stdout.isatty()


def width() -> int:
    """Return how many characters a line has: the terminal's, COLUMNS, or 80."""
    return shutil.get_terminal_size((80, 24)).columns


def say(lines: Iterable[str], err: bool = False) -> None:
    """Print lines of plain text or Markdown; `err`: to standard error.

    On a terminal long ones are broken at spaces and hang: what follows two spaces is taken for the
    start of a column, under which the rest goes on. Tables are fitted, headings bold.
    """
    if not (sys.stderr if err else sys.stdout).isatty():
        click.echo("\n".join(lines), err=err)
        return
    from repro.render.screen import terminal as looks

    room, words = width(), looks.words_of_verdicts()
    found: list[Text] = []
    for piped, group in groupby(lines, key=lambda line: line.startswith("|")):
        own = list(group)
        piped = piped and len(own) > 1
        made = _table(own, room) if piped else [text for line in own for text in _line(line, room)]
        for text in made:
            text.highlight_regex(words, looks.style)
        found += made
    show(found, err)


def columns(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[str],
    spare: Sequence[str],
    indent: int = 0,
) -> tuple[list[list[str]], list[str]]:
    """Write rows under headings; return the lines of each, the head first, and what is left out.

    Piped, all columns are as wide as they need. On a terminal that is too narrow, columns of
    `spare` are left out, in this order, and what is still too wide is broken at spaces. `right`:
    headings of the columns that stand there.
    """
    room = width() - indent if terminal() else 0
    left: list[str] = []
    wide = [max(map(len, column)) for column in zip(head, *rows, strict=True)]

    def kept() -> list[int]:
        return [at for at, heading in enumerate(head) if heading not in left]

    def needed() -> int:
        return sum(wide[at] + 2 for at in kept()) - 2

    for heading in spare:
        if not room or needed() <= room:
            break
        left.append(heading)
    table = [[row[at] for at in kept()] for row in (head, *rows)]
    sides = ["r" if head[at] in right else "l" for at in kept()]
    if not room or needed() <= room:
        pads = [str.rjust if side == "r" else str.ljust for side in sides]
        sizes = [wide[at] for at in kept()]

        def padded(row: list[str]) -> str:
            each = zip(pads, row, sizes, strict=True)
            return "  ".join(pad(text, size) for pad, text, size in each).rstrip()

        lines = [[padded(row)] for row in table]
    else:
        lines = _broken(table, "".join(sides), room)
    return [[" " * indent + line for line in one] for one in lines], left


def _broken(table: list[list[str]], sides: str, room: int) -> list[list[str]]:
    """Write rows in columns whose texts are broken at spaces."""
    from repro.render.screen import fitting

    blocks = [[fitting.block(text) for text in row] for row in table]
    by_column = [list(column) for column in zip(*blocks, strict=True)]
    shares = fitting.widths(by_column, room) or [fitting.shortest(c) for c in by_column]
    return [
        [fitting.spaced(line).plain.rstrip() for line in fitting.row(row, shares, sides)]
        for row in blocks
    ]


def _table(lines: list[str], room: int) -> list["Text"]:
    """Return a pipe table of Markdown, fitted."""
    from repro.render.screen import fitting

    head, rule, *body = [[cell.strip() for cell in _BAR.split(line[1:-1])] for line in lines]
    plain = [[cell.replace("\\|", "|") for cell in row] for row in (head, *body)]
    align = "".join("r" if cell.endswith(":") else "l" for cell in rule)
    bound = [[fitting.bound(cell) for cell in row] for row in plain]
    for rows in (bound, plain):
        made = fitting.Sheet(tuple(rows[0]), rows[1:], align).lines(room)
        if max(line.cell_len for line in made) <= room:
            break
    return [fitting.spaced(line) for line in made]


def _line(line: str, room: int) -> list["Text"]:
    """Return one line, broken where it is too long."""
    from rich.text import Text

    if line.startswith("#"):
        return _hung(Text(line.lstrip("# "), style="bold"), room)
    pieces = _BOLD.split(line)  # every second one is bold
    styled = [(text, "bold" if number % 2 else "") for number, text in enumerate(pieces)]
    return _hung(Text.assemble(*styled), room)


def show(lines: Iterable["Text"], err: bool = False) -> None:
    """Print lines that fit; colours only where the terminal has them and NO_COLOR is not set."""
    from rich.console import Console

    console = Console(stderr=err, soft_wrap=True, highlight=False)
    with console.capture() as captured:
        for line in lines:
            console.print(line)
    click.echo(captured.get(), nl=False, err=err)


def _hung(text: "Text", room: int) -> list["Text"]:
    """Break a line that is too long; its further lines hang under its last column."""
    from rich.text import Text

    from repro.render.screen import fitting

    if text.cell_len <= room:
        return [text]
    lead = len(text.plain) - len(text.plain.lstrip(" "))
    starts = [m.end() for m in _GAP.finditer(text.plain) if lead < m.end() <= room * 0.6]
    at = max(starts, default=lead)
    hang = " " * (at if starts else lead + 2)
    first, *rest = fitting.paragraph(text[at:], room - len(hang))
    return [text[:at].append_text(first), *(Text(hang).append_text(line) for line in rest)]
