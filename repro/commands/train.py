"""Train single runs of a table; what the scripts of `repro plan` call."""

import json
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, making
from repro.engines import slurm_nodes
from repro.engines.faults import RefusedError
from repro.errors import UserError, started
from repro.plan.answers import Answers, answers
from repro.plan.request import Run
from repro.plan.wanted import plan_asked
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.spec import catalogue


@click.command()
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--table", "table_id", metavar="ID", required=True, help="A table that needs it.")
@asking.request_options
@asking.device_options
@click.option(
    "--leave-node",
    is_flag=True,
    help="In a Slurm job whose device does not work: queue it again without this node.",
)
@asking.home_option
@asking.text_or_json
def command(
    runs: tuple[str, ...],
    table_id: str,
    leave_node: bool,
    home: str | None,
    fmt: str,
    **asked: Any,
) -> None:
    """Train single runs of a table (the start of an id is enough); those with a result are left.

    With --execution only results of that execution count.

    So any scheduler can work off a table, in parallel and again after an interruption.

    \b
    Examples:
      repro train b61f6caa --table asmrh-speechcommands --profile demo
      repro plan asmrh-speechcommands --profile demo --format sh

    Exit codes: 0 complete, 2 usage, 3 incomplete, 5 a run failed, 6 the device does not work.
    """
    devices = asking.devices(asked.pop("gpu"), asked.pop("device"))
    each, threads = asking.workers(None, asked.pop("threads"), devices, asked["profile"])
    where = places.home(home)
    plan = plan_asked(catalogue.load(table_id), asking.request(**asked), where)
    chosen = [_find(text, (*plan.runs, *plan.parents), table_id) for text in runs]
    ledger = Ledger.of(where)
    found = answers(plan, ledger)
    ready = []
    for run in chosen:
        if found.record(run.id) is not None:
            click.echo(f"run {run.id} is recorded already", err=True)
        else:
            _check(run, found, {other.id for other in chosen})
            ready.append(run)
    ended = making.COMPLETE
    try:
        if ready:
            ended = making.train(ready, devices, threads, where, each)
    except RefusedError as error:
        error.exit_code = making.DEVICE
        error.message += slurm_nodes.leave() if leave_node else ""
        raise
    if ended == making.DEVICE and leave_node:
        click.echo(f"the device does not work{slurm_nodes.leave()}", err=True)
    found = answers(plan, ledger)
    records = [found.record(run.id) for run in chosen]
    trained = all(record is not None for record in records)
    if fmt == "json":
        pairs = zip(chosen, records, strict=True)
        rows = [_row(run, record, run in ready) for run, record in pairs]
        click.echo(json.dumps(rows, indent=1))
    code = making.COMPLETE if trained else making.INCOMPLETE
    click.get_current_context().exit(ended or code)


def _row(run: Run, record: Training | None, trained: bool) -> dict[str, Any]:
    """Return what became of a run; `trained`: it had no record before."""
    return {
        "run": run.id,
        "system": run.system,
        "seed": run.seed,
        "status": record.status if record else "not recorded",
        "trained_now": trained and record is not None,
        "path": str(record.path) if record else None,
    }


def _check(run: Run, found: Answers, chosen: set[str]) -> None:
    """Refuse a run that lacks data or the run that it starts from."""
    for gap in run.missing:
        raise UserError(f"run {run.id}: {gap.text}", gap.next_step or None)
    for parent in run.parents:
        if parent not in chosen and found.record(parent) is None:
            raise UserError(f"run {run.id} starts from run {parent}, which has no result yet",
                            f"repro train {parent} ..., then this again")  # fmt: skip


def _find(text: str, runs: tuple[Run, ...], table_id: str) -> Run:
    """Return the run whose id starts with a text."""
    of = {run.id: run for run in runs}
    kind, step = f"run of {table_id}, asked for like this,", f"repro plan {table_id} --format sh"
    return of[started(kind, text, of, step)]
