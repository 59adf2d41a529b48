"""Records without training: write run.json files for planned runs, with any metrics."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repro.places import Home
from repro.plan.planning import PlannedCell, TablePlan, plan_table
from repro.plan.request import Request, Run
from repro.records.ledger import Ledger
from repro.spec.catalogue import load, load_file
from repro.spec.entry import Entry
from repro.spec.index import table_paths
from repro.verdict import reduction

STARTED = "2031-01-01T10:00:00+00:00"  # later than any commit of a table file
FINISHED = "2031-01-01T11:00:00+00:00"

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
    execution: str = "aaaaaa",
    **overrides: Any,
) -> Path:
    """Write one record as `repro.train.runner` does; shares in 0..1; returns its folder.

    `n`, `correct` and `auc` are filled in where the metrics leave them out (n: 1,000 clips);
    `overrides` replace whole keys of run.json.
    """
    record = {
        "kind": "train",
        "schema": 1,
        **run.job(),
        "execution": _execution(execution),
        "host": {"python": "3.11.9", "system": "Linux"},
        "git": {"commit": "0" * 40, "dirty": False},
        "started": STARTED,
        "status": status,
        "metrics": {part: _filled(values) for part, values in metrics.items()},
        "best_epoch": 0,
        "weights": "0" * 64,
        "parameters": 1000,
        "clips_used": {"train": 8000, "valid": 1000, "test": 1000},
        "store": "0" * 64,
        "findings": [],
        "seconds": 60.0,
        "finished": FINISHED,
        **overrides,
    }
    folder = runs_folder / run.id / execution
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    return folder


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
    return write(runs_folder, run, {}, status="diverged", best_epoch=None, **overrides)


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    n = values.get("n", 1000)
    return {
        "n": n,
        "correct": round(values.get("accuracy", 0.0) * n),
        "auc": None,
        "auc_left_out": [],
        **values,
    }


def _execution(name: str) -> dict[str, Any]:
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
