"""Where decisions are wrong: confusion matrix, recall, precision and F1 of each class, groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ClassScore:
    """What became of the clips of one class; a share is None where there is nothing to share."""

    name: str
    clips: int  # of this class
    right: int
    decided: int  # clips that were taken for it

    @property
    def recall(self) -> float | None:
        """The share of its clips that were recognised."""
        return self.right / self.clips if self.clips else None

    @property
    def precision(self) -> float | None:
        """The share of the clips taken for it that are of it."""
        return self.right / self.decided if self.decided else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both; None only where the class neither occurs nor is decided."""
        total = self.clips + self.decided
        return 2 * self.right / total if total else None


@dataclass(frozen=True)
class Confusion:
    """Decisions by true class (row) and decided class (column)."""

    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    def scores(self) -> list[ClassScore]:
        """Return what became of each class."""
        of, taken = self.counts.sum(axis=1), self.counts.sum(axis=0)
        return [
            ClassScore(name, int(of[i]), int(self.counts[i, i]), int(taken[i]))
            for i, name in enumerate(self.classes)
        ]

    def balanced_accuracy(self) -> float | None:
        """Return the mean recall of the classes that have clips."""
        recalls = [score.recall for score in self.scores() if score.recall is not None]
        return fmean(recalls) if recalls else None

    def macro_f1(self) -> float | None:
        """Return the mean F1 of the classes that have clips or decisions."""
        values = [score.f1 for score in self.scores() if score.f1 is not None]
        return fmean(values) if values else None

    def mistakes(self) -> list[tuple[str, str, int]]:
        """Return each pair of true and decided class that was confused, the most frequent first."""
        pairs = [
            (self.classes[i], self.classes[j], int(self.counts[i, j]))
            for i, j in zip(*np.nonzero(self.counts), strict=True)
            if i != j
        ]
        return sorted(pairs, key=lambda pair: -pair[2])


def confusion(scores: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> Confusion:
    """Count decisions: scores (clips, classes) and class numbers (clips,)."""
    values, truth = np.asarray(scores), np.asarray(labels).astype(np.int64)
    size = len(classes)
    if values.shape != (len(truth), size):
        raise ValueError(f"scores of shape {values.shape} for {len(truth)} clips, {size} classes")
    pairs = truth * size + values.argmax(axis=1)
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    return Confusion(tuple(classes), counts)


def by_group(right: Sequence[bool], groups: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return for each group how many of its clips are right, of how many; the weakest first."""
    counts: dict[str, list[int]] = {}
    for hit, group in zip(right, groups, strict=True):
        one = counts.setdefault(group, [0, 0])
        one[0] += bool(hit)
        one[1] += 1
    ordered = sorted(counts.items(), key=lambda item: (item[1][0] / item[1][1], item[0]))
    return {group: (hits, n) for group, (hits, n) in ordered}


def worst(scores: ArrayLike, labels: ArrayLike) -> list[Any]:
    """Return the positions of clips, that with the least score of its own class first."""
    values, truth = np.asarray(scores, dtype=float), np.asarray(labels).astype(np.int64)
    own = values[np.arange(len(truth)), truth]
    wrong = values.argmax(axis=1) != truth
    return [int(at) for at in np.lexsort((own, ~wrong))]
