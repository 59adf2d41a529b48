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
    *,
    small: bool = True,
    recipe: dict[str, Any] | None = None,
    frontend: dict[str, Any] | None = None,
    **request: Any,
) -> tuple[Run, dict[str, Run]]:
    """Return a system's first run with seed 0, and the runs that others start from, by id.

    The system starts at random, or from a run: no published weights are here. `small` keeps the
    recipe's demo block; else model, front end and clips are those of the full profile. `recipe`
    and `frontend` go over the settings, key by key.
    """
    entry = catalogue.load(table)
    over = {"recipe": recipe or {}, "frontend": frontend or {}}
    recipes = {
        name: declared.model_copy(
            update={"demo": _changed(declared.demo if small else Demo(clips={}), **over)}
        )
        for name, declared in entry.recipes.recipes.items()
        if declared.demo is not None
    }
    declared = entry.recipes.systems[system]
    runs = [parent for parent in declared.init if parent.kind == "run"]
    systems = {**entry.recipes.systems, system: declared.model_copy(update={"init": runs})}
    changed = entry.recipes.model_copy(update={"recipes": recipes, "systems": systems})
    plan = plan_table(
        dataclasses.replace(entry, recipes=changed), Request(profile="demo", **request), home
    )
    found = next(run for run in plan.runs if (run.system, run.seed) == (system, 0))
    assert not found.missing, found.missing
    return found, {run.id: run for run in plan.parents}


def _changed(demo: Demo, **over: dict[str, Any]) -> Demo:
    return demo.model_copy(
        update={name: {**getattr(demo, name), **keys} for name, keys in over.items()}
    )


def trained(run: Run, home: Home) -> Record:
    """Train a run; return its record."""
    status, cause = runner.execute(run.job(), "cpu", 2, home, lambda event: None)
    assert status == "complete", f"{run.system}: {cause}"
    record = Ledger([home.runs]).result(run.id)
    assert record is not None
    return record
