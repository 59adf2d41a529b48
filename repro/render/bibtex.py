"""BibTeX of a paper, of the data that its tables use, and of this suite."""

import re
from textwrap import fill

from repro import __version__
from repro.data import registry
from repro.errors import UserError
from repro.render.latex import escape
from repro.spec.entry import Entry
from repro.spec.schema import Paper

_INDENT = " " * 11  # of a field's further lines
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


def key(paper: Paper) -> str:
    """Return the key under which a paper is cited."""
    match = _KEY.search(paper.bibtex)
    if match is None:
        raise UserError(f"bibtex of paper {paper.short!r}: no '@type{{key,' at its start")
    return match[1]


def of_data(name: str) -> str:
    """Return a dataset's entry from its card; empty where this version has no card or source."""
    if name not in registry.names():
        return ""
    card = registry.card(name)
    if not card.source:
        return ""
    note = fill(
        f"{escape(card.source)}; licence: {escape(card.licence)}", 85, subsequent_indent=_INDENT
    )
    return f"@misc{{{name},\n  title = {{{{{escape(card.title)}}}}},\n  note  = {{{note}}}\n}}"


def dataset_ids(entry: Entry) -> list[str]:
    """Return the datasets that a table's cells are trained or measured on, in printed order."""
    return list(
        dict.fromkeys(
            fields.dataset
            for row in entry.table.row
            for column in entry.table.column
            if (fields := entry.fields(row, column)).dataset and fields.kind != "cited"
        )
    )


def of_tables(entries: list[Entry]) -> list[str]:
    """Return each entry that these tables need, once: papers, data, this suite."""
    papers = [of_paper(entry.paper) for entry in entries]
    data = [of_data(name) for entry in entries for name in dataset_ids(entry)]
    return [text for text in dict.fromkeys([*papers, *data, of_suite()]) if text]
