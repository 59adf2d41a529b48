"""Which figures a table has."""

from repro.render.figures import confusion, curves, folds, forest, ladder
from repro.render.figures.canvas import Picture
from repro.render.grid import Grid
from repro.verdict.ladder import Ladder


def of_grid(grid: Grid, climbed: Ladder | None, name: str) -> list[Picture]:
    """Return all figures of a table that have something to show, by kind."""
    made = forest.pictures(grid)
    if climbed is not None:
        made += ladder.pictures(climbed, name)
    return [*made, *folds.pictures(grid), *curves.pictures(grid), *confusion.pictures(grid)]
