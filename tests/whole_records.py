"""Whole records without training: every file of a record, under the ids that are its own."""

import copy
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from repro import identity
from repro.plan.request import Run
from repro.records import seal
from repro.records.record import SCHEMA
from repro.stats import metrics
from tests import fake_ledger

TABLE = "asmrh-speechcommands"
CLASSES = 3
# One clip of each class: the first two are right, the third is not.
EPOCHS = tuple("abcdefghijkl")  # as many as the demo has
SCORES = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]]


@cache
def runs(profile: str = "demo") -> tuple[Run, ...]:
    """Return the runs of a shipped table."""
    audio = "generated" if profile == "demo" else "local"
    return fake_ledger.planned(Path("unused"), TABLE, profile=profile, audio=audio).runs


def run(system: str = "asm-rh", seed: int = 0, profile: str = "demo") -> Run:
    """Return one run of the table."""
    return next(r for r in runs(profile) if (r.system, r.seed) == (system, seed))


def write(
    folder: Path,
    of: Run | None = None,
    weights: Sequence[str] = EPOCHS,
    scores: Sequence[Sequence[float]] = SCORES,
    threads: int = 2,
    aside: int = 0,
    kept: bytes | None = None,
    **changes: Any,
) -> Path:
    """Write a record into the ledger in `folder` as the runner does; return its folder.

    `weights` are the digests of the epochs; None for the last: diverged. `changes` replace whole
    keys of run.json, `resolved` included: the ids follow. `aside` numbers a failure that stepped
    aside. `kept`: the weights that other runs start from.
    """
    execution = {**fake_ledger.executed("this one"), "threads": threads}
    resolved = changes.get("resolved", (of or run()).resolved)
    made = np.zeros((len(scores), resolved["classes"]), dtype=np.float32)
    made[:, : len(scores[0])] = scores
    labels = np.arange(len(made)) % CLASSES
    measured = metrics.measure(made, labels)
    rows = [{"epoch": n, "loss": 1 / n, "lr": 0.1, "valid": measured, "weights": digest}
            for n, digest in enumerate(weights, start=1)]  # fmt: skip
    record = {
        "kind": "train",
        "schema": SCHEMA,
        **copy.deepcopy((of or run()).job()),
        "execution": execution,
        "host": {"python": "3.11.9", "system": "Linux"},
        "git": {"commit": "0123456789ab" + "0" * 28, "dirty": False},
        "started": fake_ledger.STARTED,
        "finished": fake_ledger.FINISHED,
        "status": "complete",
        "metrics": {"valid": measured, "test": measured},
        "best_epoch": min(1, len(rows)),  # of equal ones the first
        "weights": weights[0] if weights else None,
        "parameters": 1000,
        "clips_used": {"train": 9, "valid": len(made), "test": len(made)},
        "store": "5" * 64,
        "findings": [],
        "seconds": 60.0,
        **changes,
    }
    record["run"] = identity.run_id(record["resolved"])
    name = identity.execution_id(record["execution"]) + (f".failed-{aside}" if aside else "")
    place = folder / record["run"] / name
    place.mkdir(parents=True)
    (place / "log.txt").write_text("log\n")
    if kept is not None:
        (place / seal.WEIGHTS).write_bytes(kept)
    if record["status"] == "failed":
        fake_ledger.sealed(place, record)
        return place
    (place / "epochs.jsonl").write_text("".join(identity.canonical(row) + "\n" for row in rows))
    ids = np.array([f"clip-{n}".encode() for n in range(len(made))])
    parts = {f"{part}_{what}": value for part in ("valid", "test")
             for what, value in (("ids", ids), ("scores", made), ("labels", labels))}  # fmt: skip
    np.savez_compressed(place / "predictions.npz", **parts)
    fake_ledger.sealed(place, record)
    return place


def fail(folder: Path, of: Run | None = None, cause: str = "out of memory", **more: Any) -> Path:
    """Write a failed record."""
    changes = {"status": "failed", "cause": cause, "metrics": {}}
    return write(folder, of, weights=(), **{**changes, **more})
