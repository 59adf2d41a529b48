"""Forest plot: ours against the printed value, with the margin that counts as equal.

Where a verdict is given, the axis is the difference to the printed value, so that cells far apart
share it. Runs without a verdict (demo, other data, a part) are drawn alone, never against a print.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repro.render import looks, words
from repro.render.figures import canvas
from repro.render.figures.canvas import Picture
from repro.render.grid import Cell, Grid
from repro.verdict import margins, roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BEYOND = 12.0  # margins at which the axis ends; what lies farther out is an arrow
_ABOVE = 0.32  # inches, for the heads of the columns


@dataclass(frozen=True)
class Row:
    """One line of the plot; numbers in points."""

    label: str
    votes: bool
    printed: str
    ours: str
    word: str
    margin: float
    difference: float | None  # None: nothing run
    e: float | None  # half of the 90 % interval
    h: float | None  # half of the 95 % prediction interval of the printed mean
    units: tuple[float, ...]  # of ours, minus printed


def pictures(grid: Grid) -> list[Picture]:
    """Return the forest plot of a table; none where no cell prints a number that we train."""
    silent = grid.judgement.table.word == "NO VERDICT"
    name = f"{grid.place}-forest"
    if silent:
        return _alone(grid, name)
    rows = _rows(grid)
    if not rows:
        return []
    done = sum(row.difference is not None for row in rows)
    alt = "; ".join(_said(row) for row in rows)
    return [
        Picture(
            kind="forest",
            name=name,
            title="Ours against the printed values",
            reading="Ours minus printed, in points. Shaded: the margin within which a value counts "
            "as reproduced. Thick line: 90 % interval of our mean; thin line: 95 % prediction "
            "interval of the printed one; small dots: units. Bold: cells that vote.",
            told=f"{done} of {len(rows)} cells have a value of ours.{_unprinted(grid)}",
            alt=alt,
            draw=lambda: _draw(rows),
        )
    ]


def _unprinted(grid: Grid) -> str:
    """Name the systems that have values of ours and no line, as nothing is printed of them."""
    added = roles.added(grid.plan)
    found = {run.system: roles.named(grid.plan, run.system) for c in grid.plan.cells
             if (c.row.id, c.column.id) in added for run in c.runs}  # fmt: skip
    return f" Nothing is printed of {', '.join(found.values())}: no line." if found else ""


def _rows(grid: Grid) -> list[Row]:
    """Return the cells that print a number and stand on runs."""
    found = []
    for planned in grid.plan.cells:
        key = (planned.row.id, planned.column.id)
        cell, judged = grid.cells[key], grid.cells[key].judged
        if not planned.runs or planned.printed is None or planned.printed.bound:
            continue
        margin = judged.margin or margins.of(grid.plan, planned).value
        value = float(planned.printed.value)
        found.append(
            Row(
                label=words.name(grid, cell),
                votes=key in grid.judgement.primary,
                printed=cell.printed,
                ours=words.ours(cell),
                word=judged.word,
                margin=margin,
                difference=cell.delta,
                e=judged.e,
                h=judged.h,
                units=tuple(unit.value - value for unit in cell.units),
            )
        )
    return found


def _said(row: Row) -> str:
    """Say a line in words."""
    if row.difference is None:
        return f"{row.label}: printed {row.printed}, {row.word}"
    away = words.number(row.difference, 2, signed=True)
    return f"{row.label}: printed {row.printed}, ours {row.ours}, difference {away}, {row.word}"


def _draw(rows: list[Row]) -> "Figure":
    widest = max(len(row.label) for row in rows) + 1
    left = min(widest * canvas.LETTER, 2.0) + 0.62
    right = 1.45
    height = len(rows) * canvas.LINE
    figure = canvas.sheet(_ABOVE + height + 0.42)
    axes = canvas.place(figure, left, _ABOVE, canvas.WIDTH - left - right, height)
    canvas.lines(axes, len(rows))
    limit = _limit(rows)
    axes.set_xlim(-limit, limit)
    axes.axvline(0, color=canvas.INK, linewidth=0.7, zorder=1)
    axes.set_xlabel("ours minus printed, points")
    canvas.beside(axes, -0.9, "printed", -0.1, canvas.SOFT)
    canvas.beside(axes, -0.9, "ours", 0.1, canvas.SOFT)
    for number, row in enumerate(rows):
        _line(axes, number, row, limit)
    return figure


def _limit(rows: list[Row]) -> float:
    """Return where the axis ends: all intervals are on it, but not far beyond the margins."""
    margin = max(row.margin for row in rows)
    reach = [
        abs(row.difference) + max(row.e or 0.0, row.h or 0.0)
        for row in rows
        if row.difference is not None
    ]
    return 1.12 * min(max([1.6 * margin, *reach]), _BEYOND * margin)


def _line(axes: "Axes", number: int, row: Row, limit: float) -> None:
    """Draw one line of the plot."""
    shown = row.label if len(row.label) <= 30 else row.label[:29] + "…"
    canvas.beside(axes, number, shown, -0.62, bold=row.votes)
    canvas.beside(axes, number, row.printed, -0.1)
    axes.barh(number, 2 * row.margin, 0.76, -row.margin, color=canvas.BAND, zorder=0)
    colour = looks.COLOURS[looks.LOOKS[row.word].colour].light
    text = row.word if row.difference is None else f"{row.ours.partition(' ')[0]}  {row.word}"
    canvas.beside(axes, number, text, 0.1, colour)
    if row.difference is None:
        return
    if abs(row.difference) > limit:
        side = 1 if row.difference > 0 else -1
        axes.annotate(
            "", (side * limit, number), (side * limit * 0.9, number),
            arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1.2},
        )  # fmt: skip
        return
    for half, width in ((row.h, 0.7), (row.e, 2.6)):
        if half is not None:
            ends = [row.difference - half, row.difference + half]
            axes.plot(ends, [number] * 2, color=colour, linewidth=width, solid_capstyle="butt")
    axes.plot(row.units, [number + 0.24] * len(row.units), ".", color=colour, markersize=2)
    axes.plot([row.difference], [number], "o", color=colour, markersize=4.2)


# ---- runs that have no verdict ---------------------------------------------------------------


def _alone(grid: Grid, name: str) -> list[Picture]:
    """Return ours without a print."""
    cells = [cell for cell in grid.cells.values() if cell.units]
    if not cells:
        return []
    said = (f"{words.name(grid, cell)}: {_value(cell)}" for cell in cells)
    folded = any(len(unit.folds) > 1 for cell in cells for unit in cell.units)
    of = "passes over folds" if folded else "runs"
    marks = ", ".join(grid.marks)
    return [
        Picture(
            kind="forest",
            name=name,
            title="Our values",
            reading=f"Dots: {of}; line: mean ± one standard deviation of them.",
            told=f"{marks}: such runs say nothing about the printed numbers, so none stands here.",
            alt="; ".join(said),
            draw=lambda: _draw_alone([(words.name(grid, cell), cell) for cell in cells]),
        )
    ]


def _value(cell: Cell) -> str:
    """Write a mean of ours, with how many runs are behind it where some lack."""
    lacking = words.lacking(cell)
    return f"{words.ours(cell)} ({lacking})" if lacking else words.ours(cell)


def _draw_alone(cells: list[tuple[str, Cell]]) -> "Figure":
    left = min(max(len(label) for label, _ in cells) * canvas.LETTER, 2.2) + 0.2
    right = max(len(_value(cell)) for _, cell in cells) * canvas.LETTER + 0.2
    height = len(cells) * canvas.LINE
    figure = canvas.sheet(0.1 + height + 0.42)
    axes = canvas.place(figure, left, 0.1, canvas.WIDTH - left - right, height)
    canvas.lines(axes, len(cells))
    axes.set_xlabel("per cent")
    axes.margins(x=0.08)
    colour = looks.COLOURS["fair"].light
    for number, (label, cell) in enumerate(cells):
        assert cell.ours is not None
        canvas.beside(axes, number, label, -0.1)
        axes.axhline(number, color=canvas.FAINT, linewidth=0.5, zorder=0)
        spread = cell.spread or 0.0
        axes.plot([cell.ours - spread, cell.ours + spread], [number] * 2, color=colour)
        axes.plot([cell.ours], [number], "|", color=colour, markersize=8, markeredgewidth=1.6)
        values = [unit.value for unit in cell.units]
        axes.plot(values, [number] * len(values), "o", color=colour, markersize=3, alpha=0.55)
        canvas.beside(axes, number, _value(cell), 0.1)
    return figure
