"""What the differences that the text draws conclusions from are worth in decisions and runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    plural,
    table_name,
    tables_of,
)
from repro.audit.granularity import counts
from repro.audit.intervals import order, span
from repro.spec.entry import Entry
from repro.spec.schema import Claim
from repro.stats import proportions

RULE = "comparisons"
ORDER = "validation against test"
LEVEL = 0.05


def size_of(spot: Spot, checks: Checks) -> int | None:
    """Return the decisions of one run: the only size stated, or the one that a search found."""
    scored = spot.scored
    if scored is None or spot.fields.test_set is not None:
        return None
    stated = [n for size in scored.sizes if size.stated for n in size.n]
    return stated[0] if len(stated) == 1 else checks.sizes.get(spot.address)


def cells_of(paper: Paper, entry: Entry, claim: Claim) -> tuple[Spot, Spot] | None:
    """Return the cells of the better and the worse system, where both print a result."""
    pair = []
    for name in (claim.better, claim.worse):
        spots = [s for s in paper.of(entry) if s.fields.metric == claim.metric and s.number]
        by_id = [s for s in spots if name in (s.row.id, s.column.id)]
        found = by_id or [s for s in spots if s.fields.system == name]
        if len(found) != 1:
            return None
        pair.append(found[0])
    return pair[0], pair[1]


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


def differences(paper: Paper, checks: Checks) -> list[Finding]:
    """Say of each claimed difference what it is worth; find those that one test set allows."""
    small: dict[tuple[str, str], list[Worth]] = defaultdict(list)
    for entry in paper.entries:
        for claim in entry.table.claim:
            pair = cells_of(paper, entry, claim)
            worth = _worth(paper, claim, *pair, checks) if pair else None
            if worth is None:
                continue
            checks.count(RULE)
            checks.comparisons.append(_as_data(worth))
            if worth.p > LEVEL:
                small[entry.id, claim.sentence].append(worth)
    return [_finding(paper, worths) for worths in small.values()]


def _worth(paper: Paper, claim: Claim, better: Spot, worse: Spot, checks: Checks) -> Worth | None:
    n = size_of(better, checks)
    if n is None or n != size_of(worse, checks):
        return None
    if better.number is None or worse.number is None or better.number.spread is not None:
        return None
    a, b = _level(paper, better), _level(paper, worse)
    if a is None or b is None:
        return None
    runs = better.scored.runs if better.scored else None
    all_a, all_b = _only_count(better, n * (runs or 1)), _only_count(worse, n * (runs or 1))
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


def _only_count(spot: Spot, total: int) -> int | None:
    """Return the correct decisions of all runs where the printed value allows one number only."""
    found = counts(spot.share, total) if spot.share is not None else []
    return found[0] if len(found) == 1 else None


def _finding(paper: Paper, worths: list[Worth]) -> Finding:
    first = worths[0]
    spots = [spot for worth in worths for spot in (worth.better, worth.worse)]
    means = [_words(worth) for worth in worths]
    stated = first.better.scored.runs if first.better.scored else None
    runs = f"means of {plural(stated, 'run')}" if stated else "their number of runs is not stated"
    return Finding(
        rule=RULE,
        severity="unstated",
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


# ---- the order on validation and on test -----------------------------------------------------


def reversals(paper: Paper, checks: Checks) -> list[Finding]:
    """Find pairs of systems whose printed order on validation is reversed on test."""
    found = []
    for entry in paper.entries:
        results: dict[str, dict[str, dict[str, Spot]]] = defaultdict(lambda: defaultdict(dict))
        for spot in paper.of(entry):
            part, _, metric = (spot.fields.metric or "").partition(".")
            if part in ("valid", "test") and metric and spot.share is not None:
                results[metric][spot.fields.system or spot.system][part] = spot
        for metric, systems in results.items():
            both = [parts for parts in systems.values() if len(parts) == 2]
            for a, b in combinations(both, 2):
                checks.count(ORDER)
                if _order(a["valid"], b["valid"]) * _order(a["test"], b["test"]) < 0:
                    found.append(_reversal(paper, metric, a, b, checks))
    return found


def _order(a: Spot, b: Spot) -> int:
    assert a.share is not None
    assert b.share is not None
    return {"greater": 1, "less": -1, "open": 0}[order(span(a.share), span(b.share))]


def _reversal(
    paper: Paper, metric: str, a: dict[str, Spot], b: dict[str, Spot], checks: Checks
) -> Finding:
    spots = [a["valid"], b["valid"], a["test"], b["test"]]
    names = a["test"].system, b["test"].system
    worth, decisions = "", None
    n = size_of(a["test"], checks)
    scored = a["test"].scored
    if n is not None and scored is not None:
        total = n * (scored.runs or 1)
        of_a, of_b = _only_count(a["test"], total), _only_count(b["test"], total)
        if of_a is not None and of_b is not None:
            decisions = of_a - of_b
            worth = f" The difference on test is worth {abs(decisions)} of {total:,} decisions."
    sign = (
        ["<", ">"][_order(a["valid"], b["valid"]) > 0],
        ["<", ">"][_order(a["test"], b["test"]) > 0],
    )
    return Finding(
        rule=ORDER,
        severity="unstated",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=f"The order of {listing(list(names))} reverses between validation and test",
        claim="",
        computation=(
            f"validation {spots[0].text} {sign[0]} {spots[1].text}, "
            f"test {spots[2].text} {sign[1]} {spots[3].text} ({metric})",
        ),
        survives=("the difference is within the spread of runs, which is not printed",),
        sentence=f"{table_name(a['test'].entry)}: {names[0]} and {names[1]} stand in one order on "
        f"validation and in the other on test ({metric}).{worth} Neither order is shown to be more "
        "than chance.",
        numbers={"metric": metric, "decisions": decisions},
    )
