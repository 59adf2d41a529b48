"""Render a grid as LaTeX with booktabs: a table to paste, or a document that compiles alone."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from repro.render import words
from repro.render.grid import Grid
from repro.render.layout import Layout, Line, Notes, Text, View, lay_out

_MATHS = {
    "±": r"\pm", "×": r"\times", "✗": r"\times", "\u2212": "-", "✓": r"\checkmark",
    "↓": r"\downarrow", "↑": r"\uparrow", "→": r"\rightarrow", "←": r"\leftarrow", "≤": r"\le",
    "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "·": r"\cdot", "∞": r"\infty", "°": r"^\circ",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "Δ": r"\Delta", "λ": r"\lambda",
    "μ": r"\mu", "µ": r"\mu", "σ": r"\sigma", "Σ": r"\Sigma", "π": r"\pi", "τ": r"\tau",
}  # fmt: skip
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}",
    "—": "---", "–": "--", "“": "``", "”": "''", "‘": "`", "’": "'", "…": r"\ldots{}",
    "\u00a0": "~", "-": "-{}", **{sign: f"${command}$" for sign, command in _MATHS.items()},
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", [*"0123456789", "$-$", "$+$"], strict=True))
# Superscripts in one piece; the first of two hyphens, which TeX would join; all that is special.
_SPECIAL = re.compile(rf"[{''.join(_RAISED)}]+|-(?=-)|[\\{{}}$&#%_~^<>|`]|[^\x00-\x7f]")
_OPENING = re.compile(r'(^|[\s(\[/=])"')
_BREAKS = re.compile(r"(?<=[./=,@:;\])_])(?=\S)|(?<=\w-)(?=\w)")

# Letters of \small and \scriptsize in Computer Modern, and the space between columns, in points.
_LETTER, _SMALL_LETTER, _GAP = 4.6, 3.7, 12.0
_COLUMN, _PAGE = 252.0, 516.0  # of a page of two columns, as the IEEE's
_ARTICLE = 345.0  # LaTeX's article at ten points
_PORTRAIT, _LANDSCAPE = 484.0, 731.0  # A4 with margins of 2 cm
_SMALLEST = 0.8  # a table is scaled down so far; a wider one is turned
_TALLEST = {False: 54, True: 34}  # lines that stay on one page, by whether it is turned
_WIDEST = 60  # letters of a text column before it is broken into lines

_NEEDS = "% needs amssymb, array, booktabs and graphicx; longtable if it breaks over pages\n"


def render(grid: Grid, view: View, notes: Notes = "full", standalone: bool = False) -> str:
    """Return the table with its notes; `standalone` makes it a document that compiles alone."""
    layout = lay_out(grid, view, noted=notes != "none")
    turned = standalone and is_wide(layout)
    place = "H" if standalone else "htbp"
    short = _short(grid) if notes == "short" and view != "printed" else []
    body = table(layout, grid.id, place, turned, short, spans=not standalone and spans(layout))
    body += _notes(grid, view) if notes == "full" else ""
    return document(body, turned) if standalone else _NEEDS + body


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
    """Return what belongs to the float: what it must not be taken for, the verdict, the command."""
    lines = [rf"\textbf{{{escape(grid.warning)}}}"] if grid.warning else []
    if grid.plan.runs:
        lines.append(escape(f"Verdict: {'; '.join(words.verdict(grid))}."))
    return [*lines, f"Command: {code(grid.command)}"]


def document(body: str, turned: bool = False) -> str:
    """Return a document that compiles alone."""
    page = "a4paper,margin=2cm" + (",landscape" if turned else "")
    return (
        "\\documentclass{article}\n"
        f"\\usepackage[{page}]{{geometry}}\n"
        "\\usepackage{amssymb,array,booktabs,float,graphicx,longtable,pdflscape}\n"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )


def escape(text: str) -> str:
    """Escape text for LaTeX: straight quotes are opened and closed, nothing else changes."""
    text = _OPENING.sub(r"\1“", text.replace("\n", " ")).replace('"', "”")
    return _SPECIAL.sub(_escaped, text)


def code(text: str) -> str:
    """Escape text for a typewriter face, in which it may break after separators.

    Its underscore is a letter of the face, not a rule, so that a name can be copied from a page.
    """
    pieces = [escape(piece).replace(r"\_", r"\char95{}") for piece in _BREAKS.split(text)]
    return r"\texttt{" + r"\allowbreak{}".join(pieces) + "}"


def _escaped(match: re.Match[str]) -> str:
    """Return LaTeX for one special place; a sign that no font here has shows its number."""
    text = match[0]
    if text[0] in _RAISED:
        return rf"\textsuperscript{{{''.join(_RAISED[sign] for sign in text)}}}"
    if text in _ESCAPES:
        return _ESCAPES[text]
    return text if text.isalpha() and text < "\u0180" else f"[U+{ord(text):04X}]"


def is_wide(layout: Layout) -> bool:
    """Tell whether a table would have to be scaled down too far to stand on an upright page."""
    return _PORTRAIT / _width(layout) < _SMALLEST


@dataclass(frozen=True)
class _Pieces:
    """A table's lines of LaTeX."""

    caption: str
    label: str
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
) -> str:
    """Return the table with what belongs to it; where it is too long for a page it breaks.

    notes: more lines for its foot, LaTeX already. spans: over both columns of a page of two.
    """
    below = [escape(text) for text in (layout.origin, *layout.footnotes)]
    below += [rf"\textsuperscript{{{letter}}} {escape(text)}" for letter, text in layout.notes]
    below += [escape(layout.legend)] if layout.legend else []
    below += notes
    printed = f". Printed as: ``{escape(layout.caption)}''" if layout.caption else ""
    pieces = _Pieces(
        caption=rf"\caption{{{escape(layout.title)}{printed}}}",
        label=rf"\label{{tab:{label}}}",
        columns=_columns(layout),
        heading=[rf"{escape(layout.heading)}\par\smallskip"] if layout.heading else [],
        header=[row for level in range(len(layout.header)) for row in _level(layout, level)],
        body=[row for line in layout.body for row in _rows(line, len(layout.align))],
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


def _columns(layout: Layout) -> str:
    """Return the column types; long text is broken into lines."""
    types = list(layout.align)
    for index, width in enumerate(_letters(layout)):
        if width > _WIDEST:
            types[index] = r">{\raggedright\arraybackslash}p{8cm}"
    return "".join(types)


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


def _rows(line: Line, width: int) -> list[str]:
    """Return a line of the body; evidence stands under its value in smaller letters."""
    if line.heading:
        return [rf"\multicolumn{{{width}}}{{l}}{{\textit{{{escape(line.heading)}}}}} \\"]
    values = [_text(text) for text in line.texts]
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
    return main + (rf"\textsuperscript{{{','.join(text.notes)}}}" if text.notes else "")


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
