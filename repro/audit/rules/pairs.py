"""Printed p-values of signed-rank tests: which numbers of pairs can give them."""

from __future__ import annotations

from typing import Any

from repro.audit import plattice
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    plural,
    ranges,
    table_name,
)
from repro.audit.plattice import NULLS, Null
from repro.spec.printed import Printed

RULE = "p-values"
PAIRS = "pairs"
MOST = 20  # pairs tried
FOLDS = 10  # the pairs that a reader expects most: one for each fold of ten


def lattice(paper: Paper, checks: Checks) -> list[Finding]:
    """Say which numbers of pairs give a table's p-values, and which its bounds need."""
    found = []
    for entry in paper.entries:
        spots = [s for s in paper.of(entry) if s.fields.derive == "wilcoxon" and s.number]
        values = [s for s in spots if s.number and not s.number.bound]
        bounds = [s for s in spots if s.number and s.number.bound == "<"]
        checks.count(RULE, len(values) + len(bounds))
        if values:
            found.append(_values(paper, values, len(spots)))
        if bounds:
            found.append(_bounds(paper, bounds, len(spots)))
        quoted = [s for s in spots if _only_quoted(paper, s)]
        checks.count(PAIRS, len(spots))
        if quoted:
            found.append(_no_pairs(paper, quoted))
    return found


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
        severity="unstated",
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
        severity="unstated",
        paper=paper.id,
        tables=(spots[0].entry.id,),
        cells=addresses(spots),
        title=f"p {text}: how many pairs it needs",
        claim="",
        computation=tuple(
            f"{null}: n >= {alone[null]}; with Holm over {plural(family, 'comparison')}: "
            f"n >= {holm[null]}"
            for null in NULLS
        ),
        survives=("there are as many pairs",),
        sentence=f"{table_name(spots[0].entry)}: '{text}', printed {plural(len(spots), 'time')}, "
        f"needs n >= {alone[exact]} pairs under the exact two-sided signed-rank null{also}; "
        f"corrected by Holm over the {plural(family, 'comparison')} of the table it needs "
        f"n >= {holm[exact]}. n is not stated.",
        numbers={
            "printed": text,
            "times": len(spots),
            "family": family,
            "alone": {str(null): n for null, n in alone.items()},
            "holm": {str(null): n for null, n in holm.items()},
        },
    )


def _only_quoted(paper: Paper, spot: Spot) -> bool:
    """Tell whether the row's results are all quoted from other work."""
    kinds = {
        s.fields.kind
        for s in paper.of(spot.entry)
        if s.row is spot.row and s.share is not None and s.fields.metric
    }
    return kinds == {"cited"}


def _no_pairs(paper: Paper, spots: list[Spot]) -> Finding:
    rows = [s.system for s in spots]
    numbers: dict[str, Any] = {"rows": rows}
    return Finding(
        rule=PAIRS,
        severity="not comparable",
        paper=paper.id,
        tables=(spots[0].entry.id,),
        cells=addresses(spots),
        title="A paired test against results that are only quoted",
        claim="",
        computation=(f"{plural(len(rows), 'row')}: {listing(rows)}",),
        survives=("the systems were run again on the same folds, which is not said",),
        sentence=f"{table_name(spots[0].entry)}: a signed-rank test pairs results on the same "
        "folds or data sets; the rows that it is printed for are quoted from other work, and what "
        "was paired is not stated.",
        numbers=numbers,
    )
