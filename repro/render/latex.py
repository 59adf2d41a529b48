"""Render a grid as LaTeX with booktabs: a table to paste, or a document that compiles alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repro.render import words
from repro.render.grid import Grid
from repro.render.layout import Layout, Line, Notes, Text, View, lay_out
from repro.render.tex import siunitx
from repro.render.tex.letters import code, escape

# Letters of \small and \scriptsize in Computer Modern, and the space between columns, in points.
_LETTER, _SMALL_LETTER, _GAP = 4.6, 3.7, 12.0
_COLUMN, _PAGE = 252.0, 516.0  # of a page of two columns, as the IEEE's
_ARTICLE = 345.0  # LaTeX's article at ten points
_PORTRAIT, _LANDSCAPE = 484.0, 731.0  # A4 with margins of 2 cm
_SMALLEST = 0.8  # a table is scaled down so far; a wider one is turned
_TALLEST = {False: 54, True: 34}  # lines that stay on one page, by whether it is turned
_WIDEST = 60  # letters of a text column before it is broken into lines

NEEDS = "% needs amssymb, array, booktabs and graphicx; longtable if it breaks over pages\n"


def render(
    grid: Grid, view: View, notes: Notes = "full", standalone: bool = False, aligned: bool = False
) -> str:
    """Return the table with its notes; `standalone` makes it a document that compiles alone.

    aligned: numbers in columns of siunitx.
    """
    layout = lay_out(grid, view, noted=notes != "none")
    turned = standalone and is_wide(layout)
    place = "H" if standalone else "htbp"
    short = _short(grid) if notes == "short" and view != "printed" else []
    wide = not standalone and spans(layout)
    body = table(layout, grid.id, place, turned, short, spans=wide, aligned=aligned)
    body += _notes(grid, view) if notes == "full" else ""
    if standalone:
        return document(body, turned)
    return NEEDS + (f"% and {siunitx.PACKAGE}\n" if aligned else "") + body


def spans(layout: Layout) -> bool:
    """Tell whether a table is wider than one column of a page of two: it is set as `table*`.

    In a document of one column that is the same as `table`.
    """
    return _width(layout) > _COLUMN


def scale(layout: Layout) -> tuple[float, float]:
    """Return by how much a table shrinks in an article of one column and on a page of two."""
    width = _width(layout)
    two = _PAGE if spans(layout) else _COLUMN
    return min(1.0, _ARTICLE / width), min(1.0, two / width)


def _short(grid: Grid) -> list[str]:
    """Return what belongs to the float: what it is not, the verdict, our own pairs, the command."""
    lines = [rf"\textbf{{{escape(grid.warning)}}}"] if grid.warning else []
    if grid.plan.runs:
        lines.append(escape(f"Verdict: {'; '.join(words.verdict(grid))}."))
    lines += [escape(text) for text in words.beside(grid)]
    return [*lines, f"Command: {code(grid.command)}"]


def document(body: str, turned: bool = False) -> str:
    """Return a document that compiles alone."""
    more = f",{siunitx.PACKAGE}" if siunitx.SETUP in body else ""
    page = "a4paper,margin=2cm" + (",landscape" if turned else "")
    return (
        "\\documentclass{article}\n"
        f"\\usepackage[{page}]{{geometry}}\n"
        "\\usepackage{amssymb,array,booktabs,float,graphicx,longtable,pdflscape"
        f"{more}}}\n"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )


def is_wide(layout: Layout) -> bool:
    """Tell whether a table would have to be scaled down too far to stand on an upright page."""
    return _PORTRAIT / _width(layout) < _SMALLEST


@dataclass(frozen=True)
class _Pieces:
    """A table's lines of LaTeX."""

    caption: str
    label: str
    setup: list[str]  # of the packages, before all else
    columns: str  # their types
    heading: list[str]
    header: list[str]
    body: list[str]
    below: list[str]

    @property
    def height(self) -> int:
        """Estimate its lines on the page."""
        below = sum(1 + len(text) // 120 for text in self.below)
        return len(self.header) + len(self.body) + below


def table(
    layout: Layout,
    label: str,
    place: str,
    turned: bool,
    notes: Sequence[str] = (),
    spans: bool = False,
    aligned: bool = False,
) -> str:
    """Return the table with what belongs to it; where it is too long for a page it breaks.

    notes: more lines for its foot, LaTeX already. spans: over both columns of a page of two.
    aligned: numbers in columns of siunitx.
    """
    types = _columns(layout, aligned)
    numeric = [kind.startswith("S") for kind in types]
    below = [escape(text) for text in (layout.origin, *layout.footnotes)]
    below += [rf"\textsuperscript{{{letter}}} {escape(text)}" for letter, text in layout.notes]
    below += [escape(layout.legend)] if layout.legend else []
    below += notes
    printed = f". Printed as: ``{escape(layout.caption)}''" if layout.caption else ""
    pieces = _Pieces(
        caption=rf"\caption{{{escape(layout.title)}{printed}}}",
        label=rf"\label{{tab:{label}}}",
        setup=[siunitx.SETUP] if aligned else [],
        columns="".join(types),
        heading=[rf"{escape(layout.heading)}\par\smallskip"] if layout.heading else [],
        header=[row for level in range(len(layout.header)) for row in _level(layout, level)],
        body=[row for line in layout.body for row in _rows(line, numeric)],
        below=below,
    )
    if pieces.height <= _TALLEST[turned]:
        return _whole(pieces, place, "table*" if spans else "table")
    return _long(pieces, (_LANDSCAPE if turned else _PORTRAIT) / _width(layout))


def _whole(pieces: _Pieces, place: str, environment: str) -> str:
    """Return a table that stays on one page, scaled down if it is wider than the line."""
    lines = [
        rf"\begin{{{environment}}}[{place}]",
        r"\centering\setlength{\belowcaptionskip}{4pt}",
        pieces.caption + pieces.label,
        r"\small",
        *pieces.setup,
        *pieces.heading,
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{pieces.columns}}}",
        *(r"\toprule", *pieces.header, r"\midrule", *pieces.body, r"\bottomrule"),
        r"\end{tabular}}",
        r"\par\smallskip\footnotesize\raggedright",
        *(rf"{text}\par" for text in pieces.below),
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _long(pieces: _Pieces, share: float) -> str:
    """Return a table that breaks over pages; it cannot be scaled, so its letters are smaller.

    share: how much of the table's width the line has.
    """
    size = r"\small" if share >= 1 else r"\footnotesize" if share >= 0.9 else r"\scriptsize"
    head = [r"\toprule", *pieces.header, r"\midrule"]
    lines = [
        rf"\begingroup{size}\setlength{{\tabcolsep}}{{3pt}}",
        *pieces.setup,
        *pieces.heading,
        rf"\begin{{longtable}}{{{pieces.columns}}}",
        rf"{pieces.caption}{pieces.label}\\",
        *(*head, r"\endfirsthead", *head, r"\endhead", r"\bottomrule", r"\endlastfoot"),
        *pieces.body,
        r"\end{longtable}",
        r"\footnotesize\raggedright\setlength{\parindent}{0pt}",
        *(rf"{text}\par" for text in pieces.below),
        r"\endgroup",
    ]
    return "\n".join(lines) + "\n"


def _columns(layout: Layout, aligned: bool) -> list[str]:
    """Return the column types; long text is broken into lines."""
    types = list(layout.align)
    if aligned:
        lines = [line.texts for line in layout.body if line.texts]
        found = [
            siunitx.column([text.main for text in texts], max(map(_raised, texts), key=len))
            for texts in zip(*lines, strict=True)
        ]
        types[1:] = [own or kind for own, kind in zip(found[1:], types[1:], strict=True)]
    for index, width in enumerate(_letters(layout)):
        if width > _WIDEST:
            types[index] = r">{\raggedright\arraybackslash}p{8cm}"
    return types


def _level(layout: Layout, level: int) -> list[str]:
    """Return one line of headings, with a rule under those that stand over several columns."""
    cells, rules, at = [], [], 1
    for span in layout.header[level]:
        last = at + span.width - 1
        align = "c" if span.width > 1 else layout.align[at - 1]
        cells.append(rf"\multicolumn{{{span.width}}}{{{align}}}{{{_text(span.text)}}}")
        if span.width > 1:
            rules.append(rf"\cmidrule(lr){{{at}-{last}}}")
        at = last + 1
    return [_row(cells), *(["".join(rules)] if rules else [])]


def _rows(line: Line, aligned: Sequence[bool]) -> list[str]:
    """Return a line of the body; evidence stands under its value in smaller letters.

    aligned: by column, whether siunitx sets it.
    """
    if line.heading:
        return [rf"\multicolumn{{{len(aligned)}}}{{l}}{{\textit{{{escape(line.heading)}}}}} \\"]
    values = [
        _aligned(text) if numeric else _text(text)
        for text, numeric in zip(line.texts, aligned, strict=True)
    ]
    if not any(text.evidence for text in line.texts):
        return [_row(values)]
    under = [rf"{{\scriptsize {escape(t.evidence)}}}" if t.evidence else "" for t in line.texts]
    return [_row(values, r"\\*"), _row(under, r"\\[2pt]")]


def _row(cells: Iterable[str], end: str = r"\\") -> str:
    """Join cells; a bracket or star at the start would be taken for an argument of a rule."""
    text = " & ".join(cells)
    return f"{'{}' if text.startswith(('[', '*')) else ''}{text} {end}"


def _text(text: Text) -> str:
    main = escape(text.main)
    main = rf"\textbf{{{main}}}" if text.bold and main else main
    return main + _raised(text)


def _raised(text: Text) -> str:
    """Return the letters of a place's notes."""
    return rf"\textsuperscript{{{','.join(text.notes)}}}" if text.notes else ""


def _aligned(text: Text) -> str:
    """Write one place of a column that siunitx sets; what is no number is told so by braces."""
    number = siunitx.cell(text.main)
    if number is None:
        return f"{{{_text(text)}}}"
    raised = f" {{{_raised(text)}}}" if text.notes else ""
    return (r"\bfseries " if text.bold else "") + number + raised


def _letters(layout: Layout) -> list[float]:
    """Return each column's width in letters of its values."""
    lines = [line.texts for line in layout.body if line.texts]
    return [
        max(
            max(len(t.main) + len(t.notes), len(t.evidence) * _SMALL_LETTER / _LETTER)
            for t in texts
        )
        for texts in zip(*lines, strict=True)
    ]


def _width(layout: Layout) -> float:
    """Estimate the width of the table in points, headings included."""
    columns = [min(width, _WIDEST) for width in _letters(layout)]
    for level in layout.header:
        at = 0
        for span in level:
            room = sum(columns[at : at + span.width])
            if len(span.text.main) > room:
                columns[at + span.width - 1] += len(span.text.main) - room
            at += span.width
    return sum(columns) * _LETTER + len(columns) * _GAP


def _notes(grid: Grid, view: View) -> str:
    """Return what must be said with the table, as text that breaks over pages."""
    if view == "printed":
        return ""
    lines = [
        r"% Notes: a block of their own; it may be moved, to an appendix say, or left out.",
        r"\par\medskip{\footnotesize\raggedright\setlength{\parindent}{0pt}\setlength{\parskip}{2pt}",
        rf"\textbf{{Notes on {escape(grid.name)}}}\par",
    ]
    lines += [rf"\textbf{{{escape(grid.warning)}}}\par"] if grid.warning else []
    lines += [escape(note) + r"\par" for note in grid.notes]
    lines += [escape(f"Data check, {finding}") + r"\par" for finding in grid.findings]
    lines.append(rf"Command: {code(grid.command)}\par")
    lines += (
        [r"\textbf{Assumptions} (the paper is silent; " + code("--assume KEY=VALUE") + r")\par"]
        if grid.assumed
        else []
    )
    for a in grid.assumed:
        mark = f" {escape(a.mark)}" if a.mark else ""
        told = a.reading.told(code, escape)
        lines.append(rf"{code(f'{a.key}={a.value}')}{mark}, {told}\par")
    return "\n".join([*lines, "}"]) + "\n"
