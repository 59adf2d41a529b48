"""Which figures a table has, and what has to be worked out for them beside its cells."""

from collections.abc import Sequence
from typing import NamedTuple

from repro.plan.planning import TablePlan
from repro.records.ledger import Ledger
from repro.records.record import Record, Training
from repro.render.figures import components, confusion, curves, folds, forest, ladder
from repro.render.figures.canvas import Picture
from repro.render.grid import Grid
from repro.verdict import components as parting
from repro.verdict import ladder as climbing


class Beside(NamedTuple):
    """What no cell holds: the protocols side by side, and what a run's spread is made of."""

    ladder: climbing.Ladder | None = None
    components: parting.Parted | None = None


def beside(plan: TablePlan, ledger: Ledger, records: Sequence[Record]) -> Beside:
    """Work out what a table's records tell beside its cells; `records`: all of the ledger."""
    if not _trained(plan, records):
        return Beside()
    parts = parting.components(plan.entry, plan.request, plan.home, ledger)
    return Beside(_protocols(plan, ledger, records), parts)


def of_grid(grid: Grid, also: Beside, name: str) -> list[Picture]:
    """Return all figures of a table that have something to show, by kind."""
    made = forest.pictures(grid)
    if also.ladder is not None:
        made += ladder.pictures(also.ladder, name)
    made += folds.pictures(grid)
    if also.components is not None:
        made += components.pictures(also.components, name)
    return [*made, *curves.pictures(grid), *confusion.pictures(grid)]


def _trained(plan: TablePlan, records: Sequence[Record]) -> set[str]:
    """Return the protocols under which records could belong to a table, known without planning."""
    datasets = {run.clips.dataset for run in plan.runs}
    systems = {run.system for run in plan.runs}
    return {
        record.clips["protocol"]
        for record in records
        if isinstance(record, Training) and record.dataset in datasets and record.system in systems
    }


def _protocols(
    plan: TablePlan, ledger: Ledger, records: Sequence[Record]
) -> climbing.Ladder | None:
    """Put the protocols of a table side by side, where several have runs."""
    entry, request = plan.entry, plan.request
    if request.on is None and not any(a.path == "protocol" for a in entry.assumptions()):
        return None
    if len(_trained(plan, records)) < 2:
        return None
    made = climbing.ladder(entry, request, plan.home, ledger, "protocol")
    several = any(sum(step.mean is not None for step in rung.steps) > 1 for rung in made.rungs)
    return made if several else None
