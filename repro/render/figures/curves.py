"""Learning curves: the loss on training clips and the metric on validation clips, by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repro.records.record import Training
from repro.render.figures import canvas
from repro.render.figures.canvas import SERIES, Picture
from repro.render.grid import Grid
from repro.verdict import phrases, roles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MANY = 6  # runs up to which each is a line of its own
_PANEL = 0.95  # inches


@dataclass(frozen=True)
class Run:
    """The curve of one run; a metric in per cent, None where an epoch has none."""

    seed: int
    loss: tuple[float, ...]
    valid: tuple[float | None, ...]
    best: int | None  # the epoch whose weights are tested, from 1


@dataclass(frozen=True)
class Panel:
    """The runs of one system."""

    label: str
    metric: str
    runs: tuple[Run, ...]


def pictures(grid: Grid) -> list[Picture]:
    """Return the learning curves of a table's systems; none where no record has epochs."""
    panels = [panel for panel in _panels(grid) if panel.runs]
    if not panels:
        return []
    ways = dict.fromkeys(_how(panel) for panel in panels)  # one for each number of runs
    return [
        Picture(
            kind="curves",
            name=f"{grid.place}-curves",
            title="Learning curves",
            reading=f"Loss on training clips and {panels[0].metric} on validation clips (per cent) "
            f"by epoch. {' '.join(ways)}",
            told="",
            alt="; ".join(map(_said, panels)),
            draw=lambda: _draw(panels),
        )
    ]


def _how(panel: Panel) -> str:
    """Say what the lines of a panel are."""
    if len(panel.runs) <= _MANY:
        return "A line for each run; the dot is the epoch whose weights are tested."
    return f"Of more than {_MANY} runs the median; shaded: from the lowest to the highest."


def _panels(grid: Grid) -> list[Panel]:
    asked = {run.id: run for run in grid.plan.runs}  # a record may call its system otherwise
    by_system: dict[str, list[Training]] = {}
    for record in grid.used:
        by_system.setdefault(asked[record.run].system, []).append(record)
    return [_panel(roles.named(grid.plan, name), found) for name, found in by_system.items()]


def _panel(label: str, records: Sequence[Training]) -> Panel:
    metric = str(records[0].recipe["select_metric"])
    return Panel(label, metric, tuple(run for r in records if (run := _run(r, metric)).loss))


def _run(record: Training, metric: str) -> Run:
    rows = record.epochs()
    measured: list[float | None] = [getattr(row.valid, metric) for row in rows]
    return Run(
        seed=record.seed,
        loss=tuple(row.loss for row in rows if row.loss is not None),
        valid=tuple(None if value is None else 100 * value for value in measured),
        best=record.best_epoch,
    )


def _said(panel: Panel) -> str:
    """Say a panel in words."""
    last = sorted(run.loss[-1] for run in panel.runs)
    said = f"{panel.label}: {phrases.many(len(panel.runs), 'run')} of "
    said += f"{phrases.many(len(panel.runs[0].loss), 'epoch')}, last loss "
    return said + (f"{last[0]:.3g}" if last[0] == last[-1] else f"{last[0]:.3g} to {last[-1]:.3g}")


def _draw(panels: list[Panel]) -> "Figure":
    across = min(len(panels), 3)
    down = -(-len(panels) // across)
    block = 2 * _PANEL + 0.78
    seeds = {run.seed for panel in panels if len(panel.runs) <= _MANY for run in panel.runs}
    figure = canvas.sheet(down * block + (0.3 if seeds else 0.05))
    width = canvas.WIDTH / across
    for number, panel in enumerate(panels):
        row, column = divmod(number, across)
        left, top = 0.42 + column * width, 0.22 + row * block
        above = canvas.place(figure, left, top, width - 0.52, _PANEL)
        below = canvas.place(figure, left, top + _PANEL + 0.1, width - 0.52, _PANEL)
        above.set_title(panel.label)
        above.tick_params(labelbottom=False)
        below.set_xlabel("epoch")
        _lines(above, [(run.seed, run.valid, run.best) for run in panel.runs])
        _lines(below, [(run.seed, run.loss, run.best) for run in panel.runs])
        below.set_ylim(bottom=0)
        if column == 0:
            above.set_ylabel(panel.metric)
            below.set_ylabel("loss")
    if seeds:
        canvas.seeds(figure, sorted(seeds), markers=False)
    return figure


Curve = tuple[int, Sequence[float | None], int | None]


def _lines(axes: "Axes", curves: Sequence[Curve]) -> None:
    """Draw each run, or what many have in common."""
    import numpy as np

    axes.grid(axis="y", color=canvas.FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    shown = [curve for curve in curves if any(value is not None for value in curve[1])]
    if len(shown) <= _MANY:
        for seed, values, best in shown:
            colour, _, dash = SERIES[seed % len(SERIES)]
            known = [np.nan if value is None else value for value in values]
            axes.plot(range(1, len(known) + 1), known, color=colour, linestyle=dash, linewidth=0.9)
            if best and best <= len(known):
                axes.plot([best], [known[best - 1]], "o", color=colour, markersize=3)
        return
    longest = max(len(values) for _, values, _ in shown)
    every = np.full((len(shown), longest), np.nan)
    for number, (_, values, _) in enumerate(shown):
        every[number, : len(values)] = [np.nan if v is None else v for v in values]
    epochs = np.arange(1, longest + 1)
    axes.fill_between(epochs, np.nanmin(every, 0), np.nanmax(every, 0), color=canvas.BAND)
    axes.plot(epochs, np.nanmedian(every, 0), color=SERIES[2][0])
