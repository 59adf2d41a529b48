"""Confusion matrices from stored predictions: which class is taken for which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repro.records import predictions
from repro.records.record import Training
from repro.render.figures import canvas
from repro.render.figures.canvas import Picture
from repro.render.grid import Cell, Grid
from repro.render.looks import COLOURS
from repro.verdict import roles

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_NAMED = 40  # classes up to which their names stand at the axes
_COUNTED = 12  # classes up to which counts stand in the matrix
_WORST = 3  # confusions that the text names


@dataclass(frozen=True)
class Matrix:
    """Decisions of all runs behind a cell, by true class (row) and decided one (column)."""

    label: str
    classes: tuple[str, ...]
    counts: "NDArray[np.int64]"
    runs: int

    def worst(self) -> str:
        """Name the most frequent confusions."""
        import numpy as np

        off = self.counts * (1 - np.eye(len(self.classes), dtype=int))
        order = np.argsort(-off, axis=None, kind="stable")[:_WORST]
        found = [np.unravel_index(index, off.shape) for index in order]
        said = [
            f"{self.classes[i]} taken for {self.classes[j]} ({off[i, j]} of {self.counts[i].sum()})"
            for i, j in found
            if off[i, j]
        ]
        return ", ".join(said) or "no clip is taken for another class"


def pictures(grid: Grid) -> list[Picture]:
    """Return the matrices of the cells shown; none without predictions of single classes."""
    found = list(_matrices(grid))
    if not found:
        return []
    worst = "; ".join(f"{m.label}: {m.worst()}" if len(found) > 1 else m.worst() for m in found)
    return [
        Picture(
            kind="confusion",
            name=f"{grid.place}-confusion",
            title="What is taken for what",
            reading="Rows: true classes; columns: decisions, summed over runs and folds; the "
            "darker, the larger the share of the row.",
            told=f"Most often: {worst}.",
            alt=f"most often: {worst}",
            draw=lambda: _draw(found),
        )
    ]


def _matrices(grid: Grid) -> Iterator[Matrix]:
    """Yield a matrix for each system among the cells that are shown."""
    seen: set[tuple[str, ...]] = set()
    for planned in roles.shown(grid.plan):
        cell = grid.cells[planned.row.id, planned.column.id]
        part, _, metric = cell.metric.partition(".")
        if metric != "accuracy" or cell.signed:
            continue
        records = [record for unit in cell.units for record in unit.records]
        if records and cell.runs not in seen:
            seen.add(cell.runs)
            made = _matrix(grid, cell, records, part)
            if made is not None:
                yield made


def _matrix(grid: Grid, cell: Cell, records: Sequence[Training], part: str) -> Matrix | None:
    import numpy as np

    outline = grid.plan.outlines.get(records[0].dataset)
    total: Any = 0
    for record in records:
        try:
            stored = predictions.load(record).get(part)
        except ValueError:
            return None  # `repro runs check` names it
        if stored is None or stored.labels.ndim != 1:
            return None  # clips with several classes have no matrix
        labels, scores = stored.labels, stored.scores
        size = scores.shape[1]
        pairs = labels.astype(int) * size + scores.argmax(axis=1)
        total = total + np.bincount(pairs, minlength=size * size).reshape(size, size)
    names = outline.classes if outline else ()
    classes = tuple(names) if len(names) == len(total) else tuple(map(str, range(len(total))))
    label = next(run.label for run in grid.plan.runs if run.id in cell.runs)
    return Matrix(label, classes, total, len(records))


def _draw(found: list[Matrix]) -> "Figure":
    across = 1 if len(found) == 1 or len(found[0].classes) > _COUNTED else 2
    down = -(-len(found) // across)
    named = len(found[0].classes) <= _NAMED
    longest = max(len(name) for name in found[0].classes) if named else 3
    text = min(longest, 22) * canvas.LETTER * _size(found[0]) / canvas.TEXT + 0.12
    side = min((canvas.WIDTH - across * (text + 0.25)) / across, 3.9)
    block = side + text + 0.5
    figure = canvas.sheet(down * block)
    for number, matrix in enumerate(found):
        row, column = divmod(number, across)
        left = text + 0.1 + column * (canvas.WIDTH / across)
        axes = canvas.place(figure, left, row * block + 0.25, side, side)
        axes.set_title(f"{matrix.label}, runs summed: {matrix.runs}")
        _fill(axes, matrix, named)
    return figure


def _size(matrix: Matrix) -> float:
    """Return the size of class names in points, so that neighbours do not touch."""
    return canvas.TEXT - 1 if len(matrix.classes) <= 20 else max(4.0, 150 / len(matrix.classes))


def _fill(axes: "Axes", matrix: Matrix, named: bool) -> None:
    """Draw a matrix: one colour whose opacity is the share, so that it works on any paper."""
    import numpy as np
    from matplotlib.colors import to_rgb

    rows = np.maximum(matrix.counts.sum(axis=1, keepdims=True), 1)
    share = matrix.counts / rows
    image = np.zeros((*share.shape, 4))
    image[..., :3] = to_rgb(COLOURS["fair"].light)
    image[..., 3] = share**0.7
    axes.imshow(image, interpolation="nearest", aspect="equal")
    axes.spines[["top", "right"]].set_visible(True)
    ticks = range(len(matrix.classes))
    if named:
        size = _size(matrix)
        names = [name if len(name) <= 22 else name[:21] + "…" for name in matrix.classes]
        axes.set_xticks(ticks, names, rotation=90, fontsize=size)
        axes.set_yticks(ticks, names, fontsize=size)
        axes.tick_params(length=0)
    if len(matrix.classes) <= _COUNTED:
        for i, j in np.argwhere(matrix.counts):
            colour = canvas.PAPER if share[i, j] > 0.5 else canvas.INK
            axes.text(j, i, str(matrix.counts[i, j]), ha="center", va="center", color=colour,
                      fontsize=canvas.TEXT - 1.5)  # fmt: skip
