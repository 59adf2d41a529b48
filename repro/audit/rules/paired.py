"""Signed-rank tests whose rows are quoted from other work: what could have been paired."""

from __future__ import annotations

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    plural,
    table_name,
    tables_named,
    tables_of,
)

RULE = "pairs"
ASKS = "can the paired test have had pairs?"
SHOWS_NOT = "that there were no pairs: the systems may have been run again on the same folds"
DOMAIN = 2


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Report the paired tests of rows that are only quoted, those of a paper together."""
    spots = [s for s in paper.spots if s.fields.derive == "wilcoxon" and s.number]
    checks.count(RULE, len(spots))
    quoted = [spot for spot in spots if _only_quoted(paper, spot)]
    return [_finding(paper, quoted)] if quoted else []


def _only_quoted(paper: Paper, spot: Spot) -> bool:
    """Tell whether the row's results are all quoted from other work."""
    kinds = {
        s.fields.kind
        for s in paper.of(spot.entry)
        if s.row is spot.row and s.share is not None and s.fields.metric
    }
    return kinds == {"cited"}


def _finding(paper: Paper, spots: list[Spot]) -> Finding:
    entries = {spot.entry.id: spot.entry for spot in spots}
    rows = {
        table_name(entry): [spot.system for spot in spots if spot.entry.id == name]
        for name, entry in entries.items()
    }
    where = tables_named(entries.values())
    return Finding(
        rule=RULE,
        sides="unlike tests",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title="A paired test against results that are only quoted",
        claim="",
        computation=tuple(
            f"{name}: {plural(len(systems), 'row')}: {listing(systems)}"
            for name, systems in rows.items()
        ),
        survives=("the systems were run again on the same folds, which is not said",),
        sentence=f"{where}: a signed-rank test pairs results on the same folds or "
        "data sets; the rows that it is printed for are quoted from other work, and what was "
        "paired is not stated.",
        numbers={"rows": rows},
    )
