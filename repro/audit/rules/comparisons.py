"""What the differences that the text draws conclusions from are worth in decisions and runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    plural,
    table_name,
)
from repro.audit.granularity import counts, only_count
from repro.spec.schema import Claim
from repro.stats import proportions

RULE = "comparisons"
ASKS = "how many decisions is a claimed difference worth?"
SHOWS_NOT = (
    "that the systems are equally good: paired results on the same clips can decide on less than "
    "an unpaired test can"
)
DOMAIN = 4
LEVEL = 0.05


@dataclass(frozen=True)
class Worth:
    """A claimed difference in points, in decisions, and as an unpaired test on one test set."""

    claim: Claim
    better: Spot
    worse: Spot
    n: int
    points: float
    decisions: float  # of one run
    of_all: int | None  # of all runs behind the means, where the printed values fix both counts
    test: str
    z: float
    p: float


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Say of each claimed difference what it is worth; find those that one test set allows."""
    small: dict[tuple[str, str], list[Worth]] = defaultdict(list)
    for entry in paper.entries:
        for claim in entry.table.claim:
            pair = paper.pair(entry, claim)
            worth = _worth(paper, claim, *pair) if pair else None
            if worth is None:
                continue
            checks.count(RULE)
            checks.comparisons.append(_as_data(worth))
            if worth.p > LEVEL:
                small[entry.id, claim.sentence].append(worth)
    return [_finding(paper, worths) for worths in small.values()]


def _worth(paper: Paper, claim: Claim, better: Spot, worse: Spot) -> Worth | None:
    n = paper.size_of(better)
    if n is None or n != paper.size_of(worse):
        return None
    if better.number is None or worse.number is None or better.number.spread is not None:
        return None
    a, b = _level(paper, better), _level(paper, worse)
    if a is None or b is None:
        return None
    runs = better.scored.runs if better.scored else None
    all_a, all_b = (
        only_count(better.share, n * (runs or 1)),
        only_count(worse.share, n * (runs or 1)),
    )
    of_all = all_a - all_b if all_a is not None and all_b is not None else None
    if all_a is not None and all_b is not None:
        a, b = (100 * count / (n * (runs or 1)) for count in (all_a, all_b))
    test = proportions.two_proportions(a / 100, b / 100, n, n)
    name, p = "two proportions", test.p
    left, right = counts(better.number, n), counts(worse.number, n)
    if runs in (None, 1) and not better.number.signed and len(left) == len(right) == 1:
        name, p = "Fisher", proportions.fisher(left[0], n, right[0], n)
    return Worth(
        claim=claim,
        better=better,
        worse=worse,
        n=n,
        points=a - b,
        decisions=(a - b) * n / 100,
        of_all=of_all,
        test=name,
        z=test.z,
        p=p,
    )


def _level(paper: Paper, spot: Spot) -> float | None:
    """Return a cell's accuracy in percent; that of an increment from the rows that it adds to."""
    if spot.number is None:
        return None
    value = float(spot.number.value)
    if not spot.number.signed:
        return value if 0 <= value <= 100 else None
    base = [
        s
        for s in paper.of(spot.entry)
        if s.row.id == spot.fields.against and s.column is spot.column
    ]
    below = _level(paper, base[0]) if base else None
    return None if below is None else below + value


def _finding(paper: Paper, worths: list[Worth]) -> Finding:
    first = worths[0]
    spots = [spot for worth in worths for spot in (worth.better, worth.worse)]
    means = [_words(worth) for worth in worths]
    stated = first.better.scored.runs if first.better.scored else None
    runs = f"means of {plural(stated, 'run')}" if stated else "their number of runs is not stated"
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=(first.better.entry.id,),
        cells=addresses(spots),
        title="A difference of few decisions, without a spread or a test",
        claim=first.claim.sentence,
        computation=tuple(_line(worth) for worth in worths),
        survives=("paired results on the same clips, or little spread between runs",),
        sentence=f"{table_name(first.better.entry)} ({runs}): {'; '.join(means)}. Paired results "
        "could decide more; neither these nor a spread nor a test are printed beside the claim.",
        numbers={"comparisons": [_as_data(worth) for worth in worths]},
    )


def _words(worth: Worth) -> str:
    runs = worth.better.scored.runs if worth.better.scored else None
    of_all = f", {worth.of_all} in all runs together" if runs and worth.of_all is not None else ""
    each = f"{worth.decisions:.1f}".removesuffix(".0")
    systems = f"{worth.better.system} against {worth.worse.system}"
    return (
        f"{systems} is worth {each} of {worth.n:,} decisions in a run{of_all}; on two test "
        f"sets of this size, equally good systems differ as much "
        f"with p = {worth.p:.2f}"
    )


def _line(worth: Worth) -> str:
    test = f"Fisher p = {worth.p:.2g}" if worth.test == "Fisher" else (
        f"z = {worth.z:.2f}, p = {worth.p:.2g}"
    )  # fmt: skip
    return (
        f"{worth.better.text} ({worth.better.name}) against {worth.worse.text} "
        f"({worth.worse.name}): {worth.points:.2f} points, unpaired {test}"
    )


def _as_data(worth: Worth) -> dict[str, Any]:
    return {
        "table": worth.better.entry.id,
        "better": worth.better.address,
        "worse": worth.worse.address,
        "printed": [worth.better.text, worth.worse.text],
        "n": worth.n,
        "points": worth.points,
        "decisions": worth.decisions,
        "decisions_of_all_runs": worth.of_all,
        "test": worth.test,
        "z": worth.z,
        "p": worth.p,
        "sentence": worth.claim.sentence,
    }
