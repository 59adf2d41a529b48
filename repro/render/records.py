"""Cells as rows, in CSV and JSON."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from repro.render.grid import Cell, Grid
from repro.render.layout import Notes, View
from repro.render.notes import facts
from repro.spec.readings import as_text

COLUMNS = (
    "table", "row", "column", "kind", "system", "metric", "unit", "printed", "value", "ours",
    "text", "spread", "delta", "n_done", "n_needed", "diverged", "state", "reason", "verdict",
    "verdict_reason", "note", "source", "same_as", "dataset", "protocol", "profile", "marks",
    "runs",
)  # fmt: skip
_OF_OURS = (
    "ours", "text", "spread", "delta", "n_done", "n_needed", "diverged", "state", "reason",
    "verdict", "verdict_reason", "note", "runs",
)  # fmt: skip
_SAID = ("notes", "assumptions", "findings", "footnotes")
_LEFT_OUT = {"printed": _OF_OURS, "ours": ("printed", "value", "delta"), "both": ()}


def as_csv(grids: Iterable[Grid], view: View = "both", notes: Notes = "full") -> str:
    """Return one line for each cell; the marks (DEMO, ...) stand in every line."""
    silent = ("note",) if notes == "none" else ()
    columns = [name for name in COLUMNS if name not in (*_LEFT_OUT[view], *silent)]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows(grids))
    return stream.getvalue()


def rows(grids: Iterable[Grid]) -> Iterator[dict[str, Any]]:
    """Yield every cell as a row: `COLUMNS`, with marks and runs as one text each."""
    for grid in grids:
        for cell in grid.cells.values():
            joined = {"marks": "; ".join(grid.marks), "runs": " ".join(cell.runs)}
            yield {**_record(cell, grid), **joined}


def as_json(grid: Grid, view: View = "both", notes: Notes = "full") -> str:
    """Return the table with its headings, cells, verdict, notes and assumptions."""
    return dump(as_data(grid, view, notes))


def as_data(grid: Grid, view: View, notes: Notes) -> dict[str, Any]:
    """Return the same as plain data."""
    table, judged = grid.spec, grid.judgement
    data = {
        "table": grid.id,
        "paper": grid.plan.entry.paper.short,
        "number": table.number,
        "title": grid.title,
        "caption": table.caption,
        "heading": table.heading,
        "stub": {"label": table.stub, "over": table.stub_over},
        "columns": [
            {"id": c.id, "label": c.label, "over": c.over, "unit": c.unit} for c in table.column
        ],
        "rows": [
            {"id": r.id, "label": r.label, "group": r.group, "in_heading": r.in_heading}
            for r in table.row
        ],
        "footnotes": table.footnotes,
        "marks": grid.marks,
        "warning": grid.warning,
        **facts(grid.plan, grid.used),
        "command": grid.command,
        "cells": [whole(cell, grid, view) for cell in grid.cells.values()],
        "findings": grid.findings,
        "assumptions": [
            {
                "key": a.key,
                "value": a.value,
                "chosen": a.reading.chosen,
                "overridden": a.overridden,
                "title": a.reading.assumption.title,
                "why": a.reading.why,
                "default": {"value": as_text(a.reading.default), "why": a.reading.assumption.why},
                "alternatives": [{"value": v, "why": why} for v, why in a.reading.others],
            }
            for a in grid.assumed
        ],
    }
    if view != "printed":
        data |= {
            "verdict": vars(judged.table),
            "claims": [vars(claim) for claim in judged.claims],
            "comparisons": [vars(one) for one in grid.rivals],
            "notes": grid.notes,
        }
    silent = {"full": (), "short": ("notes", "assumptions")}.get(notes, _SAID)
    return {name: value for name, value in data.items() if name not in silent}


def cells_json(grids: Iterable[Grid]) -> str:
    """Return the cells of many tables as one list."""
    return dump([whole(cell, grid) for grid in grids for cell in grid.cells.values()])


def _record(cell: Cell, grid: Grid) -> dict[str, Any]:
    """Return a cell as plain data."""
    data = {name: getattr(cell, name) for name in COLUMNS if hasattr(cell, name)}
    data["note"] = "; ".join(filter(None, (cell.judged.note, *cell.judged.flags)))
    return {**data, "marks": list(grid.marks), "runs": list(cell.runs)}


def whole(cell: Cell, grid: Grid, view: View = "both") -> dict[str, Any]:
    """Return a cell as a record with its units and the evidence of its verdict."""
    record = _record(cell, grid)
    kept = {name: value for name, value in record.items() if name not in _LEFT_OUT[view]}
    if view == "printed" or not cell.is_ours:
        return kept
    units = [{"seed": u.seed, "value": u.value, "folds": u.folds} for u in cell.units]
    evidence = {name: value for name, value in vars(cell.judged).items() if name != "pairs"}
    if cell.judged.pairs is not None:
        evidence["pairs"] = vars(cell.judged.pairs)
    return {**kept, "units": units, "evidence": evidence}


def dump(data: Any) -> str:
    """Write plain data as JSON."""
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
