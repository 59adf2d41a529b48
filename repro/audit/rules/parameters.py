"""Printed parameter counts against counts of the built networks."""

from __future__ import annotations

from collections.abc import Mapping

from repro.audit.findings import Checks, Finding, Paper, Spot, addresses, listing, table_name
from repro.audit.intervals import WAYS, Span, exact, span

RULE = "parameters"
Counts = Mapping[tuple[str, str], Mapping[str, int]]  # (system, data set) -> name -> parameters


def parameters(paper: Paper, checks: Checks, counted: Counts) -> list[Finding]:
    """Find printed counts that no way of counting the built network gives."""
    found = []
    for spot in paper.spots:
        key = (spot.fields.system or "", spot.fields.dataset or "")
        measured = spot.fields.kind == "measured" and spot.fields.metric == "parameters"
        if not measured or spot.number is None or key not in counted:
            continue
        checks.count(RULE)
        millions = {name: exact(count) / exact(scale(spot)) for name, count in counted[key].items()}
        if not any(_prints(spot, value) for value in millions.values()):
            found.append(_finding(paper, spot, counted))
    return found


def scale(spot: Spot) -> int:
    """Return what a printed count is in units of, from the column: 10^6 or 1."""
    unit = spot.column.unit
    return 10 ** int(unit.removeprefix("10^")) if unit.startswith("10^") else 1


def _prints(spot: Spot, value: Span) -> bool:
    assert spot.number is not None
    return any(value.meets(span(spot.number, way)) for way in WAYS)


def _finding(paper: Paper, spot: Spot, counted: Counts) -> Finding:
    """Report a count, beside other networks of the paper's that have the printed one."""
    system, dataset = spot.fields.system or "", spot.fields.dataset or ""
    here = counted[system, dataset]
    unit = exact(scale(spot))
    base = system.partition("@")[0]
    elsewhere = [
        f"{count:,} on {data} ({name})"
        for (other, data), counts in counted.items()
        if other.partition("@")[0] == base and data != dataset
        for name, count in counts.items()
        if _prints(spot, exact(count) / unit)
    ]
    built = listing([f"{count:,} ({name})" for name, count in here.items()])
    also = f" It is that of another task: {listing(elsewhere)}." if elsewhere else ""
    return Finding(
        rule=RULE,
        severity="inconsistent",
        paper=paper.id,
        tables=(spot.entry.id,),
        cells=addresses([spot]),
        title=f"{spot.text} ({spot.name}): not the size of the network as built here",
        claim="",
        computation=(f"built for {dataset}: {built}",),
        survives=tuple(f"counted on another task: {text}" for text in elsewhere),
        sentence=f"{table_name(spot.entry)}: {spot.text} is not the number of parameters of "
        f"{system} for {dataset}, {built}, rounded or cut off.{also}",
        numbers={"counts": dict(here), "printed": spot.text},
    )
