"""Cells and records as pandas DataFrames, for notebooks."""

import shlex
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import places
from repro.plan.planning import command_line
from repro.plan.request import ask
from repro.plan.wanted import plan_asked
from repro.records import reading, rows
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.render import grid, records
from repro.spec import catalogue

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = ("value", "ours", "spread", "delta")
_COUNTS = ("n_done", "n_needed", "diverged")
_RUNS = {
    "run": "string", "execution": "string", "status": "string", "profile": "string",
    "system": "string", "dataset": "string", "audio": "string", "protocol": "string",
    "fold": "Int64", "folds": "Int64", "seed": "Int64", "valid_accuracy": "float64",
    "valid_auc": "float64", "valid_map": "float64", "valid_n": "Int64",
    "test_accuracy": "float64", "test_auc": "float64", "test_map": "float64", "test_n": "Int64",
    "epochs": "Int64", "best_epoch": "Int64", "parameters": "Int64", "seconds": "float64",
    "device": "string", "torch": "string", "finished": "datetime64[ns, UTC]", "path": "string",
}  # fmt: skip


def cells(tables: Sequence[str], home: str | Path | None, **request: Any) -> "pd.DataFrame":
    """Return one row a cell of some tables, all of them if none is named."""
    where = places.home(home)
    asked, ledger = ask(**request), Ledger.of(where)
    entries = [catalogue.load(name) for name in tables] or catalogue.load_all()
    plans = [plan_asked(entry, asked, where) for entry in entries]
    grids = [grid.build(plan, ledger, command_line(plan), where.data) for plan in plans]
    _warn(ledger, home)
    types = dict.fromkeys(records.COLUMNS, "string")
    types |= dict.fromkeys(_NUMBERS, "float64") | dict.fromkeys(_COUNTS, "int64")
    return _frame(records.rows(grids), types)


def runs(home: str | Path | None) -> "pd.DataFrame":
    """Return one row a record of a training."""
    ledger = Ledger.of(places.home(home))
    found = [rows.of(r) for r in ledger.all() if isinstance(r, Training)]
    _warn(ledger, home)
    return _frame(found, _RUNS)


def _warn(ledger: Ledger, home: str | Path | None) -> None:
    """Warn of damaged records, which are in no frame; home: as it was given."""
    if text := reading.left_out(ledger.damaged()):
        words = ["repro", "runs", "check", *(["--home", str(home)] if home else [])]
        warnings.warn(f"{text}: {shlex.join(words)}", stacklevel=4)


def _frame(rows: Iterable[dict[str, Any]], types: dict[str, str]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(types)).astype(types)
