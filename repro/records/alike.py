"""Whether two records are one, or two results of one training: what stands in whose place."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from repro.errors import UserError
from repro.records import again, predictions, seal
from repro.records.record import Record, Training


def stands_for(here: Record, record: Record) -> bool:
    """Tell whether a result is in the place of another: of its execution, and its audio."""
    if not here.done or here.execution != record.execution:
        return False
    if isinstance(here, Training) and isinstance(record, Training):
        return here.sounds_like(record)
    return True


def same_files(one: Record, other: Record) -> bool:
    """Tell whether two are equal file by file; weights that only one has kept do not count."""
    names = [name for name in seal.SEALED if name != seal.WEIGHTS]
    return all(_content(one.path / name) == _content(other.path / name) for name in names)


def same_result(one: Record, other: Record) -> bool:
    """Tell whether two came to the same bits; when, how fast and in whose words does not count."""
    if not (isinstance(one, Training) and isinstance(other, Training)):
        return one.content().get("measured") == other.content().get("measured")
    parts = one.metrics.keys() | other.metrics.keys()
    told = [[r.status, r.best_epoch, r.weights] for r in (one, other)]
    return (
        told[0] == told[1]
        and not any(again.differing(one.part(name), other.part(name)) for name in parts)
        and _inside(one) == _inside(other)
    )


def contradicted(record: Record, others: Sequence[Record]) -> Record | None:
    """Return a result in whose place a record stands, and whose bits it should have and has not.

    Only where the execution is exact; elsewhere two results may honestly differ.
    """
    if not (isinstance(record, Training) and record.done and record.tier == "exact"):
        return None
    return next((r for r in others if stands_for(r, record) and not same_result(r, record)), None)


def _inside(record: Training) -> list[Any] | None:
    """Return what epochs and predictions hold, however these are packed; None: unreadable."""
    try:
        made = predictions.load(record)
        arrays = {part: [array.tobytes() for array in (p.ids, p.scores, p.labels)]
                  for part, p in made.items()}  # fmt: skip
        return [arrays, [(row.loss, row.weights) for row in record.epochs()]]
    except (ValueError, OSError, UserError):
        return None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
