"""Compare two accuracies when only the printed values are known: counts without pairs.

Two systems scored on the same clips should be compared clip by clip (McNemar); from printed
values that is not possible, and treating the counts as unpaired is what is left. It is
conservative where the systems err on the same clips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from repro.stats.summary import best_constant, whole


@dataclass(frozen=True)
class Unpaired:
    """Two accuracies on n and m clips: z of the pooled two-proportion test and its two-sided p."""

    z: float
    p: float


def two_proportions(a: float, b: float, n: int, m: int) -> Unpaired:
    """Compare accuracies a and b, in 0..1, over n and m decisions."""
    n, m = whole(n), whole(m)
    if n < 1 or m < 1:
        raise ValueError(f"the numbers of decisions must be at least 1, got {n} and {m}")
    if not (0 <= a <= 1 and 0 <= b <= 1):
        raise ValueError(f"accuracies must lie in 0..1, got {a} and {b}")
    pooled = (a * n + b * m) / (n + m)
    variance = pooled * (1 - pooled) * (1 / n + 1 / m)
    if variance == 0:
        return Unpaired(0.0, 1.0)
    z = (a - b) / math.sqrt(variance)
    return Unpaired(z, math.erfc(abs(z) / math.sqrt(2)))


def fisher(a: int, n: int, b: int, m: int) -> float:
    """Return Fisher's exact two-sided p for a of n against b of m."""
    a, n, b, m = whole(a), whole(n), whole(b), whole(m)
    for correct, total in ((a, n), (b, m)):
        if not 0 <= correct <= total or total < 1:
            raise ValueError(f"{correct} of {total} is not a count of clips")
    both = a + b
    first, last = max(0, both - m), min(n, both)
    logs = [_log_choose(n, i) + _log_choose(m, both - i) for i in range(first, last + 1)]
    observed = logs[a - first] + 1e-9  # tables as likely as the one seen count, despite rounding
    top = max(logs)
    weights = [math.exp(value - top) for value in logs]
    extreme = math.fsum(w for w, value in zip(weights, logs, strict=True) if value <= observed)
    return min(1.0, extreme / math.fsum(weights))


def mean_behind_best(best: float, k: int, n: int) -> float:
    """Return the mean accuracy whose best of k folds is expected to be `best`, all in 0..1.

    The folds have n clips each and differ by binomial chance alone, so this is the largest mean:
    folds that differ in difficulty have a better best.
    """
    if not 0 < best < 1:
        raise ValueError(f"the best accuracy must lie between 0 and 1, got {best}")
    n = whole(n)
    if n < 1:
        raise ValueError(f"the number of clips must be at least 1, got {n}")
    lift = best_constant(k) / math.sqrt(n)
    low, high = 0.0, best
    for _ in range(60):
        middle = (low + high) / 2
        if middle + lift * math.sqrt(middle * (1 - middle)) < best:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
