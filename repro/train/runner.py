"""Train one resolved run from its job to its record."""

import datetime
import errno
import json
import platform
import subprocess
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro import identity, places
from repro.data.clips import ClipSource, findings, provenance, select
from repro.data.waveforms import digests
from repro.errors import UserError
from repro.records import locks, reading, writing
from repro.records.ledger import Ledger
from repro.records.reading import Damaged
from repro.records.record import SCHEMA, Training
from repro.records.seal import MODEL, WEIGHTS
from repro.records.writing import Work
from repro.train import checkpoint, determinism, loop, networks, tasks
from repro.train.hardware import cards, compiled
from repro.train.hardware.watch import filling
from repro.train.task import Emit, Outcome, Task

# What a disk says that will take no other run's files either.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_SHORT = (torch.OutOfMemoryError, MemoryError)


def execute(
    job: dict[str, Any],
    device: str,
    threads: int,
    home: places.Home,
    emit: Emit,
    called: str = "",
) -> tuple[str, str]:
    """Train a job and write its record; return the status and the cause of a failure.

    called: what the user calls the device, where it has another name in this process.

    Statuses: complete, diverged, failed; without a record: busy, where another process trains the
    run, unwritten, where its audio does not fit on the disk, and device, where no kernel runs in
    this process any more.
    """
    run = job["run"]
    if identity.run_id(job["resolved"]) != run:
        return "failed", f"job {run} does not match its resolved run"
    described = determinism.execution(
        device, threads, job.get("micro_batch", 0), job.get("checkpoint_activations", False),
        job.get("compiled", False),
    )  # fmt: skip
    execution, fits = identity.execution_id(described), tasks.fits(home)
    try:
        with writing.work(home.runs, run, execution, fits) as work:
            if (result := work.result()) is not None:
                return _outcome(result)
            log = _Log(work, emit)
            log.asked({"job": job, "device": called or device, "threads": threads})
            for note in work.notes:
                log({"event": "note", "text": note})
            record = _header(job, described)
            began = time.monotonic()
            try:
                record |= _train(job, device, home, work, log)
            except locks.LostError:
                raise
            except OSError:
                work.check()  # the folder may be another process's record by now
                raise  # not the run's fault: checkpoints stay, and no record is made
            except Exception as error:  # noqa: BLE001  # whatever it was, it is recorded
                if _is_full(error):
                    return "unwritten", str(error)
                if cards.spoilt(device):
                    log.write(traceback.format_exc())
                    return "device", f"{called or device}: {_in_a_line(error)}"
                if isinstance(error, _SHORT) and not hasattr(error, "__notes__"):
                    error.add_note(filling(device, {}))  # before training began
                record |= _failure(error, called or device, log, job, _own(job, home))
                record["seconds"] = round(time.monotonic() - began, 3)
            record["finished"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            return _outcome(work.finish(record))
    except locks.LostError as lost:
        same = (r for r in Ledger.of(home).trainings(run) if r.execution == execution)
        there = next((r for r in same if r.done and fits(r)), None)
        if there is None:
            return "busy", str(lost)
        emit({"event": "note", "text": f"another process took this run over and has recorded it: "
                                       f"the result is in {there.path}"})  # fmt: skip
        return there.status, there.cause
    except locks.BusyError as busy:
        return "busy", str(busy)


def _is_full(error: Exception) -> bool:
    """Tell whether an error comes of a full disk, which is no fault of the run."""
    below = error.__cause__
    return isinstance(below, OSError) and below.errno in (errno.ENOSPC, errno.EDQUOT)


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


def _outcome(path: Path) -> tuple[str, str]:
    """Return the status of a record and the cause of a failure."""
    record = reading.read(str(path))
    if isinstance(record, Training):
        return record.status, record.cause
    found = record.findings if isinstance(record, Damaged) else ()
    return "failed", f"its record in {path} is damaged: {'; '.join(found)}"


def _train(
    job: dict[str, Any], device: str, home: places.Home, work: Work, log: "_Log"
) -> dict[str, Any]:
    """Do the training; return what the record says of it."""
    resolved = job["resolved"]
    source = ClipSource.from_dict(job["clips"])
    selection = select(source, home.data)
    if selection.split.digest != resolved["split"]:
        raise UserError(
            f"the clips of {source.dataset} have changed since run {job['run']} was planned"
        )
    micro = job.get("micro_batch", 0)
    if job.get("compiled"):
        compiled.keep(home)
    if (own := networks.file_of(resolved["model"], home)) is not None:
        with work.file(MODEL) as part:
            part.write_bytes(own.read_bytes())
    try:
        task, taken = tasks.build(
            resolved, source, selection, device, home, log, micro,
            job.get("checkpoint_activations", False), job.get("compiled", False),
        )  # fmt: skip
    except tasks.ParentDiverged as diverged:
        return {"status": "diverged", "cause": str(diverged), "metrics": {}, "best_epoch": 0,
                "seconds": 0.0}  # fmt: skip
    parameters = sum(p.numel() for p in task.model.parameters())
    about = {"store": task.store.digest, "execution": work.final.name, "system": job["system"],
             "seed": resolved["seed"], "dataset": resolved["dataset"]}  # fmt: skip
    log({"event": "start", "epochs": task.recipe["epochs"], "parameters": parameters, **about})
    kept = checkpoint.Checkpoints(work.folder, task.store.digest, work.check)
    outcome = loop.fit(task, kept, log)
    work.check()
    _write_results(work, task, outcome)
    if job.get("keep") and outcome.weights:
        with work.file(WEIGHTS) as part:
            checkpoint.write(outcome.weights, part)
    split = selection.split
    return {
        "status": outcome.status,
        "metrics": outcome.metrics,
        "best_epoch": outcome.best_epoch,
        "weights": outcome.digest,
        "seconds": round(outcome.seconds, 3),
        "parameters": parameters,
        "init": taken,
        "clips_used": {name: len(clips) for name, clips in split.parts().items()},
        **({"observed": outcome.observed} if outcome.observed else {}),
        "store": task.store.digest,
        "heard": digests.joined(task.store.heard.items()),
        "data": provenance(source, home.data),
        "findings": [
            f"{f.level}: {f.text}"
            for f in findings(source, home.data, resolved["recipe"]["select"])
        ],
    }


def _write_results(work: Work, task: Task, outcome: Outcome) -> None:
    """Write epochs.jsonl and predictions.npz into the work folder."""
    lines = "".join(identity.canonical(row) + "\n" for row in outcome.rows)
    with work.file("epochs.jsonl") as path:
        path.write_text(lines, encoding="utf-8")
    if not outcome.scores:
        return
    arrays: dict[str, Any] = {}
    for name, scores in outcome.scores.items():
        part = getattr(task, name)
        ids = loop.decided(task, part)
        arrays[f"{name}_ids"] = np.array([i.encode() for i in ids])
        arrays[f"{name}_scores"] = scores
        arrays[f"{name}_labels"] = part.labels[:: len(part) // len(ids)]
    with work.file("predictions.npz") as path, path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def _header(job: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says whatever becomes of the run."""
    commit, dirty = _git()
    return {
        "kind": "train",
        "schema": SCHEMA,
        **job,
        "execution": described,
        "host": {"python": platform.python_version(), "system": platform.platform()},
        "git": {"commit": commit, "dirty": dirty},
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _own(job: dict[str, Any], home: places.Home) -> Path | None:
    """Return the user's file of a job's model; None where it is none, or not the planned one."""
    try:
        return networks.file_of(job["resolved"]["model"], home)
    except UserError:
        return None


def _failure(
    error: Exception, device: str, log: "_Log", job: dict[str, Any], own: Path | None
) -> dict[str, Any]:
    """Describe a failure in one line; the traceback goes to the log of the record.

    own: the user's file of the model, of which the line is named.
    """
    log.write(traceback.format_exc())
    if isinstance(error, _SHORT):
        cause = _short_of_memory(error, device, job)
    else:
        cause = networks.told(error, own)
    return {"status": "failed", "cause": cause}


def _short_of_memory(error: BaseException, device: str, job: dict[str, Any]) -> str:
    """Return what fills the memory, and the ways on: first the one that keeps the run."""
    full = "; ".join(filter(None, getattr(error, "__notes__", ())))
    ways = ["--micro-batch N puts fewer clips through at once"]
    if identity.has_batch_norm(f"models/{job['resolved']['model']['name']}"):
        ways[0] += " (another run, for the batch norm)"
    if job.get("compiled"):
        ways.append("--checkpoint-activations in place of --compile")
    elif not job.get("checkpoint_activations"):
        ways.insert(0, "--checkpoint-activations trains the same run with less memory")
    return f"out of memory on {device}{f' ({full})' if full else ''}: {', or '.join(ways)}"


def _git() -> tuple[str | None, bool | None]:
    """Return the commit of the checkout and whether it has changes; None outside a checkout."""
    root = places.checkout()
    if root is None or not (root / ".git").exists():
        return None, None

    def git(*args: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True)
        return done.stdout.strip()

    return git("rev-parse", "HEAD") or None, bool(git("status", "--porcelain", "-uno"))


class _Log:
    """Send events to the parent and keep the telling ones in the run's log."""

    def __init__(self, work: Work, emit: Emit) -> None:
        self.work, self.path, self.emit = work, work.folder / "log.txt", emit

    def __call__(self, event: dict[str, Any]) -> None:
        self.emit(event)
        if event["event"] not in ("step", "prepare"):
            self.work.check()  # the next holder of the run may be writing there too
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            self.write(json.dumps({**event, "at": now}))

    def asked(self, about: dict[str, Any]) -> None:
        """Begin a log with what is to be trained, and where: `repro status` asks for it again."""
        if not self.path.is_file():
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            self.write(json.dumps({"event": "asked", **about, "at": now}))

    def write(self, text: str) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(text.rstrip("\n") + "\n")
