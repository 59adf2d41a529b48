"""Read tables with the paper and the recipes that they name, and check every name."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from repro.errors import unknown
from repro.spec import checks
from repro.spec.entry import Entry
from repro.spec.index import check_paper, paper_ids, table_paths
from repro.spec.schema import Paper, Recipes, Table, read

_shared = cache(read)  # a paper's tables share these files: each is read once


def load(table_id: str) -> Entry:
    """Read a table by its id; an unknown id is an error with the nearest valid one."""
    paths = table_paths()
    if table_id not in paths:
        raise unknown("table", table_id, paths, "repro list")
    return load_file(paths[table_id])


@cache
def load_file(path: Path) -> Entry:
    """Read a table file with its paper and recipes, and check that they fit together."""
    folder = path.parent
    entry = Entry(
        id=f"{folder.name}-{path.stem}",
        paper_id=folder.name,
        path=path,
        table=read(path, Table),
        paper=_shared(folder / "paper.toml", Paper),
        recipes=_shared(folder / "recipes.toml", Recipes),
    )
    checks.check(entry)
    return entry


def load_all(paper: str | None = None) -> list[Entry]:
    """Read every table (of one paper), in the papers' order and the printed order."""
    if paper is not None:
        check_paper(paper)
    paths = table_paths().values()
    entries = [load_file(path) for path in paths if paper in (None, path.parent.name)]
    return sorted(entries, key=lambda entry: (entry.paper.order, entry.table.order))


def covered(entries: Sequence[Entry]) -> str:
    """Return what tables are together, as the title of a document."""
    papers = list(dict.fromkeys(entry.paper.short for entry in entries))
    if len(entries) == 1:
        return f"Table {entries[0].table.number} of {papers[0]}, reproduced"
    if len(papers) == 1:
        return f"The tables of {papers[0]}, reproduced"
    counts = {2: "two", 3: "three", 4: "four"}
    return f"The tables of {counts.get(len(papers), len(papers))} papers, reproduced"


def named(names: Iterable[str]) -> list[Entry]:
    """Read the tables that words of a command line name: ids, papers, or "all"; each once."""
    found: dict[str, Entry] = {}
    for name in names:
        if name == "all" or name in paper_ids():
            found |= {entry.id: entry for entry in load_all(None if name == "all" else name)}
        elif name in table_paths():
            found[name] = load(name)
        else:
            every = [*table_paths(), *paper_ids(), "all"]
            raise unknown("table or paper", name, every, "repro list")
    return list(found.values())
