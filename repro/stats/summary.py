"""Summarise repeated results: means, spreads, standard errors, folds, passes, expected bests.

Values are plain floats in any one unit (the tables use percent). The replicate of a k-fold
average is a whole pass over the folds, so the spread between folds never becomes the
uncertainty of their average.
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, SupportsIndex


@dataclass(frozen=True)
class Interval:
    """A closed interval, in the unit of the values it belongs to."""

    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """A standard deviation and the degrees of freedom it rests on."""

    sd: float
    df: int


@dataclass(frozen=True)
class Estimate:
    """A mean with the standard deviation of one unit, its own standard error and their df."""

    mean: float
    sd: float
    se: float
    df: float

    def interval(self, confidence: float = 0.95) -> Interval:
        """Return the two-sided t interval of the mean."""
        half = t_quantile((1 + checked_confidence(confidence)) / 2, self.df) * self.se
        return Interval(self.mean - half, self.mean + half)


@dataclass(frozen=True)
class Folds:
    """One pass over k folds, and its best fold beside what the best of k would be by chance.

    `expected_best` is mean + c_k sd for normal folds of equal difficulty; `expected_best_c4`
    divides sd by c4(k) first, because the sd of k values is too small on average.
    """

    k: int
    average: float
    sd: float
    best: float
    expected_best: float
    expected_best_c4: float


def finite(values: Sequence[float], least: int = 1) -> list[float]:
    """Return the values as floats; ValueError for too few of them or one that is not finite."""
    if len(values) < least:
        raise ValueError(f"the number of values must be at least {least}, got {len(values)}")
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"values must be finite, got {value}")
    return [float(value) for value in values]


def whole(number: SupportsIndex) -> int:
    """Return an integer as Python's own: those of NumPy wrap around when they grow."""
    if isinstance(number, bool):
        raise TypeError(f"a number is asked for, got {number}")
    return operator.index(number)


def checked_confidence(confidence: float) -> float:
    """Return the confidence if it lies strictly between 0 and 1, else raise ValueError."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    return confidence


def t_quantile(probability: float, df: float) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(df, probability))


# ---- values and their spread -----------------------------------------------------------------


def spread_of_runs(values: Sequence[float]) -> Spread:
    """Return the standard deviation of two or more runs, with n - 1 degrees of freedom."""
    numbers = finite(values, least=2)
    return Spread(statistics.stdev(numbers), len(numbers) - 1)


def spread_within_folds(passes: Sequence[Sequence[float]]) -> Spread:
    """Return s_w, the root mean variance within a fold, with k (r - 1) degrees of freedom.

    passes: r rows (passes) of k values (folds), r >= 2.
    """
    folds = _by_fold(passes)
    if len(passes) < 2:
        raise ValueError("one pass says nothing about the spread within a fold")
    variance = statistics.mean(statistics.variance(fold) for fold in folds)
    return Spread(math.sqrt(variance), len(folds) * (len(passes) - 1))


def sd_floor(n_test: int) -> float:
    """Return the rounding noise of an accuracy in percent over n_test clips: (100/n)/sqrt(12)."""
    n = whole(n_test)
    if n < 1:
        raise ValueError(f"n_test must be at least 1, got {n}")
    return 100 / n / math.sqrt(12)


def sd_interval(spread: Spread, confidence: float = 0.95) -> Interval:
    """Return the chi-squared interval of a standard deviation."""
    from scipy.special import chdtri

    tail = (1 - checked_confidence(confidence)) / 2
    low, high = (float(chdtri(spread.df, upper)) for upper in (tail, 1 - tail))
    return Interval(spread.sd * math.sqrt(spread.df / low), spread.sd * math.sqrt(spread.df / high))


# ---- means and their standard errors ---------------------------------------------------------


def estimate_runs(
    values: Sequence[float], pooled: Spread | None = None, floor: float = 0.0
) -> Estimate:
    """Estimate the mean of runs: SE = sd / sqrt(n), df = n - 1, or those of a pooled spread."""
    spread = pooled or spread_of_runs(values)
    return _estimate(finite(values), spread, floor)


def estimate_passes(
    passes: Sequence[Sequence[float]], pooled: Spread | None = None, floor: float = 0.0
) -> Estimate:
    """Estimate a k-fold average from r passes over the same folds: SE = s_w / sqrt(k r)."""
    spread = pooled or spread_within_folds(passes)
    return _estimate([value for fold in _by_fold(passes) for value in fold], spread, floor)


def fold_means(passes: Sequence[Sequence[float]]) -> list[float]:
    """Average every fold over the passes: the values that pairs of systems are compared on."""
    return [statistics.mean(fold) for fold in _by_fold(passes)]


def increment(row: Estimate, base: Estimate) -> Estimate:
    """Return row - base, with the df of Welch and Satterthwaite.

    `sd` is the root of both units' variances, so the standard error of a printed increment over
    m units is sd / sqrt(m).
    """
    variances = row.se**2, base.se**2
    weight = variances[0] ** 2 / row.df + variances[1] ** 2 / base.df
    df = sum(variances) ** 2 / weight if weight else row.df + base.df
    sd = math.hypot(row.sd, base.sd)
    return Estimate(row.mean - base.mean, sd, math.sqrt(sum(variances)), df)


def increments(
    rows: Sequence[Estimate], reading: Literal["row above", "first row"] = "row above"
) -> list[Estimate]:
    """Return the increment of every row but the first, to the row above or to the first row."""
    if len(rows) < 2:
        raise ValueError(f"increments need at least 2 rows, got {len(rows)}")
    if reading == "row above":
        return [increment(row, above) for above, row in pairwise(rows)]
    if reading == "first row":
        return [increment(row, rows[0]) for row in rows[1:]]
    raise ValueError(f"reading must be 'row above' or 'first row', got {reading!r}")


# ---- folds and the best of them --------------------------------------------------------------


def summarise_folds(values: Sequence[float]) -> Folds:
    """Describe one pass over k >= 2 folds."""
    numbers = finite(values, least=2)
    k, average, sd = len(numbers), statistics.mean(numbers), statistics.stdev(numbers)
    lift = best_constant(k) * sd
    return Folds(k, average, sd, max(numbers), average + lift, average + lift / c4(k))


@cache
def best_constant(k: int) -> float:
    """Return c_k = E[largest of k standard normal values]."""
    return expected_max([0.0] * whole(k), 1.0)


@cache
def best_sd(k: int) -> float:
    """Return the standard deviation of the largest of k standard normal values."""
    k, reach, steps = whole(k), 10, 200
    points = [reach * i / steps for i in range(-steps, steps + 1)]
    squares = (
        x**2 * k * math.exp(-(x**2) / 2) * _normal_cdf(x) ** (k - 1) for x in points
    )  # by the trapezoidal rule, flat at both ends
    square = math.fsum(squares) / math.sqrt(2 * math.pi) * reach / steps
    return math.sqrt(square - best_constant(k) ** 2)


def c4(n: int) -> float:
    """Return E[sd] / sigma of n normal values."""
    n = whole(n)
    if n < 2:
        raise ValueError(f"c4 needs at least 2 values, got {n}")
    return math.sqrt(2 / (n - 1)) * math.exp(math.lgamma(n / 2) - math.lgamma((n - 1) / 2))


def expected_max(means: Sequence[float], sd: float) -> float:
    """Return the expected largest of independent normal values with these means and one sd.

    E[max] = b - integral of P(max < x) up to b, by the trapezoidal rule, which is exact to
    rounding here because the integrand is flat at both ends.
    """
    centres = finite(means)
    if sd < 0:
        raise ValueError(f"sd must not be negative, got {sd}")
    top = max(centres)
    if sd == 0:
        return top
    offsets = [(centre - top) / sd for centre in centres]
    reach, steps = 10, 200  # in sd around the largest mean, where P(max < x) is 0 and then 1
    points = [reach * i / steps for i in range(-steps, steps + 1)]
    below = [math.prod(_normal_cdf(x - offset) for offset in offsets) for x in points]
    integral = (math.fsum(below) - (below[0] + below[-1]) / 2) * reach / steps
    return top + sd * (reach - integral)


def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _estimate(values: Sequence[float], spread: Spread, floor: float) -> Estimate:
    sd = max(spread.sd, floor)
    return Estimate(statistics.mean(values), sd, sd / math.sqrt(len(values)), spread.df)


def _by_fold(passes: Sequence[Sequence[float]]) -> list[list[float]]:
    """Turn r passes of k folds into k lists of r values."""
    if len(passes) == 0:
        raise ValueError("needs at least one pass")
    rows = [finite(row) for row in passes]
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"passes have different numbers of folds: {[len(row) for row in rows]}")
    return [list(fold) for fold in zip(*rows, strict=True)]
