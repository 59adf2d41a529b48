"""Where two records part: the first epoch with other weights, and what differs around it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.records.ledger import Record
from repro.spec.readings import Differences, differences

PARTS = ("valid", "test")


@dataclass(frozen=True)
class Predictions:
    """How two records predict the clips of one part."""

    clips: int  # that both have predicted
    alone: tuple[int, int]  # clips that only the first, only the second has predicted
    scores: int | None  # clips whose scores are not equal to the bit; None: other classes
    classes: int | None  # clips whose best class differs; None: other classes

    @property
    def equal(self) -> bool:
        """Whether both have the same clips with the same scores."""
        return self.alone == (0, 0) and self.scores == 0


@dataclass(frozen=True)
class Parting:
    """What differs between two records, the first of them `a`."""

    epoch: int | None  # the first whose weights differ, or that only one has; None: none
    epochs: tuple[int, int]  # how many each has
    measured: int | None  # the first with equal weights, but another loss or other metrics
    resolved: Differences
    execution: Differences
    data: Differences
    metrics: Differences
    predictions: Mapping[str, Predictions | None]  # by part; None: not both have predicted it
    predicted: tuple[bool, bool]

    @property
    def equal(self) -> bool:
        """Whether weights, metrics and predictions are equal to the bit."""
        parts = [made for made in self.predictions.values() if made is not None]
        return (
            self.epoch is self.measured is None
            and not self.metrics
            and self.predicted[0] == self.predicted[1]
            and all(made.equal for made in parts)
        )


def compare(a: Record, b: Record) -> Parting:
    """Compare two records of trainings."""
    ours, theirs = a.epochs(), b.epochs()
    return Parting(
        epoch=_first(ours, theirs, lambda row: (row["loss"] is None, row.get("weights"))),
        epochs=(len(ours), len(theirs)),
        measured=_measured(ours, theirs),
        resolved=differences(a.data["resolved"], b.data["resolved"]),
        execution=differences(a.data["execution"], b.data["execution"]),
        data=differences(_data(a), _data(b)),
        metrics=differences(_results(a), _results(b)),
        predictions={part: _predictions(a, b, part) for part in PARTS},
        predicted=(_file(a).is_file(), _file(b).is_file()),
    )


def _first(ours: list[Any], theirs: list[Any], key: Any) -> int | None:
    """Return the first epoch, from 1, at which two lists of rows part; their lengths count."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if key(one) != key(other):
            return number
    shorter, longer = sorted((len(ours), len(theirs)))
    return None if shorter == longer else shorter + 1


def _measured(ours: list[Any], theirs: list[Any]) -> int | None:
    """Return the first epoch with equal weights, but another loss or other metrics."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if one.get("weights") != other.get("weights"):
            return None
        if one != other:
            return number
    return None


def _data(record: Record) -> dict[str, Any]:
    """Return what a record says of its clips and their audio."""
    return {name: record.data.get(name) for name in ("clips", "clips_used", "store")}


def _results(record: Record) -> dict[str, Any]:
    """Return what a record says that came out."""
    names = ("status", "metrics", "best_epoch", "weights", "parameters")
    return {name: record.data.get(name) for name in names}


def _file(record: Record) -> Path:
    return record.path / "predictions.npz"


def _predictions(a: Record, b: Record, part: str) -> Predictions | None:
    """Compare the scores of the clips that both have predicted; None if one has none."""
    import numpy as np

    if not (_file(a).is_file() and _file(b).is_file()):
        return None
    with np.load(_file(a)) as ours, np.load(_file(b)) as theirs:
        if f"{part}_ids" not in ours or f"{part}_ids" not in theirs:
            return None
        ids = [[i.decode() for i in stored[f"{part}_ids"]] for stored in (ours, theirs)]
        scores = [np.asarray(stored[f"{part}_scores"]) for stored in (ours, theirs)]
    place = {clip: row for row, clip in enumerate(ids[1])}
    common = [row for row, clip in enumerate(ids[0]) if clip in place]
    alone = (len(ids[0]) - len(common), len(ids[1]) - len(common))
    if scores[0].shape[1:] != scores[1].shape[1:]:
        return Predictions(len(common), alone, None, None)
    one, other = scores[0][common], scores[1][[place[ids[0][row]] for row in common]]
    classes = int((one.argmax(axis=1) != other.argmax(axis=1)).sum())
    return Predictions(len(common), alone, int((one != other).any(axis=1).sum()), classes)
