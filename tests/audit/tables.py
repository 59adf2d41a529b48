"""Write small tables for tests of the audit, cell by cell."""

from typing import Any


def table(cells: dict[str, list[str]], columns: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return a table as data: cells by row; columns with their metrics ("" for none).

    rows: fields of single rows, by row; kind: that of all cells, else "trained".
    """
    kind, rows = more.pop("kind", "trained"), more.pop("rows", {})
    return {
        "kind": kind,
        "column": [
            {"id": name, "label": name, **({"metric": metric} if metric else {})}
            for name, metric in columns.items()
        ],
        "row": [
            {"id": name, "label": name, "system": name, "cells": texts, **rows.get(name, {})}
            for name, texts in cells.items()
        ],
        **more,
    }


ACCURACY = {"acc": "test.accuracy"}


def stated(n: int, runs: int | None = 1, **more: Any) -> list[dict[str, Any]]:
    """Return a [[scored]] whose size is stated."""
    sizes = [{"n": [n], "origin": "the test set", "stated": True}]
    return [{"sizes": sizes, **({"runs": runs} if runs else {}), **more}]


def said(operation: str, of: list[str], to: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Return an [[arithmetic]] entry."""
    return {"sentence": "it is said", "operation": operation, "of": of, "to": to or [], **more}
