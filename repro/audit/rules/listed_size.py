"""Cells whose number of runs is not stated: which sizes and how many runs can print them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    plural,
    ranges,
    table_name,
)
from repro.audit.granularity import DEFAULT, chance, chance_of_any, counts, run_counts, surviving
from repro.spec.printed import Printed
from repro.spec.schema import Size

RULE = "listed size"
ASKS = "which of the listed sizes, and how many runs on them, can print the accuracy?"
SHOWS_NOT = (
    "which size or how many runs there were: sizes are listed here, not by the paper, and a value "
    "fits some of them by chance"
)
DOMAIN = 2
Tested = tuple[Spot, list[dict[str, Any]]]  # a cell, and its tests by size
TRIED = range(1, 11)  # runs behind a printed value, where their number is not stated


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Find accuracies that one run on the stated or listed sizes does not print, by their list."""
    together: dict[str, list[Tested]] = defaultdict(list)
    for spot in paper.spots:
        scored = spot.scored
        if scored is None or spot.share is None or scored.runs is not None:
            continue
        if spot.share.spread is not None:
            continue  # rules/spread.py looks at the mean together with its ±
        if not scored.sizes:
            checks.skipped.append({"cell": spot.address, "why": scored.otherwise})
            continue
        value = spot.share
        tests = [_test(spot, value, n, size) for size in scored.sizes for n in size.n]
        checks.count(RULE, len(tests))
        checks.records += tests
        if _worth_saying(tests):
            together[f"{spot.entry.id} {scored!r}"].append((spot, tests))
    return [
        _finding(paper, *cells[0]) if len(cells) == 1 else _of_several(paper, cells)
        for cells in together.values()
    ]


def _test(spot: Spot, value: Printed, n: int, size: Size) -> dict[str, Any]:
    """Test one size: readings that one run survives, and the runs whose rounded mean fits."""
    readings = [str(reading) for reading in surviving(value, n)]
    return {
        "cell": spot.address,
        "printed": spot.text,
        "n": n,
        "origin": size.origin,
        "stated": size.stated,
        "runs": 1,
        "chance": chance_of_any(value, n),
        "rounded": chance(n, 1, value.decimals),
        "no_information": chance(n, 1, value.decimals) >= 1,
        "readings": readings,
        "fits": str(DEFAULT) in readings,
        "runs_that_fit": [
            runs for runs in run_counts(value, n, TRIED) if chance(n, runs, value.decimals) < 1
        ],
        "counts": counts(value, n),
    }


def _worth_saying(tests: list[dict[str, Any]]) -> bool:
    """Tell whether the sizes that ought to fit do not, or whether the value tells sizes apart."""
    telling = [test for test in tests if not test["no_information"]]
    stated = [test for test in tests if test["stated"]]
    if stated:
        return bool(telling) and not any(test["fits"] for test in stated)
    return any(not test["fits"] for test in telling)


def _finding(paper: Paper, spot: Spot, tests: list[dict[str, Any]]) -> Finding:
    assert spot.share is not None
    assert spot.scored is not None
    sizes, otherwise = spot.scored.sizes, spot.scored.otherwise
    by_chance = [line for size in sizes for line in _by_chance(size, tests)]
    numbers = {
        "fits": sorted({test["n"] for test in tests if test["fits"]}),
        "other_reading": sorted({t["n"] for t in tests if t["readings"] and not t["fits"]}),
        "excluded": sorted({test["n"] for test in tests if not test["readings"]}),
    }
    sentence = f"{table_name(spot.entry)}: {spot.text} {_said(tests, **numbers)}"
    if by_chance:
        sentence += " Fits by chance are expected here: no evidence for one of the sizes."
    if otherwise:
        sentence += f" Or it is something else: {otherwise}."
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=(spot.entry.id,),
        cells=addresses([spot]),
        title=f"{spot.text} ({spot.name}) and the number of decisions behind it",
        claim="",
        computation=(*(_line(test) for test in tests), *by_chance),
        survives=(otherwise,) if otherwise else (),
        sentence=sentence,
        numbers={
            "printed": spot.text,
            "one_run": numbers,
            "runs_that_fit": {str(test["n"]): test["runs_that_fit"] for test in tests},
            "expected_by_chance": {
                size.origin: sum(chance(n, 1, spot.share.decimals) for n in size.n)
                for size in sizes
            },
        },
    )


def _of_several(paper: Paper, cells: list[Tested]) -> Finding:
    """Say which sizes of one list fit all of several accuracies in one run, and which only some."""
    spots = [spot for spot, _ in cells]
    scored = spots[0].scored
    assert scored is not None
    number = {
        n: sum(test["fits"] for _, tests in cells for test in tests if test["n"] == n)
        for size in scored.sizes
        for n in size.n
    }
    fits = [n for n, cells_that_fit in number.items() if cells_that_fit == len(cells)]
    some = [n for n, cells_that_fit in number.items() if 0 < cells_that_fit < len(cells)]
    never = [n for n, cells_that_fit in number.items() if not cells_that_fit]
    said = [
        f"{ranges(sizes)} {what}"
        for sizes, what in ((fits, "fits all"), (some, "fits some"), (never, "fits none"))
        if sizes
    ]
    also = f" Or they are something else: {scored.otherwise}." if scored.otherwise else ""
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=(spots[0].entry.id,),
        cells=addresses(spots),
        title=f"{plural(len(cells), 'accuracy', 'accuracies')}: the number of decisions behind",
        claim="",
        computation=tuple(
            f"{spot.text} ({spot.name}): {_line(test)}" for spot, tests in cells for test in tests
        ),
        survives=(scored.otherwise,) if scored.otherwise else (),
        sentence=f"{table_name(spots[0].entry)}: of the listed sizes, as rounded shares of one "
        f"run, {'; '.join(said)} of {listing([spot.text for spot in spots])}. The number of runs "
        f"behind them is not stated.{also}",
        numbers={
            "printed": [spot.text for spot in spots],
            "fits": fits,
            "some": some,
            "never": never,
        },
    )


def _said(
    tests: list[dict[str, Any]], fits: list[int], other_reading: list[int], excluded: list[int]
) -> str:
    """Say which sizes one run fits, and which numbers of runs would fit the others."""
    parts = []
    if excluded:
        parts.append(
            f"is, counted in whole decisions, no share of {ranges(excluded)} in one run, rounded "
            "or cut off"
        )
    if other_reading:
        parts.append(f"fits {ranges(other_reading)} in one run only if cut off or padded")
    if fits:
        parts.append(f"fits one run on {ranges(fits)}")
    more = [t for t in tests if not t["fits"] and t["runs_that_fit"] and (t["stated"] or not fits)]
    means = [f"{ranges(t['runs_that_fit'])} runs of {t['n']:,}" for t in more]
    if means:
        parts.append(f"can be the mean of {listing(means)}")
    return f"{'; it '.join(parts)}. The number of runs behind it is not stated."


def _line(test: dict[str, Any]) -> str:
    """Write one test as a line."""
    stated = "stated, " if test["stated"] else ""
    if test["no_information"]:
        return f"{test['n']:,} ({stated}{test['origin']}): any value fits, no information"
    if test["fits"]:
        said = f"one run fits ({ranges(test['counts'][:1])} correct)"
    elif test["readings"]:
        said = f"one run fits only as {' or '.join(test['readings'])}"
    else:
        said = "one run does not fit"
    runs = [r for r in test["runs_that_fit"] if r > 1]
    more = f"; means of {ranges(runs)} runs do" if runs and not test["fits"] else ""
    power = f"a random value passes under some reading with chance {test['chance']:.2f}"
    return f"{test['n']:,} ({stated}{test['origin']}): {said}{more}; {power}"


def _by_chance(size: Size, tests: list[dict[str, Any]]) -> list[str]:
    """Say how many sizes of one origin fit beside what chance gives, where chance explains them."""
    mine = [test for test in tests if test["origin"] == size.origin]
    fit = sum(test["fits"] for test in mine)
    if len(mine) < 3 or not fit or _at_least([test["rounded"] for test in mine], fit) < 0.05:
        return []
    expected = sum(test["rounded"] for test in mine)
    return [
        f"{size.origin}: {fit} of {len(mine)} sizes fit in one run, "
        f"{expected:.2f} are expected by chance"
    ]


def _at_least(chances: list[float], fit: int) -> float:
    """Return the chance that at least so many of independent events happen."""
    ways = [1.0]
    for p in chances:
        ways = [
            (ways[i] if i < len(ways) else 0.0) * (1 - p) + (ways[i - 1] if i else 0.0) * p
            for i in range(len(ways) + 1)
        ]
    return sum(ways[fit:])
