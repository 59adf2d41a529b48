"""Reason on counts of clips: exact shares, Clopper-Pearson, McNemar's test and its group variant.

These speak about the noise of test clips, one model or one pair of models on one test set; they
are not for sums over seeds or pooled folds.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from repro.stats.ranks import subset_sums
from repro.stats.summary import Interval, checked_confidence, whole


@dataclass(frozen=True)
class McNemar:
    """The clips only A and only B classify correctly, with the exact two-sided p and the mid-p."""

    only_a: int
    only_b: int
    p: float
    mid_p: float


@dataclass(frozen=True)
class GroupSignFlip:
    """The exact two-sided test that flips the sign of whole groups of clips.

    groups: those in which the systems differ; difference: clips that A classifies correctly
    beyond B; smallest_p: what these groups would give if all favoured one system.
    """

    groups: int
    difference: int
    p: float
    smallest_p: float


def shares(correct: Sequence[int], n: Sequence[int]) -> list[Fraction]:
    """Return correct / n of every fold or run, exactly."""
    if len(correct) != len(n):
        raise ValueError(f"{len(correct)} counts do not fit {len(n)} sizes")
    return [_share(k, size) for k, size in zip(correct, n, strict=True)]


def pooled_accuracy(correct: Sequence[int], n: Sequence[int]) -> Fraction:
    """Return all correct clips over all clips: folds weigh by their size, unlike the average."""
    if not shares(correct, n):
        raise ValueError("needs at least one count")
    return Fraction(sum(map(whole, correct)), sum(map(whole, n)))


def clopper_pearson(correct: int, n: int, confidence: float = 0.95) -> Interval:
    """Return the exact two-sided binomial interval of an accuracy, in 0..1."""
    from scipy.special import betaincinv

    correct, n = whole(correct), whole(n)
    _share(correct, n)
    tail = (1 - checked_confidence(confidence)) / 2
    low = float(betaincinv(correct, n - correct + 1, tail)) if correct > 0 else 0.0
    high = float(betaincinv(correct + 1, n - correct, 1 - tail)) if correct < n else 1.0
    return Interval(low, high)


def discordant(correct_a: Sequence[bool], correct_b: Sequence[bool]) -> tuple[int, int]:
    """Count the clips that only A and that only B classifies correctly."""
    signs = _signs(correct_a, correct_b)
    return signs.count(1), signs.count(-1)


def mcnemar(only_a: int, only_b: int) -> McNemar:
    """Test two systems on the same clips; no discordant clip gives p = 1."""
    only_a, only_b = whole(only_a), whole(only_b)
    if only_a < 0 or only_b < 0:
        raise ValueError(f"counts must not be negative, got {only_a} and {only_b}")
    n, fewer = only_a + only_b, min(only_a, only_b)
    ways, tail = 1, 1  # n choose i, and its sum up to i
    for i in range(fewer):
        ways = ways * (n - i) // (i + 1)
        tail += ways
    return McNemar(only_a, only_b, min(1.0, 2 * tail / 2**n), (2 * tail - ways) / 2**n)


def group_sign_flip(
    correct_a: Sequence[bool], correct_b: Sequence[bool], groups: Sequence[Hashable]
) -> GroupSignFlip:
    """Test two systems on the same clips where clips of one group are not independent.

    groups: the recording, speaker or actor of every clip. With one clip per group this is
    McNemar's exact test.
    """
    signs = _signs(correct_a, correct_b)
    if len(groups) != len(signs):
        raise ValueError(f"{len(groups)} groups do not fit {len(signs)} clips")
    difference_of: dict[Hashable, int] = {}
    for group, sign in zip(groups, signs, strict=True):
        difference_of[group] = difference_of.get(group, 0) + sign
    sizes = [abs(difference) for difference in difference_of.values() if difference]
    difference, total = sum(signs), sum(sizes)
    lower = list(accumulate(subset_sums(sizes)))
    less = lower[(total - abs(difference)) // 2]  # sum of flipped signs <= -|difference|
    return GroupSignFlip(
        groups=len(sizes),
        difference=difference,
        p=min(1.0, 2 * less / 2 ** len(sizes)),
        smallest_p=min(1.0, 2 / 2 ** len(sizes)),
    )


def _share(correct: int, n: int) -> Fraction:
    correct, n = whole(correct), whole(n)
    if n < 1:
        raise ValueError(f"the number of clips must be at least 1, got {n}")
    if not 0 <= correct <= n:
        raise ValueError(f"the number of correct clips must lie in 0..{n}, got {correct}")
    return Fraction(correct, n)


def _signs(correct_a: Sequence[bool], correct_b: Sequence[bool]) -> list[int]:
    """Return +1 where only A is correct, -1 where only B is, 0 elsewhere."""
    if len(correct_a) != len(correct_b):
        raise ValueError(f"A has {len(correct_a)} clips and B has {len(correct_b)}")
    return [bool(a) - bool(b) for a, b in zip(correct_a, correct_b, strict=True)]
