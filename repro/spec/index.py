"""What tables there are, without validating them: the folder `tables/` is the registry.

Kept apart from `catalogue`, and free of pydantic, so that `repro list` answers at once.
"""

import datetime
import json
import math
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import UserError, unknown
from repro.places import extensions, shipped

_MEND = "mend the file, then ask again"
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
    rivals: int  # quoted systems that can be trained beside its own
    rival_hours: float | None  # of theirs, not in `hours`
    card_gb: float | None  # that a training step needs of a card, of its own systems


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; what is wrong with it becomes one message that names it.

    Dates and numbers that are not finite are refused: nothing in a table is one.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        for key, value in () if _plain(content) else _values(content):
            if isinstance(value, datetime.date | datetime.time):
                raise UserError(f"{path}: {key}: found a date or time, {value}", _MEND)
            if isinstance(value, float) and not math.isfinite(value):
                raise UserError(f"{path}: {key}: found {value}, which is no finite number", _MEND)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}", "repro list") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}", "repro doctor") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}", _MEND) from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply to be read", _MEND) from None
    return content


def _plain(content: dict[str, Any]) -> bool:
    """Tell at once whether TOML holds nothing but finite numbers, texts and truth values."""
    try:
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _values(content: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values in what TOML holds, each with its dotted key."""
    if isinstance(content, dict | list):
        named = content.items() if isinstance(content, dict) else enumerate(content)
        for name, inner in named:
            yield from _values(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, content


def paper_ids() -> list[str]:
    """Return the papers' folder names, sorted."""
    return sorted(_folders())


def folder_of(paper: str) -> Path:
    """Return the folder of a paper: in `tables/`, or in that of the user's extensions."""
    return _folders()[paper]


def _folders() -> dict[str, Path]:
    """Return each paper's folder by its name; UserError where the user has one of ours again."""
    found: dict[str, Path] = {}
    for root in (shipped("tables"), extensions() / "tables"):
        for path in root.iterdir() if root.is_dir() else ():
            if (path / "paper.toml").is_file() and found.setdefault(path.name, path) != path:
                raise UserError(f"{path}: there is a paper of that name", "give it another name")
    return found


def table_paths() -> dict[str, Path]:
    """Return every table's file by its id, `<paper>-<slug>`; nothing is read."""
    return {
        f"{paper}-{path.stem}": path
        for paper, folder in sorted(_folders().items())
        for path in sorted(folder.glob("*.toml"))
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
        about = read_toml(folder_of(name) / "paper.toml")
        for table_id, path in table_paths().items():
            if path.parent.name != name:
                continue
            table = read_toml(path)
            try:
                place = (about["order"], table["order"])
                cells = len(table["row"]) * len(table["column"])
                line = (about["short"], about["title"], about["year"], table["number"])
                quoted = {row["rival"] for row in table["row"] if "rival" in row}
                cost = (table.get("hours"), table.get("core", False), len(quoted),
                        table.get("rival_hours"))  # fmt: skip
                title = Title(table_id, *line, table["title"], cells, *cost, table.get("card_gb"))
            except KeyError as error:
                step = f"repro show {table_id}"
                raise UserError(f"{path}: {error.args[0]}: missing", step) from None
            except TypeError:
                step = f"repro show {table_id}"
                raise UserError(f"{path}: row and column are lists of tables", step) from None
            _check_numbers(path, {"order": place[1], "year": title.year, "hours": title.hours or 0,
                                  "rival_hours": title.rival_hours or 0,
                                  "card_gb": title.card_gb or 0})  # fmt: skip
            found.append((place, title))
    return [title for _, title in sorted(found, key=lambda pair: pair[0])]


def _check_numbers(path: Path, numbers: dict[str, Any]) -> None:
    """Refuse what the list sorts and adds up, and is no number."""
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"{path}: {key}: not a number, found {value!r}", _MEND)
