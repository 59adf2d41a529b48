"""Bound one score by another of the same predictions: accuracy against recall, F1, AUC and AP.

All bounds are outer ones: what lies outside cannot be. With more than two classes accuracy is
decided within a clip and a one-against-rest AUC or AP between clips, so neither bounds the other;
`tests/audit/test_jointly.py` shows 100 % accuracy with an AUC near 0.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Bounds = tuple[float, float]
GOLDEN = (5**0.5 - 1) / 2
HALVINGS = 25  # steps of a search for the best multiplier


def recall(correct: float, classes: Sequence[int]) -> Bounds:
    """Return the least and the largest mean recall over classes with so many clips correct.

    correct: of one run, or the mean of several. Correct clips of small classes count most.
    """
    sizes = sorted(size for size in classes if size)
    _check(correct, sizes)
    return _filled(correct, sizes[::-1]), _filled(correct, sizes)


def _filled(correct: float, sizes: Sequence[int]) -> float:
    """Return the mean recall when classes become all correct one after another."""
    total = 0.0
    for size in sizes:
        here = min(correct, size)
        total, correct = total + here / size, correct - here
    return total / len(sizes)


def binary_auc(correct: float, classes: Sequence[int]) -> Bounds:
    """Return the least and the largest AUC of two classes at a threshold with so many correct.

    correct: of one run, or the mean of several. A curve through (false, true positive rate) has at
    least the area of the step below it; all errors in the smaller class give the least.
    """
    positives, negatives = classes
    _check(correct, classes)
    errors = positives + negatives - correct
    return max(0.0, 1 - errors / min(positives, negatives)), 1.0


def binary_ap(correct: int, positives: int, negatives: int) -> Bounds:
    """Return the least and the largest average precision of one run with so many correct."""
    _check(correct, (positives, negatives))
    errors = positives + negatives - correct
    least, most = 1.0, 0.0
    for missed in range(max(0, errors - negatives), min(errors, positives) + 1):
        wrong, right = errors - missed, positives - missed
        worst = sum(i / (wrong + i) for i in range(1, right + 1))
        worst += sum(i / (negatives + i) for i in range(right + 1, positives + 1))
        best = right + sum(i / (wrong + i) for i in range(right + 1, positives + 1))
        least, most = min(least, worst / positives), max(most, best / positives)
    return least, most


def f1(correct: int, classes: Sequence[int], weighted: bool = False) -> Bounds:
    """Return bounds of the mean F1 over classes of one run; `weighted` weighs by their clips.

    A class with c clips, x missed and y false alarms has F1 = 2 (c - x) / (2 c - x + y), and both x
    and y sum to the errors. The bounds are those of Lagrange's dual, which hold for any multiplier;
    the best one is searched for.
    """
    _check(correct, classes)
    total = sum(classes)
    errors = total - correct
    sizes = Counter(size for size in classes if size)
    weight = {size: size / total if weighted else 1 / sizes.total() for size in sizes}

    def low(missed: float, false: float) -> float:
        inner = sum(m * _least(c, errors, weight[c], missed, false) for c, m in sizes.items())
        return inner - (missed + false) * errors

    def high(missed: float, false: float) -> float:
        inner = sum(m * _most(c, errors, weight[c], missed, false) for c, m in sizes.items())
        return -(inner + (missed + false) * errors)

    largest = 2 * max(weight[size] / size for size in sizes)  # no slope of F1 is steeper
    return (
        max(0.0, _best(low, 0.0, largest)),
        min(1.0, -_best(high, -largest, largest)),
    )


def _least(size: int, errors: int, weight: float, missed: float, false: float) -> float:
    """Return the least of weight x F1 + missed x + false y over a class's x and y."""
    import numpy as np

    x = np.arange(min(size, errors) + 1, dtype=np.float64)
    hit = size - x
    # For one x the sum is convex in y, and least where its slope is 0.
    y = np.sqrt(2 * hit * weight / false) - (size + hit) if false > 0 else errors - x
    return float(_sum(size, x, np.clip(y, 0, errors - x), weight, missed, false).min())


def _most(size: int, errors: int, weight: float, missed: float, false: float) -> float:
    """Return the largest of weight x F1 - missed x - false y over a class's x and y."""
    import numpy as np

    x = np.arange(min(size, errors) + 1, dtype=np.float64)
    # For one x the sum is convex in y, and largest at an end.
    ends = (np.zeros_like(x), errors - x)
    return max(float(_sum(size, x, y, weight, -missed, -false).max()) for y in ends)


def _sum(size: int, x: Floats, y: Floats, weight: float, missed: float, false: float) -> Floats:
    return weight * 2 * (size - x) / (2 * size - x + y) + missed * x + false * y


def _best(of: Callable[[float, float], float], low: float, high: float) -> float:
    """Return about the largest value of a concave function of two multipliers."""
    return _golden(lambda a: _golden(lambda b: of(a, b), low, high), low, high)


def _golden(of: Callable[[float], float], low: float, high: float) -> float:
    """Return about the largest value of a concave function between two ends."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = of(left), of(right)
    best = max(at_left, at_right)
    for _ in range(HALVINGS):
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = of(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = of(left)
        best = max(best, at_left, at_right)
    return best


def _check(correct: float, classes: Sequence[int]) -> None:
    if not 0 <= correct <= sum(classes) or sum(classes) < 1:
        raise ValueError(f"{correct:g} of {sum(classes)} is not a count of clips")
