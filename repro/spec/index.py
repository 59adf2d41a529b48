"""What tables there are, without validating them: the folder `tables/` is the registry.

Kept apart from `catalogue`, and free of pydantic, so that `repro list` answers at once.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import UserError, unknown
from repro.places import shipped

_OWN = ("paper.toml", "recipes.toml")


@dataclass(frozen=True)
class Title:
    """A table's line in the list."""

    id: str
    paper: str  # short name
    paper_title: str
    year: int
    number: str
    title: str
    cells: int
    hours: float | None  # of all its runs on one GPU of the class of an H200; None: unknown
    core: bool  # one of those that such a GPU trains in a night


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; what is wrong with it becomes one message that names it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no such file: {path}", "repro list") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}", "repro doctor") from None
    except tomllib.TOMLDecodeError as error:
        text = f"{path}: not valid TOML: {error}"
        raise UserError(text, "mend the file, then ask again") from None


def paper_ids() -> list[str]:
    """Return the papers' folder names, sorted."""
    return sorted(p.name for p in shipped("tables").iterdir() if (p / "paper.toml").is_file())


def table_paths() -> dict[str, Path]:
    """Return every table's file by its id, `<paper>-<slug>`; nothing is read."""
    return {
        f"{paper}-{path.stem}": path
        for paper in paper_ids()
        for path in sorted((shipped("tables") / paper).glob("*.toml"))
        if path.name not in _OWN
    }


def check_paper(paper: str) -> None:
    """Refuse a paper that does not exist, with the nearest one that does."""
    if paper not in paper_ids():
        raise unknown("paper", paper, paper_ids(), "repro list")


def titles(paper: str | None = None) -> list[Title]:
    """Return the tables (of one paper), in the papers' order and the printed order."""
    if paper is not None:
        check_paper(paper)
    found = []
    for name in [paper] if paper else paper_ids():
        about = read_toml(shipped("tables") / name / "paper.toml")
        for table_id, path in table_paths().items():
            if path.parent.name != name:
                continue
            table = read_toml(path)
            try:
                place = (about["order"], table["order"])
                cells = len(table["row"]) * len(table["column"])
                line = (about["short"], about["title"], about["year"], table["number"])
                cost = (table.get("hours"), table.get("core", False))
                found.append((place, Title(table_id, *line, table["title"], cells, *cost)))
            except KeyError as error:
                step = f"repro show {table_id}"
                raise UserError(f"{path}: {error.args[0]}: missing", step) from None
    return [title for _, title in sorted(found, key=lambda pair: pair[0])]
