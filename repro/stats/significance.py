"""Test differences of means: corrected resampled t, Welch t, one-sample t; Holm; chances.

Splits of one data set share clips, so runs on them are less than independent: the variance of
their mean is sd^2 (1/n + n_test/n_train) instead of sd^2 / n (Nadeau and Bengio 2003).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from repro.stats.summary import (
    Estimate,
    Interval,
    checked_confidence,
    finite,
    increment,
    t_quantile,
    whole,
)


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


@dataclass(frozen=True)
class Chances:
    """Posterior chances that a difference is below, inside and above a region around zero.

    The region holds the differences that make none in practice.
    """

    worse: float
    same: float
    better: float


def corrected_t(
    differences: Sequence[float],
    n_train: Sequence[int],
    n_test: Sequence[int],
    floor: float = 0.0,
) -> TTest:
    """Test paired differences over folds or resampled splits of one data set.

    n_train and n_test are the clips really trained and tested on in each split; a fold held out
    for validation is in neither. floor: the least sd to assume.
    """
    numbers = finite(differences, least=2)
    if not len(numbers) == len(n_train) == len(n_test):
        raise ValueError(
            f"{len(numbers)} differences, {len(n_train)} training sizes and {len(n_test)} test "
            "sizes do not fit"
        )
    k = len(numbers)
    factor = math.sqrt(1 / k + resampled(n_train, n_test))
    se = max(statistics.stdev(numbers), floor) * factor
    return _t_test("corrected resampled t", (k,), statistics.mean(numbers), se, k - 1)


def resampled(n_train: Sequence[int], n_test: Sequence[int]) -> float:
    """Return n_test / n_train, by which splits of one data set are less than independent."""
    train, test = ([whole(n) for n in sizes] for sizes in (n_train, n_test))
    if min(train) < 1 or min(test) < 1:
        raise ValueError("every fold needs at least one training and one test clip")
    return sum(test) / sum(train)


def difference_t(method: str, a: Estimate, b: Estimate, n: tuple[int, int]) -> TTest:
    """Test the difference of two independent estimates, with the df of Welch and Satterthwaite."""
    both = increment(a, b)
    return _t_test(method, n, both.mean, both.se, both.df)


def chances(test: TTest, region: float) -> Chances:
    """Return the posterior of a tested difference, against -region..region.

    With a flat prior it is Student's t around the difference with the test's standard error; after
    `corrected_t` this is the Bayesian correlated t test (Corani and Benavoli 2015).
    """
    from scipy.special import stdtr

    if region < 0:
        raise ValueError(f"the region must not be negative, got {region}")
    if test.se == 0:  # no doubt is left
        below, above = test.difference < -region, test.difference > region
        return Chances(float(below), float(not (below or above)), float(above))
    worse = float(stdtr(test.df, (-region - test.difference) / test.se))
    better = float(stdtr(test.df, (test.difference - region) / test.se))
    return Chances(worse, max(0.0, 1 - worse - better), better)


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
