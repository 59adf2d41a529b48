"""The last digits of a paper's own results, and whether they are as even as chance has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from repro.audit.findings import Checks, Finding, Paper, Spot, addresses, plural, tables_of
from repro.audit.intervals import WAYS, Written

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RULE = "last digits"
ASKS = "are the last digits of a paper's own results as even as chance has them?"
SHOWS_NOT = (
    "that any value is made up: a habit of rounding, or results that hang together, make last "
    "digits uneven too"
)
DOMAIN = 4
RARE = 0.01
FEWEST = 30  # values; fewer show nothing
NEAR = 5  # points around a value within which its count may as well have lain
DRAWS = 20_000


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Test the last digits of all results of a paper that are printed with the same decimals."""
    spots = _own(paper)
    if len(spots) < FEWEST:
        checks.skipped += [
            {
                "cell": f"{paper.id}/*",
                "why": f"last digits: {plural(len(spots), 'value')} of the paper's own with two "
                f"decimals and a known size, fewer than {FEWEST} show nothing",
            }
        ]
        return []
    checks.count(RULE)
    seen = Counter(int(spot.text[-1]) for spot in spots)
    found = []
    for way in WAYS:
        expected = [_chances(paper, spot, way) for spot in spots]
        found.append((_p([seen[digit] for digit in range(10)], expected), expected))
    p, expected = max(found)
    return [_finding(paper, spots, seen, expected, p)] if p < RARE else []


def _own(paper: Paper) -> list[Spot]:
    """Return the results of a paper's own, each once, of rows and columns with equal decimals.

    An accuracy counts where its size is known: shares of 200 end in 0 whatever is done.
    """
    lines: dict[tuple[str, str], list[Spot]] = defaultdict(list)
    for spot in paper.spots:
        if spot.fields.kind == "trained" and spot.share is not None and spot.fields.metric:
            if _is_accuracy(spot) and paper.size_of(spot) is None:
                continue
            lines[spot.entry.id, spot.fields.metric].append(spot)
    once: dict[tuple[str | None, ...], Spot] = {}
    for spots in lines.values():
        decimals = {spot.number.decimals for spot in spots if spot.number}
        plain = all(spot.text.replace(".", "", 1).isdigit() for spot in spots)
        if len(decimals) == 1 and decimals.pop() >= 2 and plain:
            for spot in spots:
                fields = spot.fields
                once.setdefault((fields.system, fields.dataset, fields.metric, spot.text), spot)
    return list(once.values())


def _is_accuracy(spot: Spot) -> bool:
    return (spot.fields.metric or "").rpartition(".")[2] == "accuracy"


def _chances(paper: Paper, spot: Spot, way: Written) -> list[float]:
    """Return the chance of each last digit: that of the counts nearby, or even for other scores."""
    import numpy as np

    n, number = paper.size_of(spot), spot.number
    if n is None or number is None or not _is_accuracy(spot):
        return [0.1] * 10
    total = n * ((spot.scored.runs if spot.scored else None) or 1)
    reach = max(10, NEAR * total // 100)
    centre = round(number.value * total / 100)
    near = np.arange(max(0, centre - reach), min(total, centre + reach) + 1)
    # In printed units, as a whole part and a remainder: exact, where floats would round.
    whole, rest = np.divmod(100 * number.unit.denominator * near, number.unit.numerator * total)
    if way == "rounded":
        twice = 2 * rest - number.unit.numerator * total
        last = np.repeat(whole + ((twice > 0) | ((twice == 0) & (whole % 2 == 1))), 2)
    else:  # floating point may cut off a whole number one lower
        last = np.concatenate([whole, whole - (rest == 0)])
    digits = np.bincount(last % 10, minlength=10)
    # Other readings put some values beside these.
    return [float(share) for share in 0.95 * digits / len(last) + 0.005]


def _p(seen: list[int], expected: list[list[float]]) -> float:
    """Return how often digits drawn by their chances lie as far from what is expected."""
    import numpy as np

    draw = np.random.default_rng(0)
    chances = np.array(expected)
    mean = chances.sum(axis=0)
    counts = np.zeros((DRAWS, 10), dtype=np.int64)
    for row in chances:
        digit = np.minimum(np.searchsorted(row.cumsum(), draw.random(DRAWS), side="right"), 9)
        counts[np.arange(DRAWS), digit] += 1
    as_far = _distance(counts, mean) >= _distance(np.array([seen]), mean)[0] - 1e-9
    return float((as_far.sum() + 1) / (DRAWS + 1))


def _distance(counts: NDArray[np.int64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = ((counts - mean) ** 2 / mean).sum(axis=1)
    return distance


def _finding(
    paper: Paper, spots: list[Spot], seen: Counter[int], expected: list[list[float]], p: float
) -> Finding:
    means = [sum(row[digit] for row in expected) for digit in range(10)]
    return Finding(
        rule=RULE,
        sides="chance",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title="Uneven last digits",
        claim="",
        computation=tuple(
            f"{digit}: {seen[digit]} times, {means[digit]:.1f} expected" for digit in range(10)
        ),
        survives=("chance", "a habit of rounding", "results that hang together"),
        sentence=f"The last digits of {plural(len(spots), 'result')} of the paper's own are as "
        f"uneven as chance makes them with P = {p:.2g}.",
        chance=p,
        numbers={"seen": [seen[digit] for digit in range(10)], "expected": means, "p": p},
    )
