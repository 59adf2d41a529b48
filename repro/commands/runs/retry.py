"""`repro runs retry`: train failed runs again."""

import json
from itertools import groupby
from typing import TYPE_CHECKING

import click

from repro import places
from repro.commands.shared import asking, damage, suggesting
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.records.record import Training

if TYPE_CHECKING:
    from repro.commands.shared.exactly import Commands

FAILED = 5


@click.command()
@click.argument("runs", metavar="[RUN...]", nargs=-1)
@click.option("--gpu", metavar="CARD[,CARD]", help=asking.GPU)
@click.option("--device", metavar="cpu|cuda:0", help="Train here (default: as recorded).")
@click.option("--dry-run", is_flag=True, help="Say what would be trained and stop.")
@asking.home_option
@asking.text_or_json
def retry(
    runs: tuple[str, ...],
    gpu: str | None,
    device: str | None,
    dry_run: bool,
    home: str | None,
    fmt: str,
) -> None:
    """Train failed runs again, all of them or those named, with their number of threads.

    The failed record steps aside; `repro runs prune` deletes it later.

    \b
    Examples:
      repro runs retry --dry-run
      repro runs retry
      repro runs retry b61f6caa --gpu 1
    """
    from repro.commands.shared import making
    from repro.commands.shared.exactly import Commands
    from repro.plan.request import Run
    from repro.upkeep import rerun

    where = places.home(home)
    ledger = Ledger.of(where)
    failed = _failed(ledger, runs)
    damage.tell(ledger)
    ready, refused = [], {}
    for record in failed:
        try:
            rerun.check(record, where)
        except UserError as error:
            refused[record.run] = error.message
            step = f" -> {suggesting.completed(error.next_step)}" if error.next_step else ""
            click.echo(f"not again: {error.message}{step}", err=True)
        else:
            ready.append(record)
    if not failed:
        click.echo("no failed runs", err=True)
    if dry_run:
        _tell(ready, refused, fmt, Commands(where))
        return
    given = asking.devices(gpu, device) if gpu or device else None

    def how(record: Training) -> tuple[int, list[str]]:
        threads = int(record.described["threads"])
        return threads, given or [rerun.device_of(record)]

    failures = making.COMPLETE
    for (threads, devices), group in groupby(sorted(ready, key=how), key=how):
        failures |= making.train([Run.of_record(r) for r in group], devices, threads, where)
    if fmt == "json":
        _tell(ready, refused, fmt, Commands(where), Ledger.of(where))
    click.get_current_context().exit(FAILED if failures or refused else 0)


def _tell(
    ready: list[Training],
    refused: dict[str, str],
    fmt: str,
    commands: "Commands",
    after: Ledger | None = None,
) -> None:
    """Say which runs are trained again, or were, and which command asks for each, if one does.

    after: the ledger after training.
    """
    from repro.plan.request import Run
    from repro.upkeep import rerun

    asked = {r.run: commands.of(Run.of_record(r), rerun.device_of(r), int(r.described["threads"]))
             for r in ready}  # fmt: skip
    if fmt == "json":
        rows = [
            {"run": r.run, "system": r.system, "seed": r.seed, "profile": r.profile,
             "cause": r.cause, "command": asked[r.run],
             "done": after is not None and after.result(r.run) is not None}
            for r in ready
        ]  # fmt: skip
        click.echo(json.dumps({"runs": rows, "refused": refused}, indent=1))
        return
    for record in ready:
        what = f"{record.profile:<4}  {record.system:<14} seed {record.seed}"
        click.echo(f"{record.run}  {what}  {record.cause}")
        click.echo(f"  {asked[record.run] or 'no table asks for it: repro runs stale says why'}")


def _failed(ledger: Ledger, names: tuple[str, ...]) -> list[Training]:
    """Return the newest record of each failed run; UserError for a named one that did not fail."""
    ids = [ledger.find(name)[0].run for name in names] if names else ledger.failed()
    found = []
    for run in dict.fromkeys(ids):
        if ledger.result(run) is None:
            found += ledger.trainings(run)[:1]
        elif names:
            raise UserError(f"run {run} has a result, nothing failed", f"repro runs show {run}")
    return found
