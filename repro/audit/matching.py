"""Find the printed cells that deposited results belong to, by the words of their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from repro.audit.deposited import Series, words
from repro.audit.findings import Paper, Spot, listing
from repro.errors import UserError, unknown


def matched(
    series: Sequence[Series], papers: Iterable[Paper], datasets: Iterable[str], cell: str = ""
) -> list[tuple[str, Series]]:
    """Return the address of the cell that each series belongs to, with the series.

    It is the test accuracy of the row whose every word the name of the series holds, on the data
    set that it names; of several rows, those with most words. datasets: the names that are known;
    cell: an address that the user gives instead. UserError where nothing fits.
    """
    spots = [spot for paper in papers for spot in paper.spots if _accuracy(spot)]
    if cell:
        if cell not in {spot.address for spot in spots}:
            raise unknown("accuracy", cell, [spot.address for spot in spots], "repro show TABLE")
        return [(cell, one) for one in series]
    found = [(spot.address, one) for one in series for spot in _fitting(one, spots, datasets)]
    if not found:
        rows = list(dict.fromkeys(spot.system for spot in spots))[:12]
        raise UserError(
            f"no row is named by {listing([repr(one.name) for one in series[:6]])}; rows with a "
            f"test accuracy: {listing(rows)}",
            "repro audit ID --against FILE --cell TABLE/ROW/COLUMN",
        )
    return found


def _accuracy(spot: Spot) -> bool:
    return spot.share is not None and spot.fields.metric == "test.accuracy"


def _fitting(series: Series, spots: Sequence[Spot], datasets: Iterable[str]) -> list[Spot]:
    plain = _plain(series.name)
    named = {_plain(dataset) for dataset in datasets if _plain(dataset) in plain}
    longest = {name for name in named if not any(name != o and name in o for o in named)}
    fitting = [
        spot
        for spot in spots
        if (not longest or _plain(spot.fields.dataset or "") in longest)
        and words(spot.system) <= series.words
    ]
    most = max((len(words(spot.system)) for spot in fitting), default=0)
    return [spot for spot in fitting if len(words(spot.system)) == most > 0]


def _plain(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())
