"""Pairs of systems whose printed order on validation is reversed on test."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    table_name,
    tables_of,
)
from repro.audit.granularity import only_count
from repro.audit.intervals import order, span

RULE = "validation against test"
ASKS = "do two systems stand in the same order on validation and test?"
SHOWS_NOT = "which order is right: neither is shown to be more than chance"
DOMAIN = 4


Parts = dict[str, Spot]  # a system's values by part, valid and test


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Find pairs of systems whose printed order on validation is reversed on test, by table."""
    found = []
    for entry in paper.entries:
        results: dict[str, dict[str, Parts]] = defaultdict(lambda: defaultdict(dict))
        for spot in paper.of(entry):
            part, _, metric = (spot.fields.metric or "").partition(".")
            if part in ("valid", "test") and metric and spot.share is not None:
                results[metric][spot.fields.system or spot.system][part] = spot
        reversed_ = []
        for metric, systems in results.items():
            both = [parts for parts in systems.values() if len(parts) == 2]
            for a, b in combinations(both, 2):
                checks.count(RULE)
                if _order(a["valid"], b["valid"]) * _order(a["test"], b["test"]) < 0:
                    reversed_.append((metric, a, b))
        if reversed_:
            found.append(_finding(paper, reversed_))
    return found


def _order(a: Spot, b: Spot) -> int:
    assert a.share is not None
    assert b.share is not None
    return {"greater": 1, "less": -1, "open": 0}[order(span(a.share), span(b.share))]


def _finding(paper: Paper, pairs: list[tuple[str, Parts, Parts]]) -> Finding:
    spots = [x[part] for _, a, b in pairs for part in ("valid", "test") for x in (a, b)]
    metrics = listing(list(dict.fromkeys(metric for metric, _, _ in pairs)))
    names = [f"{a['test'].system} and {b['test'].system}" for _, a, b in pairs]
    one = f"The order of {names[0]} reverses between validation and test"
    decisions = [_decisions(paper, a, b) for _, a, b in pairs]
    worth = [text for text, _ in decisions if text]
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=one
        if len(pairs) == 1
        else f"{len(pairs)} orders reverse between validation and test",
        claim="",
        computation=tuple(_line(*pair) for pair in pairs),
        survives=("the difference is within the spread of runs, which is not printed",),
        sentence=f"{table_name(spots[0].entry)}: {'; '.join(names)} stand in one order on "
        f"validation and in the other on test ({metrics})."
        + (f" On test it is worth {listing(worth)} decisions." if worth else ""),
        numbers={"metrics": [m for m, _, _ in pairs], "decisions": [k for _, k in decisions]},
    )


def _decisions(paper: Paper, a: Parts, b: Parts) -> tuple[str, int | None]:
    """Return what a difference on test is worth in decisions of all runs, where they are known."""
    n, scored = paper.size_of(a["test"]), a["test"].scored
    if n is None or scored is None:
        return "", None
    total = n * (scored.runs or 1)
    of_a, of_b = (only_count(x["test"].share, total) for x in (a, b))
    if of_a is None or of_b is None:
        return "", None
    return f"{abs(of_a - of_b)} of {total:,}", of_a - of_b


def _line(metric: str, a: Parts, b: Parts) -> str:
    signs = ["<>"[_order(a[part], b[part]) > 0] for part in ("valid", "test")]
    return (
        f"{a['test'].system} and {b['test'].system}: validation {a['valid'].text} {signs[0]} "
        f"{b['valid'].text}, test {a['test'].text} {signs[1]} {b['test'].text} ({metric})"
    )
