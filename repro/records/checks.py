"""Whether what a run.json says can be: ids follow from content, metrics from counts, in range.

Everything here is asked of run.json alone; `repro.records.again` asks the files beside it.
"""

import math
import re
from collections.abc import Iterator

from repro import identity
from repro.records import shapes
from repro.records.record import Measurement, Metrics, Record, Training

# <execution>; beside one of other audio, with its digest; what stepped aside for a later attempt.
FOLDER = re.compile(r"[0-9a-f]{6}(\.heard-[0-9a-f]{6}|\.(?:failed|damaged)-\d+)?")
RUN = re.compile(r"[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def findings(record: Record, run: str, folder: str) -> list[str]:
    """Say what of a record cannot be; run, folder: the names under which it lies."""
    found = [*_ids(record, run, folder), *shapes.findings(record)]
    if not found:  # what follows takes the types below for granted
        found += _training(record) if isinstance(record, Training) else _measurement(record)
    return found


def _ids(record: Record, run: str, folder: str) -> Iterator[str]:
    """Compare the ids with what they are hashes of, and with the names of the folders."""
    if record.run != run:
        yield f"it says that it is run {record.run}, and lies in {run!r}"
    execution, _, aside = folder.partition(".")
    if not FOLDER.fullmatch(folder):
        yield f"{folder!r} is no name of an execution"
    elif aside.startswith("failed") and record.status != "failed":
        yield f"it lies among failures and says {record.status}"
    elif aside.startswith("heard"):
        heard = record.heard if isinstance(record, Training) else None
        if not str(heard).startswith(aside.removeprefix("heard-")):
            yield f"its audio is {str(heard)[:12]}, and its folder says {folder!r}"
    try:
        if (made := identity.run_id(record.resolved)) != record.run:
            yield f"its resolved run has the id {made}, not {record.run}"
        if (made := identity.execution_id(record.described)) != execution:
            yield f"its execution has the id {made}, not {execution}"
    except ValueError as error:  # NaN in what the ids are hashes of
        yield f"resolved run or execution: {error}"


def _training(record: Training) -> Iterator[str]:
    """Ask a training what its status demands."""
    if record.dataset != record.clips["dataset"]:
        yield f"its run is on {record.dataset}, its clips are of {record.clips['dataset']}"
    heard = str(record.resolved["audio"]).partition("@")[0]
    if heard != record.clips["audio"]:
        yield f"its run is on {heard} audio, its clips are of {record.clips['audio']}"
    only = record.clips.get("only", [])
    if only != sorted(set(only), key=lambda fold: (len(fold), fold)):
        yield f"its folds {', '.join(only)} are not in their order, each once"
    if record.clips["fold"] >= record.clips["folds"]:
        yield f"fold {record.clips['fold']} of {record.clips['folds']}"
    if record.status != "complete":
        if any(metrics.n for metrics in record.metrics.values()):
            yield f"it says {record.status} and has metrics"
        if record.status == "failed" and not record.cause:
            yield "it says failed and names no cause"
        return
    needed = {
        "weights": record.weights, "parameters": record.parameters, "store": record.store,
        "best_epoch": record.best_epoch,
        **{f"metrics.{part}": record.metrics.get(part) for part in ("valid", "test")},
        **{f"clips_used.{part}": record.clips_used.get(part)
           for part in ("train", "valid", "test")},
    }  # fmt: skip
    lacking = [name for name, value in needed.items() if value is None]
    if lacking:
        yield f"run.json: a complete run lacks {', '.join(lacking)}"
        return
    if not _DIGEST.fullmatch(str(record.store)):
        yield f"run.json: store: {record.store!r} is no SHA-256"
    if record.heard is not None and not _DIGEST.fullmatch(record.heard):
        yield f"run.json: heard: {record.heard!r} is no SHA-256"
    if not record.clips_used["train"]:
        yield "run.json: clips_used.train: a complete run has learnt from no clip"
    epochs = record.recipe["epochs"]
    if not 1 <= (record.best_epoch or 0) <= epochs:
        yield f"its best epoch is {record.best_epoch} of {epochs}"
    for part in ("valid", "test"):
        for problem in _metrics(record, record.metrics[part], record.clips_used[part]):
            yield f"metrics.{part}: {problem}"


def _metrics(record: Training, metrics: Metrics, clips: int) -> Iterator[str]:
    """Ask what a part's metrics say of each other and of the clips."""
    pieces = record.recipe.get("pieces", 1)
    by_piece = record.recipe.get("scored", "clip") == "piece"
    expected = clips * (pieces if by_piece else 1)
    if metrics.n != expected:
        yield f"n is {metrics.n:,}, and {expected:,} were to be decided on"
    if expected and metrics.accuracy is metrics.map is metrics.loss is None:
        yield "there is no accuracy, mAP or loss"
    yield from alone(metrics, record.resolved["classes"])
    for name, other in (("by_piece", metrics.by_piece), ("by_clip", metrics.by_clip)):
        if other is None:
            continue
        if pieces == 1 or by_piece == (name == "by_piece") or other.by_clip or other.by_piece:
            yield f"{name} stands beside what is decided by {'piece' if by_piece else 'clip'}"
        elif other.n != (n := clips * (pieces if name == "by_piece" else 1)):
            yield f"by the other unit n is {other.n:,}, not {n:,}"
        yield from alone(other, record.resolved["classes"])


def alone(metrics: Metrics, classes: int | None) -> Iterator[str]:
    """Ask what metrics say of each other: accuracy follows from counts."""
    correct, n = metrics.correct, metrics.n
    for name in ("accuracy", "auc", "map"):
        if (value := getattr(metrics, name)) is not None and math.copysign(1, value) < 0:
            yield f"{name} is {value!r}"  # JSON has a zero below zero, and -0.00 is no share
    if (correct is None) != (metrics.accuracy is None):
        yield "accuracy and correct stand for each other, and one is missing"
    elif correct is not None:
        if correct > n:
            yield f"{correct:,} correct of {n:,}"
        elif n == 0 or metrics.accuracy != correct / n:
            yield f"accuracy is {metrics.accuracy!r}, and {correct:,} of {n:,} are correct"
    for name, value, left_out in (
        ("auc", metrics.auc, metrics.auc_left_out),
        ("map", metrics.map, metrics.map_left_out),
    ):
        if list(left_out) != sorted({c for c in left_out if classes is None or c < classes}):
            yield f"{name}_left_out is no list of class numbers below {classes}"
        elif value is not None and len(left_out) == classes:
            yield f"{name} is {value!r} with every class left out"


def _measurement(record: Measurement) -> Iterator[str]:
    """Ask whether something was measured, and whether its layers fit into the whole."""
    measured = record.measured
    if record.of_device:
        if not measured.rates:
            yield "run.json: measured: no rates"
        return
    if not record.systems:
        yield "run.json: systems: it names no system"
    if measured.parameters is None and not measured.latency:
        yield "run.json: measured: neither parameters nor latency"
    for length, medians in measured.latency.items():
        if not medians:
            yield f"run.json: measured.latency.{length}: no process start"
    for row in measured.table:
        if measured.parameters is not None and row.parameters > measured.parameters:
            yield (f"layer {row.layer} has {row.parameters:,} parameters, the network "
                   f"{measured.parameters:,}")  # fmt: skip
        if measured.multiply_adds is not None and row.multiply_adds > measured.multiply_adds:
            yield (f"layer {row.layer} has {row.multiply_adds:,} multiply-adds, the network "
                   f"{measured.multiply_adds:,}")  # fmt: skip
