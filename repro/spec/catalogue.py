"""Read tables with the paper and the recipes that they name, and check every name."""

from functools import cache
from pathlib import Path

from repro.errors import unknown
from repro.spec import checks
from repro.spec.entry import Entry
from repro.spec.index import check_paper, table_paths
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
