"""Hand runs to Slurm through submitit: arrays with one task for each run, submitted and left alone.

A task that reaches its time limit, or is preempted, goes back into the queue and continues from its
checkpoint. Locks and records decide what is trained, so a run that is submitted twice, or that
another process has taken, is still trained once.
"""

import json
import math
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from repro import places
from repro.engines import slurm_nodes, slurm_options, slurm_queue
from repro.engines.slurm_options import Options
from repro.engines.slurm_queue import Batch, Queued
from repro.errors import UserError
from repro.places import Home
from repro.plan import cost
from repro.plan.request import Run
from repro.records.ledger import Ledger

CHUNK = 500  # tasks in an array: clusters take 1,001 unless their MaxArraySize says otherwise
LONGEST = 24 * 60  # minutes: most partitions take a day; a longer run continues after its limit
TIMEOUTS = 20  # limits that a run may reach: after so many it is not getting on
NOTICE = 120  # seconds between the warning of a limit and the limit
# Compute nodes often have no way out: nothing may wait for one.
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
# Names that submitit would write a second time.
OF_SUBMITIT = ("cpus-per-task", "gpus-per-node", "job-name", "mem")


@dataclass(frozen=True)
class Asked:
    """What is asked of Slurm for every run."""

    device: str  # cpu, or cuda:0: each task has one GPU of its own
    threads: int
    chunk: int = CHUNK
    options: Options = field(default_factory=dict)  # of sbatch, in place of ours


@dataclass(frozen=True)
class Resources:
    """What one run takes."""

    gpus: int
    cpus: int
    memory_gb: int
    minutes: int


@dataclass(frozen=True)
class Task:
    """What a compute node does: train one run; submitit pickles this."""

    job: dict[str, Any]
    device: str
    threads: int
    home: Home

    def __call__(self) -> str:
        """Train the run; return its status, or raise with the cause."""
        from repro.train import determinism, memory, runner

        reason = determinism.check_device(self.device)
        if reason is not None:
            raise RuntimeError(f"{reason}{slurm_nodes.leave()}")
        determinism.set_up(self.threads)
        memory.keep_freed()
        status, cause = runner.execute(self.job, self.device, self.threads, self.home, _print)
        if status == "device":
            raise RuntimeError(f"{cause}{slurm_nodes.leave()}")
        if status not in ("complete", "diverged"):
            raise RuntimeError(f"run {self.job['run']} {status}: {cause}")
        return status

    def checkpoint(self) -> Any:
        """Return what submitit queues again at a time limit: the same, the work folder has it."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _print(event: dict[str, Any]) -> None:
    if event["event"] != "step":
        print(json.dumps(event), flush=True)


def resources(
    runs: Sequence[Run], ledger: Ledger, device: str, threads: int
) -> dict[str, Resources]:
    """Return what each run takes, by id."""
    expected = cost.expected(runs, ledger, device)
    return {run.id: _resources(run, expected[run.id][0], device, threads) for run in runs}


def _resources(run: Run, seconds: float | None, device: str, threads: int) -> Resources:
    """Ask for twice the expected time, for the waveforms in memory, and for some room."""
    wanted = LONGEST if seconds is None else 10 + 2 * seconds / 60
    minutes = min(LONGEST, 10 * math.ceil(wanted / 10))
    recipe, front = run.resolved["recipe"], run.resolved["frontend"]["args"]
    samples = run.clip_epochs // recipe["epochs"] * front.get("frames", 1024) * 160
    waveforms = 2 * 1.5 * samples / 1e9  # int16; valid and test clips come on top
    memory = min(32, 8 + math.ceil(waveforms))  # larger stores are read from disk as they are used
    gpus = 1 if device.startswith("cuda") else 0
    return Resources(gpus=gpus, cpus=threads, memory_gb=memory, minutes=minutes)


def waves(runs: Sequence[Run]) -> list[list[Run]]:
    """Sort runs into waves: the parents of a run, where they are among the runs, come before it."""
    waiting = {run.id: run for run in runs}
    sorted_: list[list[Run]] = []
    while waiting:
        wave = [r for r in waiting.values() if not waiting.keys() & set(r.parents)]
        if not wave:
            raise ValueError(f"runs start from each other: {', '.join(waiting)}")
        sorted_.append(wave)
        for run in wave:
            del waiting[run.id]
    return sorted_


def submit(
    runs: Sequence[Run], table: str, asked: Asked, ledger: Ledger, home: Home
) -> tuple[list[Batch], dict[str, Queued]]:
    """Submit the runs that are not in the queue; return the new arrays, and what was queued."""
    already = slurm_queue.queued(home) or {}
    fresh = [run for run in runs if run.id not in already]
    jobs = {run: place.job for run, place in already.items()}
    made = []
    for group, needs in _arrays(fresh, asked, ledger):
        # A parent that is in no queue has its record, or the run would not be ready.
        after = [jobs[parent] for parent in group.parents if parent in jobs]
        batch = _submit(group, table, needs, asked, home, after)
        for index, run in enumerate(group.runs):
            jobs[run.id] = batch.task(index) or ""
        made.append(batch)
    return made, {run.id: already[run.id] for run in runs if run.id in already}


def scripts(
    runs: Sequence[Run], asked: Asked, ledger: Ledger, home: Home
) -> Iterator[tuple[list[Run], str]]:
    """Yield the runs and the sbatch script of each array that `submit` would make."""
    among = {run.id for run in runs}
    for group, needs in _arrays(runs, asked, ledger):
        after = [f"JOB-OF-{parent}" for parent in group.parents if parent in among]
        yield group.runs, _script(len(group.runs), needs, asked, home, after, batch="BATCH")


@dataclass(frozen=True)
class _Group:
    """Runs of one array: equal in what they take and in what they wait for."""

    runs: list[Run]
    parents: tuple[str, ...]


def _arrays(
    runs: Sequence[Run], asked: Asked, ledger: Ledger
) -> Iterator[tuple[_Group, Resources]]:
    """Sort runs into arrays: parents first, then the longest; none larger than the chunk."""
    takes = resources(runs, ledger, asked.device, asked.threads)
    for wave in waves(runs):
        groups: dict[tuple[Resources, tuple[str, ...]], list[Run]] = {}
        for run in wave:
            groups.setdefault((takes[run.id], run.parents), []).append(run)
        for (needs, after), group in sorted(groups.items(), key=lambda pair: -pair[0][0].minutes):
            for start in range(0, len(group), asked.chunk):
                yield _Group(group[start : start + asked.chunk], after), needs


def _submit(
    group: _Group, table: str, needs: Resources, asked: Asked, home: Home, after: list[str]
) -> Batch:
    """Submit one array; what it holds is written down before, so that no task is ever unknown."""
    submitit = _submitit()
    runs = [{"run": r.id, "system": r.system, "seed": r.seed} for r in group.runs]
    batch = Batch(os.urandom(6).hex(), table, runs, asdict(needs))
    path = slurm_queue.folder(home) / f"{batch.id}.json"
    slurm_queue.write(path, batch)
    try:
        executor = submitit.SlurmExecutor(
            slurm_queue.folder(home) / "jobs", max_num_timeout=TIMEOUTS
        )
        executor.update_parameters(**_parameters(needs, asked, after, batch.id))
        tasks = [Task(run.job(), asked.device, asked.threads, home) for run in group.runs]
        with executor.batch():
            jobs = [executor.submit(task) for task in tasks]
    except (
        submitit.core.utils.FailedJobError,
        submitit.core.utils.FailedSubmissionError,
        RuntimeError,
    ) as error:
        path.unlink()
        last = str(error).strip().splitlines()[-1]
        raise UserError(
            f"Slurm did not take the runs: {last}",
            "another --slurm-option or a smaller --slurm-chunk; --dry-run shows the script",
        ) from None
    batch = Batch(**{**asdict(batch), "job": jobs[0].job_id.partition("_")[0]})
    slurm_queue.write(path, batch)
    return batch


def _script(
    count: int, needs: Resources, asked: Asked, home: Home, after: list[str], batch: str
) -> str:
    """Return the script that submitit hands to sbatch; needs no Slurm here."""
    from submitit.slurm.slurm import _make_sbatch_string

    _submitit()
    folder = slurm_queue.folder(home) / "jobs"
    python = f"{shlex.quote(sys.executable)} -u -m submitit.core._submit {shlex.quote(str(folder))}"
    wanted = _parameters(needs, asked, after, batch)
    wanted["map_count"] = count if count > 1 else None
    return str(_make_sbatch_string(command=python, folder=folder, **wanted))


class Minutes(int):
    """A limit of time with which submitit computes, and which sbatch reads as the user wrote it."""

    text: str

    def __new__(cls, minutes: int, text: str) -> "Minutes":
        """Keep the text beside the number."""
        made = super().__new__(cls, minutes)
        made.text = text
        return made

    def __getnewargs__(self) -> tuple[int, str]:  # type: ignore[override]  # of int: one number
        """Return what a pickle needs to make it again."""
        return int(self), self.text

    def __str__(self) -> str:
        """Return the user's text."""
        return self.text


def _parameters(needs: Resources, asked: Asked, after: list[str], batch: str) -> dict[str, Any]:
    """Return the parameters of an array in submitit's words; the user's own options win."""
    ours: dict[str, Any] = {
        "job-name": slurm_queue.NAME,
        "cpus-per-task": needs.cpus,
        "mem": f"{needs.memory_gb}GB",
        "time": needs.minutes,
        # A run whose parent failed would wait for ever; one that was preempted has to come back.
        "requeue": True,
        "kill-on-invalid-dep": "yes",
        **({"gpus-per-node": needs.gpus} if needs.gpus else {}),
    }
    wanted = slurm_options.laid_over(ours, asked.options)
    limit = slurm_options.minutes(str(wanted["time"])) if "time" in wanted else None
    within = None if limit is None else Minutes(limit, str(wanted.pop("time")))
    parallel = wanted.pop("array-parallelism", None)
    waits = ["afterok:" + ":".join(after)] if after else []
    waits += [str(wanted.pop("dependency"))] if "dependency" in wanted else []
    parameters: dict[str, Any] = {
        # By the last word the queue is read; a site may ask for others before it.
        "comment": f"{wanted.pop('comment', '')} {batch}".strip(),
        "time": within,  # submitit has a limit of its own
        "wckey": wanted.pop("wckey", None),  # and a key, which is refused where keys are checked
        # A limit of a few minutes leaves no room for the whole notice.
        "signal_delay_s": NOTICE if limit is None else min(NOTICE, 60 * limit // 2),
        **({"dependency": ",".join(waits)} if waits else {}),
        **({"array_parallelism": int(parallel)} if parallel else {}),
    }
    environment = _environment()
    if "cpus-per-task" in wanted:
        # Since 22.05, srun no longer takes this from the array.
        environment["SRUN_CPUS_PER_TASK"] = str(wanted["cpus-per-task"])
    parameters["setup"] = [f"export {name}={shlex.quote(v)}" for name, v in environment.items()]
    parameters |= {
        name.replace("-", "_"): wanted.pop(name) for name in OF_SUBMITIT if name in wanted
    }
    return {**parameters, "additional_parameters": wanted}


def _environment() -> dict[str, str]:
    """Return what a task finds in its environment besides what sbatch hands on."""
    # PYTHONSAFEPATH: a file of the working folder that is named like a module is not that module.
    found = {**OFFLINE, "PYTHONSAFEPATH": "1"}
    root = places.checkout()
    if root is None:
        return found
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**found, "PYTHONPATH": os.pathsep.join(paths)}


def _submitit() -> Any:
    """Import submitit, which is an extra."""
    try:
        import submitit
    except ImportError:
        raise UserError(
            "--slurm needs submitit, which is not installed",
            "pip install 'audio-table-repro[slurm]', or repro plan --format slurm",
        ) from None
    return submitit
