"""Measure how fast a system trains, against the limit of the device and a bare loop."""

import dataclasses
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro import places
from repro.commands.shared import asking, measuring
from repro.errors import UserError, unknown

if TYPE_CHECKING:
    from torch import nn

    from repro.data.clips import ClipSource
    from repro.measure.limits import Work
    from repro.plan.request import Run
    from repro.train.task import Task

SIDES_STEPS = 2  # of an epoch of `sides`
UNUSED = 8  # clips of validation and test: a task needs some, training reads none


@click.group()
def command() -> None:
    """Measure how fast this suite works.

    \b
    Examples:
      repro bench train eat-s --device cuda:0
      repro bench sides m3net-urbansound8k --profile demo
    """


@command.command()
@click.argument("table")
@click.option("--profile", type=click.Choice(["full", "demo"]), default="full", show_default=True,
              help="The size of the runs, as for `repro table`.")  # fmt: skip
@click.option("--only", metavar="SYSTEM", help="Measure only this system.")
@click.option("--with-rivals", "rivals", is_flag=True,
              help="Measure also the quoted systems that can be trained.")  # fmt: skip
@asking.home_option
@asking.text_or_json
def sides(
    table: str, profile: str, only: str | None, rivals: bool, home: str | None, fmt: str
) -> None:
    """Measure whether two runs at once with a thread each train more clips on this CPU.

    They are compared with one run with two threads, in turn in three rounds, for each system of the
    table. What comes out is recorded, and `repro plan` says it.

    \b
    Examples:
      repro bench sides m3net-urbansound8k --profile demo
      repro bench sides asmrh-ablation --only asm-rh
      repro bench sides m3net-urbansound8k --with-rivals
    """
    from repro.measure import devices
    from repro.measure import sides as measured
    from repro.plan import cost

    where = places.home(home)
    measuring.warn_if_busy()
    found: dict[str, float] = {}
    rows = []
    for run in _of_systems(table, profile, only, rivals, where):
        source = _source(run, SIDES_STEPS * run.resolved["recipe"]["batch"], where)
        job = {**run.job(), "clips": source.as_dict(), "resolved": {**run.resolved, "init": []}}
        _tell(f"{run.system}: {measured.ROUNDS} rounds")
        together, beside, execution = measured.measure(job, places.environment(where), where)
        kind = cost.kind_of(run.resolved)
        found |= {f"{cost.TOGETHER}.{kind}": together, f"{cost.SIDES}.{kind}": beside}
        rows.append((run.system, together, beside))
    path = devices.save(where.runs, found, execution)
    if fmt == "json":
        names = ("system", "together", "side_by_side")
        every = [dict(zip(names, row, strict=True)) for row in rows]
        click.echo(json.dumps({"clips_per_second": every, "record": str(path)}, indent=1))
        return
    for system, together, beside in rows:
        click.echo(
            f"{system}: two at once with a thread each {beside:.4g} clips/s, one with two "
            f"{together:.4g}: {beside / together:.2f} times"
        )
    click.echo(f"repro plan counts with {path}", err=True)


def _of_systems(
    table: str, profile: str, only: str | None, rivals: bool, home: places.Home
) -> "list[Run]":
    """Return the first run of each system of a table that can be built here."""
    from repro.plan.request import Request
    from repro.plan.wanted import plan_asked
    from repro.spec import catalogue

    audio = "generated" if profile == "demo" else "local"
    entry = catalogue.load(table)
    plan = plan_asked(entry, Request(profile=profile, audio=audio, only=only, rivals=rivals), home)
    runs = {run.system: run for run in reversed(plan.needed()) if not run.resolved.get("teacher")}
    if not runs:
        raise UserError(f"{table} trains nothing that can be measured", "repro list")
    return list(reversed(runs.values()))


@command.command()
@click.argument("system")
@click.option("--device", metavar="cpu|cuda:0", help="Train on this device (default: cpu).")
@click.option(
    "--table", metavar="ID", help="Recipe and dataset of this table (default: its first)."
)
@click.option(
    "--batch", type=click.IntRange(2), metavar="N", help="Clips of a step (default: the recipe's)."
)
@click.option("--steps", type=click.IntRange(1), default=4, show_default=True, metavar="N",
              help="Steps of a round.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="Times that everything is measured in turn.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True,
              help="CPU threads.")  # fmt: skip
@click.option("--nondeterministic", is_flag=True,
              help="Also train without strict determinism, to see what it costs.")  # fmt: skip
@click.option("--assume", multiple=True, metavar="KEY=VALUE",
              help="With --table: take another reading of a silent point.")  # fmt: skip
@click.option("--save", is_flag=True, help="Keep the figures in benchmarks/results.")
@click.option("--into", type=asking.NamedPath(file_okay=False), metavar="DIR",
              help="Keep the figures in this folder instead.")  # fmt: skip
@asking.home_option
@asking.text_or_json
def train(
    system: str,
    device: str | None,
    table: str | None,
    batch: int | None,
    steps: int,
    rounds: int,
    threads: int,
    nondeterministic: bool,
    assume: tuple[str, ...],
    save: bool,
    into: Path | None,
    home: str | None,
    fmt: str,
) -> None:
    """Train a system for some steps: clips/s, where the time goes, share of the limit.

    SYSTEM is built at full size with the recipe of its table. Where the table's audio is not here,
    generated clips of the same length take its place; initial weights are random: neither changes
    the work. The limit is operations over the matrix rate plus bytes over the bandwidth, both
    measured in the same run. A bare PyTorch loop is measured in turn with ours.

    \b
    Examples:
      repro bench train m3net
      repro bench train eat-s --batch 16 --steps 2
      repro bench train asm-rh --device cuda:0 --steps 20 --nondeterministic --save
      repro bench train eat-s --table eat-esc50 --assume precision=fp32 --format json
    """
    where = places.home(home)
    called = asking.devices(None, device)[0]
    on = asking.alone(called)
    folder = _folder(save, into)
    entry, run = _run(system, table, asking.readings(assume), where)
    measuring.check_device(called, on)
    task, work, audio = _build(run, on, threads, batch, steps, where)
    from repro.measure import bench
    from repro.train import determinism, runner

    found = bench.measure(task, work, rounds, nondeterministic, _tell)
    commit, dirty = runner._git()
    report = {
        "system": system, "table": entry, "dataset": run.clips.dataset, "audio": audio,
        "assume": list(assume), "precision": task.recipe["precision"],
        "input": list(task.front.shape),
        "parameters": sum(p.numel() for p in task.model.parameters()),
        **found,
        "execution": determinism.execution(on, threads),
        "git": {"commit": commit, "dirty": dirty},
        "measured": _now(),
    }  # fmt: skip
    if fmt == "json":
        click.echo(json.dumps(report, indent=1))
    else:
        click.echo("\n".join(_lines(report)))
    if folder is not None:
        from repro import atomic

        path = folder / _name(report, batch is not None, table)
        atomic.write(path, (json.dumps(report, indent=1) + "\n").encode())
        click.echo(f"wrote {path}", err=True)


def _folder(save: bool, into: Path | None) -> Path | None:
    """Return where the figures are kept, if they are."""
    if into is not None or not save:
        return into
    root = places.checkout()
    if root is None:
        raise UserError("--save needs a checkout of this project", "--into DIR")
    return root / "benchmarks" / "results"


def _run(
    system: str, table: str | None, assume: dict[str, str], home: places.Home
) -> tuple[str, "Run"]:
    """Return a table that trains a system, and the first of its runs."""
    from repro.measure import networks
    from repro.plan.planning import plan_table
    from repro.plan.request import Request
    from repro.spec import catalogue

    every = [catalogue.load(table)] if table else catalogue.load_all()
    entries = [e for e in every if system in e.recipes.systems or system in e.rivals]
    if not entries:
        networks.entry_of(system)  # UserError for a system of no table
        there = [e.id for e in catalogue.load_all() if system in {*e.recipes.systems, *e.rivals}]
        known = {*every[0].recipes.systems, *every[0].rivals}
        if there:
            told = f"{every[0].id} does not train {system}, which stands in {', '.join(there)}"
            raise UserError(told, f"repro bench train {system} --table {there[0]}")
        raise unknown("system", system, known, f"repro show {every[0].id} --with-rivals")
    plans = [plan_table(entry, Request(assume=assume, rivals=system in entry.rivals), home)
             for entry in entries]  # fmt: skip
    # What a table trains for its own sake goes before what it trains to start from.
    found = [(plan.entry.id, run) for plan in plans for run in plan.runs]
    found += [(plan.entry.id, run) for plan in plans for run in plan.parents]
    for name, run in found:
        if run.system == system:
            for missing in run.missing:
                if missing.kind == "code":
                    raise UserError(f"{system}: {missing.text}", f"repro show {name}")
            return name, run
    raise UserError(f"no run of {system} in {table or 'any table'}", f"repro models show {system}")


def _build(
    run: "Run", device: str, threads: int, batch: int | None, steps: int, home: places.Home
) -> tuple["Task", "Work", str]:
    """Build a run's task with an epoch of so many steps; return what a step does and the audio."""
    from repro.data import clips
    from repro.measure import limits
    from repro.train import determinism, memory, tasks

    determinism.set_up(threads)
    memory.keep_freed()
    recipe = {**run.resolved["recipe"], "batch": batch or run.resolved["recipe"]["batch"]}
    resolved = {**run.resolved, "recipe": recipe, "init": []}
    source = _source(run, recipe["batch"] * steps, home)
    selection = clips.select(source, home.data)
    model, shape = _counted(resolved, home)
    work = limits.work(model, shape, recipe["batch"], recipe)
    task, _ = tasks.build(resolved, source, selection, device, home, lambda _: None)
    if source.audio == "local":
        return task, work, "the table's"
    return task, work, f"generated: {source.dataset} is not here"


def _counted(resolved: dict[str, Any], home: places.Home) -> tuple["nn.Module", tuple[int, ...]]:
    """Return a run's network on no device, and the shape of its input."""
    from repro.measure import counting, networks

    front = resolved["frontend"]
    network = {**resolved, "frontend": {"name": front["name"], **front["args"]}}
    return counting.build(network, networks.input_of(resolved["dataset"], home.data))


def _source(run: "Run", count: int, home: places.Home) -> "ClipSource":
    """Return so many training clips: the run's own where its data is here, else generated ones."""
    from repro.data import clips

    caps = {"train": count, "valid": UNUSED, "test": UNUSED}
    here = not clips.unlisted(run.clips, home.data) and not clips.lacking(run.clips, home.data)
    if here:
        return dataclasses.replace(run.clips, caps=tuple(sorted(caps.items())), subset=True)
    return clips.ClipSource(
        run.clips.dataset, "generated", "official", caps=tuple(sorted(caps.items()))
    )


def _now() -> str:
    import datetime

    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _name(report: dict[str, Any], batch: bool, table: str | None) -> str:
    """Return the name of the file of a report: device, system, and what was asked for by name."""
    device = re.sub(r"[^a-z0-9]+", "-", report["execution"]["device_name"].lower()).strip("-")
    parts = [device, report["system"], *([table] if table else [])]
    parts += [f"batch{report['batch']}"] if batch else []
    return "-".join(parts) + ".json"


def _lines(report: dict[str, Any]) -> list[str]:
    """Write a report for people."""
    from repro.measure.clock import WHAT
    from repro.verdict import phrases

    execution, limit = report["execution"], report["limit"]
    device = f"{execution['device_name']} ({execution['device']}"
    threads = phrases.many(execution["threads"], "thread")
    device += f", {threads})" if execution["device"] == "cpu" else ")"
    shape = " x ".join(map(str, report["input"]))
    lines = [
        f"system     {report['system']}: {report['parameters']:,} parameters, input {shape}",
        f"recipe     {report['table']}: batch {report['batch']}, {report['precision']}",
        f"audio      {report['audio']}",
        f"device     {device}, torch {execution['torch']}, load {report['load']}",
        f"rate       {report['clips_per_second']:.4g} clips/s, "
        f"{1000 * report['step_seconds']:.4g} ms a step (median of {report['rounds']} rounds "
        f"of {report['steps']} steps)",
        f"memory     {report['memory_bytes'] / 2**20:,.0f} MiB at most",
        "",
    ]
    for phase, seconds in report["phases"].items():
        share = report["shares"][phase]
        lines.append(f"  {phase:<13}{1000 * seconds:>10.2f} ms {share:>7.1%}  {WHAT[phase]}")
    kept = "; features are computed once and kept" if report["features_kept"] else ""
    lines += [
        f"  {'input':<13}{'':>13} {report['input_share']:>7.1%}  the first three{kept}",
        "",
        f"limit      {1000 * limit['seconds']:.4g} ms a step: {limit['share']:.1%} of it reached",
        f"           {limit['operations'] / 1e9:.4g} GFLOP at "
        f"{limit['matrix_rate'] / 1e12:.4g} TFLOP/s ({limit['matrix_share']:.1%} of the rate), "
        f"{(limit['parameter_bytes'] + limit['activation_bytes']) / 1e9:.4g} GB at "
        f"{limit['bandwidth'] / 1e9:.4g} GB/s",
        f"bare loop  {1000 * report['bare_step_seconds']:.4g} ms a step: ours takes "
        f"{report['over_bare']:.3f} times as long ({report['over_bare_cpu']:.3f} in CPU time)",
    ]
    if "determinism_costs" in report:
        costs = report["determinism_costs"]
        lines.append(f"determinism  {costs:.3f} times as long as without")
    digest = 1000 * report["weight_digest_seconds"]
    lines.append(f"each epoch {digest:.4g} ms more for the digest of the weights")
    return lines
