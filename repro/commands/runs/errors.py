"""Where a run fails: its classes, groups and worst clips, from its stored predictions."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import manifest
from repro.records import predictions
from repro.records.record import Training
from repro.stats import confusion

if TYPE_CHECKING:
    from repro.records.predictions import Predictions

_MATRIX = 12  # classes up to which the whole matrix is shown; of more the worst confusions
_SHOWN = 10  # groups, clips and confusions that are shown; JSON has all


def of(record: Training, data: Path) -> dict[str, Any]:
    """Return where the decisions of a run's test clips are wrong; {} where that cannot be told.

    Clips of several classes have no single decision, and a run may keep no predictions.
    """
    try:
        stored = predictions.load(record).get("test")
    except ValueError:
        return {}  # `repro runs check` names it
    if stored is None or stored.labels.ndim != 1:
        return {}
    classes = _classes(record, data, stored.scores.shape[1])
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
        "groups": _groups(record, data, stored),
        "worst": list(_worst(stored, classes)),
    }  # fmt: skip


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


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Write it as text: the means, each class, the confusions, the groups, the worst clips."""
    if not found:
        return
    yield (f"errors     balanced accuracy {_share(found['balanced_accuracy'])}, macro F1 "
           f"{_share(found['macro_f1'])} (test)")  # fmt: skip
    yield from _table(
        ("class", "right", "of", "recall", "precision", "F1"),
        [(c["class"], c["right"], c["clips"], _share(c["recall"]), _share(c["precision"]),
          _share(c["f1"])) for c in found["classes"]],
    )  # fmt: skip
    names = [c["class"] for c in found["classes"]]
    if len(names) <= _MATRIX:
        yield "confusion  rows: what a clip is; columns: what it is taken for"
        yield from _table(("", *names), [(name, *row) for name, row in
                                         zip(names, found["confusion"], strict=True)])  # fmt: skip
    elif found["mistakes"]:
        yield f"confusion  the most frequent of {len(found['mistakes'])}"
        yield from _table(("is", "taken for", "clips"),
                          [tuple(m.values()) for m in found["mistakes"][:_SHOWN]])  # fmt: skip
    if found["groups"]:
        yield f"groups     the weakest of {len(found['groups'])}"
        yield from _table(("group", "right", "of", "accuracy"),
                          [(g["group"], g["right"], g["clips"], _share(g["right"] / g["clips"]))
                           for g in found["groups"][:_SHOWN]])  # fmt: skip
    if found["worst"]:
        yield f"clips      the worst of {len(found['worst'])} that are wrong"
        yield from _table(
            ("is", "score", "taken for", "score", "clip"),
            [(w["is"], f"{w['score']:.3f}", w["taken_for"], f"{w['its_score']:.3f}", w["clip"])
             for w in found["worst"][:_SHOWN]],
        )  # fmt: skip


def _share(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.2f} %"


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Yield rows under a heading; a column is as wide as its widest entry."""
    whole = [head, *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[at]) for row in whole) for at in range(len(head))]
    for row in whole:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
