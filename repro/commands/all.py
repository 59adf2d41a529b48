"""Reproduce every table, the cheapest first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, cluster, making
from repro.errors import UserError, unknown
from repro.plan import cost
from repro.plan.planning import plan_table, remaining
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.spec.entry import Entry


@click.command()
@click.option("--paper", metavar="PAPER", help="Only this paper: asmrh, m3net, gafx, eat.")
@click.option("--core", is_flag=True, help="Only the tables that one GPU trains in a night.")
@asking.request_options
@asking.device_options
@cluster.options
@making.output_options
@asking.home_option
def command(
    paper: str | None, core: bool, home: str | None, output: Path | None, **asked: Any
) -> None:
    """Reproduce every table, the cheapest first; each is written as soon as it is complete.

    With -o DIR each table goes to DIR/ID.FORMAT.

    \b
    Examples:
      repro all --gpu 0
      repro all --core --gpu 0
      repro all --paper asmrh --profile demo -o tables-demo
      repro all --slurm --slurm-option partition=gpu --yes
      repro all --dry-run
    """
    how = making.How.of(asked, places.home(home))
    if output is not None and output.exists() and not output.is_dir():
        raise UserError(f"-o {output} is a file; `repro all` needs a folder", "-o FOLDER")
    ledger = Ledger.of(how.home)

    def seconds(entry: Entry) -> float:
        ready, _ = remaining(plan_table(entry, how.request, how.home), ledger)
        return cost.estimate(ready, ledger, how.devices[0]).seconds or 0.0

    codes = []
    entries = [entry for entry in catalogue.load_all(paper) if entry.table.core or not core]
    entries = _that_know(entries, how.request.assume, how.request.only)
    for entry in sorted(entries, key=seconds):
        target = output / f"{entry.id}.{making.SUFFIX[how.fmt]}" if output else None
        codes.append(making.make(entry, how, target))
    click.get_current_context().exit(max(codes, default=0))


def _that_know(entries: list[Entry], assume: Mapping[str, str], only: str | None) -> list[Entry]:
    """Keep the tables that have the keys of --assume and the system of --only."""
    keys = {entry.id: {assumption.key for assumption in entry.assumptions()} for entry in entries}
    for key in assume:
        if not any(key in known for known in keys.values()):
            raise unknown("assumption", key, set().union(*keys.values()), "repro show ID")
    systems = {entry.id: _systems(entry) for entry in entries}
    if only is not None and not any(only in known for known in systems.values()):
        raise unknown("trained system", only, set().union(*systems.values()), "repro models")
    return [
        entry
        for entry in entries
        if keys[entry.id].issuperset(assume) and (only is None or only in systems[entry.id])
    ]


def _systems(entry: Entry) -> set[str]:
    """Return the systems that a table trains."""
    fields = [entry.fields(row, column) for row in entry.table.row for column in entry.table.column]
    return {str(f.system) for f in fields if f.kind == "trained" and f.system is not None}
