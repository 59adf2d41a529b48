"""Score stored predictions: accuracy as counts, macro one-vs-rest AUC, mean average precision.

Every function takes the scores of all clips, (clips, classes), and their labels: one class
number per clip, (clips,), or a 0/1 matrix, (clips, classes), where a clip has several classes.
Only the order of the scores inside a class counts for AUC and average precision, so logits,
probabilities and sigmoid outputs serve alike. Equal scores share a midrank (AUC) or a threshold
(average precision). All arithmetic is float64 on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Accuracy:
    """Clips classified correctly, of all: integers, so that nothing is lost by rounding."""

    correct: int
    n: int

    @property
    def share(self) -> Fraction:
        """Return the accuracy, exactly, in 0..1."""
        return Fraction(self.correct, self.n)


@dataclass(frozen=True)
class Macro:
    """The mean of a metric over classes, each class against the rest.

    `value` is None where no class has the metric; `per_class` is None at the classes in
    `left_out`, which do not count in the mean.
    """

    value: float | None
    per_class: tuple[float | None, ...]
    left_out: tuple[int, ...]


def accuracy(scores: ArrayLike, labels: ArrayLike) -> Accuracy:
    """Count the clips whose highest score is at their class; equal scores go to the lower class."""
    values, truth = _checked(scores, labels)
    if (truth.sum(axis=1) != 1).any():
        raise ValueError("accuracy needs exactly one class per clip")
    predicted = values.argmax(axis=1)  # (clips,)
    correct = truth[np.arange(len(values)), predicted]
    return Accuracy(correct=int(correct.sum()), n=len(values))


def macro_auc(scores: ArrayLike, labels: ArrayLike) -> Macro:
    """Average the area under the ROC curve over classes that have positives and negatives."""
    return _macro(_auc, scores, labels)


def mean_average_precision(scores: ArrayLike, labels: ArrayLike) -> Macro:
    """Average the average precision (no interpolation) over classes that have positives."""
    return _macro(_average_precision, scores, labels)


def measure(scores: ArrayLike, labels: ArrayLike) -> dict[str, Any]:
    """Return what a record says of a part: accuracy as counts, macro AUC, the classes left out.

    Where clips have several classes: mean average precision and macro AUC over the same classes.
    """
    auc = macro_auc(scores, labels)
    if np.ndim(labels) == 2:
        precision = mean_average_precision(scores, labels)
        return {
            "n": len(np.asarray(labels)),
            "map": precision.value,
            "map_left_out": list(precision.left_out),
            "auc": auc.value,
            "auc_left_out": list(auc.left_out),
        }
    hits = accuracy(scores, labels)
    return {
        "correct": hits.correct,
        "n": hits.n,
        "accuracy": float(hits.share),
        "auc": auc.value,
        "auc_left_out": list(auc.left_out),
    }


def _macro(
    metric: Callable[[Floats, Bools], float | None], scores: ArrayLike, labels: ArrayLike
) -> Macro:
    values, truth = _checked(scores, labels)
    per_class = tuple(metric(values[:, c], truth[:, c]) for c in range(values.shape[1]))
    present = [value for value in per_class if value is not None]
    return Macro(
        value=float(np.mean(present)) if present else None,
        per_class=per_class,
        left_out=tuple(c for c, value in enumerate(per_class) if value is None),
    )


def _auc(scores: Floats, positive: Bools) -> float | None:
    """Return the chance that a positive clip scores above a negative one, ties counting half."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if positives == 0 or negatives == 0:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    midranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(midranks[place][positive].sum())  # half-integers: the sum is exact
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def _average_precision(scores: Floats, positive: Bools) -> float | None:
    """Return the sum, over distinct thresholds, of precision times the recall gained there."""
    positives = int(positive.sum())
    if positives == 0:
        return None
    _, place, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    gained = np.bincount(place, weights=positive, minlength=len(counts))
    precision = np.cumsum(gained) / np.cumsum(counts)
    return float((precision * gained).sum()) / positives


def _checked(scores: ArrayLike, labels: ArrayLike) -> tuple[Floats, Bools]:
    """Return scores as float64 and labels as a boolean matrix of the same shape."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"scores must have shape (clips, classes), not {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("scores must be finite: a diverged run has no metrics")
    given = np.asarray(labels)
    if given.ndim == 1:
        return values, _one_hot(given, *values.shape)
    if given.shape != values.shape:
        raise ValueError(f"labels of shape {given.shape} do not fit scores of {values.shape}")
    if not np.isin(given, (0, 1)).all():
        raise ValueError("a label matrix holds only 0 and 1")
    return values, given.astype(bool)


def _one_hot(classes_of_clips: NDArray[np.generic], clips: int, classes: int) -> Bools:
    if len(classes_of_clips) != clips:
        raise ValueError(f"{len(classes_of_clips)} labels do not fit {clips} clips")
    if not np.issubdtype(classes_of_clips.dtype, np.integer):
        raise ValueError(f"class numbers must be integers, not {classes_of_clips.dtype}")
    numbers = classes_of_clips.astype(np.int64)
    if numbers.min() < 0 or numbers.max() >= classes:
        raise ValueError(f"class numbers must lie in 0..{classes - 1}")
    one_hot: Bools = numbers[:, None] == np.arange(classes)  # (clips, classes)
    return one_hot
