"""Compare paired results by signed ranks: Wilcoxon's test, Hodges-Lehmann, rank-biserial.

Differences are exact rationals (`counts.shares`), never floats: equal counts give float
differences that differ in the last bit, which turns ties and zeros into false ranks. Zeros are
dropped, ties get midranks, and the exact null distribution is counted over doubled midranks,
which are integers, so it holds with ties too.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from numbers import Rational
from typing import Literal

from repro.stats.summary import Interval, checked_confidence, whole

Method = Literal["exact", "normal", "normal corrected"]
Sidedness = Literal["two-sided", "greater", "less"]

LARGEST_EXACT = 50  # up to here every exact p is a float64 without rounding


@dataclass(frozen=True)
class Wilcoxon:
    """A signed-rank test and all that has to be printed beside its p.

    n: differences that are not zero; zeros: those dropped; ties: differences that share their
    size with another; smallest_p: what the most one-sided outcome of these ranks would give.
    """

    n: int
    zeros: int
    ties: int
    w_plus: float
    w_minus: float
    p: float
    method: Method
    sidedness: Sidedness
    smallest_p: float

    @property
    def rank_biserial(self) -> float:
        """Return (W+ - W-) / (W+ + W-), in -1..1; 0 where every difference is zero."""
        total = self.w_plus + self.w_minus
        return (self.w_plus - self.w_minus) / total if total else 0.0


@dataclass(frozen=True)
class HodgesLehmann:
    """The median of all Walsh averages and an exact interval between two of them.

    `confidence` is the interval's own, at least the one asked for. `interval` is None where n
    is too small for that confidence (below 6 for 95 %).
    """

    estimate: float
    interval: Interval | None
    confidence: float | None


def signed_rank(
    differences: Sequence[int | Fraction],
    method: Method = "exact",
    sidedness: Sidedness = "two-sided",
) -> Wilcoxon:
    """Test whether paired differences lie symmetrically about zero (Wilcoxon 1945).

    "greater" asks whether the differences tend to be positive. All differences zero: p = 1.
    "exact" serves up to 50 non-zero differences; more raise ValueError.
    """
    exact = _rationals(differences)
    signs = [difference > 0 for difference in exact if difference]
    doubled = doubled_midranks([abs(difference) for difference in exact if difference])
    p_at = null_distribution(doubled, method, sidedness)
    plus = sum(rank for rank, positive in zip(doubled, signs, strict=True) if positive)
    total = sum(doubled)
    return Wilcoxon(
        n=len(doubled),
        zeros=len(exact) - len(doubled),
        ties=sum(shared for shared in Counter(doubled).values() if shared > 1),
        w_plus=plus / 2,
        w_minus=(total - plus) / 2,
        p=p_at(plus),
        method=method,
        sidedness=sidedness,
        smallest_p=p_at(0 if sidedness == "less" else total),
    )


def p_lattice(
    doubled_ranks: Sequence[int],
    method: Method = "exact",
    sidedness: Sidedness = "two-sided",
) -> dict[float, float]:
    """Return every W+ these ranks can give, with its p: all p that could ever be printed."""
    if len(doubled_ranks) == 0:
        raise ValueError("needs at least one rank")
    p_at = null_distribution(doubled_ranks, method, sidedness)
    return {w / 2: p_at(w) for w, ways in enumerate(subset_sums(doubled_ranks)) if ways}


def hodges_lehmann(
    differences: Sequence[int | Fraction], confidence: float = 0.95
) -> HodgesLehmann:
    """Estimate the centre of the differences, zeros included, for up to 50 of them.

    The interval inverts the exact test without ties; with ties it is conservative.
    """
    tail = (1 - checked_confidence(confidence)) / 2
    exact = _rationals(differences)
    n = len(exact)
    if n > LARGEST_EXACT:
        raise ValueError(f"the exact interval serves up to {LARGEST_EXACT} pairs, got {n}")
    walsh = sorted((a + b) / 2 for i, a in enumerate(exact) for b in exact[i:])
    estimate = float(statistics.median(walsh))
    lower = list(accumulate(subset_sums(range(1, n + 1))))
    cut = sum(ways / 2**n <= tail for ways in lower)  # P(W+ < cut) <= tail
    if cut == 0:
        return HodgesLehmann(estimate, None, None)
    interval = Interval(float(walsh[cut - 1]), float(walsh[-cut]))
    return HodgesLehmann(estimate, interval, 1 - 2 * lower[cut - 1] / 2**n)


def doubled_midranks(sizes: Sequence[int | Fraction]) -> list[int]:
    """Return twice the rank of each size, equal sizes sharing the mean of their ranks."""
    exact = _rationals(sizes) if len(sizes) else []
    rank_of: dict[Fraction, int] = {}
    below = 0
    for size, shared in sorted(Counter(exact).items()):
        rank_of[size] = 2 * below + shared + 1
        below += shared
    return [rank_of[size] for size in exact]


def subset_sums(parts: Sequence[int]) -> list[int]:
    """Count the subsets of the parts (none negative) by their sum, from 0 to the sum of all."""
    counts = [1]
    for part in map(whole, parts):
        gap = [0] * part
        counts = [left + taken for left, taken in zip(counts + gap, gap + counts, strict=True)]
    return counts


def null_distribution(
    doubled_ranks: Sequence[int], method: Method, sidedness: Sidedness
) -> Callable[[int], float]:
    """Return the function from twice W+ to its p under random signs."""
    doubled_ranks = [whole(rank) for rank in doubled_ranks]
    if sidedness not in ("two-sided", "greater", "less"):
        raise ValueError(f"sidedness must be two-sided, greater or less, got {sidedness!r}")
    if method == "exact":
        tails = _exact_tails(doubled_ranks)
    elif method in ("normal", "normal corrected"):
        tails = _normal_tails(doubled_ranks, 1.0 if method == "normal corrected" else 0.0)
    else:
        raise ValueError(f"method must be exact, normal or normal corrected, got {method!r}")

    def p_at(doubled_w: int) -> float:
        less, greater = tails(doubled_w)
        if sidedness == "two-sided":
            return min(1.0, 2 * min(less, greater))
        return less if sidedness == "less" else greater

    return p_at


def _exact_tails(doubled_ranks: Sequence[int]) -> Callable[[int], tuple[float, float]]:
    n = len(doubled_ranks)
    if n > LARGEST_EXACT:
        raise ValueError(
            f"the exact test serves up to {LARGEST_EXACT} non-zero differences, got {n}: "
            "name the normal approximation"
        )
    lower = list(accumulate(subset_sums(doubled_ranks)))

    def tails(doubled_w: int) -> tuple[float, float]:
        below = lower[doubled_w - 1] if doubled_w else 0
        return lower[doubled_w] / 2**n, (2**n - below) / 2**n

    return tails


def _normal_tails(
    doubled_ranks: Sequence[int], shift: float
) -> Callable[[int], tuple[float, float]]:
    """Use mean sum(r)/2 and variance sum(r^2)/4; shift 1 is the continuity correction of 1/2."""
    centre = sum(doubled_ranks) / 2
    sd = math.sqrt(sum(rank**2 for rank in doubled_ranks)) / 2

    def tails(doubled_w: int) -> tuple[float, float]:
        if sd == 0:
            return 1.0, 1.0
        distance = doubled_w - centre
        scale = sd * math.sqrt(2)
        less = 0.5 * math.erfc(-(distance + shift) / scale)
        greater = 0.5 * math.erfc((distance - shift) / scale)
        return less, greater

    return tails


def _rationals(differences: Sequence[int | Fraction]) -> list[Fraction]:
    if len(differences) == 0:
        raise ValueError("needs at least one difference")
    for difference in differences:
        if not isinstance(difference, Rational):
            raise ValueError(f"differences must be integers or Fractions, got {difference!r}")
    # A Fraction keeps what it was made of, and NumPy's integers wrap around.
    return [Fraction(int(each.numerator), int(each.denominator)) for each in differences]
