"""Ask whether a printed mean ± x can come from so many runs on n decisions (the GRIMMER test).

Each run is a whole count k of n, so the sum of the counts and of their squares are whole numbers
of equal parity, and most of them are sums of that many squares or are not. What x is, papers often
leave open: the standard deviation (n - 1 or n), the standard error, or half the range.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal, get_args

from repro.audit.granularity import Window, check_percent, check_sizes, unpadded
from repro.spec.printed import Printed

Meaning = Literal["sample SD", "population SD", "standard error", "half the range"]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
MOST_SQUARES = 6_000  # above it a printed spread leaves no sum of squares out
TOO_WIDE = "too wide to exclude"


@dataclass(frozen=True)
class Fit:
    """A meaning of x that fits, and what has to be assumed of the digits: "as printed" or more."""

    meaning: Meaning
    how: str


def fits(mean: Printed, spread: Printed, n: int, runs: int) -> list[Fit]:
    """Return the meanings of x that so many runs on n decisions can give.

    Digits are read as rounded, as cut off, and with trailing zeros as padding; for each meaning
    the first that fits is returned. One whose squares are too many to exclude any fits.
    """
    check_percent(mean)
    check_sizes(n, runs)
    if spread.value < 0:
        raise ValueError(f"a spread is not negative, got {float(spread.value):g}")
    if runs < 2:
        return []
    found = []
    for meaning in MEANINGS:
        if meaning != "half the range" and _too_wide(spread, n, runs, meaning):
            found.append(Fit(meaning, TOO_WIDE))
            continue
        for how, m, s, truncated in _digits(mean, spread):
            if _possible(m, s, truncated, n, runs, meaning):
                found.append(Fit(meaning, how))
                break
    return found


def runs_of_two(mean: Printed, spread: Printed, n: int) -> list[tuple[Fraction, Fraction]]:
    """Return the pairs of accuracies (percent) whose mean and half range are printed so."""
    window = Window.of(int(mean.value / mean.unit), truncated=False)
    scale = Fraction(n) * mean.unit / 100
    found = []
    first, last = window.wholes(2 * scale)
    for total in range(first, last + 1):
        for gap in _range_counts(spread, n, truncated=False):
            if (total - gap) % 2 == 0 and gap <= total and (total + gap) // 2 <= n:
                low, high = (total - gap) // 2, (total + gap) // 2
                found.append((Fraction(100 * low, n), Fraction(100 * high, n)))
    return found


def _digits(mean: Printed, spread: Printed) -> list[tuple[str, Printed, Printed, bool]]:
    plain = [
        ("as printed", mean, spread, False),
        ("truncated", mean, spread, True),
    ]
    for m, s in (
        (unpadded(mean), spread),
        (mean, unpadded(spread)),
        (unpadded(mean), unpadded(spread)),
    ):
        if (m.decimals, s.decimals) != (mean.decimals, spread.decimals):
            plain.append(("trailing zeros as padding", m, s, False))
    return plain


def _too_wide(spread: Printed, n: int, runs: int, meaning: Meaning) -> bool:
    """Tell whether a meaning allows so many sums of squares that none would be left out."""
    return _squares_window(unpadded(spread), False, n, runs, meaning)[1] > MOST_SQUARES


def _possible(
    mean: Printed, spread: Printed, truncated: bool, n: int, runs: int, meaning: Meaning
) -> bool:
    """Search all sums of the runs' counts that give the mean for one that gives the spread."""
    window = Window.of(int(mean.value / mean.unit), truncated)
    first, last = window.wholes(Fraction(n * runs) * mean.unit / 100)
    for total in range(max(first, 0), min(last, n * runs) + 1):
        if meaning == "half the range":
            gaps = _range_counts(spread, n, truncated)
            if any(_spans(total, gap, n, runs) for gap in gaps):
                return True
            continue
        base, rest = divmod(total, runs)  # deviations e_i from base sum to rest
        low, high = _squares_window(spread, truncated, n, runs, meaning)
        offset = Fraction(rest * rest, runs)  # sum e^2 = sum of squared deviations + rest^2 / runs
        wanted = range(math.ceil(low + offset), _last(high + offset, closed=not truncated) + 1)
        if _reach(rest, wanted, runs, base, n):
            return True
    return False


def _squares_window(
    spread: Printed, truncated: bool, n: int, runs: int, meaning: Meaning
) -> tuple[Fraction, Fraction]:
    """Return the sums of squared deviations, in counts, that are written as the spread."""
    half = spread.unit / 2
    low = spread.value if truncated else max(Fraction(0), spread.value - half)
    high = spread.value + (spread.unit if truncated else half)
    divisor = {"sample SD": runs - 1, "population SD": runs, "standard error": runs * (runs - 1)}
    factor = Fraction(n, 100) ** 2 * divisor[meaning]
    return low**2 * factor, high**2 * factor


def _last(value: Fraction, closed: bool) -> int:
    return math.floor(value) if closed else math.ceil(value) - 1


def _range_counts(spread: Printed, n: int, truncated: bool) -> range:
    """Return the differences of the largest and smallest count that are written as half a range."""
    window = Window.of(int(spread.value / spread.unit), truncated)
    first, last = window.wholes(Fraction(2 * n) * spread.unit / 100)
    return range(max(first, 0), min(last, n) + 1)


def _spans(total: int, gap: int, n: int, runs: int) -> bool:
    """Tell whether counts in 0..n with this sum can have this range."""
    # The smallest count a: runs a + gap <= total <= runs a + (runs - 1) gap.
    lowest = max(0, math.ceil(Fraction(total - (runs - 1) * gap, runs)))
    highest = min(n - gap, (total - gap) // runs)
    return lowest <= highest


def _reach(total: int, wanted: range, runs: int, base: int, n: int) -> bool:
    """Tell whether whole deviations of the runs, counts in 0..n, have one of the square sums."""
    if not wanted:
        return False
    most = wanted[-1] + -wanted[-1] % 64  # the same for neighbouring windows
    widest = math.isqrt(most)
    reached = _square_sums(runs, max(-base, -widest), min(n - base, widest), most)
    squares = reached.get(total, 0)
    return any(squares >> q & 1 for q in wanted)


@lru_cache(maxsize=64)
def _square_sums(parts: int, low: int, high: int, most: int) -> dict[int, int]:
    """Return for each sum of `parts` whole numbers in low..high its square sums, as bits."""
    keep = (1 << most + 1) - 1
    reached = {0: 1}
    for used in range(1, parts + 1):
        after: dict[int, int] = defaultdict(int)
        for total, squares in reached.items():
            for part in range(low, high + 1):
                now = total + part
                if now * now <= most * used:
                    after[now] |= squares << part * part & keep
        reached = {total: squares for total, squares in after.items() if squares}
    return reached
