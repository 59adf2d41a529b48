"""Ask whether a printed accuracy can be a share of so many decisions, reading by reading.

An accuracy over n clips is a multiple of 100/n percent, so its decimals can exclude n (the GRIM
test). A reading says how the printed value came about: what was averaged (the runs' exact values,
or values rounded or cut off before), how the mean was written, and whether trailing zeros are
padding. Rounding takes both ends of the half interval, so half-up and half-even are one reading.
Cutting off takes both ends too: 57 of 200 is 28.499999999999996 in floating point, and 28.49 cut
off. Only a value that no reading gives is impossible, and only if it is a share at all.

Values are percent, `printed.Printed`; one unit is a unit of the last printed digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from repro.spec.printed import Printed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Whole = NDArray[np.int64]

LARGEST_TABLE = 2 * 10**9  # bit operations; above it averaged run values are judged leniently
FINEST = 10**5  # units in 100 % up to which every value is tried for the chance of passing
NO_LATTICE = (
    "An average over batches, and a mean over classes or over folds of unequal size, can be any "
    "value; a count that leaves clips out is a share of fewer."
)


@dataclass(frozen=True)
class Reading:
    """How a printed mean came about."""

    values: Literal["exact", "rounded", "truncated"] = "exact"  # of the runs, before averaging
    mean: Literal["rounded", "truncated"] = "rounded"
    padded: bool = False  # trailing zeros are padding

    def __str__(self) -> str:
        text = {
            "exact": f"{self.mean} mean",
            "rounded": f"{self.mean} mean of rounded run values",
            "truncated": f"{self.mean} mean of truncated run values",
        }[self.values]
        return f"{text}, trailing zeros as padding" if self.padded else text


READINGS = tuple(
    Reading(values, mean, padded)
    for padded in (False, True)
    for values in ("exact", "rounded", "truncated")
    for mean in ("rounded", "truncated")
)
DEFAULT = READINGS[0]


def check_percent(printed: Printed) -> None:
    """Raise ValueError for a value outside 0..100."""
    if not 0 <= printed.value <= 100:
        raise ValueError(f"an accuracy in percent lies in 0..100, got {float(printed.value):g}")


def check_sizes(n: int, runs: int = 1) -> None:
    """Raise ValueError for a number of decisions or runs below 1."""
    if n < 1:
        raise ValueError(f"the number of decisions must be at least 1, got {n}")
    if runs < 1:
        raise ValueError(f"the number of runs must be at least 1, got {runs}")


def unpadded(printed: Printed) -> Printed:
    """Return the value with its trailing zeros taken as padding: "61.00" as "61"."""
    decimals, unit = printed.decimals, printed.unit
    while decimals > 0 and (printed.value / (unit * 10)).denominator == 1:
        decimals, unit = decimals - 1, unit * 10
    return Printed(printed.value, unit, decimals)


def readings_of(printed: Printed, runs: int) -> list[Reading]:
    """Return the readings that differ for this value: one run is not averaged, most end in no 0."""
    zeros = unpadded(printed).decimals < printed.decimals
    return [
        reading
        for reading in READINGS
        if (zeros or not reading.padded) and (runs > 1 or reading.values == "exact")
    ]


def chance(n: int, runs: int, decimals: int) -> float:
    """Return the chance that any value is a rounded share of n x runs: 1 means no information."""
    check_sizes(n, runs)
    return min(1.0, n * runs / 10.0 ** (decimals + 2))


def chance_of_any(printed: Printed, n: int, runs: int = 1) -> float:
    """Return the chance that a value with the same trailing zeros passes under some reading.

    This is what a check could have found: 1 means that it could have found nothing. Finer values
    than can be tried one by one get a bound: a count is written as at most four of them.
    """
    check_sizes(n, runs)
    scale = int(100 / printed.unit)
    if n * runs >= scale:
        return 1.0
    if scale > FINEST:
        return min(1.0, 4 * (n * runs + 1) / scale)
    zeros = printed.decimals - unpadded(printed).decimals
    return _share_of_any(n, runs, scale, zeros, zeros == printed.decimals)


@lru_cache(maxsize=1024)
def _share_of_any(n: int, runs: int, scale: int, zeros: int, whole: bool) -> float:
    """Return the share of values with so many trailing zeros that some reading gives."""
    import numpy as np

    found = np.zeros(scale + 1, dtype=np.bool_)
    for reading in READINGS:
        if (reading.values == "exact" or runs > 1) and (zeros or not reading.padded):
            step = 10**zeros if reading.padded else 1
            found[::step] |= printable(n, runs, scale // step, reading)
    units = np.arange(0, scale + 1, 10**zeros)
    return float(found[units if whole else units[units // 10**zeros % 10 > 0]].mean())


@lru_cache(maxsize=64)
def printable(n: int, runs: int, scale: int, reading: Reading) -> Flags:
    """Tell of every value, in units of which `scale` are 100 %, whether a reading gives it."""
    import numpy as np

    truncated = reading.mean == "truncated"
    if reading.values == "exact" or runs == 1:
        return _flags(np.arange(n * runs + 1) * scale, n * runs, scale, truncated)
    before = reading.values == "truncated"
    if n * runs**2 * scale > LARGEST_TABLE:
        # Half units that a written mean may lie below and above the exact one, at most.
        below, above = 2 + before + truncated, 2 - before - truncated
        exact = np.arange(n * runs + 1) * scale * 2
        first = -((below * n * runs - exact) // (2 * n * runs))
        last = (exact + above * n * runs) // (2 * n * runs)
        flags = np.zeros(scale + 1, dtype=np.bool_)
        for step in range(4):
            units = first + step
            flags[units[(units <= last) & (units >= 0) & (units <= scale)]] = True
        return flags
    sums = _sums(n, runs, scale, before)
    packed = np.frombuffer(sums.to_bytes(sums.bit_length() // 8 + 1, "little"), dtype=np.uint8)
    totals = np.flatnonzero(np.unpackbits(packed, bitorder="little"))
    return _flags(totals, runs, scale, truncated)


def _flags(values: Whole, of: int, scale: int, truncated: bool) -> Flags:
    """Tell of every unit whether one of values / of is written as it; both neighbours of an end."""
    import numpy as np

    flags = np.zeros(scale + 2, dtype=np.bool_)
    quotient, rest = np.divmod(values, of)
    if truncated:
        flags[quotient] = True
        flags[np.maximum(quotient[rest == 0] - 1, 0)] = True
    else:
        flags[quotient[2 * rest <= of]] = True
        flags[quotient[2 * rest >= of] + 1] = True
    return flags[:-1]


def attainable(printed: Printed, n: int, runs: int = 1, reading: Reading = DEFAULT) -> bool:
    """Tell whether the mean of `runs` accuracies over n decisions each can be printed so."""
    check_percent(printed)
    check_sizes(n, runs)
    value = unpadded(printed) if reading.padded else printed
    scale = int(100 / value.unit)  # units in 100 %
    window = Window.of(int(value.value / value.unit), reading.mean == "truncated")
    if reading.values == "exact" or runs == 1:
        first, last = window.wholes(Fraction(n * runs, scale))
        return max(first, 0) <= min(last, n * runs)
    return _mean_in(window, n, runs, scale, reading.values == "truncated")


def surviving(printed: Printed, n: int, runs: int = 1) -> list[Reading]:
    """Return the readings under which the value can be printed; none: impossible."""
    return [r for r in readings_of(printed, runs) if attainable(printed, n, runs, r)]


def counts(printed: Printed, total: int) -> list[int]:
    """Return every number of correct decisions of `total` that rounds to the printed value."""
    check_percent(printed)
    check_sizes(total)
    window = Window.of(int(printed.value / printed.unit), truncated=False)
    first, last = window.wholes(Fraction(total) * printed.unit / 100)
    return list(range(max(first, 0), min(last, total) + 1))


def only_count(printed: Printed | None, total: int) -> int | None:
    """Return the correct decisions of `total` where the printed value allows one number only."""
    found = counts(printed, total) if printed is not None else []
    return found[0] if len(found) == 1 else None


def around(printed: Printed, total: int) -> str:
    """Write the two shares of `total` decisions around a value."""
    below = min(int(printed.value * total / 100), total)
    shares = [
        f"{k:,}/{total:,} = {100 * k / total:.4f} %" for k in (below, below + 1) if k <= total
    ]
    return " and ".join(shares)


def run_counts(printed: Printed, n: int, tried: range, reading: Reading = DEFAULT) -> list[int]:
    """Return the numbers of runs whose mean can be printed so under a reading."""
    return [
        runs
        for runs in tried
        if reading in readings_of(printed, runs) and attainable(printed, n, runs, reading)
    ]


@dataclass(frozen=True)
class Window:
    """What is written as one printed value, in its units, both ends included."""

    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, units: int, truncated: bool) -> Window:
        """Return the half interval around a value, or what is cut off to it."""
        if truncated:
            return cls(Fraction(units), Fraction(units + 1))
        return cls(Fraction(2 * units - 1, 2), Fraction(2 * units + 1, 2))

    def wholes(self, factor: Fraction | int) -> tuple[int, int]:
        """Return the first and the last whole number in the window times a factor."""
        return _ceil(self.low * factor), int(self.high * factor // 1)


def _mean_in(window: Window, n: int, runs: int, scale: int, truncated: bool) -> bool:
    """Tell whether a sum of `runs` written run values lies in `runs` times the window."""
    first, last = window.wholes(runs)
    # A written value is within half a unit of k / n (cut off: less than one unit below it).
    reach = (Fraction(0), Fraction(runs)) if truncated else (Fraction(-runs, 2), Fraction(runs, 2))
    near = Window(first + reach[0], last + reach[1]).wholes(Fraction(n, scale))
    if near[0] > near[1] or n * runs**2 * scale > LARGEST_TABLE:
        return near[0] <= near[1]
    sums = _sums(n, runs, scale, truncated)
    return any(sums >> total & 1 for total in range(max(first, 0), last + 1))


@lru_cache(maxsize=256)
def _sums(n: int, runs: int, scale: int, truncated: bool) -> int:
    """Return the attainable sums of `runs` written values of k / n, in units, as bits."""
    values = written(n, scale, truncated)
    sums = 1
    for _ in range(runs):
        reached = 0
        for value in values:
            reached |= sums << value
        sums = reached
    return sums


def written(n: int, scale: int, truncated: bool) -> list[int]:
    """Return k / n for every k as it can be written, in units; both neighbours of an end."""
    import numpy as np

    flags = _flags(np.arange(n + 1) * scale, n, scale, truncated)
    return [int(unit) for unit in np.flatnonzero(flags)]


def _ceil(value: Fraction) -> int:
    return -int(-value // 1)
