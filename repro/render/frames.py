"""Cells and records as pandas DataFrames, for notebooks."""

import shlex
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import places
from repro.data.protocols import PROTOCOLS
from repro.errors import UserError, unknown
from repro.plan.planning import command_line
from repro.plan.request import Request, ask
from repro.plan.wanted import plan_asked
from repro.records import reading, rows
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.render import grid, records
from repro.spec import catalogue

if TYPE_CHECKING:
    import pandas as pd

_HELP = "help(repro.frame)"
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


# Arguments by the option of `repro table` that they are, where that has another name.
_OPTIONS = {"data": "audio", "with_rivals": "rivals", "set": "settings", "compile": "compiled"}
_CHOICES = {"profile": ("full", "demo"), "audio": ("local", "generated"), "protocol": PROTOCOLS}


def cells(tables: Sequence[str], home: str | Path | None, **request: Any) -> "pd.DataFrame":
    """Return one row a cell of some tables, all of them if none is named."""
    where = places.home(home)
    asked, ledger = ask(**_typed(request)), Ledger.of(where)
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


def _typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request, from values as one types them in a notebook.

    Several values are a list, or joined by commas as on the command line; readings are values by
    key, or KEY=VALUE. UserError for another name, choice or form.
    """
    known = [field.name for field in fields(Request)]
    found: dict[str, Any] = {}
    for name, value in given.items():
        field = _OPTIONS.get(name, name)
        if field not in known:
            raise unknown("argument", name, known, _HELP)
        if value is None:
            continue
        if field in _CHOICES and value not in _CHOICES[field]:
            raise unknown(field, str(value), _CHOICES[field], _HELP)
        if field in ("folds", "systems", "own"):
            value = tuple(_several(value))
        elif field == "seeds":
            value = tuple(_number(each) for each in _several(value))
        elif field in ("assume", "settings"):
            listed = [value] if isinstance(value, str) else value
            pairs = listed.items() if isinstance(listed, Mapping) else map(_pair, listed)
            value = {str(key): _text(each) for key, each in pairs}
        found[field] = value
    return found


def _several(value: Any) -> list[str]:
    """Return the values of an argument that takes several."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    return [str(each) for each in (value if isinstance(value, Iterable) else [value])]


def _number(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"seeds: {text!r} is no seed; give numbers, such as [0, 1]", _HELP)
    return int(text)


def _pair(text: str) -> tuple[str, str]:
    key, joined, value = text.partition("=")
    if not joined:
        raise UserError(f"{text!r} is no reading; give {{'KEY': 'VALUE'}} or 'KEY=VALUE'", _HELP)
    return key, value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _warn(ledger: Ledger, home: str | Path | None) -> None:
    """Warn of damaged records, which are in no frame; home: as it was given."""
    if text := reading.left_out(ledger.damaged()):
        words = ["repro", "runs", "check", *(["--home", str(home)] if home else [])]
        warnings.warn(f"{text}: {shlex.join(words)}", stacklevel=4)


def _frame(rows: Iterable[dict[str, Any]], types: dict[str, str]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(types)).astype(types)
