"""Cells that share a design: one data set, protocol, number of runs and list of sizes."""

from __future__ import annotations

from collections import defaultdict

from repro.audit import inversion
from repro.audit.findings import Paper, Spot, tables_named
from repro.spec.schema import Scored

CONVINCING = 0.05  # fewer chance fits than this, and one size found: the size is named


class Group:
    """Accuracies that are means of the same number of runs on test sets of one size.

    all: every cell; spots and values: without those that print one result a second time.
    """

    def __init__(self, spots: list[Spot], scored: Scored) -> None:
        self.scored = scored
        self.all = spots
        once = {(s.fields.system, s.fields.metric, s.text): s for s in reversed(spots)}
        self.spots = [spot for spot in spots if spot in once.values()]
        self.values = tuple(share for spot in self.spots if (share := spot.share) is not None)
        self.runs = scored.runs or 1
        self.sizes = [(n, size) for size in scored.sizes for n in size.n]

    @property
    def name(self) -> str:
        """Return "Tables II and VI"."""
        return tables_named(spot.entry for spot in self.all)

    def search(self, end: int) -> inversion.Search:
        """Search for the size from where the table file says up to an end."""
        return inversion.search(self.values, self.runs, self.scored.search[0], end)

    @property
    def found(self) -> int | None:
        """Return the size that a search names: the only one that fits, where chance gives none."""
        if not self.scored.search:
            return None
        first = self.search(self.scored.search[1])
        convincing = len(first.fits) == 1 and first.expected < CONVINCING
        return first.fits[0] if convincing else None


def groups(paper: Paper) -> list[Group]:
    """Put cells together that state their runs and that the table files describe alike."""
    together: dict[str, list[Spot]] = defaultdict(list)
    for spot in paper.spots:
        scored = spot.scored
        if scored is not None and scored.runs is not None and spot.share is not None:
            what = (spot.fields.dataset, spot.fields.protocol, scored.runs, scored.search)
            together[repr((*what, scored.sizes, scored.otherwise))].append(spot)
    return [Group(spots, scored) for spots in together.values() if (scored := spots[0].scored)]


def sizes_found(paper: Paper) -> dict[str, int]:
    """Return the decisions of one run that searches name, by cell."""
    return {
        spot.address: size
        for group in groups(paper)
        if (size := group.found) is not None
        for spot in group.all
    }
