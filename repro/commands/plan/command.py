"""Say what tables need: runs, data, weights, and the time on this device."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from repro import places
from repro.commands.plan import away, scripts
from repro.commands.shared import asking, damage, planned, screen, several, suggesting
from repro.commands.shared.planned import Planned
from repro.errors import UserError
from repro.plan import cost
from repro.records.ledger import Ledger
from repro.verdict import needed, reduction

SCRIPTS: dict[str, Callable[[Sequence[scripts.Job], Mapping[str, str]], str]] = {
    "sh": lambda jobs, _: scripts.as_sh(jobs),
    "slurm": lambda jobs, _: scripts.as_sbatch(jobs),
    "k8s": away.as_k8s,
    "sky": away.as_sky,
}


@click.command()
@click.argument("targets", metavar="[ID|PAPER|all]...", nargs=-1)
@asking.request_options
@asking.device_options
@asking.card_option
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json", "sh", "slurm", "k8s", "sky"]),
              default="text",
              help="sh: a line for each run; slurm: an sbatch array; k8s: a Kubernetes Job; sky: a "
                   "SkyPilot task.")  # fmt: skip
@click.option("--option", "settings_of", multiple=True, metavar="KEY=VALUE",
              help="About the cluster, for k8s (image, claim, queue, namespace, node, gpu) and sky "
                   "(bucket, install, accelerators, infra).")  # fmt: skip
def command(
    targets: tuple[str, ...],
    home: str | None,
    fmt: str,
    settings_of: tuple[str, ...],
    **asked: Any,
) -> None:
    """Say what tables need: runs (shared ones once), data, weights, time on this device.

    For schedulers, all formats but text hold the command of every run that can be trained now;
    where all are done, a script says so and holds none.

    \b
    Examples:
      repro plan
      repro plan asmrh-speechcommands --device cuda:0
      repro plan asmrh-speechcommands --card 3090
      repro plan asmrh-urbansound8k asmrh-ablation --format json
      repro plan asmrh-speechcommands --profile demo --format sh > runs.sh
      repro plan asmrh-speechcommands --device cuda:0 --format slurm > runs.sbatch
      repro plan gafx --device cuda:0 --format k8s --option image=repro:1 --option claim=home
    """
    devices = asking.with_card(asking.devices(asked.pop("gpu"), asked.pop("device")))
    _, threads = asking.workers(None, asked.pop("threads"), devices, asked["profile"])
    request = asking.request(**asked)
    where = places.home(home)
    ledger = Ledger.of(where)
    plans = several.plans(targets or ["all"], request, where)
    tables = [Planned.of(plan, ledger, devices[0]) for plan in plans]
    open_runs = {run.id: run for one in tables for run in one.ready}
    ready = list(open_runs.values())
    given, far = away.options(fmt, settings_of), away.HOMES.get(fmt, "")
    listed = (plans, ready, devices, threads, ledger, where, far)
    jobs = scripts.jobs(*listed) if fmt != "text" else []
    if fmt in SCRIPTS:
        click.echo(SCRIPTS[fmt](jobs, given) if jobs else _nothing(tables, targets, fmt), nl=False)
        return
    damage.tell(ledger)
    if fmt == "json":
        summary = _summary(tables, ledger, where, devices)
        summary["jobs"] = [job.as_dict() for job in jobs]
        click.echo(json.dumps(summary, indent=1, ensure_ascii=False))
    elif len(tables) == 1:
        (one,) = tables
        screen.say([*planned.detail(one, devices), *(f"  {x}" for x in _decisive(one, where))])
    else:
        width = max(len(one.id) for one in tables)
        told = [f"{one.feasible:<8}  " if devices[0] == "cpu" else "" for one in tables]
        lines = [f"{one.id:<{width}}  {here}{planned.state(one)}"
                 for one, here in zip(tables, told, strict=True)]  # fmt: skip
        total = planned.total(tables, ledger, devices)
        screen.say([*lines, "", *total, *planned.missing(tables)])


def _nothing(tables: Sequence[Planned], targets: Sequence[str], fmt: str) -> str:
    """Return a script without a run where all are done; UserError where some lack something."""
    blocked = {run.id for one in tables for run in one.blocked}
    count = len({run.id for one in tables for run in one.plan.needed()})
    if blocked:
        gaps = [gap for one in tables for gap in one.gaps(by_system=False)]
        steps = dict.fromkeys(step for _, step in gaps if step)
        raise UserError(
            f"no run can be trained now ({count} runs: {count - len(blocked)} done, "
            f"{len(blocked)} blocked): {'; '.join(dict.fromkeys(text for text, _ in gaps))}",
            ", then ".join(steps) or shlex.join(["repro", "plan", *targets]),
        )
    told = f"no run is left to train: {f'{count} of {count} done' if count else 'none is needed'}"
    commands = [shlex.join(["repro", "table", target]) for target in targets or ["all"]]
    lines = [told, *(f"Next:  {suggesting.completed(command)}" for command in commands)]
    click.echo("\n".join(lines), err=True)
    return scripts.of_nothing(fmt, lines)


def _summary(
    tables: list[Planned], ledger: Ledger, home: places.Home, devices: list[str]
) -> dict[str, Any]:
    """Return the plan of all tables as plain data."""
    ready = {run.id: run for one in tables for run in one.ready}
    blocked = {run.id for one in tables for run in one.blocked}
    needed = {run.id for one in tables for run in one.plan.needed()}
    total = cost.estimate(list(ready.values()), ledger, devices[0])
    return {
        "profile": tables[0].plan.request.profile,
        "devices": devices,
        "runs": len(needed),
        "done": len(needed - ready.keys() - blocked),
        "to_train": len(ready),
        "blocked": len(blocked),
        "seconds": None if total.seconds is None else total.seconds / len(devices),
        "basis": total.basis,
        "tables": [_table(one, home) for one in tables],
    }


def _table(one: Planned, home: places.Home) -> dict[str, Any]:
    """Return one table's part of the plan as plain data."""
    kinds = {gap.text: gap.kind for run in one.lacking for gap in run.missing}
    return {
        "table": one.id,
        "runs": len(one.plan.needed()),
        "done": one.done,
        "to_train": [run.id for run in one.ready],
        "blocked": [run.id for run in one.blocked],
        "before_them": [run.id for run in one.first],
        "seconds": one.estimate.seconds,
        "basis": one.estimate.basis,
        "seconds_blocked": one.later.seconds if one.blocked else 0.0,
        "feasible": one.feasible,
        "missing": {
            text: {"what": kinds[text], "next": step, "systems": list(systems)}
            for (text, step), systems in one.gaps(by_system=True).items()
        },
        "audio": one.answered.lines(),
        "lengths": list(planned.lengths(one)),
        "cards": list(planned.cards(one)),
        "decisive": _decisive(one, home),
    }


def _decisive(one: Planned, home: places.Home) -> list[str]:
    """Say how many runs a decisive verdict needs."""
    found = reduction.standing(one.plan, one.answered)
    return needed.lines(needed.needed(one.plan, found, home.cache))
