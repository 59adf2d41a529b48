"""Test differences of means: corrected resampled t (folds), Welch t (seeds), one-sample t, Holm."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from repro.stats.summary import Interval, checked_confidence, finite, t_quantile


@dataclass(frozen=True)
class TTest:
    """A two-sided t test: sizes of the samples, difference, its standard error, t, df and p."""

    method: str
    n: tuple[int, ...]
    difference: float
    se: float
    t: float
    df: float
    p: float

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the interval of the difference that belongs to the test."""
        half = t_quantile((1 + checked_confidence(confidence)) / 2, self.df) * self.se
        return Interval(self.difference - half, self.difference + half)


def corrected_t(
    differences: Sequence[float],
    n_train: Sequence[int],
    n_test: Sequence[int],
    floor: float = 0.0,
) -> TTest:
    """Test paired differences over the folds of one data set (Nadeau and Bengio 2003).

    The variance of the mean is sd^2 (1/k + n_test/n_train), because the folds share training
    clips. n_train and n_test are the clips really trained and tested on in each fold; a fold
    held out for validation is in neither. floor: the least sd to assume.
    """
    numbers = finite(differences, least=2)
    if not len(numbers) == len(n_train) == len(n_test):
        raise ValueError(
            f"{len(numbers)} differences, {len(n_train)} training sizes and {len(n_test)} test "
            "sizes do not fit"
        )
    if min(n_train) < 1 or min(n_test) < 1:
        raise ValueError("every fold needs at least one training and one test clip")
    k = len(numbers)
    factor = math.sqrt(1 / k + sum(n_test) / sum(n_train))
    se = max(statistics.stdev(numbers), floor) * factor
    return _t_test("corrected resampled t", (k,), statistics.mean(numbers), se, k - 1)


def welch_t(a: Sequence[float], b: Sequence[float], floor: float = 0.0) -> TTest:
    """Test mean(a) - mean(b) of independent runs; floor: the least sd to assume in each."""
    samples = finite(a, least=2), finite(b, least=2)
    parts = [max(statistics.stdev(sample), floor) ** 2 / len(sample) for sample in samples]
    dfs = [len(sample) - 1 for sample in samples]
    weight = math.fsum(part**2 / df for part, df in zip(parts, dfs, strict=True))
    df = sum(parts) ** 2 / weight if weight else float(sum(dfs))
    difference = statistics.mean(samples[0]) - statistics.mean(samples[1])
    return _t_test("Welch t", (len(a), len(b)), difference, math.sqrt(sum(parts)), df)


def one_sample_t(values: Sequence[float], quoted: float, floor: float = 0.0) -> TTest:
    """Test the mean of runs against a quoted number, whose own noise stays unknown."""
    numbers = finite(values, least=2)
    n = len(numbers)
    se = max(statistics.stdev(numbers), floor) / math.sqrt(n)
    difference = statistics.mean(numbers) - finite([quoted])[0]
    return _t_test("one-sample t", (n,), difference, se, n - 1)


def holm(p_values: Sequence[float | None]) -> list[float]:
    """Return Holm-adjusted p of a declared family, in its order.

    The family is every comparison declared, not those available: None stands for one that is
    missing and counts as p = 1.
    """
    known = [1.0 if p is None else float(p) for p in p_values]
    for p in known:
        if not 0 <= p <= 1:
            raise ValueError(f"p must lie in 0..1, got {p}")
    adjusted = [1.0] * len(known)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(known)), key=known.__getitem__)):
        largest = max(largest, min(1.0, (len(known) - rank) * known[index]))
        adjusted[index] = largest
    return adjusted


def _t_test(method: str, n: tuple[int, ...], difference: float, se: float, df: float) -> TTest:
    from scipy.special import stdtr

    if se > 0:
        t = difference / se
    elif difference == 0:
        t = 0.0
    else:
        raise ValueError(f"{method}: all values are equal, so t is undefined: give a floor")
    return TTest(method, n, difference, se, t, df, 2 * float(stdtr(df, -abs(t))))
