"""How a recorded training went: its steps, its last loss, and whether it was cut short."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from repro.records.record import NOTHING, Training
from repro.stats import curves

FEW_STEPS = f"few steps (under {curves.FEW:,}, from random weights)"
HIGH = "a high loss (a tenth or more of a guess's)"

_EASIER = ("mixup", "mixing")  # of an augmentation: targets of two classes, which no loss of 0 fits


@dataclass(frozen=True)
class Learning:
    """What a training did.

    steps: of the optimiser, 0 where that is not recorded. loss: of the last epoch. high: whether it
    is a tenth or more of a guess's; False where the two are no losses of one kind. few: whether a
    network from random weights had few steps. remarks: of `curves.remarks`.
    """

    steps: int
    loss: float | None
    high: bool
    few: bool
    remarks: tuple[str, ...]

    @property
    def doubts(self) -> list[str]:
        """What speaks against its length, in words."""
        found = [FEW_STEPS] if self.few else []
        return [*found, *([HIGH] if self.high else []), *self.remarks]


def steps(recipe: Mapping[str, Any], clips: int) -> int:
    """Return the steps of an epoch over so many training clips, at least one."""
    size, items = int(recipe["batch"]), clips * int(recipe.get("pieces", 1))
    return max(1, items // size if recipe.get("drop_last") else -(-items // size))


def few(resolved: Mapping[str, Any], taken: int) -> bool:
    """Tell whether so many steps are few for what a run starts from."""
    return 0 < taken < curves.FEW and not resolved["init"]


def of(record: Training) -> Learning:
    """Say how a training went; what is not recorded is not judged."""
    rows = _rows(record)
    losses = [row["loss"] for row in rows if row["loss"] is not None]
    trained, recipe = record.clips_used.get("train", 0), record.recipe
    taken = steps(recipe, trained) * int(recipe["epochs"]) if trained else 0
    classes = int(record.resolved["classes"] or 0)
    guessed = None if record.part("test").loss is not None else _guess(recipe, classes)
    loss = losses[-1] if losses and record.status == "complete" else None
    return Learning(
        steps=taken,
        loss=loss,
        high=loss is not None and guessed is not None and curves.high(loss, guessed),
        few=few(record.resolved, taken),
        remarks=tuple(_remarks(record, losses, rows, classes)),
    )


def _remarks(
    record: Training, losses: list[float], rows: list[dict[str, Any]], classes: int
) -> list[str]:
    """Look at the curve of a complete run."""
    if record.status != "complete":
        return []
    part, metric = record.recipe["select"], record.recipe.get("select_metric", "accuracy")
    scored = [row.get("test" if part == "test" else "valid", {}).get(metric) for row in rows]
    tested = next((m for p in ("test", "valid") if (m := record.part(p)) != NOTHING), NOTHING)
    hits = None if tested.correct is None or not classes else (tested.correct, tested.n)
    scores = [] if None in scored else scored
    return curves.remarks(losses, scores, hits, 1 / classes if classes else 0.0)


def _rows(record: Training) -> list[dict[str, Any]]:
    """Read the curve, which was checked when the record was read; empty where there is none."""
    path = record.path / "epochs.jsonl"
    if not (record.done and path.is_file()):
        return []
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _guess(recipe: Mapping[str, Any], classes: int) -> float | None:
    """Return what a loss of classes is held against; None where the two are not comparable.

    Smoothed or mixed labels and a teacher add a loss of their own; a sum grows with the batch; of
    clips with several classes no guess is known.
    """
    augment = recipe.get("augment", {})
    other = (recipe.get("label_smoothing") or recipe.get("distill")
             or any(augment.get(name) for name in _EASIER)
             or recipe.get("reduction", "mean") != "mean"
             or recipe.get("select_metric", "accuracy") == "map")  # fmt: skip
    return None if other or classes < 2 else curves.guess(recipe["loss"], classes)
