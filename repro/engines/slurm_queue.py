"""What was handed to Slurm, and what of it is in Slurm's queue.

runs/.slurm/<batch>.json   the runs of one array, in the order of its tasks
runs/.slurm/jobs/          submitit's files: pickles, scripts, logs
"""

import json
import logging
import os
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from repro import atomic
from repro.places import Home
from repro.records.record import Said, told

NAME = "repro"  # of every job of ours
_LOG = logging.getLogger(__name__)
_ERROR = re.compile("error|cancelled", re.IGNORECASE)


@dataclass(frozen=True)
class Batch:
    """One array: its runs in the order of its tasks, and the job that Slurm made of it."""

    id: str
    table: str
    runs: list[dict[str, Any]]  # run, system, seed
    resources: dict[str, int]
    job: str | None = None  # Slurm's number, once it has one

    def task(self, index: int) -> str | None:
        """Return Slurm's name of a task; a single run is a job without tasks."""
        if self.job is None or len(self.runs) == 1:
            return self.job
        return f"{self.job}_{index}"


@dataclass(frozen=True)
class Queued:
    """A run that Slurm has in its queue."""

    job: str
    state: str  # PENDING, RUNNING, COMPLETING, ...
    reason: str  # why it waits


class _Run(Said):
    run: str
    system: str
    seed: int


class _Said(Said):
    """A batch as it is written down."""

    id: str
    table: str
    runs: tuple[_Run, ...]
    resources: dict[str, int]
    job: str | None = None


def queued(home: Home) -> dict[str, Queued] | None:
    """Return the runs that are in Slurm's queue, by run id; None where Slurm cannot be asked."""
    ours = {batch.id: batch for batch in batches(home)}
    if not ours:
        return {}
    if shutil.which("squeue") is None:
        return None
    mine = f"--user={os.getuid()}"  # by name would miss jobs to which the user gave another one
    command = ["squeue", "--noheader", "--array", mine, "--format=%i|%T|%r|%k"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return None
    found = {}
    for line in done.stdout.splitlines():
        job, state, reason, comment = (line.strip().split("|", 3) + [""] * 3)[:4]
        batch = (comment.split() or [""])[-1]
        if batch in ours:
            index, runs = job.partition("_")[2] or "0", ours[batch].runs
            if index.isdecimal() and int(index) < len(runs):
                found[runs[int(index)]["run"]] = Queued(job, state, reason)
    return found


def batches(home: Home) -> list[Batch]:
    """Return what was submitted from this home, the oldest first."""
    paths = sorted(folder(home).glob("*.json"), key=lambda path: path.stat().st_mtime)
    return [batch for path in paths if (batch := _read(path)) is not None]


def _read(path: Path) -> Batch | None:
    """Read what was written down of a submission; None, and a warning, for what is no such."""
    try:
        said = _Said.model_validate_json(path.read_bytes())
    except ValidationError as error:
        _warn(f"{told(error, file=str(path))}; it is left out, move it away")
        return None
    return Batch(**said.plain())


@cache
def _warn(text: str) -> None:
    """Say something once in a process."""
    _LOG.warning(text)


def log(home: Home, task: str) -> Path:
    """Return where Slurm writes a task's errors."""
    return folder(home) / "jobs" / f"{task}_0_log.err"


def last_words(home: Home, task: str) -> str:
    """Return what was last said of a task's end: the reason, where the log has one."""
    path = log(home, task)
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    told = [line.strip() for line in lines if line.strip()]
    # That a task has ended with a code is known; above it stands why.
    errors = [line for line in told if _ERROR.search(line) and "Exited with exit" not in line]
    return (errors or told or ["it wrote no error"])[-1]


def folder(home: Home) -> Path:
    """Return the folder of all that Slurm is given."""
    return home.runs / ".slurm"


def write(path: Path, batch: Batch) -> None:
    """Write a batch down, or what has been learnt of it."""
    atomic.write(path, (json.dumps(asdict(batch), indent=1) + "\n").encode())
