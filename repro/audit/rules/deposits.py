"""Printed cells against results that others deposited, and which summary of them is printed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from repro.audit import intervals
from repro.audit.deposited import Outcome, Series
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    either,
    plural,
    table_name,
)
from repro.audit.intervals import WAYS, Span
from repro.stats import counts

RULE = "deposits"
ASKS = "is the printed accuracy a summary of the results that were deposited?"
SHOWS_NOT = (
    "that the printed value is wrong: the deposit may be another run, or one of several, than the "
    "one that is printed"
)
DOMAIN = 2
MEAN, BEST, POOLED = "the mean", "the best", "the share of all decisions"


@dataclass(frozen=True)
class Summary:
    """A value that may be printed of a series in percent, and all that its digits stand for."""

    value: Fraction
    span: Span


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Compare each deposited series with the cell that it belongs to."""
    found = []
    for address, series in paper.deposits:
        for spot in (spot for spot in paper.spots if spot.address == address and spot.share):
            values = summaries(series)
            matches = [name for name, value in values.items() if _prints(spot, value)]
            checks.count(RULE)
            checks.deposits.append(
                {
                    "cell": spot.address,
                    "printed": spot.text,
                    "series": series.name,
                    "outcomes": len(series.outcomes),
                    "mean": float(values[MEAN].value),
                    "matches": matches,
                    "spread": _spreads(spot, series),
                    "chance": _chance(spot, list(values.values())),
                }
            )
            wanted = {BEST} if spot.fields.reduce == "best" else {MEAN, POOLED}
            if not wanted & set(matches):
                found.append(_finding(paper, spot, series, values, matches))
    return found


def summaries(series: Series) -> dict[str, Summary]:
    """Return what may be printed of a series: means, the best, the last, each outcome."""
    spans = [_span(outcome) for outcome in series.outcomes]
    values = [_value(outcome) for outcome in series.outcomes]
    found = {MEAN: _mean(values, spans)}
    whole = [(o.correct, o.n) for o in series.outcomes if o.correct is not None and o.n]
    if len(whole) == len(spans):
        pooled = 100 * counts.pooled_accuracy(*zip(*whole, strict=True))
        found[POOLED] = Summary(pooled, intervals.exact(pooled))
    if len(spans) > 1:
        ranked = sorted(range(len(values)), key=lambda i: values[i])
        half = len(ranked) // 2
        middle = ranked[half - 1 : half + 1] if len(ranked) % 2 == 0 else [ranked[half]]
        found["the median"] = _mean([values[i] for i in middle], [spans[i] for i in middle])
        for name, i in ((BEST, ranked[-1]), ("the worst", ranked[0]), ("the last", -1)):
            found[name] = Summary(values[i], spans[i])
        for outcome, value, span in zip(series.outcomes, values, spans, strict=True):
            found[f"outcome {outcome.name}"] = Summary(value, span)
    return found


def _mean(values: list[Fraction], spans: list[Span]) -> Summary:
    count = len(values)
    span = sum(spans, intervals.exact(0)) / intervals.exact(count)
    return Summary(sum(values, Fraction(0)) / count, span)


def _value(outcome: Outcome) -> Fraction:
    """Return an outcome in percent, as its digits are."""
    if outcome.correct is not None and outcome.n:
        return Fraction(100 * outcome.correct, outcome.n)
    return 100 * outcome.value.value


def _span(outcome: Outcome) -> Span:
    """Return what an outcome stands for in percent: exact counts, or digits rounded or cut off."""
    if outcome.correct is not None and outcome.n:
        return intervals.exact(Fraction(100 * outcome.correct, outcome.n))
    ways = [intervals.span(outcome.value, way) for way in WAYS]
    hundred = intervals.exact(100)
    return Span(min(s.low for s in ways), max(s.high for s in ways)) * hundred


def _prints(spot: Spot, value: Summary) -> bool:
    assert spot.share is not None
    return any(value.span.meets(intervals.span(spot.share, way)) for way in WAYS)


def _spreads(spot: Spot, series: Series) -> list[str]:
    """Return what the x of a printed mean ± x is of the outcomes."""
    x = spot.share.spread_printed if spot.share else None
    values = [float(_value(outcome)) for outcome in series.outcomes]
    if x is None or len(values) < 2:
        return []
    sd = statistics.stdev(values)
    can = {
        "sample SD": sd,
        "population SD": statistics.pstdev(values),
        "standard error": sd / math.sqrt(len(values)),
        "half the range": (max(values) - min(values)) / 2,
    }
    reach = float(x.unit)
    return [name for name, value in can.items() if -reach / 2 <= value - float(x.value) <= reach]


def _chance(spot: Spot, values: Sequence[Summary]) -> float:
    """Return the chance that a value between the worst and the best is printed as one of them."""
    assert spot.share is not None
    unit = spot.share.unit
    low, high = min(v.value for v in values), max(v.value for v in values)
    units = range(math.floor(low / unit), math.ceil(high / unit) + 1)
    windows = [Span(u * unit - unit / 2, (u + 1) * unit) for u in units]
    return sum(any(v.span.meets(window) for v in values) for window in windows) / len(windows)


def _finding(
    paper: Paper, spot: Spot, series: Series, values: dict[str, Summary], matches: list[str]
) -> Finding:
    mean = float(values[MEAN].value)
    assert spot.share is not None
    gap = float(spot.share.value) - mean
    what = BEST if spot.fields.reduce == "best" else MEAN
    side = "above" if gap > 0 else "below"
    of = f"{plural(len(series.outcomes), 'deposited result')} of {series.name!r}"
    by_chance = _chance(spot, list(values.values()))
    also = (
        f" It is what {either(matches)} can be printed as; a value in their range is one of these "
        f"with chance {by_chance:.2g}."
        if matches
        else " Nor is it any one of them, their median or share of all decisions."
    )
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=(spot.entry.id,),
        cells=addresses([spot]),
        title=f"{spot.text} ({spot.name}): not {what} of the deposited results",
        claim="",
        computation=tuple(f"{name}: {float(value.value):.2f}" for name, value in values.items()),
        survives=("the deposit is another run, or one of several, than the printed one",),
        sentence=f"{table_name(spot.entry)}: {spot.text} ({spot.name}) is not {what} of the "
        f"{of}, which have a mean of {mean:.2f}; the printed value lies {abs(gap):.2f} points "
        f"{side}.{also}",
        numbers={"mean": mean, "series": series.name, "matches": matches},
    )
