"""`repro runs diff`: where two records part, and what differs between them."""

import json
from typing import TYPE_CHECKING

import click

from repro import places
from repro.commands.shared import asking
from repro.errors import UserError
from repro.records.ledger import Ledger

if TYPE_CHECKING:
    from repro.records.record import Record, Training
    from repro.upkeep.parting import Parting


@click.command()
@click.argument("a", metavar="RUN[/EXECUTION]")
@click.argument("b", metavar="RUN[/EXECUTION]")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def diff(a: str, b: str, home: str | None, fmt: str) -> None:
    """Say at which epoch two records part, and what differs: run, execution, data, predictions.

    \b
    Examples:
      repro runs diff b61f6caa a10e2173
      repro runs diff b61f6caa/3ed6ee b61f6caa/9758e1
      repro runs diff b61f6caa a10e2173 --format json
    """
    from repro.commands.shared import records
    from repro.upkeep import parting

    ledger = Ledger.of(places.home(home))
    ours, theirs = (_training(records.one(ledger, name)) for name in (a, b))
    if ours.path == theirs.path:
        others = [r.name for r in ledger.records(ours.run) if r.path != ours.path]
        step = f"repro runs diff {ours.name} {others[0]}" if others else None
        raise UserError(f"{a} and {b} are one record", step or "repro runs list")
    found = parting.compare(ours, theirs)
    if fmt == "json":
        about = {"a": _named(ours), "b": _named(theirs), "equal": found.equal}
        click.echo(json.dumps({**about, **records.as_dict(found)}, indent=1))
    else:
        click.echo("\n".join(_lines(ours, theirs, found)))


def _training(record: "Record") -> "Training":
    """Refuse what is no training."""
    if record.kind != "train":
        raise UserError(f"{record.run} is a measurement, not a run", "repro runs list")
    return record


def _named(record: "Training") -> dict[str, str]:
    return {"run": record.run, "execution": record.path.name, "status": record.status}


def _lines(ours: "Training", theirs: "Training", found: "Parting") -> list[str]:
    """Write the comparison as text."""
    from repro.commands.shared import records

    heads = []
    for letter, record in (("a", ours), ("b", theirs)):
        what = f"{record.system} ({record.profile}), seed {record.seed}"
        heads.append(f"{letter}  {record.name}  {record.status:<8}  {what}")
    return [
        *heads,
        *records.result_lines(found),
        *records.field_lines("resolved run", found.resolved),
        *records.field_lines("execution", found.execution),
        *records.field_lines("data", found.data),
    ]
