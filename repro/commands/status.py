"""Say how far training has come: done, running, waiting in Slurm, failed and what to do."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, damage, screen, several, suggesting
from repro.commands.shared.exactly import Commands
from repro.engines import slurm_queue
from repro.places import Home
from repro.plan import cost
from repro.plan.answers import Answers, answers
from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.records import progress
from repro.records.ledger import Ledger
from repro.upkeep import rerun

STATES = ("running", "waiting", "interrupted", "failed")


@click.command()
@click.argument("targets", metavar="[ID|PAPER|all]...", nargs=-1)
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def command(targets: tuple[str, ...], home: str | None, fmt: str, **asked: Any) -> None:
    """Say how far training has come: done, running, waiting in Slurm, failed and what to do.

    Without a table, every run of the home is listed, whatever it is for.

    \b
    Examples:
      repro status
      repro status asmrh-speechcommands --profile demo
      repro status --format json
    """
    where = places.home(home)
    ledger = Ledger.of(where)
    request = asking.request(**asked)
    plans = several.plans(targets or ["all"], request, where)
    queue = slurm_queue.queued(where)
    planned = {run.id: run for plan in plans for run in (*plan.parents, *plan.runs)}
    found = [answers(plan, ledger) for plan in plans]
    rows = _rows(where, ledger, queue, planned, set(planned) if targets else None, found)
    commands = Commands(where, plans)
    for row in rows:
        _say_how(row, planned, ledger, commands)
    summary = {
        "profile": request.profile,
        "slurm": queue is not None,  # whether it could be asked, where anything was submitted
        "tables": [_table(*one, rows) for one in zip(plans, found, strict=True)],
        **{state: [row for row in rows if row["state"] == state] for state in STATES},
    }
    if fmt == "json":
        click.echo(json.dumps(summary, indent=1, ensure_ascii=False))
    else:
        screen.say(_lines(summary))
    damage.tell(ledger)


def _rows(
    home: Home,
    ledger: Ledger,
    queue: dict[str, slurm_queue.Queued] | None,
    planned: dict[str, Run],
    only: set[str] | None,
    found: Sequence[Answers],
) -> list[dict[str, Any]]:
    """Return the runs without a result that something is known of, each in one state."""
    under_way = {made.run: made for made in progress.under_way(home.runs)}
    tasks = _tasks(home)
    rows: dict[str, dict[str, Any]] = {}
    known = {*under_way, *tasks, *_failures(ledger, only)}
    for run in [*(run for run in planned if run in known), *sorted(known - set(planned))]:
        if (only is not None and run not in only) or _has_result(run, found, ledger):
            continue
        place, made = (queue or {}).get(run), under_way.get(run)
        row: dict[str, Any] = {"run": run, "state": "", **_about(run, planned, tasks, ledger)}
        if made is not None:
            row |= made.about
            row |= {"asked": made.asked, "epoch": made.epoch, "epochs": made.epochs,
                    "seconds_per_epoch": made.seconds, "seconds_left": made.left}  # fmt: skip
        if made is not None and made.holder is not None:
            where = str(made.holder)
            row |= {"state": "running", "where": where, "job": place.job if place else None}
        elif place is not None:
            row |= {"state": "waiting", "job": place.job, "why": _waits(place)}
        else:
            row |= _ended(run, ledger, home, tasks, made, queue is not None)
        if row["state"]:
            rows[run] = row
    return list(rows.values())


def _has_result(run: str, found: Sequence[Answers], ledger: Ledger) -> bool:
    """Tell whether a run has a result; where a table asks for it, of the audio that is here."""
    told = [answer.fitting[run] for answer in found if run in answer.fitting]
    return any(told) if told else ledger.result(run) is not None


def _ended(
    run: str,
    ledger: Ledger,
    home: Home,
    tasks: dict[str, tuple[slurm_queue.Batch, int]],
    made: progress.Progress | None,
    slurm: bool,
) -> dict[str, Any]:
    """Say why a run that nobody trains and that is in no queue has no result."""
    batch, index = tasks.get(run, (None, 0))
    task = batch.task(index) if batch is not None and slurm else None
    words = f": {slurm_queue.last_words(home, task)}" if task is not None else ""
    if made is not None:
        ended = {"cause": f"Slurm's job {task} ended{words}"} if task is not None else {}
        return {"state": "interrupted", **ended}
    if failed := ledger.trainings(run):
        return {"state": "failed", "cause": failed[0].cause}
    if task is None:
        return {}  # not submitted in the end, or nobody here knows what became of it
    if not slurm_queue.log(home, task).is_file():
        return {"state": "failed", "cause": f"Slurm's job {task} left the queue before it started",
                "slurm": True}  # fmt: skip
    return {"state": "failed", "cause": f"Slurm's job {task} ended without a record{words}",
            "slurm": True, "log": str(slurm_queue.log(home, task))}  # fmt: skip


def _say_how(
    row: dict[str, Any], planned: dict[str, Run], ledger: Ledger, commands: Commands
) -> None:
    """Add to a run that nobody trains the exact command that does, and what to do first."""
    asked, by_slurm, log = row.pop("asked", None), row.pop("slurm", False), row.pop("log", None)
    if row["state"] not in ("interrupted", "failed"):
        return
    run = row["run"]
    records = ledger.trainings(run)
    command = None
    if asked is not None:
        command = commands.of(Run.of_job(asked["job"]), asked["device"], asked["threads"])
    elif records:
        threads = int(records[0].described["threads"])
        command = commands.of(Run.of_record(records[0]), rerun.device_of(records[0]), threads)
    elif run in planned:
        command = commands.of(planned[run])
    if command and by_slurm:
        command += " --slurm"
    again = command or "the same command again"
    if row["state"] == "interrupted":
        row["next"] = f"{again} continues it"
    elif by_slurm:
        row["next"] = f"see {log}, then {again}" if log else again
    else:
        row["next"] = suggesting.completed(f"repro runs show {run}, then repro runs retry {run}")
    row["command"] = command


def _waits(place: slurm_queue.Queued) -> str:
    """Put into words what a task is doing that trains nothing yet."""
    if place.state == "PENDING":
        return place.reason if place.reason not in ("None", "") else "to be scheduled"
    return place.state.lower()


def _tasks(home: Home) -> dict[str, tuple[slurm_queue.Batch, int]]:
    """Return where each run was submitted last."""
    return {
        run["run"]: (batch, index)
        for batch in slurm_queue.batches(home)
        for index, run in enumerate(batch.runs)
    }


def _failures(ledger: Ledger, only: set[str] | None) -> Iterable[str]:
    """Return the runs with a failed record; among thousands, those of a table are looked up."""
    if only is not None:
        return [run for run in only if any(not record.done for record in ledger.records(run))]
    return ledger.failed()


def _about(
    run: str,
    planned: dict[str, Run],
    tasks: dict[str, tuple[slurm_queue.Batch, int]],
    ledger: Ledger,
) -> dict[str, Any]:
    """Return system and seed of a run, from the plan, the submission or a failed record."""
    if run in planned:
        return {"system": planned[run].system, "seed": planned[run].seed}
    if run in tasks:
        batch, index = tasks[run]
        return {name: batch.runs[index][name] for name in ("system", "seed")}
    for record in ledger.trainings(run):
        return {"system": record.system, "seed": record.seed}
    return {"system": None, "seed": None}


def _table(plan: TablePlan, found: Answers, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Count the runs of a table by their state."""
    needed = [run.id for run in plan.needed()]
    done = sum(found.record(run) is not None for run in needed)
    states = {row["run"]: row["state"] for row in rows}
    seen = [states.get(run) for run in needed]
    counts = {state: seen.count(state) for state in STATES}
    return {"table": plan.entry.id, "runs": len(needed), "done": done, **counts}


def _lines(summary: dict[str, Any]) -> list[str]:
    """Write the status as text."""
    tables = [table for table in summary["tables"] if table["runs"]]
    width = max((len(table["table"]) for table in tables), default=0)
    lines = []
    for table in tables:
        counts = "".join(f", {table[state]} {state}" for state in STATES if table[state])
        lines.append(f"{table['table']:<{width}}  {table['done']:>3} of {table['runs']:>3} runs "
                     f"done{counts}")  # fmt: skip
    for state in STATES:
        if summary[state]:
            lines += ["", f"{state}:"]
            for row in summary[state]:
                lines += [f"  {line}" for line in _row_lines(row)]
    if not summary["slurm"]:
        lines += ["", "Slurm cannot be asked here (no squeue that answers)"]
    return lines


def _row_lines(row: dict[str, Any]) -> list[str]:
    """Write one run as text."""
    name = f"{row['system']} seed {row['seed']} ({row['run']})" if row["system"] else row["run"]
    name += f" on {row['dataset']}" if "dataset" in row else ""
    parts = []
    if row.get("epochs") is not None:
        parts.append(f"epoch {row['epoch']} of {row['epochs']}")
    elif row["state"] == "running":
        parts.append("preparing")
    if row.get("seconds_per_epoch") is not None and row["state"] == "running":
        seconds = row["seconds_per_epoch"]
        parts.append(f"{seconds:.1f} s an epoch" if seconds < 10 else
                     f"{cost.spoken(seconds)} an epoch")  # fmt: skip
        parts.append(f"{cost.spoken(row['seconds_left'])} left")
    parts += [f"Slurm job {row['job']}"] if row.get("job") else []
    parts += [row[key] for key in ("why", "where", "cause") if key in row]
    lines = [f"{name}: {', '.join(parts)}"]
    lines += [f"  next: {row['next']}"] if "next" in row else []
    if row.get("command") and row["command"] not in row["next"]:
        lines.append(f"  or: {row['command']}")
    return lines
