"""Ask what other test clips would have said: whole groups of clips are drawn again.

This is the noise of the test set, for generalising; that of seeds and splits is another one.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from repro.stats.summary import Interval, checked_confidence, finite, t_quantile, whole

LEAST_GROUPS = 10  # with fewer, a bootstrap interval holds far less than it says
DRAWS = 4999


@dataclass(frozen=True)
class Resampled:
    """A mean over clips with the standard error and interval of drawing its groups again."""

    mean: float
    se: float
    interval: Interval
    groups: int
    clips: int


def group_bootstrap(
    values: Sequence[float],
    groups: Sequence[Hashable],
    confidence: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
) -> Resampled:
    """Draw whole groups of clips with replacement; the mean is over the clips that were drawn.

    values: one a clip, such as the difference of two systems' hits, averaged over their runs. The
    interval takes percentiles, moved out as Student's t asks for so few groups (Hesterberg 2015).
    The same seed gives the same interval. ValueError for fewer than 10 groups.
    """
    import numpy as np
    from scipy.special import ndtr

    numbers = finite(values)
    if len(groups) != len(numbers):
        raise ValueError(f"{len(groups)} groups do not fit {len(numbers)} clips")
    names = sorted(set(groups), key=repr)
    count = len(names)
    if count < LEAST_GROUPS:
        raise ValueError(f"a bootstrap needs at least {LEAST_GROUPS} groups, got {count}")
    place = {name: i for i, name in enumerate(names)}
    at = [place[name] for name in groups]
    sums, sizes = np.bincount(at, weights=numbers), np.bincount(at)  # (groups,)
    tail = (1 - checked_confidence(confidence)) / 2
    outer = float(ndtr(math.sqrt(count / (count - 1)) * t_quantile(tail, count - 1)))
    times = np.random.default_rng(whole(seed)).multinomial(count, [1 / count] * count, whole(draws))
    means = times @ sums / (times @ sizes)  # (draws,)
    low, high = np.quantile(means, [outer, 1 - outer])
    return Resampled(
        mean=math.fsum(numbers) / len(numbers),
        se=float(means.std(ddof=1)),
        interval=Interval(float(low), float(high)),
        groups=count,
        clips=len(numbers),
    )
