"""Run a system of a table on other clips and with another recipe, in this process."""

import dataclasses
from typing import Any

from repro import catalogue
from repro.ledger import Ledger, Record
from repro.places import Home
from repro.plan import Request, Run, plan_table
from repro.spec import Demo
from repro.train import runner


def planned(
    table: str,
    system: str,
    home: Home,
    demo: Demo | None = None,
    recipe: dict[str, Any] | None = None,
    **request: Any,
) -> tuple[Run, dict[str, Run]]:
    """Return a system's run with seed 0 and the runs of the table that others start from, by id.

    Every system starts at random: no weights are here. `demo` replaces the demo block of each
    recipe, `recipe` goes over the recipe that the block has.
    """
    entry = catalogue.load(table)
    recipes = {
        name: declared.model_copy(update={"demo": _changed(demo or declared.demo, recipe or {})})
        for name, declared in entry.recipes.recipes.items()
    }
    systems = {
        name: declared.model_copy(
            update={"init": [parent for parent in declared.init if parent.kind == "run"]}
        )
        for name, declared in entry.recipes.systems.items()
    }
    changed = entry.recipes.model_copy(update={"recipes": recipes, "systems": systems})
    plan = plan_table(
        dataclasses.replace(entry, recipes=changed), Request(profile="demo", **request), home
    )
    found = next(run for run in plan.runs if (run.system, run.seed) == (system, 0))
    assert not found.missing, found.missing
    return found, {run.id: run for run in plan.parents}


def _changed(demo: Demo, recipe: dict[str, Any]) -> Demo:
    return demo.model_copy(update={"recipe": {**demo.recipe, **recipe}})


def trained(run: Run, home: Home) -> Record:
    """Train a run; return its record."""
    status, cause = runner.execute(run.job(), "cpu", 2, home, lambda event: None)
    assert status == "complete", f"{run.system}: {cause}"
    record = Ledger([home.runs]).result(run.id)
    assert record is not None
    return record
