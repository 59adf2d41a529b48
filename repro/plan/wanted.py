"""Plan a table as a person asks for it."""

from dataclasses import replace

from repro.errors import UserError
from repro.places import Home
from repro.plan import buildable
from repro.plan.planning import TablePlan, plan_table
from repro.plan.request import Request
from repro.spec.entry import Entry


def plan_asked(entry: Entry, request: Request, home: Home) -> TablePlan:
    """Resolve a table as a person asks for it.

    A reading that changes no run is refused; of runs on other data and of the user's models, those
    whose network cannot be built say so.
    """
    plan = plan_table(entry, request, home)
    _check_assumed(plan, home)
    return buildable.looked(plan)


def _check_assumed(plan: TablePlan, home: Home) -> None:
    """Refuse a reading that changes no run: its title would claim what nothing here depends on.

    As --on replaces the protocol, another reading of it changes nothing.
    """
    request = plan.request
    about = {a.key for a in plan.entry.assumptions() if not a.path.startswith("statistics.")}
    ids = {run.id for run in plan.runs}
    if request.steps and any(run.steps for run in plan.runs):
        without = plan_table(plan.entry, replace(request, steps=0), home)
        if {run.id for run in without.runs} == ids:
            raise UserError(
                f"--steps {request.steps} changes no run of {plan.entry.id}: its recipe has them",
                f"repro plan {plan.entry.id}",
            )
    for key in request.assume:
        if key not in about or not ids:
            continue
        others = {name: value for name, value in request.assume.items() if name != key}
        without = plan_table(plan.entry, replace(request, assume=others), home)
        if {run.id for run in without.runs} == ids:
            asked = f"--on {request.on}" if request.on else f"profile {request.profile}"
            raise UserError(
                f"--assume {key}={request.assume[key]} changes no run of {plan.entry.id} ({asked})",
                f"repro show {plan.entry.id}",
            )
