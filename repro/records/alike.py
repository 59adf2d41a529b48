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
    """Tell whether two came to the same bits, and say nothing of their audio that cannot both be.

    When, how fast and in whose words does not count.
    """
    if not (isinstance(one, Training) and isinstance(other, Training)):
        return one.content().get("measured") == other.content().get("measured")
    parts = one.metrics.keys() | other.metrics.keys()
    told = [[r.status, r.best_epoch, r.weights] for r in (one, other)]
    return (
        told[0] == told[1]
        and not any(again.differing(one.part(name), other.part(name)) for name in parts)
        and _inside(one) == _inside(other)
        and not cut_apart(one, other)
    )


def cut_apart(one: Record, other: Record) -> bool:
    """Tell whether one says that clips were cut of which the other says that they were not.

    For records of one audio. All else that is said of it may honestly differ: on which day and
    from where it was added, what its source stated then, of how many clips the copy is.
    """
    if not (isinstance(one, Training) and isinstance(other, Training)):
        return False
    (least, most), (least_of_other, most_of_other) = _cut(one), _cut(other)
    return least > most_of_other or least_of_other > most


def _cut(record: Training) -> tuple[int, int]:
    """Return how many of the clips that were heard had been cut: at least, and at most.

    A copy says how many of its clips were cut, and not which; those that a run has left out may be
    among them. Of audio as it came, and of what is uncut in a copy, the samples are the same.
    """
    copies = [origin["derived"] for origin in record.audio.values() if "derived" in origin]
    most = sum(copy["cut"] + copy.get("apart", 0) for copy in copies)
    if len(record.audio) != 1 or not copies:  # of several datasets it is not told apart
        return 0, most
    left_out = copies[0]["clips"] - sum(record.clips_used.values())
    return max(0, most - max(0, left_out)), most


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
