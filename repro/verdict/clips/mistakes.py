"""Where runs fail: their classes, groups and worst clips, from their stored predictions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import manifest
from repro.records import predictions
from repro.records.record import Training
from repro.stats import confusion

if TYPE_CHECKING:
    from repro.records.predictions import Predictions


def of(records: Sequence[Training], data: Path) -> dict[str, Any]:
    """Return where the decisions on the test clips of runs are wrong; {} where nothing tells it.

    records: runs of one system on one dataset, pooled: each of their decisions counts. Clips of
    several classes have no single decision, and a run may keep no predictions.
    """
    stored = _pooled(records)
    if stored is None:
        return {}
    classes = _classes(records[0], data, stored.scores.shape[1])
    found = confusion.confusion(stored.scores, stored.labels, classes)
    return {
        "balanced_accuracy": found.balanced_accuracy(),
        "macro_f1": found.macro_f1(),
        "classes": [
            {"class": s.name, "clips": s.clips, "right": s.right, "decided": s.decided,
             "recall": s.recall, "precision": s.precision, "f1": s.f1}
            for s in found.scores()
        ],
        "confusion": found.counts.tolist(),
        "mistakes": [{"is": a, "taken_for": b, "clips": n} for a, b, n in found.mistakes()],
        "groups": _groups(records[0], data, stored),
        "worst": list(_worst(stored, classes)),
    }  # fmt: skip


def _pooled(records: Sequence[Training]) -> "Predictions | None":
    """Return the test predictions of runs end to end; None where no run has such."""
    import numpy as np

    found = []
    for record in records:
        try:
            stored = predictions.load(record).get("test")
        except ValueError:
            continue  # `repro runs check` names it
        if stored is not None and stored.labels.ndim == 1:
            found.append(stored)
    if len({stored.scores.shape[1] for stored in found}) != 1:
        return None
    return predictions.Predictions(*(
        np.concatenate([getattr(stored, name) for stored in found]) for name in predictions.ARRAYS
    ))  # fmt: skip


def _classes(record: Training, data: Path, count: int) -> tuple[str, ...]:
    """Return the names of the classes; their numbers where the list is not here any more."""
    name = str(record.clips["dataset"])
    try:
        names = manifest.classes(name, data) if manifest.available(name, data) else ()
    except (OSError, LookupError):
        names = ()
    return names if len(names) == count else tuple(map(str, range(count)))


def _groups(record: Training, data: Path, stored: "Predictions") -> list[dict[str, Any]]:
    """Return what became of each group of the test clips; [] where every clip is one."""
    name = str(record.clips["dataset"])
    if record.clips["audio"] != "local" or not manifest.available(name, data):
        return []
    of = {clip.id: clip.group or clip.id for clip in manifest.load(name, data).clips}
    names = [item.rpartition("#")[0] or item for item in stored.names()]
    groups = [of.get(clip, clip) for clip in names]
    if len(set(groups)) == len(groups):
        return []
    right = (stored.scores.argmax(axis=1) == stored.labels).tolist()
    counted = confusion.by_group(right, groups)
    return [{"group": g, "right": hits, "clips": n} for g, (hits, n) in counted.items()]


def _worst(stored: "Predictions", classes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the clips that were decided wrong, that with the least score of its class first."""
    names = stored.names()
    for at in confusion.worst(stored.scores, stored.labels):
        scores, own = stored.scores[at], int(stored.labels[at])
        decided = int(scores.argmax())
        if decided != own:
            yield {"clip": names[at], "is": classes[own], "score": float(scores[own]),
                   "taken_for": classes[decided], "its_score": float(scores[decided])}  # fmt: skip
