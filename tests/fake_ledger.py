"""Records without training: write run.json files for planned runs, with any metrics."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from repro import identity
from repro.places import Home
from repro.plan.planning import PlannedCell, TablePlan, plan_table
from repro.plan.request import Request, Run
from repro.records import seal
from repro.records.ledger import Ledger
from repro.records.record import SCHEMA
from repro.spec.catalogue import load, load_file
from repro.spec.entry import Entry
from repro.spec.index import table_paths
from repro.verdict import reduction

STARTED = "2031-01-01T10:00:00+00:00"  # later than any commit of a table file
FINISHED = "2031-01-01T11:00:00+00:00"
# What M3Net's first recipe had, that of the committed runs on RAVDESS and ESC-10.
FIRST = {"batch": "64", "lr": "0.001"}
SIZES = (1000, 10_000, 100_000, 10**6, 10**9)  # clips that a part may be scored on

NO_DATA = Path(__file__).parent / "no-data"

Metrics = Mapping[str, Mapping[str, Any]]  # {"valid": {"accuracy": 0.95}, "test": {...}}


def home(root: Path) -> Home:
    """Return a home whose runs lie in `root/runs`.

    All of them share one data folder, which does not exist, so that splits are drawn once.
    """
    return Home(root=root, data=NO_DATA, cache=root / "cache")


def planned(folder: Path, table: str | Entry, **request: Any) -> TablePlan:
    """Plan a table, by id or as read, for the home `folder`; keywords are those of Request."""
    entry = load(table) if isinstance(table, str) else table
    return plan_table(entry, Request(**request), home(folder))


def cell(plan: TablePlan, row: str, column: str) -> PlannedCell:
    """Return a cell of a plan."""
    return next(c for c in plan.cells if (c.row.id, c.column.id) == (row, column))


def found(folder: Path, plan: TablePlan) -> reduction.Results:
    """Return the records of a plan's runs in `folder/runs`."""
    return reduction.results(plan, Ledger([folder / "runs"]))


def edited(folder: Path, table: str, changes: Mapping[str, str]) -> Entry:
    """Return a table from a copy of its paper's files, its text changed: {old: new}, each once."""
    source = table_paths()[table]
    paper = folder / source.parent.name
    shutil.copytree(source.parent, paper, dirs_exist_ok=True)
    text = source.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {source}"
        text = text.replace(old, new)
    (paper / source.name).write_text(text, encoding="utf-8")
    return load_file(paper / source.name)


def write(
    runs_folder: Path,
    run: Run,
    metrics: Metrics,
    status: str = "complete",
    execution: str = "this",
    train: int | None = None,
    ratio: int = 8,
    weights: bytes | None = None,
    **overrides: Any,
) -> Path:
    """Write one record as `repro.train.runner` does, but for its predictions; return its folder.

    Shares are in 0..1, and `correct` and `n` are the counts that give them; a part that is left out
    has no clips. `execution` is the name of a device; `train` a number of clips, else there are
    `ratio` of them for each clip of the test. `weights` are kept. `overrides` replace whole keys of
    run.json.
    """
    measured = {part: _filled(metrics.get(part, {}), run) for part in ("valid", "test")}
    used = {part: values.get("n", 0) for part, values in measured.items()}
    record = {
        "kind": "train",
        "schema": SCHEMA,
        **run.job(),
        "execution": executed(execution),
        "host": {"python": "3.11.9", "system": "Linux"},
        "git": {"commit": "0" * 40, "dirty": False},
        "started": STARTED,
        "status": status,
        "metrics": measured if status == "complete" else {},
        "best_epoch": 1 if status == "complete" else 0,
        "weights": "0" * 16,
        "parameters": 1000,
        "clips_used": {"train": train or ratio * used["test"] or 8000, **used},
        "store": "0" * 64,
        "findings": [],
        "seconds": 60.0,
        "finished": FINISHED,
        **({"cause": "it failed"} if status == "failed" else {}),
        **overrides,
    }
    folder = runs_folder / run.id / execution_id(execution)
    folder.mkdir(parents=True, exist_ok=True)
    if weights is not None:
        (folder / seal.WEIGHTS).write_bytes(weights)
    sealed(folder, record)
    return folder


def predict(folder: Path, hits: Sequence[bool], order: Sequence[int] | None = None) -> None:
    """Write predictions of clip0, clip1, ... into a record: in both parts these are right."""
    record = json.loads((folder / "run.json").read_bytes())
    right = np.asarray(hits, dtype=int)
    arrays = {
        "ids": np.array([f"clip{number}".encode() for number in range(len(right))]),
        "scores": np.eye(record["resolved"]["classes"])[right],
        "labels": np.ones(len(right), dtype=int),
    }
    turned = range(len(right)) if order is None else order
    stored = {f"{part}_{name}": values[np.array(turned)]
              for part in ("valid", "test") for name, values in arrays.items()}  # fmt: skip
    np.savez(folder / "predictions.npz", **stored)
    sealed(folder, record)


def measure(
    runs_folder: Path, resolved: Mapping[str, Any], device: str, measured: Mapping[str, Any]
) -> Path:
    """Write the record of what was measured of a network (`reduction.network`)."""
    described = {"device": "cpu", "device_name": device}
    record = {
        "kind": "measure",
        "schema": SCHEMA,
        "run": identity.run_id(dict(resolved)),
        "status": "complete",
        "systems": ["any"],
        "resolved": resolved,
        "measured": measured if "latency" in measured else {"parameters": 1000, **measured},
        "execution": described,
        "finished": FINISHED,
    }
    folder = runs_folder / str(record["run"]) / identity.execution_id(described)
    folder.mkdir(parents=True)
    sealed(folder, record)
    return folder


def sealed(folder: Path, record: Mapping[str, Any]) -> None:
    """Write a run.json, and the seal over it and what lies beside it."""
    content = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    (folder / "run.json").write_bytes(content)
    (folder / seal.SEAL).write_text(seal.text(folder, content))


def arrays(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return what changes the arrays of a record's predictions, under a seal that fits."""

    def changed(folder: Path) -> None:
        with np.load(folder / "predictions.npz") as stored:
            found = dict(stored)
        change(found)
        np.savez(folder / "predictions.npz", **found)
        sealed(folder, json.loads((folder / "run.json").read_bytes()))

    return changed


def fill(
    runs_folder: Path,
    plan: TablePlan,
    value: Callable[[Run], float | Metrics | None],
    **overrides: Any,
) -> None:
    """Write a record for every run of a plan: `value` gives its accuracy in per cent, or metrics.

    An accuracy serves for valid and test alike; None: no record.
    """
    for run in plan.runs:
        got = value(run)
        if got is None:
            continue
        if isinstance(got, int | float):
            values = {"accuracy": got / 100, "auc": 0.99, "map": 0.4}
            got = {"valid": values, "test": values}
        write(runs_folder, run, got, **overrides)


def diverge(runs_folder: Path, run: Run, **overrides: Any) -> Path:
    """Write the record of a run whose loss became NaN: a result without metrics."""
    return write(runs_folder, run, {}, status="diverged", **overrides)


def _filled(values: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Return the metrics of a part as a record has them: the accuracy follows from counts."""
    if not values:
        return {}
    accuracy = values.get("accuracy")
    exact = (n for n in SIZES if abs((share := (accuracy or 0.0) * n) - round(share)) < 1e-6)
    filled: dict[str, Any] = {
        "n": next(exact, SIZES[-1]), "auc": None, "auc_left_out": [], **values
    }  # fmt: skip
    if accuracy is not None:
        filled.setdefault("correct", round(accuracy * filled["n"]))
        filled["accuracy"] = filled["correct"] / filled["n"]
    return filled


def execution_id(name: str) -> str:
    """Return the id of the execution of that name."""
    return identity.execution_id(executed(name))


def executed(name: str) -> dict[str, Any]:
    """Describe an execution; different names are different devices."""
    return {
        "device": "cpu",
        "device_name": f"x86_64 {name}",
        "instructions": "AVX2",
        "threads": 2,
        "torch": "2.11.0",
        "torchaudio": "2.11.0",
        "numpy": "2.0.0",
        "cuda": None,
        "compile": False,
        "tier": "exact",
    }
