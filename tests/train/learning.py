"""Train a system of a table on other clips and with another recipe, in this process."""

import dataclasses
from typing import Any

from repro.places import Home
from repro.plan.request import Request, Run
from repro.plan.resolve import Resolver
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.spec import catalogue, lines
from repro.spec.schema import CellFields, Demo
from repro.train import runner


def planned(
    table: str,
    system: str,
    recipe: str,
    home: Home,
    changes: dict[str, Any],
    *,
    full: bool = False,
    **request: Any,
) -> Run:
    """Return the run of a system of the table's paper, or of a rival in it, seed 0, from random.

    `full` takes model, front end and clips as the full profile has them, else they are the demo's.
    `changes` go over the demo's blocks (clips, recipe, frontend), key by key.
    """
    alone = catalogue.load(table)
    entry = lines.fit(alone, "", (), (), catalogue.load_all, with_rivals=True)
    declared, start = entry.recipes.recipes[recipe], entry.recipes.systems[system]
    demo = Demo(clips={}) if full else declared.demo
    assert demo is not None
    over = {block: {**getattr(demo, block), **changes[block]} for block in changes}
    recipes = {recipe: declared.model_copy(update={"demo": demo.model_copy(update=over)})}
    systems = {system: start.model_copy(update={"init": []})}
    changed = entry.recipes.model_copy(update={"recipes": recipes, "systems": systems})
    resolver = Resolver(
        dataclasses.replace(entry, recipes=changed), Request(profile="demo", **request), home
    )
    fields = CellFields.model_construct(
        system=system,
        recipe=recipe,
        dataset=entry.table.dataset,
        protocol=entry.table.protocol,
        seeds=[0],
    )
    run = resolver.runs(fields)[0]
    assert not run.missing, run.missing
    return run


def trained(run: Run, home: Home, threads: int) -> Training:
    """Train a run; return its record."""
    status, cause = runner.execute(run.job(), "cpu", threads, home, lambda event: None)
    assert status == "complete", f"{run.system}: {cause}"
    record = Ledger([home.runs]).result(run.id)
    assert record is not None
    return record
