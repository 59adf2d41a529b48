"""Plans as scripts: one line for each run, which any scheduler can work off."""

import dataclasses
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import places
from repro.engines import slurm, slurm_queue
from repro.plan import cost, memory
from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.records.ledger import Ledger

ARRAY = 1000  # tasks of one array: clusters take indices up to 1,000 unless they say otherwise


@dataclass(frozen=True)
class Job:
    """One run with what it takes and the command that trains it."""

    run: Run
    needs: slurm.Resources
    words: list[str]
    wave: int  # a run's parents are in earlier waves
    here: bool = True  # on a machine that sees the folders of this one
    card: float = 0.0  # bytes of a card that a step needs, where that is counted

    @property
    def line(self) -> str:
        """Return the command as a line of a shell script; folders outside the home go along."""
        names = ("REPRO_DATA", "REPRO_CACHE", "REPRO_EXTENSIONS")
        set_ = [name for name in names if self.here and os.environ.get(name)]
        moved = [name for name in set_ if not self._inside(name)]
        before = [f"{name}={shlex.quote(os.environ[name])}" for name in moved]
        return " ".join([*before, shlex.join(self.words)])

    def _inside(self, name: str) -> bool:
        """Tell whether a folder lies where the home, which the command names, has it anyway."""
        return str(Path(os.environ[name]).parent) in self.words

    def as_dict(self) -> dict[str, Any]:
        """Return the job as plain data."""
        return {
            "run": self.run.id,
            "system": self.run.system,
            "seed": self.run.seed,
            "dataset": self.run.resolved["dataset"],
            "parents": list(self.run.parents),
            **dataclasses.asdict(self.needs),
            **({"card_gb": round(self.card / 1e9, 1)} if self.card else {}),
            "command": self.words,
        }


def jobs(
    plans: Sequence[TablePlan],
    ready: Sequence[Run],
    devices: Sequence[str],
    threads: int,
    ledger: Ledger,
    home: places.Home,
    away: str = "",
) -> list[Job]:
    """Return the jobs of the runs that can be trained: parents first, devices in turn.

    away: the home on a machine that sees nothing of this one, where the program is `repro`.
    """
    asked = {r.id: plan for plan in reversed(plans) for r in (*plan.needed(), *plan.parents)}
    takes = slurm.resources(ready, ledger, devices[0], threads)
    held = cost.reserved(ledger)
    made: list[Job] = []
    for number, wave in enumerate(slurm.waves(ready)):
        for run in wave:
            device = devices[len(made) % len(devices)]
            plan = asked[run.id]
            request = dataclasses.replace(plan.request, seeds=None, only=None)
            words = [*(["repro"] if away else program()), "train", run.id, "--table", plan.entry.id]
            words += [*request.words(), "--device", device]
            words += ["--threads", str(threads), "--home", away or str(home.root)]
            words += ["--stage", places.stage()] if places.stage() else []
            card = _card(run, held) if takes[run.id].gpus else 0.0
            made.append(Job(run, takes[run.id], words, number, here=not away, card=card))
    return made


def _card(run: Run, held: Mapping[str, int]) -> float:
    """Return the bytes of a card that a run needs, in the way it is asked for; 0 if not counted."""
    need = memory.need(run.resolved, held)
    return need.asked(run.checkpoint_activations, run.micro_batch) + need.kept if need else 0.0


def for_cards(jobs: Sequence[Job]) -> list[str]:
    """Say in comments which cards the runs need; nothing where none is counted."""
    most = max(jobs, key=lambda job: job.card, default=None)
    if most is None or not most.card:
        return []
    return [f"# On a card the largest run needs about {most.card / 1e9:.2g} GB ({most.run.system};",
            "# `repro plan` says how it was found, and what needs less)."]  # fmt: skip


def program() -> list[str]:
    """Return how this program is started where nothing is on the PATH, such as on a node."""
    root = places.checkout()
    if root is not None and (root / "cli.py").is_file():
        return [sys.executable, str(root / "cli.py")]
    return [sys.executable, "-P", "-m", "repro.commands._entry"]


def as_sh(jobs: Sequence[Job]) -> str:
    """Return a shell script with a line for each run."""
    waves = 1 + max((job.wave for job in jobs), default=0)
    lines = [
        "#!/bin/sh",
        f"# {len(jobs)} runs, one line each: sh FILE runs them in order, four at once run with",
        "#   grep '^[^#]' FILE | xargs -d '\\n' -P 4 -n 1 sh -c",
        "# A run that has a result is left, one that was stopped continues. With several waves, a",
        "# wave starts when the one above has ended.",
    ]
    for job in jobs:
        if waves > 1 and f"# wave {job.wave + 1} of {waves}" not in lines:
            lines.append(f"# wave {job.wave + 1} of {waves}")
        lines.append(job.line)
    return "\n".join(lines) + "\n"


def of_nothing(fmt: str, lines: Sequence[str]) -> str:
    """Return a script of a format that holds no run: comments that say why."""
    head = {"sh": ["#!/bin/sh"], "slurm": ["#!/bin/bash"]}.get(fmt, [])
    said = [f"# {part}" for line in lines for part in line.splitlines()]
    return "\n".join([*head, *said]) + "\n"


def as_sbatch(jobs: Sequence[Job]) -> str:
    """Return an sbatch script of an array, which needs no submitit."""
    needs = [job.needs for job in jobs]
    gpus, memory = max(n.gpus for n in needs), max(n.memory_gb for n in needs)
    waves = [[i for i, job in enumerate(jobs) if job.wave == w] for w in {j.wave for j in jobs}]
    header = {
        "job-name": slurm_queue.NAME,
        "array": f"0-{min(len(waves[0]), ARRAY) - 1}",
        "cpus-per-task": max(n.cpus for n in needs),
        **({"gpus-per-node": gpus} if gpus else {}),
        "mem": f"{memory}G",
        "time": max(n.minutes for n in needs),
        "signal": f"B:USR2@{slurm.NOTICE}",
        "open-mode": "append",
        "kill-on-invalid-dep": "yes",
    }
    return "\n".join([
        "#!/bin/bash",
        *_how_to_submit(waves),
        *_where(jobs),
        *(f"#SBATCH --{name}={value}" for name, value in header.items()),
        "#SBATCH --requeue",
        "",
        *(f"export {name}={value}" for name, value in slurm.OFFLINE.items()),
        "commands=(",
        *(f"  {shlex.quote(job.line + ' --leave-node' * bool(gpus))}" for job in jobs),
        ")",
        "# At the limit the task goes back into the queue; its run continues from its checkpoint.",
        "trap 'scontrol requeue \"$SLURM_JOB_ID\"' USR2",
        'eval "${commands[${FIRST:-0} + SLURM_ARRAY_TASK_ID]}" &',
        "wait $!",
        "",
    ])  # fmt: skip


def _where(jobs: Sequence[Job]) -> list[str]:
    """Say which cards to ask Slurm for, where a partition mixes them."""
    found = for_cards(jobs)
    return [*found, "# Where cards differ: sbatch --gres=gpu:NAME:1 or --constraint=..."] if found \
        else []  # fmt: skip


def _how_to_submit(waves: Sequence[Sequence[int]]) -> list[str]:
    """Say how the array is submitted: at once, or in parts that wait for each other."""
    if len(waves) == 1 and len(waves[0]) <= ARRAY:
        return ["# Submit it with: sbatch FILE"]
    lines = ["# Submit it in parts, each after those that it starts from:"]
    last = ""
    for number, wave in enumerate(waves):
        names = []
        for part in range(0, len(wave), ARRAY):
            names.append(f"w{number}_{part // ARRAY}")
            end = min(len(wave), part + ARRAY) - part - 1
            lines.append(
                f"#   {names[-1]}=$(sbatch --parsable{last} --export=ALL,FIRST={wave[0] + part} "
                f"--array=0-{end} FILE)"
            )
        last = " --dependency=afterok:" + ":".join(f"${name}" for name in names)
    return lines
