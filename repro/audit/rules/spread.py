"""Values printed as mean ± x: which meanings of x they allow, and what a claim rests on."""

from __future__ import annotations

import math
from fractions import Fraction

from repro.audit import spreads
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
    tables_of,
)
from repro.audit.granularity import run_counts
from repro.audit.rules.differences import cells_of, size_of
from repro.audit.rules.runs import TRIED
from repro.spec.printed import Printed
from repro.spec.schema import Claim

RULE = "spread"
WELCH = "Welch"
LEVEL = 0.05
PLAIN = ("as printed", spreads.TOO_WIDE)


def meanings(paper: Paper, checks: Checks) -> list[Finding]:
    """Say of each mean ± x over a stated size what x can be, by the number of runs."""
    found = []
    for spot in paper.spots:
        n = size_of(spot, checks)
        if spot.share is None or spot.share.spread is None or n is None:
            continue
        scored = spot.scored
        runs = [scored.runs] if scored and scored.runs else list(TRIED)[1:]
        fits = {r: _fits(spot, n, r) for r in runs}
        checks.count(RULE, len(fits))
        if any(len(fit) < len(spreads.MEANINGS) or _assumed(fit) for fit in fits.values()):
            found.append(_finding(paper, spot, n, fits))
    return found


def _assumed(fits: list[spreads.Fit]) -> bool:
    """Tell whether a meaning fits only if more is assumed of the digits."""
    return any(fit.how not in PLAIN for fit in fits)


def _fits(spot: Spot, n: int, runs: int) -> list[spreads.Fit]:
    assert spot.number is not None
    return spreads.fits(spot.number, _spread(spot), n, runs)


def _spread(spot: Spot) -> Printed:
    """Return the x of mean ± x as a number of its own, with the decimals of the mean."""
    number = spot.number
    assert number is not None
    assert number.spread is not None
    return Printed(number.spread, number.unit, number.decimals)


def _finding(paper: Paper, spot: Spot, n: int, fits: dict[int, list[spreads.Fit]]) -> Finding:
    assert spot.number is not None
    stated = len(fits) == 1
    two = spreads.runs_of_two(spot.number, _spread(spot), n) if 2 in fits else []
    ends = _ends(paper, spot)
    said = _stated(n, fits) if stated else _unstated(spot, n, fits, two)
    return Finding(
        rule=RULE,
        severity="impossible" if stated and not any(fits.values()) else "unstated",
        paper=paper.id,
        tables=(spot.entry.id,),
        cells=addresses([spot]),
        title=f"{spot.text} ({spot.name}): the runs and the meaning of ±",
        claim="",
        computation=_lines(fits),
        survives=tuple(
            f"{plural(r, 'run')}, {f.meaning}: {f.how}"
            for r, fit in fits.items()
            for f in fit
            if _plain(fit) and f.how not in PLAIN
        ),
        sentence=" ".join([f"{table_name(spot.entry)}: {spot.text}: {said}", *ends]),
        numbers={
            "n": n,
            "runs_of_mean": run_counts(spot.number, n, TRIED),
            "fits": {str(r): {f.meaning: f.how for f in fit} for r, fit in fits.items()},
            "two_runs": [[float(a), float(b)] for a, b in two],
            "ends": ends,
        },
    )


def _plain(fits: list[spreads.Fit]) -> list[str]:
    """Return the meanings that fit without more being assumed of the digits."""
    return [fit.meaning for fit in fits if fit.how in PLAIN]


def _stated(n: int, fits: dict[int, list[spreads.Fit]]) -> str:
    """Say what x can be where the number of runs is stated."""
    ((runs, fit),) = fits.items()
    over = f"over {plural(runs, 'run')} on {n:,} decisions"
    if not fit:
        return f"{over} no meaning of ± gives this mean and spread."
    never = [m for m in spreads.MEANINGS if m not in _plain(fit)]
    return f"{over} x cannot be {' or '.join(never)} as printed. What it is is not stated."


def _unstated(
    spot: Spot,
    n: int,
    fits: dict[int, list[spreads.Fit]],
    two: list[tuple[Fraction, Fraction]],
) -> str:
    """Say which numbers of runs can print the cell, and what x cannot be with them."""
    assert spot.number is not None
    usable = [r for r, fit in fits.items() if _plain(fit)]
    other = [r for r, fit in fits.items() if fit and r not in usable]
    exact = run_counts(spot.number, n, TRIED)
    text = f"of {ranges(fits)} runs on {n:,} decisions, {ranges(usable)} can print this mean and "
    text += "spread" + (f" (the mean alone: {ranges(exact)})" if len(exact) < len(TRIED) else "")
    for runs in usable:
        never = [m for m in spreads.MEANINGS if m not in _plain(fits[runs])]
        if never:
            text += f"; with {plural(runs, 'run')}, x cannot be {' or '.join(never)} as printed"
    if other:
        text += f"; {ranges(other)} only with padded or cut-off digits"
    if two:
        text += (
            f"; it fits two runs of {listing([f'{_points(a)} and {_points(b)}' for a, b in two])}"
        )
    return text + ". Neither the runs nor the meaning of ± are stated."


def _points(value: Fraction) -> str:
    return f"{float(value):g}"


def _lines(fits: dict[int, list[spreads.Fit]]) -> tuple[str, ...]:
    """Write for each meaning of ± the runs that it fits with."""
    lines = []
    for meaning in spreads.MEANINGS:
        by_how: dict[str, list[int]] = {}
        for runs, fit in fits.items():
            for f in fit:
                if f.meaning == meaning:
                    by_how.setdefault(f.how, []).append(runs)
        said = "; ".join(f"{how} with {ranges(runs)} runs" for how, runs in by_how.items())
        lines.append(f"{meaning}: {said or 'never'}")
    return tuple(lines)


def _ends(paper: Paper, spot: Spot) -> list[str]:
    """Name results of the paper on the same data that lie exactly at an end of the ± interval."""
    assert spot.number is not None
    assert spot.number.spread is not None
    value, spread = spot.number.value, spot.number.spread
    return [
        f"Its {name} end is the {other.text} of {table_name(other.entry)} ({other.name})."
        for name, end in (("lower", value - spread), ("upper", value + spread))
        for other in paper.spots
        if other.entry is not spot.entry
        and other.quantity == spot.quantity
        and other.share is not None
        and other.share.spread is None
        and other.share.value == end
    ]


def claims_with_spread(paper: Paper, checks: Checks) -> list[Finding]:
    """Test each claim between two values with ±, for the runs that are stated or for 2 to 10."""
    found = []
    for entry in paper.entries:
        for claim in entry.table.claim:
            pair = cells_of(paper, entry, claim)
            if pair is None or not all(s.number and s.number.spread for s in pair):
                continue
            checks.count(WELCH)
            scored = pair[0].scored
            runs = [scored.runs] if scored and scored.runs else list(TRIED)[1:]
            values = {r: welch(*pair, r) for r in runs}
            if any(p > LEVEL for p in values.values()):
                found.append(_welch_finding(paper, claim, pair, values, checks))
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


def _welch_finding(
    paper: Paper, claim: Claim, pair: tuple[Spot, Spot], values: dict[int, float], checks: Checks
) -> Finding:
    first = next((r for r, p in values.items() if p <= LEVEL), None)
    n = size_of(pair[1], checks)
    both = []
    if n is not None and len(values) > 1:
        fitting = [run_counts(s.number, n, range(2, TRIED.stop)) for s in pair if s.number]
        both = sorted(set(fitting[0]) & set(fitting[1]))
    also = f" Both means are attainable with {ranges(both)} runs." if both else ""
    rests = (
        f"from {first} runs on"
        if first
        else f"for none of {listing([str(r) for r in values])} runs"
    )
    listed = ", ".join(f"{p:.2g} with {r} runs" for r, p in list(values.items())[:4])
    return Finding(
        rule=WELCH,
        severity="unstated",
        paper=paper.id,
        tables=tables_of(list(pair)),
        cells=addresses(list(pair)),
        title="An improvement that rests on an unstated number of runs",
        claim=claim.sentence,
        computation=tuple(f"{r} runs each: Welch p = {p:.2g}" for r, p in values.items()),
        survives=("± is a standard error, or the runs are paired",),
        sentence=f"{table_name(pair[0].entry)}: {pair[0].text} against {pair[1].text}, with ± as "
        f"the standard deviation of runs, gives p = {listed}: below .05 {rests}. The number of "
        f"runs is not stated.{also}",
        numbers={"p": {str(r): p for r, p in values.items()}, "attainable_runs": both},
    )
