r"""Numbers for the running text: `\repro{table/row/column}` in LaTeX.

The lookup only expands, so it is safe in captions and headings; an unknown key shows "??".
"""

from collections.abc import Iterable, Iterator

from repro.render import words
from repro.render.grid import Cell, Grid
from repro.render.tex.letters import escape

_HEAD = r"""% Numbers of repro for the running text: \input{numbers.tex}, then
%   \repro{table/row/column}          our value, or why there is none
%   \repro{table/row/column/spread}   its standard deviation over units
%   \repro{table/row/column/n}        runs done / needed
%   \repro{table/row/column/delta}    ours minus printed
%   \repro{table/row/column/verdict}  the verdict's word
%   \repro{table/row/column/printed}  the paper's value, verbatim
\newcommand*{\repro}[1]{\ifcsname repro@#1\endcsname\csname repro@#1\endcsname\else??\fi}
\newcommand*{\reproset}[2]{\expandafter\gdef\csname repro@#1\endcsname{#2}}
"""


def render(grids: Iterable[Grid]) -> str:
    """Return the file: the lookup, and what it finds for each cell."""
    lines = [
        rf"\reproset{{{key}}}{{{escape(text)}}}"
        for grid in grids
        for cell in grid.cells.values()
        for key, text in _entries(cell, grid)
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _entries(cell: Cell, grid: Grid) -> Iterator[tuple[str, str]]:
    """Yield the keys of a cell; marks such as DEMO stay with every number of ours."""
    key = f"{cell.table}/{cell.row}/{cell.column}"
    marks = "".join(f" [{mark}]" for mark in grid.marks)
    yield f"{key}/printed", cell.printed or "(blank)"
    if cell.ours is None:
        yield key, words.ours(cell)
    else:
        yield key, words.number(cell.ours, cell.decimals, cell.signed) + marks
    if not cell.is_ours:
        return
    yield f"{key}/verdict", cell.verdict + marks
    if cell.spread is not None:
        yield f"{key}/spread", words.number(cell.spread, cell.decimals) + marks
    if cell.n_needed:
        yield f"{key}/n", f"{cell.n_done}/{cell.n_needed}" + marks
    if cell.delta is not None:
        yield f"{key}/delta", words.number(cell.delta, cell.decimals, signed=True) + marks
