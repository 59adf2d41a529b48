"""Say what tables need: runs, data, weights, and the time on this device."""

import json
import shlex
from typing import Any

import click

from repro import places
from repro.commands.plan import scripts
from repro.commands.shared import asking, suggesting
from repro.errors import UserError
from repro.plan import cost
from repro.plan.planning import TablePlan, done, plan_table, remaining
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.verdict import needed, reduction


@click.command()
@click.argument("table_ids", metavar="[ID...]", nargs=-1)
@asking.request_options
@asking.device_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json", "sh", "slurm"]), default="text",
              help="sh: a line for each run; slurm: an sbatch array.")  # fmt: skip
def command(table_ids: tuple[str, ...], home: str | None, fmt: str, **asked: Any) -> None:
    """Say what tables need: runs (shared ones once), data, weights, time on this device.

    For schedulers, json, sh and slurm hold the command of every run that can be trained now.

    \b
    Examples:
      repro plan
      repro plan asmrh-speechcommands --device cuda:0
      repro plan asmrh-urbansound8k asmrh-ablation --format json
      repro plan asmrh-speechcommands --profile demo --format sh > runs.sh
      repro plan asmrh-speechcommands --device cuda:0 --format slurm > runs.sbatch
    """
    devices = asking.devices(asked.pop("gpu"), asked.pop("device"))
    threads = asked.pop("threads")
    request = asking.request(**asked)
    where = places.home(home)
    ledger = Ledger.of(where)
    entries = [catalogue.load(i) for i in table_ids] if table_ids else catalogue.load_all()
    plans = [plan_table(entry, request, where) for entry in entries]
    unique = {run.id for plan in plans for run in plan.needed()}
    open_runs: dict[str, Run] = {}
    tables = []
    for plan in plans:
        ready, blocked = remaining(plan, ledger)
        open_runs |= {run.id: run for run in ready}
        table = _table(plan, ready, blocked, cost.estimate(ready, ledger, devices[0]))
        needs = needed.needed(plan, reduction.results(plan, ledger), where.cache)
        tables.append({**table, "decisive": needed.lines(needs)})
    ready = list(open_runs.values())
    jobs = scripts.jobs(plans, ready, devices, threads, ledger, where) if fmt != "text" else []
    if fmt in ("sh", "slurm"):
        if not jobs:
            raise UserError("no run can be trained now", shlex.join(["repro", "plan", *table_ids]))
        click.echo((scripts.as_sh if fmt == "sh" else scripts.as_sbatch)(jobs), nl=False)
        return
    total = cost.estimate(ready, ledger, devices[0])
    blocked_ids = {run_id for table in tables for run_id in table["blocked"]}
    summary = {
        "profile": request.profile,
        "devices": devices,
        "runs": len(unique),
        "done": len(unique - open_runs.keys() - blocked_ids),
        "to_train": len(open_runs),
        "blocked": len(blocked_ids),
        "seconds": None if total.seconds is None else total.seconds / len(devices),
        "basis": total.basis,
        "tables": tables,
    }
    if fmt == "json":
        summary["jobs"] = [job.as_dict() for job in jobs]
        click.echo(json.dumps(summary, indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(summary)))


def _table(
    plan: TablePlan, ready: list[Run], blocked: list[Run], estimate: cost.Estimate
) -> dict[str, Any]:
    """Return one table's part of the plan as plain data."""
    gaps: dict[str, dict[str, Any]] = {}
    for run in blocked:
        for gap in run.missing:
            entry = gaps.setdefault(
                gap.text,
                {
                    "what": gap.kind,
                    "next": suggesting.completed(gap.next_step),
                    "systems": [],
                },
            )
            if run.system not in entry["systems"]:
                entry["systems"].append(run.system)
    needed = plan.needed()
    return {
        "table": plan.entry.id,
        "runs": len(needed),
        "done": done(plan, ready, blocked),
        "to_train": [run.id for run in ready],
        "blocked": [run.id for run in blocked],
        "seconds": estimate.seconds,
        "basis": estimate.basis,
        "missing": gaps,
    }


def _lines(summary: dict[str, Any]) -> list[str]:
    """Write the plan as text."""
    width = max((len(table["table"]) for table in summary["tables"]), default=0)
    lines = []
    for table in summary["tables"]:
        counts = f"{table['done']:>3} of {table['runs']:>3} runs done"
        if not table["runs"]:
            counts = "no runs"
        elif table["to_train"]:
            counts += f", {len(table['to_train'])} to train ({cost.spoken(table['seconds'])})"
        lines.append(f"{table['table']:<{width}}  {counts}")
        for text, gap in table["missing"].items():
            step = f" -> {gap['next']}" if gap["next"] else ""
            lines.append(f"{'':<{width}}    {', '.join(gap['systems'])}: {text}{step}")
        lines += [f"{'':<{width}}    {line}" for line in table["decisive"]]
    where = ", ".join(summary["devices"])
    lines += [
        "",
        f"{summary['runs']} different runs ({summary['profile']}): {summary['done']} done, "
        f"{summary['to_train']} to train, {summary['blocked']} blocked",
        f"time on {where}: {cost.spoken(summary['seconds'])} ({summary['basis']})",
    ]
    return lines
