"""Ask which numbers of pairs can give a printed p of Wilcoxon's signed-rank test.

For n pairs W+ takes few values, so p does too: the lattice. It depends on the method (exact, or a
normal approximation with or without continuity correction), on sidedness, and on ties; zeros are
dropped and make n smaller. A printed p is read as rounded to its printed digits, as cut off, and
as a decimal that was rounded first and written as a power of ten later ("0.10" as "1.0e-1").
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Literal, get_args

from repro.spec.printed import Printed
from repro.stats.ranks import LARGEST_EXACT, Method, Sidedness, p_lattice

How = Literal["rounded", "truncated", "rounded as a decimal"]
HOWS: tuple[How, ...] = get_args(How)
METHODS: tuple[Method, ...] = get_args(Method)
SIDES: tuple[Sidedness, ...] = ("two-sided", "greater")  # "less" has the same lattice
MOST_TIED = 12  # patterns of ties double with each pair; up to here all are tried


@dataclass(frozen=True)
class Null:
    """A way to compute p: method and sidedness, without ties unless said so."""

    method: Method = "exact"
    sidedness: Sidedness = "two-sided"

    def __str__(self) -> str:
        side = "two-sided" if self.sidedness == "two-sided" else "one-sided"
        name = {
            "exact": "exact",
            "normal": "normal approximation",
            "normal corrected": "continuity-corrected normal approximation",
        }[self.method]
        return f"{name} ({side})"


NULLS = tuple(Null(method, side) for side, method in product(SIDES, METHODS))


@dataclass(frozen=True)
class Hit:
    """A value of W+ whose p is printed so; `tied` lists how many pairs share each rank."""

    w: float
    p: float
    tied: tuple[int, ...] = ()


def check_p(printed: Printed, n: int | None = None) -> None:
    """Raise ValueError for a p outside 0..1 or a number of pairs outside 1..50.

    0.0 stands for what rounds to it; a 0 without decimals says too little to be a p.
    """
    if not 0 <= printed.value <= 1:
        raise ValueError(f"a p-value lies in 0..1, got {float(printed.value):g}")
    if printed.value == 0 and (printed.bound or not printed.decimals):
        raise ValueError("a p of 0 needs the zeros that are printed (0.000), or a bound (< .001)")
    if n is not None and not 1 <= n <= LARGEST_EXACT:
        raise ValueError(f"the number of pairs must lie in 1..{LARGEST_EXACT}, got {n}")


def hits(printed: Printed, n: int, null: Null | None = None, how: How = "rounded") -> list[Hit]:
    """Return the W+ of n untied pairs whose p is printed so, the smaller of two with the same p."""
    check_p(printed, n)
    return _hits(printed, _lattice(n, null or Null()), how)


def tied_hit(printed: Printed, n: int, how: How = "rounded") -> Hit | None:
    """Return a hit of n pairs with ties under the exact two-sided null, or None; n up to 12."""
    check_p(printed, n)
    if n > MOST_TIED:
        raise ValueError(f"all ties are tried for up to {MOST_TIED} pairs, got {n}")
    for tied in _patterns(n):
        found = _hits(printed, p_lattice(_doubled_midranks(tied)), how)
        if found:
            return Hit(found[0].w, found[0].p, tied)
    return None


def smallest_n(printed: Printed, null: Null, family: int = 1) -> int | None:
    """Return the fewest untied pairs whose smallest p, times the family (Holm), meets a bound."""
    check_p(printed)
    for n in range(1, LARGEST_EXACT + 1):
        if family * smallest_p(n, null) < printed.value:
            return n
    return None


def common_n(values: list[Printed], null: Null, how: How = "rounded", most: int = 20) -> list[int]:
    """Return the numbers of untied pairs, up to `most`, that can print every one of the values."""
    return [n for n in range(1, most + 1) if all(hits(v, n, null, how) for v in values)]


@dataclass(frozen=True)
class Ways:
    """How a stated number of pairs gives a p: as stated, or only if more is assumed."""

    plain: tuple[str, ...]
    other: tuple[str, ...]


def ways(
    printed: Printed,
    pairs: int,
    method: Method | None,
    sides: Sidedness | None,
    ties: bool | None,
    family: int = 1,
) -> Ways:
    """Return how so many pairs give a printed p; what is None is not stated, and all is tried.

    More is assumed where pairs are equal (zeros are dropped), where sizes are (ties), and where p
    was multiplied for up to `family` comparisons. Ties of more than 12 pairs are too many to try:
    such a p counts as possible unless it is below the smallest that the pairs can give.
    """
    check_p(printed, pairs)
    nulls = [n for n in NULLS if method in (None, n.method) and sides in (None, n.sidedness)]
    plain = [f"{null}, {how}" for null in nulls for how in HOWS if hits(printed, pairs, null, how)]
    if plain:
        return Ways(tuple(plain), ())
    other = []
    for m in range(2, family + 1):
        less = Printed(printed.value / m, printed.unit / m, printed.decimals)
        if any(hits(less, pairs, null, how) for null in nulls for how in ("rounded", "truncated")):
            other.append(f"p was multiplied by {m}")
    if ties is not False:
        for zeros in range(1, pairs):
            if any(hits(printed, pairs - zeros, null, how) for null in nulls for how in HOWS):
                other.append(f"{zeros} of the pairs {'is' if zeros == 1 else 'are'} equal")
        if pairs > MOST_TIED:
            floor = min(smallest_p(pairs, null) for null in nulls)
            if floor <= max(_window(printed, how)[1] for how in HOWS):
                other.append("some differences are equal, which is not tried for so many pairs")
        elif _tied(printed, pairs, nulls):
            other.append("some differences are equal")
    return Ways((), tuple(other))


def _tied(printed: Printed, n: int, nulls: list[Null]) -> bool:
    """Tell whether n pairs with ties give a p in any way."""
    windows = [_window(printed, how) for how in HOWS]
    low, high = min(w[0] for w in windows) - 1e-12, max(w[1] for w in windows) + 1e-12
    return any(
        low <= p <= high
        for tied in _patterns(n)
        for null in nulls
        for p in p_lattice(_doubled_midranks(tied), null.method, null.sidedness).values()
    )


def smallest_p(pairs: int, null: Null) -> float:
    """Return the smallest p that so many untied pairs give."""
    return min(_lattice(pairs, null).values())


@lru_cache(maxsize=LARGEST_EXACT * len(NULLS))
def _lattice(n: int, null: Null) -> dict[float, float]:
    """Return the p of every W+ of n untied pairs."""
    return p_lattice(range(2, 2 * n + 1, 2), null.method, null.sidedness)


def _hits(printed: Printed, lattice: dict[float, float], how: How) -> list[Hit]:
    low, high = _window(printed, how)
    found: dict[float, Hit] = {}
    for w, p in sorted(lattice.items()):
        # A p within rounding error of an end counts, so that nothing is excluded by float noise.
        inside = low - 1e-12 <= p <= high + 1e-12
        if inside and not any(math.isclose(p, seen.p) for seen in found.values()):
            found[w] = Hit(w, p)
    return list(found.values())


def _window(printed: Printed, how: How) -> tuple[float, float]:
    """Return what is written as the printed p, both ends included."""
    value, unit = printed.value, printed.unit
    if how == "truncated":
        return float(value), float(value + unit)
    power_of_ten = unit * 10**printed.decimals
    below = unit / 2
    if how == "rounded" and value == power_of_ten != 1:
        below /= 10  # under 1.0e-1 the last digit is worth a tenth: .0967 is 9.7e-2
    return float(value - below), float(value + unit / 2)


def _patterns(n: int) -> Iterator[tuple[int, ...]]:
    """Yield the ways in which n pairs can share ranks, at least two sharing one, few ties first."""
    ways = ([bits >> i & 1 for i in range(n - 1)] for bits in range(1, 2 ** (n - 1)))
    for joined in sorted(ways, key=sum):
        sizes = [1]
        for tie in joined:
            if tie:
                sizes[-1] += 1
            else:
                sizes.append(1)
        yield tuple(sizes)


def _doubled_midranks(tied: tuple[int, ...]) -> tuple[int, ...]:
    doubled: list[int] = []
    for size in tied:
        doubled += [2 * len(doubled) + size + 1] * size
    return tuple(doubled)
