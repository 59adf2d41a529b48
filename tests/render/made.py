"""Grids from fabricated records, for the tests of what is rendered."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.render import grid
from repro.render.grid import Grid
from repro.spec.entry import Entry
from tests import fake_ledger

SHIFTS = (0.0, 0.3, -0.1, 0.2, -0.2)  # by seed, in points


def near(base: float) -> Callable[[Run], float]:
    """Return values near `base`, apart by seed and fold: an accuracy in per cent for each run."""
    return lambda run: base + SHIFTS[run.seed] + run.clips.fold / 10


def made(
    folder: Path,
    table: str | Entry,
    value: Callable[[Run], Any] | None = None,
    **request: Any,
) -> Grid:
    """Plan a table, write records for the runs that `value` gives something, and fill it."""
    plan = fake_ledger.planned(folder, table, **request)
    if value is not None:
        fake_ledger.fill(folder / "runs", plan, value)
    return filled(folder, plan)


def filled(folder: Path, plan: Any) -> Grid:
    """Fill a plan from the records in `folder/runs`."""
    command = f"repro table {plan.entry.id}"
    return grid.build(plan, Ledger([folder / "runs"]), command, folder / "data")


def pipe_table(text: str) -> list[list[str]]:
    """Return the cells of the first pipe table in Markdown text, heading first, rule left out."""
    lines = itertools.dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    split = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return [split[0], *split[2:]]
