"""The same value in the same place of two tables that print results on different data."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import combinations

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    capital,
    either,
    listing,
    plural,
    table_name,
    tables_of,
)
from repro.audit.granularity import DEFAULT, attainable, chance

RULE = "repeated"
ASKS = "does one value stand in the same place of two tables of different data?"
SHOWS_NOT = (
    "that a value was copied: values of one size coincide by chance, and the chance printed is "
    "taken from this paper's own differences between the tables"
)
DOMAIN = 3
RARE = 0.05  # coincidences that chance gives more often are not reported
DIGITS = 3  # a value of fewer digits coincides too easily

Place = tuple[str, str]  # system, metric


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Compare every two tables of a paper, place by place, each kind of score alone."""
    by_table: dict[str, dict[Place, Spot]] = defaultdict(dict)
    for spot in paper.spots:
        digits = spot.text.replace(".", "", 1)
        long = digits.isdigit() and len(digits) >= DIGITS
        if spot.fields.metric and long and spot.share and spot.fields.kind == "trained":
            place = spot.fields.system or spot.row.id, spot.fields.metric
            by_table[spot.entry.id].setdefault(place, spot)
    compared = [
        places for one, two in combinations(by_table.values(), 2) for places in _shared(one, two)
    ]
    checks.count(RULE, sum(map(len, compared)))
    in_all = sum(map(_expected, compared))
    found = []
    for places in compared:
        equal = [(a, b) for a, b in places if a.text == b.text]
        if equal and _at_least(len(equal), _expected(places)) < RARE:
            found.append(_finding(paper, equal, places, in_all))
    return found


def _shared(one: dict[Place, Spot], two: dict[Place, Spot]) -> list[list[tuple[Spot, Spot]]]:
    """Return the places of two tables with results on different data, by accuracy, AUC, ..."""
    shared: dict[str, list[tuple[Spot, Spot]]] = defaultdict(list)
    for (system, metric), a in one.items():
        b = two.get((system, metric))
        if b is not None and a.fields.dataset != b.fields.dataset:
            shared[metric.rpartition(".")[2]].append((a, b))
    return list(shared.values())


def _expected(pairs: list[tuple[Spot, Spot]]) -> float:
    """Return how many places coincide by chance, if differences are normal with mean 0.

    The spread is taken from the differences that the two tables print there.
    """
    differences, units = [], []
    for a, b in pairs:
        assert a.number is not None
        assert b.number is not None
        differences.append(float(a.number.value - b.number.value))
        units.append(float(max(a.number.unit, b.number.unit)))
    spread = math.sqrt(sum(d * d for d in differences) / len(differences))
    return sum(min(1.0, u / (max(spread, u) * math.sqrt(2 * math.pi))) for u in units)


def _at_least(number: int, expected: float) -> float:
    """Return the Poisson chance of at least so many."""
    return 1 - sum(math.exp(-expected) * expected**i / math.factorial(i) for i in range(number))


def _finding(
    paper: Paper,
    equal: list[tuple[Spot, Spot]],
    places: list[tuple[Spot, Spot]],
    in_all: float,
) -> Finding:
    spots = [spot for pair in equal for spot in pair]
    names = [table_name(spot.entry) for spot in equal[0]]
    texts = listing([f"{a.text} ({a.name})" for a, _ in equal])
    by_chance = _expected(places)
    p = _at_least(len(equal), by_chance)
    fits = [line for pair in equal for spot in pair if (line := _sizes(paper, spot))]
    return Finding(
        rule=RULE,
        sides="chance",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=f"{listing([a.text for a, _ in equal])} in the same place of two tables",
        claim="",
        computation=(
            f"{plural(len(places), 'place')} of the two compared; {by_chance:.2g} expected to "
            f"coincide by chance, so many or more with P = {p:.2g}",
            f"over all tables and scores of the paper {in_all:.2g} are expected",
            *fits,
        ),
        survives=("chance", "a value was put into the wrong table by mistake"),
        sentence=f"{listing(names)} print {texts} on "
        f"{listing([str(spot.fields.dataset) for spot in equal[0]])}. By chance as many of "
        f"the {plural(len(places), 'place')} that the two share coincide with P = {p:.2g}."
        + (f" {capital('; '.join(fits))}." if fits else ""),
        chance=p,
        numbers={"expected": by_chance, "p": p, "places": len(places), "in_all": in_all},
    )


def _sizes(paper: Paper, spot: Spot) -> str:
    """Say which known or listed sizes print a value as a rounded mean, in which table."""
    scored, value = spot.scored, spot.share
    if scored is None or scored.runs is None or value is None:
        return ""
    found = paper.size_of(spot)
    listed = [found] if found else [n for size in scored.sizes[:1] for n in size.n]
    telling = [n for n in listed if chance(n, scored.runs, value.decimals) < 1]
    fits = [n for n in telling if attainable(value, n, scored.runs, DEFAULT)]
    words = {
        f"{'fits' if n in fits else 'does not fit'} {scored.runs} x {n:,} decisions as a rounded "
        "mean": n
        for n in telling
    }
    return f"in {table_name(spot.entry)} it {either(list(words))}" if words else ""
