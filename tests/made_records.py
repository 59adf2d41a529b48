"""The least that a run.json may say: a training that diverged, or one that failed."""

from collections.abc import Mapping
from typing import Any

from repro import identity
from repro.records.record import SCHEMA

EXECUTION = {
    "device": "cpu",
    "device_name": "this machine",
    "instructions": "AVX2",
    "threads": 2,
    "torch": "2.11.0",
    "torchaudio": "2.11.0",
    "numpy": "2.0.0",
    "cuda": None,
    "compile": False,
    "tier": "exact",
}
RESOLVED = {
    "dataset": "esc50",
    "audio": "local",
    "classes": 50,
    "split": "0" * 64,
    "seed": 0,
    "model": {"name": "asm", "args": {}, "version": 1},
    "frontend": {"name": "fbank", "args": {}, "version": 1},
    "init": [],
    "recipe": {
        "epochs": 3,
        "batch": 8,
        "loss": "ce",
        "precision": "fp32",
        "optimizer": {"name": "adam", "lr": 0.1},
        "schedule": {"name": "constant"},
        "augment": {},
        "select": "valid",
    },
    "augment_version": 1,
    "loop_version": 1,
}
CLIPS = {"dataset": "esc50", "audio": "local", "protocol": "official", "fold": 0, "folds": 1}


def seeded(seed: int) -> dict[str, Any]:
    """Return the resolved run with another seed."""
    return {**RESOLVED, "seed": seed}


def run_id(seed: int = 0) -> str:
    """Return the id of the run with a seed."""
    return identity.run_id(seeded(seed))


def execution(threads: int = 2) -> dict[str, Any]:
    """Return the execution with another number of threads."""
    return {**EXECUTION, "threads": threads}


def execution_id(threads: int = 2) -> str:
    """Return its id."""
    return identity.execution_id(execution(threads))


def content(
    status: str = "diverged", seed: int = 0, threads: int = 2, **changes: Any
) -> Mapping[str, Any]:
    """Return what the record of a run says."""
    return {
        "kind": "train",
        "schema": SCHEMA,
        "run": run_id(seed),
        "system": "asm",
        "profile": "full",
        "resolved": seeded(seed),
        "clips": CLIPS,
        "execution": execution(threads),
        "git": {"commit": None, "dirty": None},
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:00:00+00:00",
        "status": status,
        "seconds": 1.0,
        **({"cause": "a cause"} if status == "failed" else {}),
        **changes,
    }
