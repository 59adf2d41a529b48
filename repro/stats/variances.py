"""Take spreads apart and together: pooling over systems, passes over folds, components.

A variance has few degrees of freedom where runs are few, so each question here is answered with
its chance: how far standard deviations differ, and passes lie apart, where nothing is behind it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat

from repro.stats.summary import Spread, finite, fold_means, spread_within_folds

ALPHA = 0.05

Critical = Callable[[tuple[int, ...]], float]  # degrees of freedom -> the critical ratio


@dataclass(frozen=True)
class Split:
    """How folds differ beyond what training again on the same fold explains.

    sd: of the difference between folds, 0 where nothing is left; between, within: mean squares of
    fold means (times passes) and within folds, with their degrees of freedom; p: of the F test
    that folds are alike.
    """

    sd: float
    between: float
    within: float
    df: tuple[int, int]
    p: float


def pool_spreads(
    spreads: Sequence[Spread], floor: float = 0.0, critical: Critical | None = None
) -> Spread | None:
    """Pool the spreads of systems that share a design; None where the sds differ too much.

    Each sd is raised to the floor first. Pooling is refused where the largest sd is more times the
    smallest than equal spreads give in 95 of 100 cases at these degrees of freedom: `critical`,
    which is `critical_ratio` unless a caller keeps what that gives.
    """
    if len(spreads) == 0:
        raise ValueError("needs at least one spread to pool")
    sds = [max(spread.sd, floor) for spread in spreads]
    dfs = [spread.df for spread in spreads]
    if max(sds) > min(sds) * (critical or critical_ratio)(tuple(sorted(dfs))):
        return None
    squares = math.fsum(df * sd**2 for df, sd in zip(dfs, sds, strict=True))
    return Spread(math.sqrt(squares / sum(dfs)), sum(dfs))


@cache
def critical_ratio(dfs: tuple[int, ...], alpha: float = ALPHA) -> float:
    """Return the ratio of largest to smallest sd that equal spreads exceed with chance alpha.

    dfs: the degrees of freedom of each spread. With equal ones it is the root of Hartley's F max.
    """
    if len(dfs) < 2:
        return 1.0
    low, high = 0.0, 1.0  # logarithms of the ratio
    while _all_within(dfs, math.exp(high)) < 1 - alpha:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        if _all_within(dfs, math.exp(middle)) < 1 - alpha:
            low = middle
        else:
            high = middle
    return math.exp(high)


def _all_within(dfs: Sequence[int], ratio: float) -> float:
    """Return the chance that all sds lie between the smallest and `ratio` times it.

    Over logarithms of the smallest variance: the sum, over which of them it is, of its density
    times the chance that each other one lies between.
    """
    import numpy as np
    from scipy.special import gammainc, gammaln

    logs = np.linspace(-40.0, 8.0, 4001)  # of a variance that is 1 on average
    variance, wider = np.exp(logs), np.exp(logs) * ratio**2
    of = {}
    for df in set(dfs):
        half = df / 2
        density = np.exp(half * (math.log(half) + logs - variance) - gammaln(half))
        of[df] = density, gammainc(half, half * wider) - gammainc(half, half * variance)
    total = np.zeros_like(logs)
    for smallest in range(len(dfs)):
        others = [of[df][1] for place, df in enumerate(dfs) if place != smallest]
        total += of[dfs[smallest]][0] * np.prod(others, axis=0)
    return float(np.trapezoid(total, logs))


def split_component(passes: Sequence[Sequence[float]]) -> Split:
    """Part the variance of r passes over k fixed folds: between folds, and within (one-way).

    Needs r >= 2 passes over k >= 2 folds.
    """
    from scipy.special import fdtrc

    within = spread_within_folds(passes)
    means = finite(fold_means(passes), least=2)
    r, df = len(passes), (len(means) - 1, within.df)
    between, inside = r * statistics.variance(means), within.sd**2
    sd = math.sqrt(max(0.0, between - inside) / r)
    ratio = between / inside if inside else math.inf if between else 0.0
    p = float(fdtrc(*df, ratio)) if math.isfinite(ratio) else 0.0
    return Split(sd, between, inside, df, p)


def clip_component(correct: Sequence[bool], groups: Sequence[object] | None = None) -> float:
    """Return the standard error, in 0..1, of an accuracy by the choice of its test clips.

    groups: the recording or speaker of every clip; whole groups are what is drawn. Without them
    every clip is a group of its own, and this is sqrt(p (1 - p) / (n - 1)).
    """
    hits = [bool(hit) for hit in correct]
    names = list(groups) if groups is not None else list(range(len(hits)))
    if len(names) != len(hits):
        raise ValueError(f"{len(names)} groups do not fit {len(hits)} clips")
    share = sum(hits) / len(hits) if hits else 0.0
    beyond: dict[object, float] = dict(zip(names, repeat(0.0), strict=False))
    for name, hit in zip(names, hits, strict=True):
        beyond[name] += hit - share
    count = len(beyond)
    if count < 2:
        raise ValueError(f"needs clips of at least 2 groups, got {count}")
    squares = math.fsum(value**2 for value in beyond.values())
    return math.sqrt(count / (count - 1) * squares) / len(hits)
