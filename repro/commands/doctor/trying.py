"""Try a device out: plan small runs, have them tried, keep the rates, and say what came of it."""

import dataclasses
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro import __version__, identity, places
from repro.commands.shared import writing
from repro.data import clips
from repro.engines import visible
from repro.measure import devices
from repro.measure.selftest.checks import FAIL, OK, SLOW
from repro.places import Home
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.spec import catalogue

if TYPE_CHECKING:
    from repro.measure.selftest.checks import Check
    from repro.measure.selftest.trial import Trial

# A system of each paper, GAFX-U with its LSTM among them, and a table that trains it.
SYSTEMS = {
    "asm-rh": "asmrh-speechcommands",
    "m3net": "m3net-urbansound8k",
    "eat-s": "eat-esc50",
    "gafx-u": "gafx-extractors",
}
_EPOCHS, _STEPS = 12, 3  # of the run that is killed, and of one of its epochs
_BATCH, _OTHERS = 8, 8  # clips of a step; of validation and test
_SHORTER = {"gafx-u": {"length": 8192}}


def run(device: str, threads: int, home: Home, fmt: str, output: Path | None) -> bool:
    """Try a device; record its rates where no check fails; return whether none did."""
    from repro.measure.selftest.trial import Trial

    alone = visible.alone(device)
    quiet = fmt == "json" or output is not None
    trial = Trial(
        device, threads, jobs(device, home), {**places.environment(home), **alone},
        lambda check: click.echo(check.line, err=quiet),
    )  # fmt: skip
    trial.run()
    about = report(trial)
    if trial.passed:
        about["record"] = str(devices.save(home.runs, trial.rates, trial.execution))
    if fmt == "json":
        writing.write(json.dumps(about, indent=1) + "\n", output)
    elif output is not None:
        writing.write("\n".join(check.line for check in trial.checks) + "\n", output)
    click.echo(_summary(trial.checks, device, about.get("record")), err=quiet)
    return trial.passed


def jobs(device: str, home: Home) -> list[dict[str, Any]]:
    """Return the jobs of small runs on generated audio; on CUDA in the recipe's own precision."""
    found = []
    for system, table in SYSTEMS.items():
        demo = _planned(system, table, Request(profile="demo", audio="generated"), home)
        recipe = {**demo.resolved["recipe"], "batch": _BATCH, "epochs": _EPOCHS}
        if device.startswith("cuda"):
            full = _planned(system, table, Request(), home)
            recipe["precision"] = full.resolved["recipe"]["precision"]
        front = demo.resolved["frontend"]
        caps = {"train": _STEPS * _BATCH, "valid": _OTHERS, "test": _OTHERS}
        source = dataclasses.replace(demo.clips, caps=tuple(sorted(caps.items())))
        resolved = {
            **demo.resolved,
            "init": [],
            "recipe": recipe,
            "frontend": {**front, "args": {**front["args"], **_SHORTER.get(system, {})}},
            "split": clips.select(source, home.data).split.digest,
        }
        made = dataclasses.replace(
            demo, id=identity.run_id(resolved), resolved=resolved, clips=source
        )
        found.append(made.job())
    return found


def _planned(system: str, table: str, request: Request, home: Home) -> Run:
    plan = plan_table(catalogue.load(table), request, home)
    return next(run for run in plan.runs if run.system == system)


def report(trial: "Trial") -> dict[str, Any]:
    """Return everything as plain data, to send."""
    return {
        "device": trial.device,
        "passed": trial.passed,
        "checks": [
            {**dataclasses.asdict(check), "next_step": check.next_step * (check.status != OK)}
            for check in trial.checks
        ],
        "rates": trial.rates,
        "execution": trial.execution,
        "version": __version__,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _summary(checks: "list[Check]", device: str, record: str | None) -> str:
    """Say in a line how it went."""
    failed, slow = (sum(c.status == status for c in checks) for status in (FAIL, SLOW))
    text = f"{len(checks)} checks, {failed} failed, {slow} slow"
    if record is None:
        return f"{text}; nothing is recorded"
    # Of a CPU plans take what repro bench sides measures.
    return f"{text}; {'recorded in' if device == 'cpu' else 'plans count with'} {record}"
