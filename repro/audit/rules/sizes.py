"""Search for the size of a split that gives all accuracies of a design."""

from __future__ import annotations

from typing import Any

from repro.audit import inversion
from repro.audit import size_words as words
from repro.audit.findings import Checks, Finding, Paper, addresses, tables_of
from repro.audit.granularity import DEFAULT, READINGS, surviving
from repro.audit.groups import Group, groups

RULE = "sizes"
ASKS = "which sizes of the test set give all accuracies of a design, and how many by chance?"
SHOWS_NOT = (
    "how the clips of the split were drawn, or whether related clips were kept apart; and a size "
    "that fits is one way in which the values can have come about"
)
DOMAIN = 4
RARE = 0.05  # so many fits or more are said to be more than chance below this


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Report what a search that the table file asks for finds beyond chance, or excludes."""
    found = []
    for group in groups(paper):
        if not group.scored.search:
            continue
        searches = [group.search(end) for end in group.scored.search[1:]]
        checks.count(RULE, len(searches))
        listed = {n: _listed(group, n) for n, _ in group.sizes}
        excluded = any(not detail["joint_readings"] for detail in listed.values())
        if group.found is not None or excluded or min(search.p for search in searches) < RARE:
            found.append(_finding(paper, group, searches, listed))
    return found


def _finding(
    paper: Paper, group: Group, searches: list[inversion.Search], listed: words.Listed
) -> Finding:
    low, *ends = group.scored.search
    first, size = searches[0], group.found
    totals = inversion.search(group.values, 1, low * group.runs, ends[-1] * group.runs)
    columns = _by_metric(group, low, ends)
    readings = _other_readings(group, low, ends[0]) if size is not None else {}
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=tables_of(group.all),
        cells=addresses(group.all),
        title=f"The size of the split: {size:,}" if size else "The sizes that the accuracies allow",
        claim=group.scored.source,
        computation=words.computation(group, searches, totals, columns, listed, readings),
        survives=words.survives(first, readings, listed),
        sentence=words.sentence(group, searches, listed, size),
        chance=min(1.0, first.expected) if size is not None else first.p,
        numbers={
            **_found(searches),
            "values": [spot.text for spot in group.spots],
            "runs": group.runs,
            "totals": list(totals.fits),
            "by_metric": columns,
            "other_readings": readings,
            "listed": {str(n): detail for n, detail in listed.items()},
            "expected_listed": inversion.expected_fits(group.values, group.runs, list(listed)),
            "size": size,
        },
    )


def _found(searches: list[inversion.Search]) -> dict[str, Any]:
    """Return the searches as data."""
    return {
        "searches": [
            {
                "low": s.low,
                "high": s.high,
                "fits": list(s.fits),
                "expected": s.expected,
                "jittered": s.jittered,
                "p": s.p,
                "within_two_misses": sorted(s.misses),
            }
            for s in searches
        ]
    }


def _listed(group: Group, n: int) -> dict[str, Any]:
    """Test one listed size: cells it misses as rounded means, and what would rescue them."""
    survivors = {
        spot.text: [str(reading) for reading in surviving(value, n, group.runs)]
        for spot, value in zip(group.spots, group.values, strict=True)
    }
    return {
        "missed": [text for text, names in survivors.items() if str(DEFAULT) not in names],
        "readings_of_missed": {
            text: names for text, names in survivors.items() if str(DEFAULT) not in names
        },
        "joint_readings": [str(r) for r in inversion.joint_readings(group.values, n, group.runs)],
    }


def _by_metric(group: Group, low: int, ends: list[int]) -> dict[str, dict[str, list[int]]]:
    """Search with the values of each metric alone."""
    metrics = list(dict.fromkeys(spot.fields.metric or "" for spot in group.spots))
    if len(metrics) < 2:
        return {}
    values = {
        metric: [
            value
            for spot, value in zip(group.spots, group.values, strict=True)
            if spot.fields.metric == metric
        ]
        for metric in metrics
    }
    return {
        metric: {
            str(end): list(inversion.search(of, group.runs, low, end).fits) for end in ends[:2]
        }
        for metric, of in values.items()
    }


def _other_readings(group: Group, low: int, high: int) -> dict[str, list[int]]:
    return {
        str(reading): inversion.sizes_under(group.values, group.runs, low, high, reading)
        for reading in READINGS
        if not reading.padded and reading != DEFAULT
    }
