"""Accuracies that are means of a stated number of runs: sizes that fit, and those that cannot."""

from __future__ import annotations

from typing import Any

from repro.audit import inversion
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    addresses,
    listing,
    plural,
    table_name,
    tables_of,
)
from repro.audit.granularity import DEFAULT, READINGS, chance, surviving
from repro.audit.rules import size_words as words
from repro.audit.rules.group import Group, groups
from repro.spec.printed import Printed
from repro.spec.schema import Size

RULE = "granularity"
SEARCH = "sizes"
CONVINCING = 0.05  # fewer chance fits than this, and one size found: the size is named


def stated_runs(paper: Paper, checks: Checks) -> list[Finding]:
    """Test the sizes of every group of cells, and search for sizes where the table file asks."""
    found = []
    for group in groups(paper):
        if not group.sizes and not group.scored.search:
            for spot in group.all:
                checks.skipped.append({"cell": spot.address, "why": group.scored.otherwise})
            continue
        tests = _tests(group)
        checks.count(RULE, len(tests))
        checks.records += tests
        for n, size in group.sizes:
            if size.stated:
                found += _stated(paper, group, n, size)
        if group.scored.search:
            found.append(_searched(paper, group, checks))
    return found


def _tests(group: Group) -> list[dict[str, Any]]:
    """Test every cell on every size under every reading."""
    return [
        {
            "cell": spot.address,
            "printed": spot.text,
            "n": n,
            "origin": size.origin,
            "stated": size.stated,
            "runs": group.runs,
            "chance": chance(n, group.runs, value.decimals),
            "readings": [str(reading) for reading in survivors],
            "fits": DEFAULT in survivors,
            "runs_that_fit": [group.runs] if DEFAULT in survivors else [],
            "counts": [],
        }
        for spot, value in zip(group.spots, group.values, strict=True)
        for n, size in group.sizes
        for survivors in [surviving(value, n, group.runs)]
    ]


# ---- a size that the paper states ------------------------------------------------------------


def _stated(paper: Paper, group: Group, n: int, size: Size) -> list[Finding]:
    """Judge the cells of a group on the size that the paper states."""
    what = f"{plural(group.runs, 'run')} on {n:,} decisions ({size.origin})"
    found = []
    for spot, value in zip(group.spots, group.values, strict=True):
        survivors = surviving(value, n, group.runs)
        if DEFAULT in survivors:
            continue
        names = [str(reading) for reading in survivors]
        unless = f" unless it is a {' or a '.join(names)}" if names else " under any reading"
        found.append(
            Finding(
                rule=RULE,
                severity="unstated" if names else "impossible",
                paper=paper.id,
                tables=(spot.entry.id,),
                cells=addresses([spot]),
                title=f"{spot.text} ({spot.name}) on the stated size",
                claim=group.scored.source,
                computation=(_neighbours(value, n * group.runs),),
                survives=tuple(names),
                sentence=f"{table_name(spot.entry)}: {spot.text} is not attainable as the mean of "
                f"{what}{unless}.",
                numbers={"n": n, "runs": group.runs, "printed": spot.text},
            )
        )
    if any(finding.severity == "impossible" for finding in found):
        return found
    if not inversion.joint_readings(group.values, n, group.runs):
        found.append(_no_joint_reading(paper, group, n, what))
    return found


def _no_joint_reading(paper: Paper, group: Group, n: int, what: str) -> Finding:
    cells = [
        f"{spot.text} ({spot.name}): {listing([str(r) for r in surviving(value, n, group.runs)])}"
        for spot, value in zip(group.spots, group.values, strict=True)
    ]
    return Finding(
        rule=RULE,
        severity="inconsistent",
        paper=paper.id,
        tables=tables_of(group.all),
        cells=addresses(group.spots),
        title="No one way of rounding gives all values on the stated size",
        claim=group.scored.source,
        computation=tuple(cells),
        survives=("the values were rounded in different ways",),
        sentence=f"{group.name}: each accuracy is attainable as the mean of {what} under some "
        "reading, but no one reading gives them all.",
        numbers={"n": n, "runs": group.runs},
    )


def _neighbours(value: Printed, total: int) -> str:
    """Write the two shares of N decisions around a value."""
    below = int(value.value * total / 100)
    shares = [f"{k:,}/{total:,} = {100 * k / total:.4f}" for k in (below, min(below + 1, total))]
    return f"around it lie {listing(list(dict.fromkeys(shares)))} %"


# ---- a size that has to be searched ----------------------------------------------------------


def _searched(paper: Paper, group: Group, checks: Checks) -> Finding:
    """Report which sizes fit, beside those that the table file lists."""
    low, *ends = group.scored.search
    searches = [inversion.search(group.values, group.runs, low, end) for end in ends]
    first = searches[0]
    convincing = len(first.fits) == 1 and first.expected < CONVINCING
    checks.count(SEARCH, len(searches), alarm=min(first.expected, 1.0) if convincing else 0.0)
    size = first.fits[0] if convincing else None
    if size is not None:
        checks.sizes |= {spot.address: size for spot in group.all}
    listed = {n: _listed(group, n) for n, _ in group.sizes}
    totals = inversion.search(group.values, 1, low * group.runs, ends[-1] * group.runs)
    columns = _by_metric(group, low, ends)
    readings = _other_readings(group, low, ends[0]) if convincing else {}
    return Finding(
        rule=SEARCH,
        severity="unstated",
        paper=paper.id,
        tables=tables_of(group.all),
        cells=addresses(group.all),
        title="The size of the split" if size else "The sizes that the accuracies allow",
        claim=group.scored.source,
        computation=words.computation(group, searches, totals, columns, listed, readings),
        survives=words.survives(first, readings, listed),
        sentence=words.sentence(group, searches, listed, size),
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
