"""Folds and passes: every value behind a mean, by fold and by seed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from repro.data.clips import ClipSource
from repro.render import words
from repro.render.figures import canvas
from repro.render.figures.canvas import SERIES, Picture
from repro.render.grid import Cell, Grid
from repro.verdict import roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PANEL = 1.35  # inches
_BELOW = 0.5


@dataclass(frozen=True)
class Panel:
    """One cell: its passes by seed, each with the values of its folds."""

    label: str
    signed: bool  # an increment, which shares no scale with values
    passes: tuple[tuple[int, tuple[float, ...], float], ...]  # seed, folds, value
    names: tuple[str, ...]  # of the folds

    @property
    def folds(self) -> int:
        """How many folds a pass has; 1 for a hold-out."""
        return len(self.names)


def pictures(grid: Grid) -> list[Picture]:
    """Return the folds and passes of the cells that are shown, else of all; none without runs."""
    cells = [cell for cell in grid.cells.values() if cell.units]
    shown = {(c.row.id, c.column.id) for c in roles.shown(grid.plan)}
    chosen = [c for c in cells if (c.row, c.column) in shown]
    panels = [_panel(grid, cell) for cell in chosen or cells]
    if not panels:
        return []
    folded = any(panel.folds > 1 for panel in panels)
    what = "A value for each fold, joined by pass; right: the means of the passes."
    return [
        Picture(
            kind="folds",
            name=f"{grid.place}-folds",
            title="Folds and passes" if folded else "Run by run",
            reading=(what if folded else "A value for each seed; the line is their mean.")
            + " Per cent.",
            told="",
            alt="; ".join(map(_said, panels)),
            draw=lambda: _draw(panels),
        )
    ]


def _panel(grid: Grid, cell: Cell) -> Panel:
    passes = tuple((unit.seed, unit.folds, unit.value) for unit in cell.units)
    names = tuple(ClipSource.from_dict(r.clips).fold_name for r in cell.units[0].records)
    return Panel(words.name(grid, cell), cell.signed, passes, names)


def _said(panel: Panel) -> str:
    """Say a panel in words."""
    each = ", ".join(f"seed {seed} {words.number(value, 2)}" for seed, _, value in panel.passes)
    return f"{panel.label}: {each}"


def _draw(panels: list[Panel]) -> "Figure":
    across = 1 if len(panels) == 1 else 2
    down = -(-len(panels) // across)
    folded = any(panel.folds > 1 for panel in panels)
    figure = canvas.sheet(down * (_PANEL + _BELOW + 0.25) + (0.28 if folded else -0.2))
    width = (canvas.WIDTH - 0.5 * across) / across
    for number, panel in enumerate(panels):
        row, column = divmod(number, across)
        left = 0.45 + column * (width + 0.5)
        top = 0.25 + row * (_PANEL + _BELOW + 0.25)
        axes = canvas.place(figure, left, top, width - 0.05, _PANEL)
        axes.set_ylim(*_range([other for other in panels if other.signed == panel.signed]))
        axes.set_title(panel.label)
        axes.grid(axis="y", color=canvas.FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        (_folded if panel.folds > 1 else _held_out)(axes, panel)
    seeds = sorted({seed for panel in panels for seed, _, _ in panel.passes})
    if folded:
        canvas.seeds(figure, seeds)
    return figure


def _range(panels: list[Panel]) -> tuple[float, float]:
    """Return the scale that panels share."""
    values = [v for panel in panels for _, folds, value in panel.passes for v in (*folds, value)]
    space = 0.06 * (max(values) - min(values)) or 1.0
    return min(values) - space, max(values) + space


def _folded(axes: "Axes", panel: Panel) -> None:
    """Draw passes over folds, and their means beside."""
    folds = list(range(1, panel.folds + 1))
    beside = panel.folds + 1.2
    for seed, values, mean in panel.passes:
        colour, marker, dash = SERIES[seed % len(SERIES)]
        axes.plot(folds, values, color=colour, marker=marker, linestyle=dash, markersize=4,
                  linewidth=0.8)  # fmt: skip
        axes.plot([beside], [mean], marker, color=colour, markersize=5)
    axes.axvline(panel.folds + 0.6, color=canvas.FAINT, linewidth=0.6)
    axes.set_xticks([*folds, beside], [*panel.names, "mean"])
    axes.set_xlabel("fold")


def _held_out(axes: "Axes", panel: Panel) -> None:
    """Draw the runs of a hold-out."""
    values = [value for _, _, value in panel.passes]
    axes.axhline(sum(values) / len(values), color=canvas.SOFT, linewidth=0.8)
    axes.plot(range(len(values)), values, "o", color=SERIES[0][0], markersize=4.5)
    axes.set_xticks(range(len(values)), [f"seed {seed}" for seed, _, _ in panel.passes])
    axes.margins(x=0.15)
