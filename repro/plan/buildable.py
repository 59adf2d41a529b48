"""Which runs of a plan no network can be built for: asked of a process that imports PyTorch.

Where a table is as its paper has it, tests have built the networks. Asked are runs on other data,
of the user's models and with values of --set, as far as they have no result yet. What was found to
work is remembered by all that decides it; what fails is tried again.
"""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro import identity, places
from repro.data import registry
from repro.data.remembered import code, remembered
from repro.places import Home
from repro.plan.planning import TablePlan
from repro.plan.request import Missing, Run
from repro.records.ledger import Ledger

# -P: a file of the working folder that is named like a module is not that module.
_PROBE = (sys.executable, "-P", "-m", "repro.train.probing.process")
_PATIENCE = 180.0  # seconds after which nothing more is known


class _NotBuiltError(Exception):
    """What must not be remembered: a network that cannot be built, or of which nothing is known."""


def looked(plan: TablePlan) -> TablePlan:
    """Return a plan whose runs say where their network cannot be built; see the module."""
    every = bool(plan.entry.on or plan.request.settings)
    runs = [run for run in (*plan.parents, *plan.runs)
            if every or identity.own(f"models/{run.resolved['model']['name']}")]  # fmt: skip
    if not runs:
        return plan
    ledger = Ledger.of(plan.home)
    asked = {
        run.id: _job(run, plan.home)
        for run in runs
        if run.resolved["classes"] and not any(gap.kind == "code" for gap in run.missing)
        if not any(record.done for record in ledger.trainings(run.id))
    }
    found = _answers(list({job["key"]: job for job in asked.values()}.values()), plan.home)
    systems = {run.id: run.system for run in runs}
    remarks = dict.fromkeys(
        f"{systems[name]}: {text}"
        for name, job in asked.items() for text in found[job["key"]]["remarks"]
    )  # fmt: skip
    blocked = {
        name: _missing(systems[name], job, found[job["key"]]["error"])
        for name, job in asked.items() if found[job["key"]]["error"]
    }  # fmt: skip

    def known(runs: Sequence[Run]) -> tuple[Run, ...]:
        return tuple(
            replace(r, missing=(blocked[r.id], *r.missing)) if r.id in blocked else r for r in runs
        )

    return replace(
        plan,
        cells=tuple(replace(cell, runs=known(cell.runs)) for cell in plan.cells),
        runs=known(plan.runs),
        parents=known(plan.parents),
        remarks=tuple(remarks),
    )


def _job(run: Run, home: Home) -> dict[str, Any]:
    """Return what the network of a run follows from."""
    resolved = run.resolved
    job = {
        "model": resolved["model"],
        "frontend": {name: resolved["frontend"][name] for name in ("name", "args")},
        "classes": resolved["classes"],
        "seconds": registry.card(resolved["dataset"], home.data).seconds,
    }
    return {**job, "key": identity.digest([job, resolved["frontend"]["version"]])}


def _missing(system: str, job: Mapping[str, Any], error: str) -> Missing:
    """Say that a network cannot be built, and for what."""
    own = identity.own(f"models/{job['model']['name']}")
    step = f"mend {own}, then ask again" if own else ""
    what = f"{job['classes']} classes and clips of {job['seconds']:g} s"
    return Missing("code", f"{system} cannot be trained on {what}: {error}", step)


def _answers(jobs: Sequence[dict[str, Any]], home: Home) -> dict[str, dict[str, Any]]:
    """Return what is known of each job, by its key; all are asked at the first that is not kept."""
    fresh: dict[str, dict[str, Any]] = {}

    def one(key: str) -> Callable[[], dict[str, Any]]:
        def compute() -> dict[str, Any]:
            if not fresh:
                fresh.update(_ask(jobs, home))
            if fresh[key]["error"] or fresh[key].get("unknown"):
                raise _NotBuiltError
            return fresh[key]

        return compute

    here = Path(__file__).parents[1] / "train"
    files = (here / "networks.py", *sorted((here / "probing").glob("*.py")))
    made = [code(*map(str, files)), _version("torch")]
    found = {}
    for key in (job["key"] for job in jobs):
        try:
            kept = remembered(home.cache / "plans", [*made, key], one(key))
            found[key] = dict(kept)
        except _NotBuiltError:
            found[key] = fresh[key]
    return found


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _ask(jobs: Sequence[dict[str, Any]], home: Home) -> dict[str, dict[str, Any]]:
    """Ask a process of each model: what one file does to its process is not said of another."""
    by_model: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        own = isinstance(job["model"]["version"], str)
        by_model.setdefault(job["model"]["name"] if own else "", []).append(job)
    return {key: answer for some in by_model.values() for key, answer in _process(some, home)}


def _process(jobs: Sequence[dict[str, Any]], home: Home) -> list[tuple[str, dict[str, Any]]]:
    """Ask one process, and say of what it leaves open why."""
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    words = [*_PROBE, "--home", str(home.root)]
    try:
        done = subprocess.run(words, input=lines, text=True, env=places.environment(home),
                              capture_output=True, timeout=_PATIENCE)  # fmt: skip
        said, why = done.stdout, _end(done)
    except subprocess.TimeoutExpired as late:
        said = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        why = f"not looked at: to build it and take a step takes over {_PATIENCE:.0f} s"
    answers: dict[str, dict[str, Any]] = {}
    for line in said.splitlines():
        answer = json.loads(line)
        answers[answer.pop("key")] = answer
    open_jobs = [job["key"] for job in jobs if job["key"] not in answers]
    if why and not open_jobs and jobs:  # it ended while it computed with the last one
        last = answers[jobs[-1]["key"]]
        last["remarks"], last["unknown"] = [*last["remarks"], why], True
    left = {"error": "", "parameters": 0, "remarks": [why] if why else [], "unknown": True}
    return [(job["key"], answers.get(job["key"], left)) for job in jobs]


def _end(done: "subprocess.CompletedProcess[str]") -> str:
    """Say how a process ended that did not answer all."""
    if done.returncode == 0:
        return ""
    last = done.stderr.strip().splitlines()[-1:] or ["no word"]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
    return f"the process that builds it ended with {how} ({last[0]})"
