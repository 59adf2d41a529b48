"""Claims between two values with ±: from how many runs on the printed spread supports them."""

from __future__ import annotations

import math

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    ranges,
    table_name,
    tables_of,
)
from repro.audit.granularity import run_counts
from repro.audit.rules.listed_size import TRIED
from repro.spec.schema import Claim

RULE = "Welch"
ASKS = "from how many runs on does the printed ± support the claim?"
SHOWS_NOT = "whether the claim is true: it says how many runs it needs, with ± as their deviation"
DOMAIN = 4
LEVEL = 0.05


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Test each claim between two values with ±, for the runs that are stated or for 2 to 10."""
    found = []
    for entry in paper.entries:
        for claim in entry.table.claim:
            pair = paper.pair(entry, claim)
            if pair is None or not all(s.number and s.number.spread for s in pair):
                continue
            stated = pair[0].scored.runs if pair[0].scored else None
            if stated == 1:
                continue  # the ± is not that of runs
            checks.count(RULE)
            runs = [stated] if stated else list(TRIED)[1:]
            values = {r: welch(*pair, r) for r in runs}
            if any(p > LEVEL for p in values.values()):
                found.append(_finding(paper, claim, pair, values))
    return found


def welch(better: Spot, worse: Spot, runs: int) -> float:
    """Return Welch's two-sided p with ± read as a sample SD over so many runs each."""
    from scipy.special import stdtr

    assert better.number is not None
    assert worse.number is not None
    assert better.number.spread is not None
    assert worse.number.spread is not None
    parts = [
        float(s.number.spread) ** 2 / runs for s in (better, worse) if s.number and s.number.spread
    ]
    difference = float(better.number.value - worse.number.value)
    se = math.sqrt(sum(parts))
    df = sum(parts) ** 2 / sum(part**2 / (runs - 1) for part in parts)
    return float(2 * stdtr(df, -abs(difference) / se))


def _finding(
    paper: Paper, claim: Claim, pair: tuple[Spot, Spot], values: dict[int, float]
) -> Finding:
    first = next((r for r, p in values.items() if p <= LEVEL), None)
    n, stated = paper.size_of(pair[1]), len(values) == 1
    both = []
    if n is not None and not stated:
        fitting = [run_counts(s.number, n, range(2, TRIED.stop)) for s in pair if s.number]
        both = sorted(set(fitting[0]) & set(fitting[1]))
    also = f" Both means are attainable with {ranges(both)} runs." if both else ""
    rests = f"below .05 from {first} runs on" if first else "above .05 for all of them"
    ends = "That is above .05." if stated else f"{rests}. The number of runs is not stated."
    listed = ", ".join(f"{p:.2g} with {r} runs" for r, p in list(values.items())[:4])
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=tables_of(list(pair)),
        cells=addresses(list(pair)),
        title="An improvement within the printed spread"
        if stated
        else "An improvement that rests on an unstated number of runs",
        claim=claim.sentence,
        computation=tuple(f"{r} runs each: Welch p = {p:.2g}" for r, p in values.items()),
        survives=("± is a standard error, or the runs are paired",),
        sentence=f"{table_name(pair[0].entry)}: {pair[0].text} against {pair[1].text}, with ± as "
        f"the standard deviation of runs, gives p = {listed}{'. ' if stated else '; '}{ends}{also}",
        numbers={"p": {str(r): p for r, p in values.items()}, "attainable_runs": both},
    )
