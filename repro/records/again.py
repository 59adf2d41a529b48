"""Read again the files beside a run.json: whether epochs and predictions give what it says.

`repro.records.reading` believes a file that its seal holds; here each is computed from, and no
cache is asked.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from repro.errors import UserError
from repro.records import checks, predictions, seal
from repro.records.record import Epoch, Metrics, Record, Training
from repro.records.seal import SEAL, WEIGHTS

SAME = 1e-9  # AUC and mAP are sums of floats, whose last bits another processor may round otherwise


def findings(record: Record) -> list[str]:
    """Say what in the files of a sound record is not as its run.json says."""
    if not isinstance(record, Training) or not record.done:
        return []
    try:
        return [*epochs(record), *_weights(record), *_predictions(record)]
    except OSError as error:
        return [f"{error.filename} cannot be read: {error.strerror}"]


# ---- epochs ----------------------------------------------------------------------------------


def epochs(record: Training) -> Iterator[str]:
    """Ask of the rows whether they are those of the recipe, and which of them it selects."""
    if record.status == "diverged" and record.weights is None:
        if (record.path / "epochs.jsonl").is_file():
            yield "what it starts from had diverged, and it has epochs.jsonl"
        return
    try:
        rows = record.epochs()
    except UserError as error:
        yield error.message
        return
    yield from _rows(record, rows)
    wanted = record.recipe["epochs"]
    if [row.epoch for row in rows] != list(range(1, len(rows) + 1)):
        yield "epochs.jsonl does not count the epochs 1, 2, 3, ..."
    elif any(row.loss is None for row in rows[:-1]):
        yield "epochs.jsonl goes on after it diverged"
    elif record.status == "diverged":
        if not rows or rows[-1].loss is not None or len(rows) > wanted:
            yield "epochs.jsonl tells of no divergence"
    elif len(rows) != wanted or rows[-1].loss is None:
        yield f"epochs.jsonl has {len(rows)} whole epochs of {wanted}"
    else:
        yield from _selection(record, rows)


def _rows(record: Training, rows: list[Epoch]) -> Iterator[str]:
    """Ask of each row whether its counts and metrics follow from each other, on as many clips."""
    for row in rows:
        for part in ("valid", "test"):
            measured, n = getattr(row, part), record.part(part).n
            found = [*checks.alone(measured, record.resolved["classes"])]
            if record.status == "complete" and measured.n not in (0, n):
                found.append(f"n is {measured.n:,}, not {n:,}")
            yield from (f"epochs.jsonl, epoch {row.epoch}, {part}: {text}" for text in found)


def _selection(record: Training, rows: list[Epoch]) -> Iterator[str]:
    """Ask whether the best epoch is the one that the recipe selects, and whether it is told."""
    recipe, best = record.recipe, record.best_epoch or 0
    if recipe["select"] == "last":
        selected = len(rows)
    else:
        name = recipe.get("select_metric", "accuracy")
        name = "correct" if name == "accuracy" else name
        values = [getattr(getattr(row, recipe["select"]), name) for row in rows]
        if None in values:
            yield f"epochs.jsonl lacks {recipe['select']}.{name}, by which the epoch is selected"
            return
        selected = 1 + values.index(max(values))
    if best != selected:
        yield f"its best epoch is {best}, and by epochs.jsonl it is {selected}"
        return
    row = rows[best - 1]
    plain = not recipe.get("ema") and recipe.get("distill") != "self"
    if plain and row.weights != record.weights:
        yield f"its weights are {record.weights}, and those of epoch {best} are {row.weights}"
    if record.tier == "exact":  # equal weights give equal scores
        yield from (f"metrics.valid is not epoch {best}'s: {text}"
                    for text in differing(row.valid, record.part("valid")))  # fmt: skip


def differing(ours: Metrics, theirs: Metrics) -> list[str]:
    """Say which metrics differ by more than the rounding of sums; those below are left out."""
    one, other = (m.model_dump(exclude={"by_clip", "by_piece"}) for m in (ours, theirs))
    return [f"{name} {one[name]!r}, not {other[name]!r}" for name in one
            if not _same(one[name], other[name])]  # fmt: skip


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)
    return bool(one == other)


def _weights(record: Training) -> Iterator[str]:
    """Hold the kept weights against the seal: `reading` leaves them, because they are large."""
    if record.sealed and (record.path / WEIGHTS).is_file():
        sums = seal.sums((record.path / SEAL).read_bytes())
        if not seal.holds(record.path, WEIGHTS, sums):
            yield f"{WEIGHTS} has been changed: its SHA-256 is not the sealed one"


# ---- predictions -----------------------------------------------------------------------------


def _predictions(record: Training) -> Iterator[str]:
    """Compute the metrics again from the stored scores."""
    from repro.stats import metrics

    try:
        stored = predictions.load(record)
        for part, made in stored.items():
            told = record.part(part)
            found = differing(_parsed(metrics.measure(made.scores, made.labels)), told)
            if told.by_clip is not None:  # decided on pieces, whose scores are stored
                pieces = record.recipe["pieces"]
                clips = made.scores.reshape(-1, pieces, made.scores.shape[1]).mean(axis=1)
                again = metrics.measure(clips, made.labels[::pieces])
                found += [f"by clip, {text}" for text in differing(_parsed(again), told.by_clip)]
            yield from (f"{predictions.FILE}, {part}: {text}" for text in found)
    except ValueError as error:
        yield str(error)


def _parsed(made: dict[str, Any]) -> Metrics:
    return Metrics.model_validate_json(json.dumps(made))
