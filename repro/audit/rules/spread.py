"""Values printed as mean ± x: which meanings of x they allow, and runs that print them."""

from __future__ import annotations

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
)
from repro.audit.granularity import NO_LATTICE, run_counts
from repro.audit.rules.listed_size import TRIED

RULE = "spread"
ASKS = "what can the x of mean ± x be, over so many runs on so many decisions?"
SHOWS_NOT = (
    "what x is, or which runs there were: a reconstruction is one of many lists of runs that print "
    "the cell"
)
DOMAIN = 4
PLAIN = ("as printed", spreads.TOO_WIDE)
USUAL: spreads.Meaning = "sample SD"
EXAMPLES = 2  # lists of runs shown for a meaning of ±


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Say of each mean ± x over a stated size what x can be, by the number of runs."""
    found = []
    for spot in paper.spots:
        n = paper.size_of(spot)
        if spot.share is None or spot.share.spread is None or n is None:
            continue
        stated = spot.scored.runs if spot.scored else None
        if stated == 1:
            continue  # the ± is not that of runs
        runs = [stated] if stated else list(TRIED)[1:]
        fits = {r: _fits(spot, n, r) for r in runs}
        checks.count(RULE, len(fits))
        if _worth_saying(fits, stated is not None):
            found.append(_finding(paper, spot, n, fits))
    return found


def _worth_saying(fits: dict[int, list[spreads.Fit]], stated: bool) -> bool:
    """Tell whether a meaning is left out; over stated runs, whether the usual one is."""
    left = (set(spreads.MEANINGS) - set(_plain(fit)) for fit in fits.values())
    return any(USUAL in meanings if stated else meanings for meanings in left)


def _fits(spot: Spot, n: int, runs: int) -> list[spreads.Fit]:
    assert spot.number is not None
    assert spot.number.spread_printed is not None
    return spreads.fits(spot.number, spot.number.spread_printed, n, runs)


def _finding(paper: Paper, spot: Spot, n: int, fits: dict[int, list[spreads.Fit]]) -> Finding:
    assert spot.number is not None
    assert spot.number.spread_printed is not None
    stated = len(fits) == 1
    two = spreads.runs_of_two(spot.number, spot.number.spread_printed, n) if 2 in fits else []
    never = stated and not any(fits.values())
    lists = _reconstructed(spot, n, fits)
    ends = _ends(paper, spot)
    said = _stated(n, fits) if stated else _unstated(spot, n, fits, two)
    return Finding(
        rule=RULE,
        sides="value and size" if never else "one number",
        paper=paper.id,
        tables=(spot.entry.id,),
        cells=addresses([spot]),
        title=f"{spot.text} ({spot.name}): the runs and the meaning of ±",
        claim="",
        computation=(*_lines(fits), *lists),
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
            "reconstructed": list(lists),
        },
    )


def _plain(fits: list[spreads.Fit]) -> list[spreads.Meaning]:
    """Return the meanings that fit without more being assumed of the digits."""
    return [fit.meaning for fit in fits if fit.how in PLAIN]


def _stated(n: int, fits: dict[int, list[spreads.Fit]]) -> str:
    """Say what x can be where the number of runs is stated."""
    ((runs, fit),) = fits.items()
    over = f"over {plural(runs, 'run')} on {n:,} decisions"
    if not fit:
        return (
            f"{NO_LATTICE} If the runs are counted in whole decisions, {over} this mean and spread "
            "cannot be printed together: as sample or population SD, standard error or half the "
            "range, no runs give them."
        )
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


def _reconstructed(spot: Spot, n: int, fits: dict[int, list[spreads.Fit]]) -> tuple[str, ...]:
    """Show for each meaning of ± runs that print the cell, for the fewest runs that can."""
    assert spot.number is not None
    assert spot.number.spread_printed is not None
    lines = []
    for meaning in spreads.MEANINGS:
        can = [r for r, fit in fits.items() if spreads.Fit(meaning, "as printed") in fit]
        for runs in can[:1]:
            shown = spreads.examples(
                spot.number, spot.number.spread_printed, n, runs, meaning, most=EXAMPLES
            )
            lists = [f"{listing([_points(Fraction(100 * k, n)) for k in one])}" for one in shown]
            if lists:
                lines.append(
                    f"{meaning}, for example {plural(runs, 'run')} of {'; or '.join(lists)}"
                )
    return tuple(lines)


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
