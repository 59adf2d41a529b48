"""Which tables verbs speak of: those that are named, and that the options suit."""

from collections.abc import Iterable, Sequence

import click

from repro.commands.shared import damage
from repro.errors import UserError, unknown
from repro.places import Home
from repro.plan.planning import TablePlan
from repro.plan.request import Request
from repro.plan.wanted import plan_asked
from repro.spec import catalogue, lines
from repro.spec.entry import Entry


def entries(targets: Iterable[str], request: Request) -> list[Entry]:
    """Return the tables of names (ID, PAPER, all) that the request suits."""
    return that_know(catalogue.named(targets), request)


def plans(targets: Iterable[str], request: Request, home: Home) -> list[TablePlan]:
    """Plan the tables of names."""
    return planned(entries(targets, request), request, home)


def that_know(found: Sequence[Entry], request: Request) -> list[Entry]:
    """Keep of several tables those that have the keys of --assume and the system of --only.

    A table alone stays, to be refused by its own name.
    """
    if len(found) == 1:
        return list(found)
    fitted = {e.id: lines.fit(e, "", (), (), catalogue.load_all, with_rivals=request.rivals)
              for e in found}  # fmt: skip
    keys = {
        entry.id: {assumption.key for assumption in fitted[entry.id].assumptions()}
        for entry in found
    }
    for key in request.assume:
        if not any(key in known for known in keys.values()):
            raise unknown("assumption", key, set().union(*keys.values()), "repro show ID")
    only, systems = request.only, {entry.id: _systems(fitted[entry.id]) for entry in found}
    if only is not None and not any(only in known for known in systems.values()):
        raise unknown("trained system", only, set().union(*systems.values()), "repro models list")
    return [
        entry
        for entry in found
        if keys[entry.id].issuperset(request.assume) and (only is None or only in systems[entry.id])
    ]


def planned(found: Sequence[Entry], request: Request, home: Home) -> list[TablePlan]:
    """Plan tables; of several, those that refuse the request are told and left out."""
    made, refused = [], []
    for entry in found:
        try:
            made.append(plan_asked(entry, request, home))
        except UserError as error:
            refused.append((entry, error))
    if refused and not made:
        raise refused[0][1]
    for entry, why in refused:
        click.echo(f"{entry.id} is left out: {why.message}", err=True)
    damage.tell_of_audio(home.data)
    return made


def _systems(entry: Entry) -> set[str]:
    """Return the systems that a table trains."""
    fields = [entry.fields(row, column) for row in entry.table.row for column in entry.table.column]
    return {str(f.system) for f in fields if f.kind == "trained" and f.system is not None}
