"""Cells that share a design: one data set, protocol, number of runs and list of sizes."""

from __future__ import annotations

from collections import defaultdict

from repro.audit.findings import Paper, Spot, listing
from repro.spec.schema import Scored


class Group:
    """Accuracies that are means of the same number of runs on test sets of one size.

    all: every cell; spots and values: without those that print one result a second time.
    """

    def __init__(self, spots: list[Spot], scored: Scored) -> None:
        self.scored = scored
        self.all = spots
        once = {(s.fields.system, s.fields.metric, s.text): s for s in reversed(spots)}
        self.spots = [spot for spot in spots if spot in once.values()]
        self.values = [share for spot in self.spots if (share := spot.share) is not None]
        self.runs = scored.runs or 1
        self.sizes = [(n, size) for size in scored.sizes for n in size.n]

    @property
    def name(self) -> str:
        """Return "Tables II and VI"."""
        entries = {spot.entry.id: spot.entry for spot in self.all}.values()
        numbers = listing([entry.table.number for entry in entries])
        return f"Table{'s' if len(entries) > 1 else ''} {numbers}"


def groups(paper: Paper) -> list[Group]:
    """Put cells together that state their runs and that the table files describe alike."""
    together: dict[str, list[Spot]] = defaultdict(list)
    for spot in paper.spots:
        scored = spot.scored
        if scored is not None and scored.runs is not None and spot.share is not None:
            what = (spot.fields.dataset, spot.fields.protocol, scored.runs, scored.search)
            together[repr((*what, scored.sizes, scored.otherwise))].append(spot)
    return [Group(spots, scored) for spots in together.values() if (scored := spots[0].scored)]
