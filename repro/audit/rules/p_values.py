"""Printed p-values of signed-rank tests: which numbers of pairs can give them."""

from __future__ import annotations

from collections import defaultdict

from repro.audit import plattice
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    either,
    listing,
    plural,
    ranges,
    table_name,
    tables_named,
    tables_of,
)
from repro.audit.plattice import NULLS, Null
from repro.spec.printed import Printed
from repro.spec.schema import Tested

RULE = "p-values"
ASKS = "which numbers of pairs give the printed p, and does the stated number?"
SHOWS_NOT = (
    "which test was made, or whether its result is right: other tests than the signed-rank test "
    "have other values"
)
DOMAIN = 4
MOST = 20  # pairs tried
FOLDS = 10  # the pairs that a reader expects most: one for each fold of ten


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Test each p on the pairs that are stated; where none are, say how many would do."""
    found = []
    bounds: dict[tuple[str, int], list[Spot]] = defaultdict(list)
    for entry in paper.entries:
        spots = [s for s in paper.of(entry) if s.fields.derive == "wilcoxon" and s.number]
        checks.count(RULE, len(spots))
        for tested, mine in _by_statement(spots):
            found += _stated(paper, mine, tested, len(spots))
        silent = [s for s in spots if s.tested is None]
        values = [s for s in silent if s.number and not s.number.bound]
        if values:
            found.append(_values(paper, values, len(spots)))
        for spot in silent:
            if spot.number and spot.number.bound == "<":
                bounds[spot.text, len(spots)].append(spot)
    return found + [_bounds(paper, spots, family) for (_, family), spots in bounds.items()]


# ---- where the pairs are stated --------------------------------------------------------------


def _by_statement(spots: list[Spot]) -> list[tuple[Tested, list[Spot]]]:
    """Return the spots whose pairs are stated, by what is stated."""
    stated: dict[str, tuple[Tested, list[Spot]]] = {}
    for spot in spots:
        if spot.tested is not None:
            stated.setdefault(repr(spot.tested), (spot.tested, []))[1].append(spot)
    return list(stated.values())


def _stated(paper: Paper, spots: list[Spot], tested: Tested, family: int) -> list[Finding]:
    """Find the p-values that the stated pairs do not give as stated."""
    never: list[tuple[Spot, tuple[str, ...]]] = []
    other: list[tuple[Spot, tuple[str, ...]]] = []
    for spot in spots:
        assert spot.number is not None
        if spot.number.bound == ">":
            continue
        how = _ways(spot.number, tested, family)
        if not how.plain:
            (other if how.other else never).append((spot, how.other))
    return [_wrong(paper, cells, tested) for cells in (never, other) if cells]


def _ways(number: Printed, tested: Tested, family: int) -> plattice.Ways:
    """Return how the stated pairs give a p; a bound is given by whatever lies below it."""
    if number.bound:
        nulls = [n for n in NULLS if tested.method in (None, n.method)
                 and tested.sides in (None, n.sidedness)]  # fmt: skip
        least = min(plattice.smallest_p(tested.pairs, null) for null in nulls)
        return plattice.Ways(("the smallest p",) if least < number.value else (), ())
    return plattice.ways(number, tested.pairs, tested.method, tested.sides, tested.ties, family)


def _wrong(paper: Paper, cells: list[tuple[Spot, tuple[str, ...]]], tested: Tested) -> Finding:
    spots = [spot for spot, _ in cells]
    nulls = [null for null in NULLS if tested.method in (None, null.method)
             and tested.sides in (None, null.sidedness)]  # fmt: skip
    shared = [way for way in cells[0][1] if all(way in ways for _, ways in cells)]
    survives = shared or ["different assumptions for each"] if cells[0][1] else []
    texts = listing([f"{spot.text} ({spot.name})" for spot in spots])
    printed = listing([spot.text for spot in spots])
    unless = f" unless {either(survives)}" if survives else ", with or without ties"
    floors = listing([f"{plattice.smallest_p(tested.pairs, null):.2g} ({null})" for null in nulls])
    return Finding(
        rule=RULE,
        sides="two numbers",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=f"p {printed} on {plural(tested.pairs, 'stated pair')}",
        claim=tested.source,
        computation=(
            f"the smallest p of {plural(tested.pairs, 'pair')}: {floors}",
            *(f"{spot.text}: {either(list(ways)) or 'never'}" for spot, ways in cells),
        ),
        survives=tuple(survives),
        sentence=f"{table_name(spots[0].entry)}: {texts}: {plural(tested.pairs, 'pair')}, as "
        f"stated, {'do' if tested.pairs > 1 else 'does'} not give "
        f"{'these' if len(spots) > 1 else 'this p'} in a signed-rank test{unless}.",
        numbers={"pairs": tested.pairs, "printed": [spot.text for spot in spots]},
    )


# ---- where they are not ----------------------------------------------------------------------


def _values(paper: Paper, spots: list[Spot], family: int) -> Finding:
    numbers = [s.number for s in spots if s.number is not None]
    texts = listing(list(dict.fromkeys(s.text for s in spots)))
    by_null = {null: plattice.common_n(numbers, null, most=MOST) for null in NULLS}
    exact = by_null[Null()]
    tied = [n for n in range(2, plattice.MOST_TIED + 1) if all(_tied(v, n) for v in numbers)]
    truncated = plattice.common_n(numbers, Null(), "truncated", MOST)
    if exact and exact[0] > 1:
        none = f"no n <= {exact[0] - 1} gives {texts} (the smallest is {exact[0]})"
    else:
        none = f"no n <= {MOST} gives {texts}" if not exact else f"n = {exact[0]} gives {texts}"
    others = {null: ns for null, ns in by_null.items() if null != Null() and ns}
    folds = _at(FOLDS, numbers, others, tied)
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=(spots[0].entry.id,),
        cells=addresses(spots),
        title=f"p = {texts}: the number of pairs, and the method",
        claim="",
        computation=(
            *(f"{null}: {ranges(ns)}" for null, ns in by_null.items()),
            f"exact (two-sided) with ties (n up to {plattice.MOST_TIED}): {ranges(tied)}",
            f"exact (two-sided), p cut off instead of rounded: {ranges(truncated)}",
        ),
        survives=(
            *(f"{null}: n = {ranges(ns)}" for null, ns in others.items()),
            *([f"ties: n = {ranges(tied)}"] if tied else []),
        ),
        sentence=f"{table_name(spots[0].entry)}: under the exact two-sided signed-rank null "
        f"without ties or zeros {none}. {folds}n, sidedness and method are not stated.",
        numbers={
            "printed": [s.text for s in spots],
            "n": {str(null): ns for null, ns in by_null.items()},
            "tied": tied,
            "truncated": truncated,
            "w": {str(null): _w(numbers, null, FOLDS) for null in NULLS},
            "family": family,
        },
    )


def _tied(value: Printed, n: int) -> bool:
    return plattice.tied_hit(value, n) is not None


def _w(values: list[Printed], null: Null, n: int) -> list[float | None]:
    """Return the smaller W that gives each value, or None."""
    found = [plattice.hits(value, n, null) for value in values]
    return [hits[0].w if hits else None for hits in found]


def _at(n: int, values: list[Printed], others: dict[Null, list[int]], tied: list[int]) -> str:
    """Say how n pairs give all values, if they do."""
    ways = [
        f"under the {null} (W = {listing([f'{w:g}' for w in _w(values, null, n) if w])})"
        for null, ns in others.items()
        if n in ns
    ]
    ways += ["with ties"] if n in tied else []
    every = "both" if len(values) == 2 else "all"
    return f"n = {n} gives {every} {', or '.join(ways)}. " if ways else ""


def _bounds(paper: Paper, spots: list[Spot], family: int) -> Finding:
    """Say how many pairs a bound needs, alone and with Holm's correction over the table."""
    text, number = spots[0].text, spots[0].number
    where = tables_named(spot.entry for spot in spots)
    assert number is not None
    alone = {null: plattice.smallest_n(number, null) for null in NULLS}
    holm = {null: plattice.smallest_n(number, null, family) for null in NULLS}
    exact = Null()
    less = {str(null): n for null, n in alone.items() if n and n < (alone[exact] or 0)}
    fewer = [
        f"n >= {least} under the " + " or the ".join(name for name, n in less.items() if n == least)
        for least in sorted(set(less.values()), reverse=True)
    ]
    also = f" ({'; '.join(fewer)})" if fewer else ""
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=f"p {text}: how many pairs it needs",
        claim="",
        computation=tuple(
            f"{null}: n >= {alone[null]}; with Holm over {plural(family, 'comparison')}: "
            f"n >= {holm[null]}"
            for null in NULLS
        ),
        survives=("there are as many pairs",),
        sentence=f"{where}: '{text}', printed {plural(len(spots), 'time')}, "
        f"needs n >= {alone[exact]} pairs under the exact two-sided signed-rank null{also}; "
        f"corrected by Holm over the {plural(family, 'comparison')} of a table it needs "
        f"n >= {holm[exact]}. n is not stated.",
        numbers={
            "printed": text,
            "times": len(spots),
            "family": family,
            "alone": {str(null): n for null, n in alone.items()},
            "holm": {str(null): n for null, n in holm.items()},
        },
    )
