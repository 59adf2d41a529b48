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
from itertools import islice
from typing import Literal, get_args

from repro.audit.granularity import check_percent, check_sizes, unpadded
from repro.audit.intervals import Span, span
from repro.spec.printed import Printed

Meaning = Literal["sample SD", "population SD", "standard error", "half the range"]
MEANINGS: tuple[Meaning, ...] = get_args(Meaning)
MOST_SQUARES = 6_000  # above it a printed spread leaves no sum of squares out
TOO_WIDE = "too wide to exclude"
STEPS = 20_000  # of a search for one list of runs


@dataclass(frozen=True)
class Fit:
    """A meaning of x that fits, and what has to be assumed of the digits: "as printed" or more."""

    meaning: Meaning
    how: str


def fits(mean: Printed, spread: Printed, n: int, runs: int) -> list[Fit]:
    """Return the meanings of x that so many runs on n decisions can give.

    Digits are read as rounded, as cut off, with trailing zeros as padding, and as those of run
    values that were rounded before; for each meaning the first that fits is returned. One whose
    squares are too many to exclude any fits.
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
        for how, m, s in _ways(mean, spread, n):
            if _possible(m, s, n, runs, meaning):
                found.append(Fit(meaning, how))
                break
    return found


def examples(
    mean: Printed, spread: Printed, n: int, runs: int, meaning: Meaning, most: int = 2
) -> list[tuple[int, ...]]:
    """Return up to `most` lists of the runs' correct decisions that are printed as mean ± x.

    Only digits as printed are tried, and not all lists: none found is no proof that there is none.
    """
    first, last = _wholes(span(mean), n * runs)
    found: list[tuple[int, ...]] = []
    for total in range(max(first, 0), min(last, n * runs) + 1):
        if meaning == "half the range":
            gaps = _range_counts(span(spread), n)
            lists = (_spanning(total, gap, runs) for gap in gaps if _spans(total, gap, n, runs))
        else:
            base, rest = divmod(total, runs)
            low, high = _squares_window(span(spread), n, runs, meaning)
            offset = Fraction(rest * rest, runs)
            wanted = range(math.ceil(low + offset), math.floor(high + offset) + 1)
            deviations = (_deviations(rest, q, runs, (-base, n - base)) for q in wanted)
            lists = (tuple(base + e for e in found) for found in deviations if found)
        found += [tuple(sorted(counts)) for counts in islice(lists, most - len(found))]
        if len(found) == most:
            break
    return found


def _spanning(total: int, gap: int, runs: int) -> tuple[int, ...]:
    """Return counts in 0..n with this sum and this range."""
    low = max(0, math.ceil(Fraction(total - (runs - 1) * gap, runs)))
    rest = total - runs * low - gap
    each, more = divmod(rest, runs - 2) if runs > 2 else (0, 0)
    between = (low + each + (i < more) for i in range(runs - 2))
    return (low, *between, low + gap)


def _deviations(total: int, squares: int, parts: int, ends: tuple[int, int]) -> tuple[int, ...]:
    """Return whole numbers within the ends with this sum and sum of squares; () if none is met."""
    left = [STEPS]

    def search(parts: int, total: int, squares: int, most: int) -> tuple[int, ...]:
        """Choose the largest number, then the others."""
        left[0] -= 1
        if parts == 2:
            root = math.isqrt(max(0, 2 * squares - total * total))
            pair = ((total + root) // 2, (total - root) // 2)
            exact = sum(pair) == total and sum(e * e for e in pair) == squares
            return pair if exact and ends[0] <= pair[1] and pair[0] <= most else ()
        # The largest of a handful lies some 1.2 SD above the mean: such lists come first.
        middle = total / parts
        likely = middle + 1.2 * math.sqrt(max(0.0, squares / parts - middle**2))
        tried = range(math.ceil(middle), min(most, math.isqrt(squares)) + 1)
        for e in sorted(tried, key=lambda e: abs(e - likely)):
            fits = parts * (squares - e * e) >= (total - e) ** 2
            if fits and left[0] > 0 and (rest := search(parts - 1, total - e, squares - e * e, e)):
                return (e, *rest)
        return ()

    return search(parts, total, squares, ends[1])


def runs_of_two(mean: Printed, spread: Printed, n: int) -> list[tuple[Fraction, Fraction]]:
    """Return the pairs of accuracies (percent) whose mean and half range are printed so."""
    found = []
    first, last = _wholes(span(mean), 2 * n)
    for total in range(first, last + 1):
        for gap in _range_counts(span(spread), n):
            if (total - gap) % 2 == 0 and gap <= total and (total + gap) // 2 <= n:
                low, high = (total - gap) // 2, (total + gap) // 2
                found.append((Fraction(100 * low, n), Fraction(100 * high, n)))
    return found


def _ways(mean: Printed, spread: Printed, n: int) -> list[tuple[str, Span, Span]]:
    """Return what mean and spread stand for in percent, under each way to read the digits."""
    found = [
        ("as printed", span(mean), span(spread)),
        ("truncated", span(mean, "truncated"), span(spread, "truncated")),
    ]
    for m, s in (
        (unpadded(mean), spread),
        (mean, unpadded(spread)),
        (unpadded(mean), unpadded(spread)),
    ):
        if (m.decimals, s.decimals) != (mean.decimals, spread.decimals):
            found.append(("trailing zeros as padding", span(m), span(s)))
    # Shares of n lie on a grid, so a rounded one is off by a known part of a unit at most; two
    # values that are off by as much on both sides have that times the root of 2 as deviation.
    step = n // math.gcd(n, int(100 / mean.unit))
    off = mean.unit * Fraction(step // 2, step)
    centre, x = span(mean), span(spread)
    if off:
        more = off * Fraction(1415, 1000)
        around = Span(centre.low - off, centre.high + off)
        found.append(("rounded run values", around, Span(x.low - more, x.high + more)))
    return found


def _too_wide(spread: Printed, n: int, runs: int, meaning: Meaning) -> bool:
    """Tell whether a meaning allows so many sums of squares that none would be left out."""
    return _squares_window(span(unpadded(spread)), n, runs, meaning)[1] > MOST_SQUARES


def _possible(mean: Span, spread: Span, n: int, runs: int, meaning: Meaning) -> bool:
    """Search all sums of the runs' counts that give the mean for one that gives the spread."""
    first, last = _wholes(mean, n * runs)
    for total in range(max(first, 0), min(last, n * runs) + 1):
        if meaning == "half the range":
            if any(_spans(total, gap, n, runs) for gap in _range_counts(spread, n)):
                return True
            continue
        base, rest = divmod(total, runs)  # deviations e_i from base sum to rest
        low, high = _squares_window(spread, n, runs, meaning)
        offset = Fraction(rest * rest, runs)  # sum e^2 = sum of squared deviations + rest^2 / runs
        wanted = range(math.ceil(low + offset), math.floor(high + offset) + 1)
        if _reach(rest, wanted, runs, base, n):
            return True
    return False


def _wholes(percent: Span, total: int) -> tuple[int, int]:
    """Return the first and the last count of `total` decisions within a span of percent."""
    return math.ceil(percent.low * total / 100), math.floor(percent.high * total / 100)


def _squares_window(spread: Span, n: int, runs: int, meaning: Meaning) -> tuple[Fraction, Fraction]:
    """Return the sums of squared deviations, in counts, that are written as the spread."""
    divisor = {"sample SD": runs - 1, "population SD": runs, "standard error": runs * (runs - 1)}
    factor = Fraction(n, 100) ** 2 * divisor[meaning]
    return max(Fraction(0), spread.low) ** 2 * factor, spread.high**2 * factor


def _range_counts(spread: Span, n: int) -> range:
    """Return the differences of the largest and smallest count that are written as half a range."""
    first, last = _wholes(spread, 2 * n)
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
