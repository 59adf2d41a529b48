"""Accuracies that are means of a stated number of runs on a test set whose size is stated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from repro.audit import inversion
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    either,
    listing,
    plural,
    tables_named,
    tables_of,
)
from repro.audit.granularity import (
    DEFAULT,
    NO_LATTICE,
    Reading,
    around,
    chance,
    chance_of_any,
    readings_of,
    surviving,
)
from repro.audit.groups import groups
from repro.spec.printed import Printed
from repro.spec.schema import Size

RULE = "stated size"
ASKS = "can the accuracy be a share of the decisions that the paper states?"
SHOWS_NOT = (
    "which of the numbers is off (the accuracy, the size or the number of runs), or why: a slip of "
    "the pen, another test set or another way of averaging does the same"
)
DOMAIN = 4


@dataclass(frozen=True)
class Cell:
    """A printed accuracy on a stated size, and the readings under which it fits."""

    spot: Spot
    value: Printed
    n: int
    runs: int
    origin: str
    readings: list[Reading]

    @property
    def name(self) -> str:
        """Return the value with what a reader calls its cell."""
        return f"{self.spot.text} ({self.spot.name})"

    @property
    def around(self) -> str:
        """Say which shares lie around the value."""
        return f"{self.spot.text}: around it lie {around(self.value, self.n * self.runs)}"

    @property
    def fits(self) -> str:
        """Return the readings in words."""
        return either([str(reading) for reading in self.readings])


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Test every cell on the sizes listed; judge the cells of each table that have a stated one."""
    stated: dict[tuple[str, int], list[Cell]] = defaultdict(list)
    for group in groups(paper):
        if not group.sizes and not group.scored.search:
            for spot in group.all:
                checks.skipped.append({"cell": spot.address, "why": group.scored.otherwise})
            continue
        for n, size in group.sizes:
            checks.count(RULE, len(group.spots))
            for spot, value in zip(group.spots, group.values, strict=True):
                cell = Cell(
                    spot, value, n, group.runs, size.origin, surviving(value, n, group.runs)
                )
                checks.records.append(_record(cell, size))
                if size.stated:
                    stated[spot.entry.id, group.runs].append(cell)
    return [finding for cells in stated.values() for finding in _judged(paper, cells)]


def _record(cell: Cell, size: Size) -> dict[str, Any]:
    return {
        "cell": cell.spot.address,
        "printed": cell.spot.text,
        "n": cell.n,
        "origin": size.origin,
        "stated": size.stated,
        "runs": cell.runs,
        "chance": chance_of_any(cell.value, cell.n, cell.runs),
        "no_information": chance(cell.n, cell.runs, cell.value.decimals) >= 1,
        "readings": [str(reading) for reading in cell.readings],
        "fits": DEFAULT in cell.readings,
    }


def _judged(paper: Paper, cells: list[Cell]) -> list[Finding]:
    """Judge the cells of a table: each alone, then whether one way of rounding gives them all."""
    never = [cell for cell in cells if not cell.readings]
    some = [cell for cell in cells if cell.readings]
    other = [cell for cell in some if DEFAULT not in cell.readings]
    found = [_impossible(paper, never)] if never else []
    if other:
        together = inversion.shared([cell.readings for cell in some], cells[0].runs)
        found.append(
            _other_reading(paper, other, some, together) if together else _no_one_way(paper, some)
        )
    return found


def _finding(
    paper: Paper,
    cells: list[Cell],
    title: str,
    computation: list[str],
    sentence: str,
    survives: Sequence[Reading] = (),
    chance: float | None = None,
) -> Finding:
    spots = [cell.spot for cell in cells]
    sources = [spot.scored.source for spot in spots if spot.scored]
    return Finding(
        rule=RULE,
        sides="value and size",
        paper=paper.id,
        tables=tables_of(spots),
        cells=addresses(spots),
        title=title,
        claim=next(filter(None, sources), ""),
        computation=tuple(computation),
        survives=tuple(str(reading) for reading in survives),
        sentence=f"{tables_named(spot.entry for spot in spots)}: {sentence}",
        chance=chance,
        numbers={
            "n": sorted({cell.n for cell in cells}),
            "runs": cells[0].runs,
            "printed": [spot.text for spot in spots],
        },
    )


def _impossible(paper: Paper, cells: list[Cell]) -> Finding:
    many = len(cells) > 1
    by_chance = [chance_of_any(cell.value, cell.n, cell.runs) for cell in cells]
    tried = max(len(readings_of(cell.value, cell.runs)) for cell in cells)
    return _finding(
        paper,
        cells,
        f"{listing([cell.spot.text for cell in cells])} on the stated size",
        [
            f"{cell.around}; a random value would pass with chance {passes:.2g}"
            for cell, passes in zip(cells, by_chance, strict=True)
        ],
        f"{NO_LATTICE} If {listing([cell.name for cell in cells])} "
        f"{'are means' if many else 'is a mean'} of {_what(cells)}, as stated, "
        f"{'they' if many else 'it'} cannot have been printed: of the {tried} readings that apply "
        f"none gives {'them' if many else 'it'}.",
        chance=max(by_chance),
    )


def _other_reading(
    paper: Paper, cells: list[Cell], some: list[Cell], together: list[Reading]
) -> Finding:
    """Say which values are no rounded mean, and the readings that give all of the table."""
    texts = listing([cell.spot.text for cell in cells])
    return _finding(
        paper,
        cells,
        f"{texts}: no rounded mean on the stated size",
        [f"{cell.around}; it fits as {cell.fits}" for cell in cells],
        f"{texts} of {plural(len(some), 'accuracy', 'accuracies')} over {_what(some)} fit another "
        f"reading than the rounded mean; {either([str(reading) for reading in together])} gives "
        "all.",
        together,
    )


def _no_one_way(paper: Paper, cells: list[Cell]) -> Finding:
    return _finding(
        paper,
        cells,
        "No one way of rounding gives all values on the stated size",
        [f"{cell.name}: {cell.fits}" for cell in cells],
        f"{NO_LATTICE} If the accuracies are means of {_what(cells)}, as stated, each of them fits "
        "a reading, but no one reading gives them all.",
    )


def _what(cells: list[Cell]) -> str:
    """Return "3 runs on 874 decisions (the test set)", all sizes named."""
    sizes = {cell.n: cell.origin for cell in cells}
    named = either([f"{n:,} decisions ({origin})" for n, origin in sizes.items()])
    return f"{plural(cells[0].runs, 'run')} on {named}"
