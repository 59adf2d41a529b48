"""What a recorded training is as a row of lists and frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from repro.records.record import Record, Training

Row = dict[str, Any]

_PARTS = ("valid", "test")
_MEASURED = ("accuracy", "auc", "map", "n")
COLUMNS = (
    "run", "execution", "status", "profile", "system", "dataset", "audio", "protocol", "fold",
    "folds", "seed", *(f"{part}_{name}" for part in _PARTS for name in _MEASURED), "epochs",
    "best_epoch", "parameters", "seconds", "device", "torch", "finished", "path",
)  # fmt: skip
VALUES = len(COLUMNS) - 1  # all but the path


def of(record: Training) -> Row:
    """Return the record of a training as a row; what it has no value for is None."""
    return as_row(values(record), record.path)


def values(record: Record) -> tuple[Any, ...]:
    """Return what a row says of a record, without its path; nothing for a measurement."""
    if not isinstance(record, Training):
        return ()
    resolved, execution, clips = record.resolved, record.described, record.clips
    return (
        record.run, record.execution, record.status, record.profile, record.system,
        resolved["dataset"], resolved["audio"], clips["protocol"], clips["fold"],
        clips["folds"], resolved["seed"],
        *(getattr(record.part(part), name) for part in _PARTS for name in _MEASURED),
        resolved["recipe"]["epochs"], record.best_epoch, record.parameters, record.seconds,
        execution["device_name"], execution["torch"], record.finished,
    )  # fmt: skip


def as_row(said: Sequence[Any], path: Path | str) -> Row:
    """Return values by the names of their columns."""
    return dict(zip(COLUMNS, (*said, str(path)), strict=True))
