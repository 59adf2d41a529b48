"""Render a grid as Markdown that reads well raw and rendered."""

import re

from repro.render import words
from repro.render.grid import Grid
from repro.render.layout import Layout, Line, Notes, Span, Text, View, counted, lay_out
from repro.render.listings import Listing

# An underscore inside a word, a "<" before a space, a bracket without a link are text in Markdown.
_SPECIAL = re.compile(
    r"[\\`*|]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|&(?=#?\w+;)|\](?=\()|(?<=~)~|~(?=~)"
)
_PAD = {"l": str.ljust, "r": str.rjust, "c": str.center}
_RULE = {
    "l": lambda width: "-" * width,
    "r": lambda width: "-" * (width - 1) + ":",
    "c": lambda width: ":" + "-" * (width - 2) + ":",
}


def render(grid: Grid, view: View, notes: Notes = "full") -> str:
    """Return the table in the paper's layout with its notes."""
    layout = lay_out(grid, view, noted=notes != "none")
    lines = [f"### {escape(layout.title)}", ""]
    if grid.warning and view != "printed":
        lines += [f"**{escape(grid.warning)}**", ""]
    if notes == "none":
        return "\n".join([*lines, *heading(layout), *_grid(layout)]) + "\n"
    lines += table(layout)
    if view != "printed":
        lines += _notes(grid) if notes == "full" else _short(grid)
    lines.append(f"- Command: `{grid.command}`")
    if grid.assumed and view != "printed" and notes == "full":
        lines += ["", *assumptions(grid)]
    return "\n".join(lines) + "\n"


def _notes(grid: Grid) -> list[str]:
    """Return everything that is said of a table but its assumptions."""
    found = [f"- Data check, {escape(finding)}" for finding in grid.findings]
    return [*(f"- {escape(note)}" for note in grid.notes), *found]


def _short(grid: Grid) -> list[str]:
    """Return the verdict in a line, our own pairs of systems, and how much is not said."""
    lines = [f"- Verdict: {escape('; '.join(words.verdict(grid)))}."] if grid.plan.runs else []
    lines += [f"- {escape(text)}" for text in words.beside(grid)]
    count = counted(grid)
    return [*lines, f"- {count}: `--notes full` lists them."] if count else lines


def table(layout: Layout) -> list[str]:
    """Return origin, heading, table and the notes that belong to it."""
    origin = escape(layout.origin)
    if layout.caption:
        origin = f"{origin.removesuffix('.')}: \u201c{escape(layout.caption)}\u201d"
    lines = [origin, "", *heading(layout), *_grid(layout), ""]
    below = [f"- {escape(text)}" for text in layout.footnotes]
    below += [f"- [{letter}] {escape(text)}" for letter, text in layout.notes]
    return lines + [
        line
        for block in (below, [escape(layout.legend)] if layout.legend else [])
        if block
        for line in (*block, "")
    ]


def heading(layout: Layout) -> list[str]:
    """Return what is printed above the columns."""
    return [escape(layout.heading), ""] if layout.heading else []


def assumptions(grid: Grid) -> list[str]:
    """List the choices that the paper leaves open."""
    lines = ["Assumptions (the paper is silent; choose with `--assume KEY=VALUE`):", ""]
    for a in grid.assumed:
        mark = f" {a.mark}" if a.mark else ""
        told = a.reading.told("`{}`".format, escape)
        lines.append(f"- `{a.key}={a.value}`{mark}, {told}")
    return lines


def listing(item: Listing) -> list[str]:
    """Return a plain listing as a table."""
    rows = [
        [
            f"`{text}`" if index in item.code and text else escape(text)
            for index, text in enumerate(row)
        ]
        for row in item.rows
    ]
    return _pipes(list(item.head), rows, "l" * len(item.head))


def escape(text: str) -> str:
    """Escape what Markdown would take for markup, and leave alone what it leaves alone."""
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)


def _grid(layout: Layout) -> list[str]:
    """Lay out headings and cells."""
    head, *more = _header(layout)
    body = [*more, *(_cells(line, len(layout.align)) for line in layout.body)]
    return _pipes(head, body, layout.align)


def _pipes(head: list[str], body: list[list[str]], align: str) -> list[str]:
    """Write a pipe table, padded so that the raw text lines up."""
    widths = [max(3, *(len(line[i]) for line in [head, *body])) for i in range(len(head))]
    pads = [_PAD[side] for side in align]
    rule = [_RULE[side](width) for side, width in zip(align, widths, strict=True)]
    padded = [
        [pad(text, width) for pad, text, width in zip(pads, line, widths, strict=True)]
        for line in [head, *body]
    ]
    return [f"| {' | '.join(line)} |" for line in [padded[0], rule, *padded[1:]]]


def _header(layout: Layout) -> list[list[str]]:
    """Return the heading, which Markdown has in one line only: further levels are bold lines."""
    levels = [[_text(text) for text in _spread(level)] for level in layout.header]
    if layout.nested:
        first, *more = levels
        return [first, *([f"**{text}**" if text else "" for text in level] for level in more)]
    if len(levels) == 1:
        return levels
    labels, sides = levels
    return [[f"{label} {side}".strip() for label, side in zip(labels, sides, strict=True)]]


def _spread(level: tuple[Span, ...]) -> list[Text]:
    """Return a text for each column: a span's stands in its first one."""
    return [t for span in level for t in (span.text, *[Text("")] * (span.width - 1))]


def _cells(line: Line, width: int) -> list[str]:
    """Return the texts of a line; a heading across the table stands in its first column."""
    if line.heading:
        return [f"**{escape(line.heading)}**"] + [""] * (width - 1)
    return [_text(text) for text in line.texts]


def _text(text: Text) -> str:
    """Write one place: text, evidence in brackets, letters of its notes."""
    main = escape(text.main)
    parts = [f"**{main}**" if text.bold and main else main]
    parts += [f"({escape(text.evidence)})"] if text.evidence else []
    parts += [f"[{', '.join(text.notes)}]"] if text.notes else []
    return " ".join(part for part in parts if part)
