"""Where two records part: the first epoch with other weights, and what differs around it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repro.errors import UserError
from repro.records import predictions
from repro.records.predictions import Predictions
from repro.records.record import Epoch, Training
from repro.spec.readings import Differences, differences

PARTS = ("valid", "test")
RATE = 1e-12  # relative: rates nearer than this are one


@dataclass(frozen=True)
class Alike:
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
    predictions: Mapping[str, Alike | None]  # by part; None: not both have predicted it
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


def compare(a: Training, b: Training) -> Parting:
    """Compare two records of trainings."""
    ours, theirs = a.epochs(), b.epochs()
    predicted = _predicted(a), _predicted(b)
    return Parting(
        epoch=_first(ours, theirs, lambda row: (row.loss is None, row.weights)),
        epochs=(len(ours), len(theirs)),
        measured=_measured(ours, theirs),
        resolved=differences(a.resolved, b.resolved),
        execution=differences(a.described, b.described),
        data=differences(_data(a), _data(b)),
        metrics=differences(_results(a), _results(b)),
        predictions={part: _compared(*(made.get(part) for made in predicted)) for part in PARTS},
        predicted=(bool(predicted[0]), bool(predicted[1])),
    )


def _first(ours: list[Epoch], theirs: list[Epoch], key: Any) -> int | None:
    """Return the first epoch, from 1, at which two lists of rows part; their lengths count."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if key(one) != key(other):
            return number
    shorter, longer = sorted((len(ours), len(theirs)))
    return None if shorter == longer else shorter + 1


def _measured(ours: list[Epoch], theirs: list[Epoch]) -> int | None:
    """Return the first epoch with equal weights, but another loss or other metrics."""
    for number, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if one.weights != other.weights:
            return None
        if not _same(one, other):
            return number
    return None


def _same(one: Epoch, other: Epoch) -> bool:
    """Tell whether two rows say the same, the last digits of the rate left aside.

    The rate is a cosine in float64, which another C library or order of operations rounds
    otherwise; what of it reaches the float32 weights is seen in their digest.
    """
    a, b = one.lr, other.lr
    near = a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=RATE))
    return near and one.model_copy(update={"lr": None}) == other.model_copy(update={"lr": None})


def _data(record: Training) -> dict[str, Any]:
    """Return what a record says of its clips and their audio."""
    return {"clips": record.clips, "clips_used": record.clips_used, "store": record.store}


def _results(record: Training) -> dict[str, Any]:
    """Return what a record says that came out."""
    metrics = {part: measured.plain() for part, measured in record.metrics.items()}
    names = ("status", "best_epoch", "weights", "parameters")
    return {**{name: getattr(record, name) for name in names}, "metrics": metrics}


def _predicted(record: Training) -> dict[str, Predictions]:
    """Return the predictions of a record; UserError where they cannot be read."""
    try:
        return predictions.load(record)
    except ValueError as error:
        raise UserError(f"{record.path}: {error}", f"repro runs check {record.run}") from None


def _compared(ours: Predictions | None, theirs: Predictions | None) -> Alike | None:
    """Compare the scores of the clips that both have predicted; None if one has none."""
    if ours is None or theirs is None:
        return None
    ids, scores = [ours.names(), theirs.names()], [ours.scores, theirs.scores]
    place = {clip: row for row, clip in enumerate(ids[1])}
    common = [row for row, clip in enumerate(ids[0]) if clip in place]
    alone = (len(ids[0]) - len(common), len(ids[1]) - len(common))
    if scores[0].shape[1:] != scores[1].shape[1:]:
        return Alike(len(common), alone, None, None)
    one, other = scores[0][common], scores[1][[place[ids[0][row]] for row in common]]
    classes = int((one.argmax(axis=1) != other.argmax(axis=1)).sum())
    return Alike(len(common), alone, int((one != other).any(axis=1).sum()), classes)
