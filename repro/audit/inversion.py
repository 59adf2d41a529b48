"""Find the test sizes that a set of printed accuracies allows, and how many fit by chance.

The search is over N, the decisions behind a printed mean, for the rounded exact mean; N = n x runs
gives the size n of one run's test set. How many sizes fit by chance is the sum over them of the
product over cells of min(1, N / 10^(decimals + 2)); moving every printed value by up to 0.50 points
(jitter) checks it and says how often so many fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from repro.audit.granularity import (
    READINGS,
    Reading,
    attainable,
    chance,
    check_percent,
    check_sizes,
    surviving,
)
from repro.spec.printed import Printed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]

JITTER = 50  # hundredths of a point
DRAWS = 20_000
BATCH = 1_000  # draws judged together, so that memory stays small
LARGEST = 100_000  # the largest size that is searched


@dataclass(frozen=True)
class Search:
    """The sizes in low..high that fit, with those missed by few cells, and what chance gives.

    fits: those that give every value; misses: the number of cells missed, by size, up to the
    number allowed; expected: fits by chance, by the formula; jittered: the mean over all jittered
    values; p: how often as many fit, from 20,000 draws of them.
    """

    low: int
    high: int
    runs: int
    fits: tuple[int, ...]
    misses: dict[int, int]
    expected: float
    jittered: float
    p: float


def search(values: Sequence[Printed], runs: int, low: int, high: int, allowed: int = 2) -> Search:
    """Search low..high for the sizes of one run's test set; runs = 1 searches over N itself."""
    return _search(tuple(values), runs, low, high, allowed)


@lru_cache(maxsize=128)
def _search(values: tuple[Printed, ...], runs: int, low: int, high: int, allowed: int) -> Search:
    import numpy as np

    _check(values, runs, low, high)
    sizes = np.arange(low, high + 1, dtype=np.int64)
    missed = np.sum([~_fits(value, sizes * runs) for value in values], axis=0)
    few = {int(n): int(m) for n, m in zip(sizes, missed, strict=True) if m <= allowed}
    fits = tuple(n for n, m in few.items() if m == 0)
    jittered, p = _jitter(values, sizes * runs, len(fits))
    expected = expected_fits(values, runs, range(low, high + 1))
    return Search(low, high, runs, fits, few, expected, jittered, p)


def expected_fits(values: Sequence[Printed], runs: int, sizes: Sequence[int]) -> float:
    """Return how many of the sizes fit all values by chance."""
    total = 0.0
    for n in sizes:
        product = 1.0
        for value in values:
            product *= chance(n, runs, value.decimals)
        total += product
    return total


def sizes_under(
    values: Sequence[Printed], runs: int, low: int, high: int, reading: Reading
) -> list[int]:
    """Return the sizes that give every value under one reading."""
    import numpy as np

    _check(values, runs, low, high)
    if reading.padded:
        return [n for n in range(low, high + 1) if _all(values, n, runs, reading)]
    # Averages of written values lie within one unit of the exact mean's window.
    sizes = np.arange(low, high + 1, dtype=np.int64)
    near = np.ones(len(sizes), dtype=bool)
    for value in values:
        near &= _fits(value, sizes * runs, slack=2)
    return [int(n) for n in sizes[near] if _all(values, int(n), runs, reading)]


def joint_readings(values: Sequence[Printed], n: int, runs: int) -> list[Reading]:
    """Return the readings under which one size gives every value."""
    return shared([surviving(value, n, runs) for value in values], runs)


def shared(by_value: Sequence[Sequence[Reading]], runs: int) -> list[Reading]:
    """Return the readings that all values share; padding asks nothing of those without zeros."""
    return [
        reading
        for reading in READINGS
        if (runs > 1 or reading.values == "exact")
        and all(
            (reading in found) or (reading.padded and _plain(reading) in found)
            for found in by_value
        )
        and (not reading.padded or any(reading in found for found in by_value))
    ]


def factors(total: int, most: int = 10) -> list[tuple[int, int]]:
    """Return (runs, n) for the ways to split N decisions into 1 to `most` runs."""
    check_sizes(total)
    return [(runs, total // runs) for runs in range(1, most + 1) if total % runs == 0]


def _plain(reading: Reading) -> Reading:
    return Reading(reading.values, reading.mean)


def _all(values: Sequence[Printed], n: int, runs: int, reading: Reading) -> bool:
    return all(attainable(value, n, runs, reading) for value in values)


def _check(values: Sequence[Printed], runs: int, low: int, high: int) -> None:
    if not values:
        raise ValueError("needs at least one accuracy")
    for value in values:
        check_percent(value)
    check_sizes(low, runs)
    if high > LARGEST:
        raise ValueError(f"sizes are searched up to {LARGEST:,}, got {high:,}")
    if high < low:
        raise ValueError(f"the largest size, {high}, is below the smallest, {low}")


def _fits(value: Printed, totals: NDArray[np.int64], slack: int = 0, shift: int = 0) -> Flags:
    """Tell for each N whether a whole count rounds to the value (shifted by so many units).

    slack widens the half interval on both sides, in units.
    """
    import numpy as np

    units = int(value.value / value.unit) + shift
    scale = int(100 / value.unit)
    first = -((-(2 * units - 1 - 2 * slack) * totals) // (2 * scale))
    last = ((2 * units + 1 + 2 * slack) * totals) // (2 * scale)
    result: Flags = np.maximum(first, 0) <= np.minimum(last, totals)
    return result


def _jitter(
    values: Sequence[Printed], totals: NDArray[np.int64], found: int
) -> tuple[float, float]:
    """Return the mean number of fits over all jittered values, and how often there are `found`."""
    import numpy as np

    shares, packed = np.ones(len(totals)), []
    for value in values:
        reach = max(1, int(JITTER / (100 * value.unit)))
        flags = np.stack([_fits(value, totals, shift=s) for s in range(-reach, reach + 1)])
        shares *= flags.mean(axis=0)
        packed.append(np.packbits(flags, axis=1))
    draw = np.random.default_rng(0)
    chosen = [draw.integers(0, len(bits), DRAWS) for bits in packed]
    as_many = 0
    for start in range(0, DRAWS, BATCH):
        together = packed[0][chosen[0][start : start + BATCH]]
        for bits, rows in zip(packed[1:], chosen[1:], strict=True):
            together = together & bits[rows[start : start + BATCH]]
        hits = np.unpackbits(together, axis=1, count=len(totals)).sum(axis=1, dtype=np.int64)
        as_many += int((hits >= found).sum())
    return float(shares.sum()), as_many / DRAWS
