"""BibTeX of a paper, of the data that its tables use, and of this suite."""

import re
from collections.abc import Sequence
from pathlib import Path

from repro import __version__
from repro.data import registry
from repro.errors import UserError
from repro.render.grid import Grid
from repro.spec.entry import Entry
from repro.spec.schema import CellFields, Paper

_KEY = re.compile(r"@\w+\{([^,\s]+),")
_TITLE = "repro: the result tables of four audio-classification papers, reproduced and audited"


def of_suite() -> str:
    """Return the entry of this suite; CITATION.cff says the same."""
    return (
        f"@misc{{repro,\n  title  = {{{{{_TITLE}}}}},\n  author = {{{{The repro authors}}}},\n"
        f"  note   = {{Version {__version__}, MIT licence}}\n}}"
    )


def of_paper(paper: Paper) -> str:
    """Return the paper's entry, as its file holds it."""
    return paper.bibtex.strip()


def key(text: str) -> str:
    """Return the key of an entry."""
    match = _KEY.search(text)
    if match is None:
        raise UserError(f"bibtex {text[:40]!r}: no '@type{{key,' at its start")
    return match[1]


def of_data(name: str, data: Path | None = None) -> str:
    """Return the entry of the work that describes a dataset; empty for a user's own.

    data: the data folder, in which a user's own datasets are known.
    """
    return registry.card(name, data).bibtex if registry.known(name, data) else ""


def dataset_ids(entry: Entry) -> list[str]:
    """Return the datasets that a table's cells are trained or measured on, in printed order.

    Those that their systems start from come last.
    """
    cells = [
        fields
        for row in entry.table.row
        for column in entry.table.column
        if (fields := entry.fields(row, column)).dataset and fields.kind != "cited"
    ]
    return list(dict.fromkeys([*(str(f.dataset) for f in cells), *_behind(entry, cells)]))


def _behind(entry: Entry, cells: Sequence[CellFields]) -> list[str]:
    """Return the datasets of the runs that a table's systems start from."""
    systems = [entry.recipes.systems.get(str(fields.system)) for fields in cells]
    return [p.dataset for system in systems if system for p in system.init if p.kind == "run"]


def of_tables(
    entries: Sequence[Entry], data: Path | None = None, on: str | None = None
) -> list[str]:
    """Return each entry that these tables need, once: papers, data, this suite.

    on: the dataset that is used in place of the tables' own.
    """
    used = [on] if on else [name for entry in entries for name in dataset_ids(entry)]
    return _each([entry.paper for entry in entries], used, data)


def of_grids(grids: Sequence[Grid]) -> list[str]:
    """Return each entry that these tables need, with the data that their runs use.

    Generated audio is no one's data.
    """
    used = [
        run.clips.dataset
        for grid in grids
        for run in (*grid.plan.runs, *grid.plan.parents)
        if grid.plan.request.audio != "generated"
    ]
    return _each([grid.plan.entry.paper for grid in grids], used, grids[0].data)


def _each(papers: Sequence[Paper], datasets: Sequence[str], data: Path | None) -> list[str]:
    found = [of_paper(paper) for paper in papers]
    found += [of_data(name, data) for name in datasets]
    return [text for text in dict.fromkeys([*found, of_suite()]) if text]
