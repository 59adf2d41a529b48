"""Name records on the command line, and put into words how two of them differ."""

import json
from collections.abc import Iterator
from typing import Any

from repro.errors import started
from repro.records.ledger import Ledger
from repro.records.record import Record
from repro.spec.readings import Differences
from repro.upkeep.parting import Alike, Parting
from repro.verdict import phrases


def one(ledger: Ledger, name: str) -> Record:
    """Return the record that RUN or RUN/EXECUTION names (starts of ids are enough).

    Without an execution it is the one that stands for the run, or the newest failure.
    """
    run, sign, execution = name.partition("/")
    records = ledger.find(run)
    if not sign:
        return next((r for r in records if r.done), records[0])
    of = {r.path.name: r for r in reversed(records)}
    step = f"one of {', '.join(r.name for r in records)}"
    return of[started(f"execution of run {records[0].run}", execution, of, step)]


def as_dict(found: Parting) -> dict[str, Any]:
    """Return what differs between two records as plain data."""
    return {
        "first_epoch": found.epoch,
        "epochs": list(found.epochs),
        "first_epoch_measured": found.measured,
        "resolved": _pairs(found.resolved),
        "executions": _pairs(found.execution),
        "data": _pairs(found.data),
        "metrics": _pairs(found.metrics),
        "predictions": {
            part: None if made is None else {**made.__dict__, "alone": list(made.alone)}
            for part, made in found.predictions.items()
        },
    }


def result_lines(found: Parting) -> list[str]:
    """Say what came out equal and what did not: weights, metrics, predictions."""
    return [*_epoch_lines(found), *field_lines("metrics", found.metrics), *_prediction_lines(found)]


def field_lines(title: str, found: Differences) -> list[str]:
    """List fields that differ under a title."""
    if not found:
        return [f"{title}: equal"]
    shown = (f"  {name}: {_short(a)} -> {_short(b)}" for name, (a, b) in found.items())
    return [f"{title}:", *shown]


def _epoch_lines(found: Parting) -> Iterator[str]:
    """Say at which epoch the weights part, if they do."""
    ours, theirs = found.epochs
    if found.epoch is None:
        yield f"weights: equal at each of {phrases.many(ours, 'epoch')}"
    elif found.epoch > min(found.epochs):
        least = phrases.many(min(found.epochs), "epoch")
        yield f"weights: equal at each of {least}; one has {max(ours, theirs)}"
    else:
        before = "from the start" if found.epoch == 1 else f"equal up to epoch {found.epoch - 1}"
        yield f"weights: part at epoch {found.epoch} ({before}; {ours} and {theirs} epochs)"
    if found.measured is not None:
        yield f"loss or validation metrics: other at epoch {found.measured}, with equal weights"


def _prediction_lines(found: Parting) -> Iterator[str]:
    """Say how many predictions differ."""
    if found.predicted[0] != found.predicted[1]:
        yield f"predictions: only the {'first' if found.predicted[0] else 'second'} has any"
    for part, made in found.predictions.items():
        if made is not None:
            yield f"{part}: {_predicted(made)}"


def _predicted(made: Alike) -> str:
    if not made.clips:
        return f"no clip in common ({made.alone[0]:,} and {made.alone[1]:,})"
    alone = "" if made.alone == (0, 0) else f" ({made.alone[0]:,} and {made.alone[1]:,} alone)"
    if made.scores is None:
        return f"{made.clips:,} clips in common{alone}, with other classes: not comparable"
    if made.equal:
        return f"the scores of {made.clips:,} clips equal to the bit"
    return (f"{made.classes:,} of {made.clips:,} clips predicted otherwise{alone}, other scores "
            f"on {made.scores:,}")  # fmt: skip


def _pairs(found: Differences) -> dict[str, list[Any]]:
    return {name: list(pair) for name, pair in found.items()}


def _short(value: Any) -> str:
    """Write a value in a few words; digests by their start."""
    if isinstance(value, str):
        return value[:12] if len(value) == 64 else value
    return "absent" if value is None else json.dumps(value)
