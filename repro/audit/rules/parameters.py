"""Printed parameter counts against counts of the networks as built here."""

from __future__ import annotations

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    plural,
    tables_named,
    tables_of,
)
from repro.audit.intervals import WAYS, Span, exact, span

RULE = "parameters"
ASKS = "is the printed count that of the network as built here?"
SHOWS_NOT = (
    "which of the two is off: a reconstruction is set against the print, and the network may have "
    "been counted on another task or without some parts"
)
DOMAIN = 4


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Report the printed counts that no way of counting the built network gives, all in one."""
    unlike = []
    for spot in paper.spots:
        key = _key(spot)
        measured = spot.fields.kind == "measured" and spot.fields.metric == "parameters"
        if not measured or spot.number is None or key not in paper.counted:
            continue
        checks.count(RULE)
        unit = exact(scale(spot))
        if not any(_prints(spot, exact(count) / unit) for count in paper.counted[key].values()):
            unlike.append(spot)
    return [_finding(paper, unlike, checks.made[RULE])] if unlike else []


def scale(spot: Spot) -> int:
    """Return what a printed count is in units of, from the column: 10^6 or 1."""
    unit = spot.column.unit
    return 10 ** int(unit.removeprefix("10^")) if unit.startswith("10^") else 1


def _key(spot: Spot) -> tuple[str, str]:
    return spot.fields.system or "", spot.fields.dataset or ""


def _prints(spot: Spot, value: Span) -> bool:
    assert spot.number is not None
    return any(value.meets(span(spot.number, way)) for way in WAYS)


def _finding(paper: Paper, spots: list[Spot], checked: int) -> Finding:
    """Report counts, beside other networks of the paper's that have the printed ones."""
    elsewhere = {spot.address: _elsewhere(paper, spot) for spot in spots}
    same = sum(bool(others) for others in elsewhere.values())
    also = f" On another task, the same system has {plural(same, 'of them', 'of them')}."
    where = tables_named(spot.entry for spot in spots)
    return Finding(
        rule=RULE,
        sides="ours",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=f"{plural(len(spots), 'parameter count')} unlike those of the networks built here",
        claim="",
        computation=tuple(_line(paper, spot, elsewhere[spot.address]) for spot in spots),
        survives=(
            "a count on another task, or without some parts, is printed",
            "the network as built here is not the paper's",
        ),
        sentence=f"{where}: {plural(len(spots), 'printed count')} of {checked} "
        f"{'is' if len(spots) == 1 else 'are'} not the number of parameters of the network that "
        f"is built here for that row, rounded or cut off.{also if same else ''}",
        numbers={
            spot.address: {
                "printed": spot.text,
                "counts": dict(paper.counted[_key(spot)]),
                "elsewhere": elsewhere[spot.address],
            }
            for spot in spots
        },
    )


def _elsewhere(paper: Paper, spot: Spot) -> list[str]:
    """Return the same system's counts on other tasks that are printed so."""
    system, dataset = _key(spot)
    base = system.partition("@")[0]
    unit = exact(scale(spot))
    return [
        f"{count:,} on {data} ({name})"
        for (other, data), counts in paper.counted.items()
        if other.partition("@")[0] == base and data != dataset
        for name, count in counts.items()
        if _prints(spot, exact(count) / unit)
    ]


def _line(paper: Paper, spot: Spot, elsewhere: list[str]) -> str:
    system, dataset = _key(spot)
    built = listing([f"{count:,} ({name})" for name, count in paper.counted[_key(spot)].items()])
    also = f"; {listing(elsewhere)}" if elsewhere else ""
    return f"{spot.address}: {spot.text}; {system} built for {dataset}: {built}{also}"
