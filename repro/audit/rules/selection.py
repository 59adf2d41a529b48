"""Results without a validation set, whose epoch can only have been chosen on the test set."""

from __future__ import annotations

from collections import defaultdict

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    listing,
    tables_named,
    tables_of,
)
from repro.spec.schema import Scored

RULE = "selection"
ASKS = "can the printed epoch have been chosen on anything but the test set?"
SHOWS_NOT = (
    "that it was chosen on the test set: the last epoch, or a fixed number of them, needs no choice"
)
DOMAIN = 2


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Report the results for which no validation part is named, those alike of a paper in one."""
    alike: dict[tuple[str, str], list[Spot]] = defaultdict(list)
    for spot in paper.spots:
        scored = spot.scored
        if scored is None or spot.share is None or not scored.parts:
            continue
        checks.count(RULE)
        if scored.chosen_on == "test" or ("valid" not in scored.parts and scored.epoch != "last"):
            alike[scored.epoch, scored.chosen_on].append(spot)
    return [_finding(paper, spots) for spots in alike.values()]


def _finding(paper: Paper, spots: list[Spot]) -> Finding:
    scored = spots[0].scored
    assert scored is not None
    stated = scored.chosen_on == "test"
    sources = dict.fromkeys(s.source for spot in spots if (s := spot.scored) and not s.runs)
    return Finding(
        rule=RULE,
        sides="unlike tests" if stated else "one number",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title="The epoch was chosen on the test set" if stated else "No validation set",
        claim=next(filter(None, sources), ""),
        computation=(f"parts named: {listing(scored.parts)}",),
        survives=() if stated else _survives(scored),
        sentence=f"{tables_named(spot.entry for spot in spots)}: {_said(scored)}",
        numbers={"parts": scored.parts, "epoch": scored.epoch, "chosen_on": scored.chosen_on},
    )


def _said(scored: Scored) -> str:
    if scored.chosen_on == "test":
        return "the printed epoch is the best one on the test set, so the number is too high."
    rests = "no validation part is named, and so a best epoch can only be the best on the test set"
    if scored.epoch == "best":
        return f"the best epoch is printed, but {rests}: such a number is too high."
    return f"{rests}, a number that is too high; which epoch is printed is not stated."


def _survives(scored: Scored) -> tuple[str, ...]:
    aside = "a part of the training clips was held out for the choice"
    return (aside,) if scored.epoch == "best" else ("the last epoch is printed", aside)
