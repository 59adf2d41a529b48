"""Rows that are not like their column: another test set, or a best fold beside means."""

from __future__ import annotations

from collections import defaultdict

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
from repro.spec.schema import Claim
from repro.stats import proportions

RULE = "comparable"
ASKS = "are the values side by side results of one test, and none the best of several?"
SHOWS_NOT = "which system is better: it says that the printed values alone cannot"
DOMAIN = 4


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Report the rows that are not the test of their column, and best folds beside means."""
    return _test_sets(paper, checks) + _best_against_means(paper, checks)


def _test_sets(paper: Paper, checks: Checks) -> list[Finding]:
    """Report the rows whose task, split, test set or unit is not their column's."""
    found = []
    for entry in paper.entries:
        unlike: dict[str, list[Spot]] = defaultdict(list)
        for spot in paper.of(entry):
            if spot.share is None or not (spot.fields.metric or "").startswith("test."):
                continue
            checks.count(RULE)
            if spot.fields.test_set is not None:
                unlike[spot.fields.test_set].append(spot)
        found += [_unlike(paper, what, spots) for what, spots in unlike.items()]
    return found


def _unlike(paper: Paper, what: str, spots: list[Spot]) -> Finding:
    rows = listing(list(dict.fromkeys(spot.system for spot in spots)))
    cells = listing([f"{spot.text} ({spot.name})" for spot in spots])
    return Finding(
        rule=RULE,
        sides="unlike tests",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=f"{rows}: not the test of its column",
        claim="",
        computation=(f"{rows}: {what}",),
        survives=(),
        sentence=f"{table_name(spots[0].entry)}: {cells}: {what}. The difference to the other rows "
        "is not one between systems alone.",
        numbers={"test_set": what},
    )


def _best_against_means(paper: Paper, checks: Checks) -> list[Finding]:
    """Report claims that set a best fold against results that are not one."""
    found = []
    for entry in paper.entries:
        unlike: dict[str, list[tuple[Spot, Spot]]] = defaultdict(list)
        sentence: dict[str, Claim] = {}
        for claim in entry.table.claim:
            pair = paper.pair(entry, claim)
            if pair is None:
                continue
            checks.count(RULE)
            if pair[0].fields.reduce == "best" and pair[1].fields.reduce != "best":
                unlike[pair[0].address].append(pair)
                sentence[pair[0].address] = claim
        found += [_best(paper, pairs, sentence[key]) for key, pairs in unlike.items()]
    return found


def _best(paper: Paper, pairs: list[tuple[Spot, Spot]], claim: Claim) -> Finding:
    best, rivals = pairs[0][0], [worse for _, worse in pairs]
    assert best.share is not None
    k = best.entry.protocol(best.fields.protocol).folds
    value = float(best.share.value) / 100
    sizes = [n for size in best.scored.sizes for n in size.n] if best.scored else []
    means = {n: 100 * proportions.mean_behind_best(value, k, n) for n in sizes}
    lowest = min(float(s.share.value) for s in rivals if s.share is not None)
    implied = ""
    if means:
        low, high = min(means.values()), max(means.values())
        side = f"below all {len(rivals)} quoted values" if high < lowest else "beside the quoted"
        implied = (
            f" If the {k} folds differ by binomial chance alone, a best of {best.text} belongs to "
            f"a mean of {low:.1f} to {high:.1f} on the sizes listed, {side} "
            f"({lowest:g} and more)."
        )
    quoted = listing([f"{s.text} ({s.name})" for s in rivals])
    return Finding(
        rule=RULE,
        sides="unlike tests",
        paper=paper.id,
        tables=tables_of([best, *rivals]),
        cells=addresses([best, *rivals]),
        title="A best fold set against means",
        claim=claim.sentence,
        computation=tuple(
            f"{n:,} clips a fold: best of {k} = {best.text} is expected of a mean of {mean:.1f}"
            for n, mean in means.items()
        ),
        survives=(),
        sentence=f"{table_name(best.entry)}: {best.text} ({best.name}) is the best of "
        f"{plural(k, 'fold')}; {quoted} are not.{implied}",
        numbers={"k": k, "implied_mean": {str(n): mean for n, mean in means.items()},
                 "lowest_rival": lowest},
    )  # fmt: skip
